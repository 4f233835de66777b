package ecr

import (
	"encoding/json"
	"fmt"
	"path"
	"slices"
	"strings"
	"time"
)

// Expires says by which rule a lifecycle policy lets an image go, in words, or nothing: at once, at a date, or once
// one more is pushed. all are the images of the repository. Each is the matter of the first rule that is about it
// (ECR user guide, "Automate the cleanup of images by using lifecycle policies").
func Expires(policy, digest string, all []Image) string {
	var p struct {
		Rules []rule `json:"rules"`
	}
	if policy == "" || json.Unmarshal([]byte(policy), &p) != nil {
		return ""
	}
	slices.SortFunc(p.Rules, func(a, b rule) int { return a.Priority - b.Priority })
	left := slices.Clone(all)
	slices.SortStableFunc(left, func(a, b Image) int { return b.Pushed.Compare(a.Pushed) })
	for _, r := range p.Rules {
		if r.Action.Type != "expire" {
			continue
		}
		var of, rest []Image
		for _, one := range left {
			if r.Selection.about(&one) {
				of = append(of, one)
			} else {
				rest = append(rest, one)
			}
		}
		if at := slices.IndexFunc(of, func(i Image) bool { return i.Digest == digest }); at >= 0 {
			return r.Selection.ends(r.Priority, at, of[at].Pushed)
		}
		left = rest
	}
	return ""
}

// about says whether a rule is about an image.
func (s *selection) about(i *Image) bool {
	fits := func(tag string) bool {
		return len(s.Prefixes) == 0 && len(s.Patterns) == 0 ||
			slices.ContainsFunc(s.Prefixes, func(p string) bool { return strings.HasPrefix(tag, p) }) ||
			slices.ContainsFunc(s.Patterns, func(p string) bool { ok, err := path.Match(p, tag); return err == nil && ok })
	}
	switch s.Tags {
	case "any":
		return true
	case "untagged":
		return len(i.Tags) == 0
	}
	return slices.ContainsFunc(i.Tags, fits)
}

// ends says when a rule lets the image go that is at a place among those that it is about, the newest first.
func (s *selection) ends(priority, at int, pushed time.Time) string {
	switch s.Count {
	case "sinceImagePushed":
		return fmt.Sprintf("rule %d lets it go on %s, %d days after it was pushed", priority, pushed.AddDate(0, 0, s.Number).UTC().Format(time.DateOnly), s.Number)
	case "imageCountMoreThan":
		if at+1 >= s.Number {
			return fmt.Sprintf("rule %d keeps %d images, and this is number %d from the newest", priority, s.Number, at+1)
		}
	}
	return ""
}
