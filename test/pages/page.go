package pages

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
)

// Page is one Markdown file.
type Page struct {
	// Name is its path from the repository's root, with slashes.
	Name string
	// Blocks are its fenced blocks, Links what it links to, and Anchors its headings as GitHub names them.
	Blocks  []Block
	Links   []Link
	Anchors map[string]bool
}

// Block is a fenced block.
type Block struct {
	// Line is that of its fence, and Language the word behind it.
	Line     int
	Language string
	Text     []string
	Markers  []Marker
}

// Marker is a comment before a block, KEY: VALUE.
type Marker struct{ Key, Value string }

// Link is where a page points to.
type Link struct {
	Line   int
	Target string
}

// Command is what is typed at one prompt, with the lines that continue it.
type Command struct {
	Line int
	Text string
}

var (
	fence       = regexp.MustCompile("^( *)(```+)([a-zA-Z]*)")
	markerForm  = regexp.MustCompile(`^ *<!-- ([a-z]+): (.+) -->$`)
	headingForm = regexp.MustCompile(`^#{1,6} +(.+?) *#*$`)
	linkForms   = []*regexp.Regexp{
		regexp.MustCompile(`\]\(([^)\s]+)\)`),                 // [text](target)
		regexp.MustCompile(`^\[[^\]]+\]: +(\S+)`),             // [name]: target
		regexp.MustCompile(`(?:src|href|srcset)="([^"\s]+)"`), // HTML
	}
	codeSpan = regexp.MustCompile("`[^`]*`")
)

// Read reads the README and everything under docs of the repository at root.
func Read(root string) ([]Page, error) {
	names := []string{"README.md"}
	err := filepath.WalkDir(filepath.Join(root, "docs"), func(path string, d os.DirEntry, err error) error {
		if err == nil && strings.HasSuffix(path, ".md") {
			name, relErr := filepath.Rel(root, path)
			names, err = append(names, filepath.ToSlash(name)), relErr
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	var all []Page
	for _, name := range names {
		text, err := os.ReadFile(filepath.Join(root, name))
		if err != nil {
			return nil, err
		}
		page, err := Parse(name, string(text))
		if err != nil {
			return nil, err
		}
		all = append(all, page)
	}
	return all, nil
}

// Parse reads one page.
func Parse(name, text string) (Page, error) {
	page := Page{Name: name, Anchors: map[string]bool{}}
	var open *Block
	var closing, indent string
	var markers []Marker
	for i, line := range strings.Split(strings.TrimSuffix(text, "\n"), "\n") {
		if open != nil {
			if strings.TrimSpace(line) == closing {
				page.Blocks, open = append(page.Blocks, *open), nil
				continue
			}
			open.Text = append(open.Text, strings.TrimPrefix(line, indent))
			continue
		}
		if found := fence.FindStringSubmatch(line); found != nil {
			indent, closing = found[1], found[2]
			open = &Block{Line: i + 1, Language: found[3], Markers: markers}
			markers = nil
			continue
		}
		if found := markerForm.FindStringSubmatch(line); found != nil {
			markers = append(markers, Marker{found[1], found[2]})
			continue
		}
		if strings.TrimSpace(line) == "" {
			continue
		}
		if len(markers) > 0 {
			return page, fmt.Errorf("%s:%d: the marker %q stands before no block", name, i, markers[0].Key)
		}
		page.prose(i+1, line)
	}
	if open != nil || len(markers) > 0 {
		return page, fmt.Errorf("%s ends within a block, or with a marker", name)
	}
	return page, nil
}

// prose notes the heading and the links of a line.
func (p *Page) prose(number int, line string) {
	if found := headingForm.FindStringSubmatch(line); found != nil {
		p.heading(found[1])
	}
	bare := codeSpan.ReplaceAllString(line, "")
	for _, form := range linkForms {
		for _, found := range form.FindAllStringSubmatch(bare, -1) {
			p.Links = append(p.Links, Link{number, found[1]})
		}
	}
}

// heading notes the anchor that GitHub gives a heading; a second one of the same words gets -1, and so on.
func (p *Page) heading(words string) {
	var b strings.Builder
	for _, r := range strings.ToLower(words) {
		switch {
		case r == ' ':
			b.WriteByte('-')
		case r == '-', r == '_', r >= 'a' && r <= 'z', r >= '0' && r <= '9':
			b.WriteRune(r)
		}
	}
	anchor := b.String()
	for n := 1; p.Anchors[anchor]; n++ {
		anchor = fmt.Sprintf("%s-%d", b.String(), n)
	}
	p.Anchors[anchor] = true
}

// Commands are the lines behind a prompt, and those that continue them. What a command printed is left out.
func (b Block) Commands() []Command {
	var all []Command
	continued := false
	for i, line := range b.Text {
		typed, prompt := strings.CutPrefix(line, "$ ")
		switch {
		case prompt:
			all = append(all, Command{Line: b.Line + 1 + i, Text: typed})
		case continued:
			all[len(all)-1].Text += "\n" + line
		}
		continued = (prompt || continued) && strings.HasSuffix(line, `\`)
	}
	return all
}

// Marker returns the value of a marker, or an empty string.
func (b Block) Marker(key string) string {
	for _, m := range b.Markers {
		if m.Key == key {
			return m.Value
		}
	}
	return ""
}

var fileForm = regexp.MustCompile(`^# ([a-z][a-z./-]*\.yaml)$`)

// File is the name of the file that a YAML block is, by the comment on its first line, or an empty string.
func (b Block) File() string {
	if b.Language != "yaml" || len(b.Text) == 0 {
		return ""
	}
	if found := fileForm.FindStringSubmatch(b.Text[0]); found != nil {
		return found[1]
	}
	return ""
}
