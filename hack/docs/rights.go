package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/kubectl-falcon/kubectl-falcon/pkg/verify"
)

// rightsHeading begins the part of a check's page whose first paragraph is written here. What people wrote
// after that stays.
const rightsHeading = "\n## Rights\n\n"

// withRights returns the page of a check with the rights that the check needs.
func withRights(page string, c verify.Check) (string, error) {
	body, rest, found := strings.Cut(page, rightsHeading)
	if !found {
		return "", fmt.Errorf("the page of %s has no heading %q", c.ID, strings.TrimSpace(rightsHeading))
	}
	paragraph := "None beyond those of any other check.\n"
	if len(c.Needs) > 0 {
		paragraph = "- `" + strings.Join(c.Needs, "`\n- `") + "`\n"
	}
	if _, after, more := strings.Cut(rest, "\n\n"); more {
		paragraph += "\n" + after
	}
	return body + rightsHeading + paragraph, nil
}

// writeRights brings the pages of the checks up to date. In a folder without them there is nothing to do.
func writeRights(folder string) error {
	for _, c := range verify.Catalogue() {
		file := filepath.Join(folder, "checks", c.ID+".md")
		page, err := os.ReadFile(file)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return err
		}
		now, err := withRights(string(page), c)
		if err != nil {
			return err
		}
		if err := os.WriteFile(file, []byte(now), 0o644); err != nil {
			return err
		}
	}
	return nil
}
