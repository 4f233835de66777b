// Command man writes the man pages of the plugin's commands, which archives and packages of a release carry.
// Releases call it; nothing it writes is kept in the repository.
package main

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/cobra/doc"

	"github.com/kubectl-falcon/kubectl-falcon/pkg/plugin"
)

func main() {
	date := flag.String("date", "", "the pages' date, in RFC 3339; that of the commit makes them the same each time")
	flag.Parse()
	if err := write(flag.Arg(0), *date); err != nil {
		fmt.Fprintln(os.Stderr, "error:", err)
		os.Exit(1)
	}
}

// write makes the page of every command in the folder.
func write(folder, date string) error {
	if folder == "" {
		return fmt.Errorf("name the folder that the pages are for: go run ./hack/man -date DATE FOLDER")
	}
	when, err := time.Parse(time.RFC3339, date)
	if err != nil {
		return fmt.Errorf("-date: %w", err)
	}
	when = when.UTC()
	// The default of a flag is a folder of whoever runs this.
	if err := os.Setenv("KUBECACHEDIR", "~/.kube/cache"); err != nil {
		return err
	}
	root := plugin.Commands()
	root.DisableAutoGenTag = true
	header := doc.GenManHeader{Section: "1", Date: &when, Source: "kubectl-falcon", Manual: "kubectl falcon"}
	if err := os.MkdirAll(folder, 0o755); err != nil {
		return err
	}
	if err := doc.GenManTreeFromOpts(root, doc.GenManTreeOptions{Header: &header, Path: folder, CommandSeparator: "-"}); err != nil {
		return err
	}
	return complete(root, folder)
}

// complete fails if a command has no page: the package that writes them leaves out what it takes for hidden.
func complete(cmd *cobra.Command, folder string) error {
	if _, err := os.Stat(filepath.Join(folder, pageOf(cmd))); err != nil {
		return fmt.Errorf("the page of %s: %w", cmd.CommandPath(), err)
	}
	for _, sub := range cmd.Commands() {
		if !sub.IsAvailableCommand() {
			continue
		}
		if err := complete(sub, folder); err != nil {
			return err
		}
	}
	return nil
}

// pageOf is the file of a command's page: kubectl-falcon-certs-rotate.1.
func pageOf(cmd *cobra.Command) string {
	return strings.ReplaceAll(cmd.CommandPath(), " ", "-") + ".1"
}
