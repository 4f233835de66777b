package falconapi

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// AddHost makes the console know an agent. The fields are those of the API's host; device_id and what else
// is not given are filled in.
func (s *Server) AddHost(aid string, fields map[string]any) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.addHost(aid, fields)
}

func (s *Server) addHost(aid string, fields map[string]any) {
	now := s.config.Now().UTC().Format(time.RFC3339)
	host := map[string]any{"device_id": aid, "hostname": "host-" + aid[:8], "agent_version": "7.40.18003.0",
		"product_type_desc": "Pod", "first_seen": now, "last_seen": now, "status": "normal", "reduced_functionality_mode": "no"}
	for name, value := range fields {
		host[name] = value
	}
	s.hosts[aid] = host
}

// AddAlert makes an alert of an agent, which appears after the delay. It returns its composite id.
func (s *Server) AddAlert(aid string, fields map[string]any) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.addAlert(aid, s.config.Now(), fields)
}

func (s *Server) addAlert(aid string, at time.Time, fields map[string]any) string {
	cid, _, _ := strings.Cut(strings.ToLower(s.config.CID), "-")
	id := fmt.Sprintf("%s:ind:%s:%d-1-1", cid, aid, len(s.alerts)+1)
	alert := map[string]any{"composite_id": id, "agent_id": aid, "cid": cid,
		"created_timestamp": at.Add(s.config.AlertDelay).UTC().Format(time.RFC3339Nano),
		"timestamp":         at.UTC().Format(time.RFC3339Nano), "severity": 90, "severity_name": "Critical",
		"name": "RootkitInstall", "display_name": "RootkitInstall", "tactic": "Defense Evasion", "technique": "Rootkit",
		"technique_id": "T1014", "status": "new", "product": "epp", "type": "ldt",
		"falcon_host_link": "https://falcon.crowdstrike.com/activity-v2/detections/" + id + "?_cid=stand-in"}
	for name, value := range fields {
		alert[name] = value
	}
	s.alerts = append(s.alerts, alert)
	return id
}

// oblige invents what is asked about for the first time.
func (s *Server) oblige(aid string) {
	if _, before := s.asked[aid]; before || !s.config.Obliging || len(aid) != 32 {
		return
	}
	s.asked[aid] = s.config.Now()
	for _, fields := range s.config.Invented {
		s.addAlert(aid, s.config.Now(), fields)
	}
	if len(s.config.Invented) == 0 {
		s.addAlert(aid, s.config.Now(), nil)
	}
	s.addHost(aid, nil)
}

func (s *Server) findHosts(r *http.Request) (any, map[string]any, *apiError) {
	terms, err := parse(r.URL.Query().Get("filter"))
	if err != nil {
		return nil, nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	ids := []string{}
	for _, t := range terms {
		if t.field != "device_id" {
			return nil, nil, &apiError{http.StatusBadRequest, "the stand-in knows the filter device_id alone"}
		}
		for _, id := range t.values {
			s.oblige(id)
			if _, known := s.hosts[id]; known {
				ids = append(ids, id)
			}
		}
	}
	return paged(r, ids)
}

func (s *Server) readHosts(r *http.Request) (any, map[string]any, *apiError) {
	ids, err := idsOf(r, "ids")
	if err != nil {
		return nil, nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	hosts := []any{}
	for _, id := range ids {
		if host, known := s.hosts[id]; known {
			hosts = append(hosts, host)
		}
	}
	return hosts, nil, nil
}

func (s *Server) online(r *http.Request) (any, map[string]any, *apiError) {
	s.mu.Lock()
	defer s.mu.Unlock()
	states := []any{}
	for _, id := range r.URL.Query()["ids"] {
		state := "unknown"
		if host, known := s.hosts[id]; known {
			state = "online"
			if given, ok := host["state"].(string); ok {
				state = given
			}
		}
		states = append(states, map[string]string{"id": id, "state": state})
	}
	return states, nil, nil
}

func (s *Server) findAlerts(r *http.Request) (any, map[string]any, *apiError) {
	terms, err := parse(r.URL.Query().Get("filter"))
	if err != nil {
		return nil, nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, t := range terms {
		if t.field == "agent_id" && t.operator == "" {
			s.oblige(t.values[0])
		}
	}
	ids := []string{}
	// The newest first, the only order that is asked for.
	for n := len(s.alerts) - 1; n >= 0; n-- {
		alert := s.alerts[n]
		at, _ := time.Parse(time.RFC3339Nano, alert["created_timestamp"].(string))
		if !at.After(s.config.Now()) && fits(alert, terms) {
			ids = append(ids, alert["composite_id"].(string))
		}
	}
	return paged(r, ids)
}

func (s *Server) readAlerts(r *http.Request) (any, map[string]any, *apiError) {
	ids, err := idsOf(r, "composite_ids")
	if err != nil {
		return nil, nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	alerts := []any{}
	for _, alert := range s.alerts {
		for _, id := range ids {
			if alert["composite_id"] == id {
				alerts = append(alerts, alert)
			}
		}
	}
	return alerts, nil, nil
}

func idsOf(r *http.Request, name string) ([]string, *apiError) {
	var body map[string][]string
	if err := json.NewDecoder(r.Body).Decode(&body); err != nil || len(body[name]) == 0 {
		return nil, &apiError{http.StatusBadRequest, name + " is required"}
	}
	return body[name], nil
}

// paged cuts a list as offset and limit say.
func paged(r *http.Request, ids []string) (any, map[string]any, *apiError) {
	number := func(name string, otherwise int) int {
		if n, err := strconv.Atoi(r.URL.Query().Get(name)); err == nil && n >= 0 {
			return n
		}
		return otherwise
	}
	offset, limit := number("offset", 0), number("limit", 100)
	page := map[string]any{"offset": offset, "limit": limit, "total": len(ids)}
	return ids[min(offset, len(ids)):min(offset+limit, len(ids))], page, nil
}
