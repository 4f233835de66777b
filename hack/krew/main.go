// Command krew renders the manifest of krew's index from .krew.yaml and the archives of a release, as krew's
// release bot does it from those on GitHub. It writes the layout of an index of one's own: plugins/falcon.yaml.
//
// It is a module of its own, so that nothing of krew gets near the plugin.
package main

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
)

// pluginName is what krew calls the plugin, and its users after kubectl. It is in .krew.yaml too, and a test
// compares them.
const pluginName = "falcon"

func main() {
	template := flag.String("template", ".krew.yaml", "the template of the manifest")
	archives := flag.String("archives", "dist", "the folder with the archives of the release")
	tag := flag.String("tag", "", "the release's tag; without it, that of the archives")
	index := flag.String("index", "", "the folder of the index to write to; without it, the manifest is printed")
	flag.Parse()
	if err := run(*template, *archives, *tag, *index); err != nil {
		fmt.Fprintln(os.Stderr, "error:", err)
		os.Exit(1)
	}
}

func run(template, archives, tag, index string) error {
	text, err := os.ReadFile(template)
	if err != nil {
		return err
	}
	if tag == "" {
		if tag, err = tagOf(archives); err != nil {
			return err
		}
	}
	manifest, err := render(string(text), tag, archives)
	if err != nil {
		return err
	}
	if _, err := parse(manifest); err != nil {
		return fmt.Errorf("the manifest from %s: %w", template, err)
	}
	if index == "" {
		_, err := os.Stdout.Write(manifest)
		return err
	}
	file := manifestIn(index)
	if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
		return err
	}
	return os.WriteFile(file, manifest, 0o644)
}

// manifestIn is where an index has the plugin's manifest.
func manifestIn(index string) string {
	return filepath.Join(index, "plugins", pluginName+".yaml")
}
