package pages

import (
	"os"
	"path"
	"path/filepath"
	"strings"
	"testing"
)

const root = "../.."

func all(t *testing.T) []Page {
	t.Helper()
	pages, err := Read(root)
	if err != nil {
		t.Fatal(err)
	}
	if len(pages) < 100 {
		t.Fatalf("only %d pages were found", len(pages))
	}
	return pages
}

// Every link within the repository leads to a file that is there, and to a heading in it.
func TestLinksResolve(t *testing.T) {
	pages := all(t)
	anchors := map[string]map[string]bool{}
	for _, p := range pages {
		anchors[p.Name] = p.Anchors
	}
	count := 0
	for _, p := range pages {
		for _, l := range p.Links {
			if strings.Contains(l.Target, "://") || strings.HasPrefix(l.Target, "mailto:") {
				continue
			}
			count++
			file, anchor, _ := strings.Cut(l.Target, "#")
			target := p.Name
			if file != "" {
				target = path.Join(path.Dir(p.Name), file)
			}
			if _, err := os.Stat(filepath.Join(root, target)); err != nil || strings.HasPrefix(target, "..") {
				t.Errorf("%s:%d: the link to %s leads nowhere", p.Name, l.Line, l.Target)
				continue
			}
			if anchor == "" {
				continue
			}
			if known, ok := anchors[target]; !ok || !known[anchor] {
				t.Errorf("%s:%d: there is no heading #%s in %s", p.Name, l.Line, anchor, target)
			}
		}
	}
	if count < 100 {
		t.Errorf("only %d links were found", count)
	}
}

// Every page that people wrote, and every folder of pages, is reached from the index.
func TestIndexHasEveryPage(t *testing.T) {
	pages := all(t)
	linked := map[string]bool{"docs/README.md": true}
	for _, p := range pages {
		if p.Name != "docs/README.md" {
			continue
		}
		for _, l := range p.Links {
			linked[path.Join("docs", strings.SplitN(l.Target, "#", 2)[0])] = true
		}
	}
	for _, p := range pages {
		if path.Dir(p.Name) == "docs" && !linked[p.Name] {
			t.Errorf("docs/README.md has no link to %s", p.Name)
		}
		if dir := path.Dir(p.Name); strings.HasPrefix(dir, "docs/") && !linked[dir] && !linked[dir+"/README.md"] {
			linked[dir] = true
			t.Errorf("docs/README.md has no link to the folder %s", dir)
		}
	}
}

func TestMarkers(t *testing.T) {
	for _, p := range all(t) {
		for _, wrong := range p.Check() {
			t.Error(wrong)
		}
	}
}
