package falcon

import (
	"context"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"time"
)

var (
	findAlerts = operation{http.MethodGet, "/alerts/queries/alerts/v2", "Alerts: Read", "find alerts"}
	readAlerts = operation{http.MethodPost, "/alerts/entities/alerts/v2", "Alerts: Read", "read alerts"}
)

// Alert is a detection as the Falcon console shows it.
type Alert struct {
	ID        string    `json:"composite_id"`
	AID       string    `json:"agent_id"`
	Created   time.Time `json:"created_timestamp"`
	Timestamp time.Time `json:"timestamp"`
	// Severity is 1 to 100, SeverityName its bucket: Informational, Low, Medium, High or Critical.
	Severity     int    `json:"severity"`
	SeverityName string `json:"severity_name"`
	Name         string `json:"name"`
	DisplayName  string `json:"display_name"`
	Description  string `json:"description"`
	Tactic       string `json:"tactic"`
	Technique    string `json:"technique"`
	TechniqueID  string `json:"technique_id"`
	Status       string `json:"status"`
	CommandLine  string `json:"cmdline"`
	FileName     string `json:"filename"`
	// Link is the alert's own page in the console, as the API gives it.
	Link string `json:"falcon_host_link"`
}

// page is how many alerts are asked for at once; the API allows 10,000 ids in a query.
const page = 500

// Alerts returns the alerts of an agent that were created after a time, the newest first. Those that are
// hidden in the console are among them.
func (c *Client) Alerts(ctx context.Context, aid string, after time.Time) ([]Alert, error) {
	var all []Alert
	for offset := 0; ; offset += page {
		var ids []string
		found, err := c.call(ctx, findAlerts, url.Values{
			"filter": {"agent_id:" + quote(aid) + "+created_timestamp:>" + quote(after.UTC().Format(time.RFC3339))},
			"sort":   {"created_timestamp|desc"}, "limit": {strconv.Itoa(page)}, "offset": {strconv.Itoa(offset)}}, nil, &ids)
		if err != nil {
			return nil, err
		}
		if len(ids) > 0 {
			var alerts []Alert
			if _, err := c.call(ctx, readAlerts, url.Values{"include_hidden": {"true"}},
				map[string][]string{"composite_ids": ids}, &alerts); err != nil {
				return nil, err
			}
			// The filter knows whole seconds, as the vendor's examples write them.
			all = append(all, slices.DeleteFunc(alerts, func(a Alert) bool { return !a.Created.After(after) })...)
		}
		if len(ids) < page || offset+page >= found.Pagination.Total {
			slices.SortStableFunc(all, func(a, b Alert) int { return b.Created.Compare(a.Created) })
			return all, nil
		}
	}
}
