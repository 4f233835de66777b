// Package checks holds the page of each check of `kubectl falcon verify`, for whoever reads them without a
// network.
package checks

import (
	"embed"
	"io/fs"
	"strings"
)

//go:embed FC*.md
var pages embed.FS

// Page returns the page of a check in Markdown, by its id in any case, such as FC403. ok is false where
// there is no such check.
func Page(id string) (page string, ok bool) {
	content, err := fs.ReadFile(pages, strings.ToUpper(id)+".md")
	return string(content), err == nil
}
