// Command docs writes what the documentation has from the program itself: a page for each command, the table
// of install's flags, and the rights on the page of each check. Run it as make docs.
package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// folder is what the pages are written to, from the repository's root.
const folder = "docs"

func main() {
	if err := write(folder); err != nil {
		fmt.Fprintln(os.Stderr, "error:", err)
		os.Exit(1)
	}
}

// write makes every page anew in the folder, and removes pages of commands that are no more.
func write(folder string) error {
	all := pages()
	for name, text := range all {
		file := filepath.Join(folder, name)
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			return err
		}
		if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
			return err
		}
	}
	written, err := generated(folder)
	if err != nil {
		return err
	}
	for _, name := range written {
		if _, still := all[name]; still {
			continue
		}
		if err := os.Remove(filepath.Join(folder, name)); err != nil {
			return err
		}
	}
	return writeRights(folder)
}

// generated are the pages in the folder that this program has written, then or now.
func generated(folder string) (names []string, err error) {
	files, err := filepath.Glob(filepath.Join(folder, commandsFolder, "*.md"))
	if err != nil {
		return nil, err
	}
	options, err := filepath.Glob(filepath.Join(folder, "*"+optionsSuffix))
	if err != nil {
		return nil, err
	}
	for _, file := range append(files, options...) {
		content, err := os.ReadFile(file)
		if err != nil {
			return nil, err
		}
		if strings.HasPrefix(string(content), notice) {
			names = append(names, strings.TrimPrefix(filepath.ToSlash(file), filepath.ToSlash(folder)+"/"))
		}
	}
	return names, nil
}
