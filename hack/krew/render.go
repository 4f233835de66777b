package main

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"strings"
	"text/template"

	"sigs.k8s.io/krew/pkg/index"
	"sigs.k8s.io/yaml"
)

// release is all that a template can know of a release.
type release struct {
	TagName string
}

// render fills the template in. It knows the bot's two features and no more, so that what renders here renders
// there: the tag, and a function that turns an archive's address into its address and checksum.
func render(text, tag, archives string) ([]byte, error) {
	about := release{TagName: tag}
	functions := template.FuncMap{"addURIAndSha": func(address, tag string) (string, error) {
		uri, err := execute(address, nil, release{TagName: tag})
		if err != nil {
			return "", err
		}
		sum, err := checksum(filepath.Join(archives, path.Base(uri)))
		if err != nil {
			return "", err
		}
		return "uri: " + uri + "\n    sha256: " + sum, nil
	}}
	manifest, err := execute(text, functions, about)
	return []byte(manifest), err
}

func execute(text string, functions template.FuncMap, about release) (string, error) {
	parsed, err := template.New("manifest").Funcs(functions).Option("missingkey=error").Parse(text)
	if err != nil {
		return "", err
	}
	var b strings.Builder
	err = parsed.Execute(&b, about)
	return b.String(), err
}

func checksum(file string) (string, error) {
	f, err := os.Open(file)
	if err != nil {
		return "", err
	}
	defer f.Close()
	sum := sha256.New()
	if _, err := io.Copy(sum, f); err != nil {
		return "", err
	}
	return fmt.Sprintf("%x", sum.Sum(nil)), nil
}

// ourArchive is the name of one of the release's archives.
var ourArchive = regexp.MustCompile(`^kubectl-falcon_(v.+)_[a-z0-9]+_[a-z0-9]+\.(tar\.gz|zip)$`)

// tagOf is the tag that the archives in a folder are named after.
func tagOf(archives string) (string, error) {
	files, err := os.ReadDir(archives)
	if err != nil {
		return "", err
	}
	found := ""
	for _, f := range files {
		parts := ourArchive.FindStringSubmatch(f.Name())
		if parts == nil {
			continue
		}
		if found != "" && found != parts[1] {
			return "", fmt.Errorf("%s has archives of %s and of %s; give -tag", archives, found, parts[1])
		}
		found = parts[1]
	}
	if found == "" {
		return "", fmt.Errorf("%s has no archive of the plugin; make release-snapshot makes them", archives)
	}
	return found, nil
}

// parse reads a manifest into krew's own type, and refuses what krew's type does not have.
func parse(manifest []byte) (*index.Plugin, error) {
	var p index.Plugin
	if err := yaml.UnmarshalStrict(manifest, &p); err != nil {
		return nil, err
	}
	var errs []error
	if p.Name != pluginName {
		errs = append(errs, fmt.Errorf("the plugin's name is %q, not %q", p.Name, pluginName))
	}
	// The index's reviewers ask for this, krew's validator does not.
	if n := len(p.Spec.ShortDescription); n == 0 || n > 50 {
		errs = append(errs, fmt.Errorf("the short description has %d characters, and may have 1 to 50", n))
	}
	if p.Spec.Homepage == "" {
		errs = append(errs, errors.New("there is no homepage"))
	}
	for _, platform := range p.Spec.Platforms {
		if len(platform.Files) > 0 {
			errs = append(errs, fmt.Errorf("%s: it picks files; the archive has what is needed", platform.URI))
		}
	}
	return &p, errors.Join(errs...)
}
