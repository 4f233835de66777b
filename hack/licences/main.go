// Command licences lists what the plugin is linked from on any of its platforms, and under which licences. It
// writes the page docs/licences.md, and with -texts the licences themselves, which each release carries. It
// fails if one is not allowed. Run it as make docs.
package main

import (
	"flag"
	"fmt"
	"os"
)

// page is where the list is kept, from the repository's root.
const page = "docs/licences.md"

func main() {
	texts := flag.String("texts", "", "write the texts of the licences to this file, and not the page")
	flag.Parse()
	if err := run(*texts); err != nil {
		fmt.Fprintln(os.Stderr, "error:", err)
		os.Exit(1)
	}
}

func run(texts string) error {
	modules, err := dependencies(".")
	if err != nil {
		return err
	}
	if err := check(modules); err != nil {
		return err
	}
	if texts != "" {
		return os.WriteFile(texts, []byte(textsOf(modules)), 0o644)
	}
	return os.WriteFile(page, []byte(pageOf(modules)), 0o644)
}
