// Package falconapi stands in for the part of the CrowdStrike Falcon API that this tool uses, which cannot be
// had without a subscription. It is made from public descriptions of the API and is not a CrowdStrike
// product. Anything that the real one refuses it refuses: a missing scope, a token that ended, a rate limit.
package falconapi

import (
	"crypto/rand"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"
)

// The scopes as the console names them.
const (
	ScopeSensorDownload = "Sensor Download: Read"
	ScopeImages         = "Falcon Images Download: Read"
	ScopeHosts          = "Hosts: Read"
	ScopeAlerts         = "Alerts: Read"
)

// AllScopes are those that this tool asks for.
var AllScopes = []string{ScopeSensorDownload, ScopeImages, ScopeHosts, ScopeAlerts}

// Config is a customer with one API client.
type Config struct {
	ID, Secret string
	// Member is a child's customer id that the client may ask for, or empty.
	Member string
	// CID has its checksum.
	CID string
	// Scopes are what the client may do.
	Scopes []string
	// Region is the customer's cloud, for instance us-1.
	Region string
	// RegistryToken is the password of the registry.
	RegistryToken string
	// Issued, if set, is called with each token that is given out.
	Issued func(token string)
	// Tarballs are the container sensor's files.
	Tarballs []Tarball
	// TokenLife is how long a token is good; the real ones are for 1,799 s.
	TokenLife time.Duration
	// Limit is how many requests there may be in a minute.
	Limit int
	// AlertDelay is how long after its time an alert appears.
	AlertDelay time.Duration
	// Obliging invents a host for each agent id that is asked about, and an alert once AlertDelay is over,
	// for people who try the commands.
	Obliging bool
	// Invented are the fields of the alerts that it invents; without any it is one of a rootkit.
	Invented []map[string]any
	// Now is the clock; without one it is the machine's.
	Now func() time.Time
}

// Fault is done to requests for a path in place of their answer.
type Fault struct {
	Status int
	// Body is sent as it is. Without one it is an error in the API's form.
	Body   string
	Header map[string]string
	// Times is how many requests it is done to.
	Times int
}

// Server is the stand-in. It is an http.Handler and may be used by many goroutines.
type Server struct {
	config Config
	mux    *http.ServeMux

	mu     sync.Mutex
	tokens map[string]time.Time
	hosts  map[string]map[string]any
	alerts []map[string]any
	asked  map[string]time.Time
	faults map[string]*Fault
	seen   []string
	minute time.Time
	used   int
}

// New returns a stand-in for the API of one customer. What is zero in the config gets a usual value.
func New(c Config) *Server {
	if c.TokenLife == 0 {
		c.TokenLife = 1799 * time.Second
	}
	if c.Limit == 0 {
		c.Limit = 6000
	}
	if c.Region == "" {
		c.Region = "us-1"
	}
	if c.Now == nil {
		c.Now = time.Now
	}
	s := &Server{config: c, mux: http.NewServeMux(), tokens: map[string]time.Time{}, hosts: map[string]map[string]any{},
		asked: map[string]time.Time{}, faults: map[string]*Fault{}}
	s.mux.HandleFunc("POST /oauth2/token", s.token)
	s.mux.HandleFunc("POST /oauth2/revoke", s.revoke)
	s.mux.HandleFunc("GET /sensors/entities/download-installer/v1", s.download)
	for pattern, call := range map[string]struct {
		scope  string
		answer func(r *http.Request) (resources any, page map[string]any, err *apiError)
	}{
		"GET /sensors/queries/installers/ccid/v1":                        {ScopeSensorDownload, s.ccid},
		"GET /sensors/combined/installers/v1":                            {ScopeSensorDownload, s.listInstallers},
		"GET /container-security/entities/image-registry-credentials/v1": {ScopeImages, s.registry},
		"GET /devices/queries/devices/v1":                                {ScopeHosts, s.findHosts},
		"POST /devices/entities/devices/v2":                              {ScopeHosts, s.readHosts},
		"GET /devices/entities/online-state/v1":                          {ScopeHosts, s.online},
		"GET /alerts/queries/alerts/v2":                                  {ScopeAlerts, s.findAlerts},
		"POST /alerts/entities/alerts/v2":                                {ScopeAlerts, s.readAlerts},
	} {
		s.mux.HandleFunc(pattern, func(w http.ResponseWriter, r *http.Request) {
			if err := s.permit(r, call.scope); err != nil {
				s.write(w, err.Code, nil, nil, err)
				return
			}
			resources, page, err := call.answer(r)
			if err != nil {
				s.write(w, err.Code, nil, nil, err)
				return
			}
			s.write(w, http.StatusOK, resources, page, nil)
		})
	}
	return s
}

type apiError struct {
	Code    int    `json:"code"`
	Message string `json:"message"`
}

// ServeHTTP notes the request, does the fault that is due, holds the rate limit, and answers.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("X-Cs-Traceid", rand.Text())
	s.mu.Lock()
	s.seen = append(s.seen, r.Method+" "+r.URL.Path)
	fault := s.faults[r.URL.Path]
	if fault != nil {
		if fault.Times--; fault.Times <= 0 {
			delete(s.faults, r.URL.Path)
		}
	}
	if now := s.config.Now(); now.Sub(s.minute) >= time.Minute {
		s.minute, s.used = now, 0
	}
	s.used++
	left, again := s.config.Limit-s.used, s.minute.Add(time.Minute)
	s.mu.Unlock()
	w.Header().Set("X-Ratelimit-Limit", strconv.Itoa(s.config.Limit))
	w.Header().Set("X-Ratelimit-Remaining", strconv.Itoa(max(left, 0)))
	switch {
	case fault != nil:
		for name, value := range fault.Header {
			w.Header().Set(name, value)
		}
		if fault.Body == "" {
			s.write(w, fault.Status, nil, nil, &apiError{fault.Status, http.StatusText(fault.Status)})
			return
		}
		w.WriteHeader(fault.Status)
		fmt.Fprint(w, fault.Body)
	case left < 0:
		w.Header().Set("X-Ratelimit-Retryafter", strconv.FormatInt(again.Unix(), 10))
		s.write(w, http.StatusTooManyRequests, nil, nil, &apiError{http.StatusTooManyRequests, "API rate limit exceeded."})
	default:
		s.mux.ServeHTTP(w, r)
	}
}

// Break does a fault to the next requests for a path.
func (s *Server) Break(path string, f Fault) {
	s.mu.Lock()
	defer s.mu.Unlock()
	f.Times = max(f.Times, 1)
	s.faults[path] = &f
}

// Seen returns the method and path of every request so far.
func (s *Server) Seen() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.seen)
}

func (s *Server) write(w http.ResponseWriter, status int, resources any, page map[string]any, err *apiError) {
	meta := map[string]any{"query_time": 0.01, "powered_by": "stand-in", "trace_id": w.Header().Get("X-Cs-Traceid")}
	if page != nil {
		meta["pagination"] = page
	}
	errors := []apiError{}
	if err != nil {
		errors = append(errors, *err)
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(map[string]any{"meta": meta, "resources": resources, "errors": errors})
}

func (s *Server) token(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("X-Cs-Region", s.config.Region)
	member := r.PostFormValue("member_cid")
	if r.PostFormValue("client_id") != s.config.ID || r.PostFormValue("client_secret") != s.config.Secret ||
		member != "" && !strings.EqualFold(member, s.config.Member) {
		s.write(w, http.StatusForbidden, nil, nil, &apiError{http.StatusForbidden, "access denied, authorization failed"})
		return
	}
	token := rand.Text()
	s.mu.Lock()
	s.tokens[token] = s.config.Now().Add(s.config.TokenLife)
	if s.config.Issued != nil {
		s.config.Issued(token)
	}
	s.mu.Unlock()
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(http.StatusCreated)
	_ = json.NewEncoder(w).Encode(map[string]any{"access_token": token, "token_type": "bearer",
		// As long as the real ones say, also if it ends sooner: a revoked token does.
		"expires_in": 1799})
}

func (s *Server) revoke(w http.ResponseWriter, r *http.Request) {
	id, secret, _ := r.BasicAuth()
	if id != s.config.ID || secret != s.config.Secret {
		s.write(w, http.StatusForbidden, nil, nil, &apiError{http.StatusForbidden, "access denied, authorization failed"})
		return
	}
	s.mu.Lock()
	delete(s.tokens, r.PostFormValue("token"))
	s.mu.Unlock()
	s.write(w, http.StatusOK, nil, nil, nil)
}

// Tokens returns how many tokens are good now.
func (s *Server) Tokens() (n int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, ends := range s.tokens {
		if s.config.Now().Before(ends) {
			n++
		}
	}
	return n
}

// permit returns what is wrong with a request's token, or with its client's scopes.
func (s *Server) permit(r *http.Request, scope string) *apiError {
	token, _ := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
	s.mu.Lock()
	defer s.mu.Unlock()
	if ends, known := s.tokens[token]; !known || s.config.Now().After(ends) {
		return &apiError{http.StatusUnauthorized, "access denied, invalid bearer token"}
	}
	if !slices.Contains(s.config.Scopes, scope) {
		return &apiError{http.StatusForbidden, "access denied, scope not permitted"}
	}
	return nil
}

func (s *Server) ccid(*http.Request) (any, map[string]any, *apiError) {
	return []string{s.config.CID}, nil, nil
}

func (s *Server) registry(*http.Request) (any, map[string]any, *apiError) {
	return []map[string]string{{"token": s.config.RegistryToken}}, nil, nil
}
