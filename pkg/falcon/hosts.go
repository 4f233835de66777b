package falcon

import (
	"context"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
)

var (
	findHosts = operation{http.MethodGet, "/devices/queries/devices/v1", "Hosts: Read", "find hosts"}
	readHosts = operation{http.MethodPost, "/devices/entities/devices/v2", "Hosts: Read", "read hosts"}
	askOnline = operation{http.MethodGet, "/devices/entities/online-state/v1", "Hosts: Read", "ask which hosts are online"}
)

// batch is how many ids go into one request. The query is an address, which proxies cut at 8 KiB, and an
// id takes 38 characters of it.
const batch = 100

// Host is what the Falcon console knows of a sensor.
type Host struct {
	// AID is the agent id, 32 lower-case hexadecimal digits.
	AID          string `json:"device_id"`
	Name         string `json:"hostname"`
	Version      string `json:"agent_version"`
	PodName      string `json:"pod_name"`
	PodNamespace string `json:"pod_namespace"`
	// Kind is Pod for a container sensor.
	Kind      string    `json:"product_type_desc"`
	FirstSeen time.Time `json:"first_seen"`
	LastSeen  time.Time `json:"last_seen"`
	// Status is normal unless the host is contained; Reduced is yes in reduced functionality mode.
	Status   string   `json:"status"`
	Reduced  string   `json:"reduced_functionality_mode"`
	Tags     []string `json:"tags"`
	Policies struct {
		Prevention struct {
			ID string `json:"policy_id"`
		} `json:"prevention"`
		Update struct {
			ID string `json:"policy_id"`
		} `json:"sensor_update"`
	} `json:"device_policies"`
	// Online is online, offline or unknown; it comes with Hosts and is not in the console's record.
	Online string `json:"-"`
}

// Hosts returns what the console knows of the agent ids, by id. An id that it does not know is not in the
// answer.
func (c *Client) Hosts(ctx context.Context, aids []string) (map[string]Host, error) {
	all := map[string]Host{}
	for part := range slices.Chunk(aids, batch) {
		ids, err := c.known(ctx, part)
		if err != nil {
			return nil, err
		}
		if len(ids) == 0 {
			continue
		}
		var hosts []Host
		if _, err := c.call(ctx, readHosts, nil, map[string][]string{"ids": ids}, &hosts); err != nil {
			return nil, err
		}
		online, err := c.online(ctx, ids)
		if err != nil {
			return nil, err
		}
		for _, h := range hosts {
			h.AID = strings.ToLower(h.AID)
			h.Online = online[h.AID]
			all[h.AID] = h
		}
	}
	return all, nil
}

// known are those of the ids that the console has a host for.
func (c *Client) known(ctx context.Context, aids []string) (ids []string, err error) {
	quoted := make([]string, len(aids))
	for n, id := range aids {
		quoted[n] = quote(id)
	}
	query := url.Values{"filter": {"device_id:[" + strings.Join(quoted, ",") + "]"}, "limit": {strconv.Itoa(batch)}}
	_, err = c.call(ctx, findHosts, query, nil, &ids)
	return ids, err
}

func (c *Client) online(ctx context.Context, ids []string) (map[string]string, error) {
	var states []struct {
		ID    string `json:"id"`
		State string `json:"state"`
	}
	if _, err := c.call(ctx, askOnline, url.Values{"ids": ids}, nil, &states); err != nil {
		return nil, err
	}
	by := map[string]string{}
	for _, s := range states {
		by[strings.ToLower(s.ID)] = strings.ToLower(s.State)
	}
	return by, nil
}

// quote makes a text of the filter language FQL.
func quote(s string) string {
	return "'" + strings.NewReplacer(`\`, `\\`, `'`, `\'`).Replace(s) + "'"
}
