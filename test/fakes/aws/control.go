package aws

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"
)

// control is how another process sets faults and reads the log, under /_front/ of the endpoint:
//
//	PUT    faults            a fault or a list of them, in JSON; latency is a string such as "2s"
//	DELETE faults            no fault
//	GET    log               the calls so far
//	DELETE log               an empty log
//	PUT    policy            an IAM policy document to be held
//	DELETE policy            no policy
//	PUT    times             durations as strings: clusterCreate, clusterDelete, profileCreate, profileDelete,
//	                         update, roleSeen
//	POST   clusters/NAME     a cluster that is ACTIVE, with endpoint and certificateAuthority (PEM) if given
//	POST   updates/NAME?for=5s  an update of a cluster by somebody else
//	POST   expire-tokens     no registry token is good any more
//	POST   reset             an empty cloud
func (c *Cloud) control(w http.ResponseWriter, r *http.Request) {
	what, name, _ := strings.Cut(strings.TrimPrefix(r.URL.Path, "/_front/"), "/")
	body, err := io.ReadAll(io.LimitReader(r.Body, maxBody))
	if err != nil {
		panic(http.ErrAbortHandler)
	}
	var out any = object{}
	switch r.Method + " " + what {
	case "PUT faults":
		err = c.putFaults(body)
	case "DELETE faults":
		c.Mend()
	case "GET log":
		out = object{"calls": c.Calls()}
	case "DELETE log":
		c.ClearLog()
	case "PUT policy":
		err = c.SetPolicy(string(body))
	case "DELETE policy":
		err = c.SetPolicy()
	case "PUT times":
		err = c.putTimes(body)
	case "POST clusters":
		var s server
		if len(body) > 0 {
			err = json.Unmarshal(body, &s)
		}
		if err == nil {
			out, err = c.AddCluster(r.Context(), ClusterSpec{Name: name, Endpoint: s.Endpoint, CA: s.CA})
		}
	case "POST updates":
		var d time.Duration
		if d, err = time.ParseDuration(r.URL.Query().Get("for")); err == nil {
			err = c.BeginUpdate(r.Context(), name, d)
		}
	case "POST expire-tokens":
		c.ExpireTokens()
	case "POST reset":
		err = c.Reset(r.Context())
	default:
		http.NotFound(w, r)
		return
	}
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	write(w, jsonReply(http.StatusOK, out))
}

// sentFault is a fault with its latency in words.
type sentFault struct {
	Fault
	Latency string `json:"latency"`
}

func (c *Cloud) putFaults(body []byte) error {
	var all []sentFault
	if one := (sentFault{}); json.Unmarshal(body, &one) == nil {
		all = append(all, one)
	} else if err := json.Unmarshal(body, &all); err != nil {
		return err
	}
	for i, f := range all {
		if f.Kind == "" || f.Action == "" && f.Bytes == 0 {
			return fmt.Errorf("fault %d has no kind or no action", i+1)
		}
		if f.Latency != "" {
			d, err := time.ParseDuration(f.Latency)
			if err != nil {
				return err
			}
			all[i].Fault.Latency = d
		}
	}
	for _, f := range all {
		c.Break(f.Fault)
	}
	return nil
}

func (c *Cloud) putTimes(body []byte) error {
	var in map[string]string
	if err := json.Unmarshal(body, &in); err != nil {
		return err
	}
	t := c.timing()
	fields := map[string]*time.Duration{"clusterCreate": &t.ClusterCreate, "clusterDelete": &t.ClusterDelete,
		"profileCreate": &t.ProfileCreate, "profileDelete": &t.ProfileDelete, "update": &t.Update, "roleSeen": &t.RoleSeen}
	for name, value := range in {
		d, err := time.ParseDuration(value)
		if err != nil || fields[name] == nil {
			return fmt.Errorf("time %s=%s: not a duration or not known", name, value)
		}
		*fields[name] = d
	}
	c.SetTimes(t)
	return nil
}
