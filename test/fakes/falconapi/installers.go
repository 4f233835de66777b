package falconapi

import (
	"crypto/sha256"
	"encoding/hex"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Tarball is a file that the customer can download.
type Tarball struct {
	Name, Version string
	Content       []byte
	Released      time.Time
}

func (t *Tarball) sum() string {
	sum := sha256.Sum256(t.Content)
	return hex.EncodeToString(sum[:])
}

// listInstallers knows the one filter and the one order that are asked for.
func (s *Server) listInstallers(r *http.Request) (any, map[string]any, *apiError) {
	query := r.URL.Query()
	if query.Get("filter") != `os:"Container"` || query.Get("sort") != "release_date|desc" {
		return nil, nil, &apiError{http.StatusBadRequest, "the stand-in knows the filter os:\"Container\" by release date alone"}
	}
	if limit, err := strconv.Atoi(query.Get("limit")); err != nil || limit > 500 {
		return nil, nil, &apiError{http.StatusBadRequest, "limit must be at most 500"}
	}
	sorted := slices.Clone(s.config.Tarballs)
	slices.SortFunc(sorted, func(a, b Tarball) int { return b.Released.Compare(a.Released) })
	all := []map[string]any{}
	for _, t := range sorted {
		all = append(all, map[string]any{"name": t.Name, "version": t.Version, "sha256": t.sum(), "file_size": len(t.Content),
			"file_type": "tar.bz2", "os": "Container", "platform": "linux", "release_date": t.Released.UTC().Format(time.RFC3339)})
	}
	return all, nil, nil
}

// download answers with the file itself, also from a byte on.
func (s *Server) download(w http.ResponseWriter, r *http.Request) {
	if err := s.permit(r, ScopeSensorDownload); err != nil {
		s.write(w, err.Code, nil, nil, err)
		return
	}
	for _, t := range s.config.Tarballs {
		if t.sum() == r.URL.Query().Get("id") {
			w.Header().Set("Content-Type", "application/octet-stream")
			http.ServeContent(w, r, "", time.Time{}, strings.NewReader(string(t.Content)))
			return
		}
	}
	s.write(w, http.StatusNotFound, nil, nil, &apiError{http.StatusNotFound, "not found"})
}
