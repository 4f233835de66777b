package main

import (
	"bytes"
	"cmp"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"

	"github.com/google/licensecheck"
)

// program is what is released, platforms are those that it is released for.
const program = "./cmd/kubectl-falcon"

var platforms = []string{"linux/amd64", "linux/arm64", "darwin/amd64", "darwin/arm64", "windows/amd64", "windows/arm64"}

// module is something that the plugin is linked from.
type module struct {
	path, version string
	files         []file
}

// file is a text that came with a module.
type file struct {
	// name is the path within the module.
	name, text string
	// licences are the SPDX ids of what the text is; a notice has none.
	licences []string
	notice   bool
	// known is how much of the text, in percent, is known to be of these licences.
	known float64
}

// listed is what the go command says of a package.
type listed struct {
	ImportPath, Dir string
	Standard        bool
	Module          *struct {
		Path, Version, Dir string
		Main               bool
	}
}

// dependencies returns the modules of the packages that the program has on any platform, by their paths, for
// the main module in the folder. Go's own library is among them.
func dependencies(folder string) ([]module, error) {
	folders := map[string]map[string]bool{} // of each module, those in which a licence of ours can be
	found := map[string]*module{}
	for _, platform := range platforms {
		packages, err := list(folder, platform)
		if err != nil {
			return nil, err
		}
		for _, p := range packages {
			if p.Module == nil || p.Module.Main {
				continue
			}
			if found[p.Module.Path] == nil {
				found[p.Module.Path] = &module{path: p.Module.Path, version: p.Module.Version}
				folders[p.Module.Path] = map[string]bool{}
			}
			for dir := p.Dir; ; dir = filepath.Dir(dir) {
				folders[p.Module.Path][dir] = true
				if dir == p.Module.Dir || len(dir) < len(p.Module.Dir) {
					break
				}
			}
		}
	}
	library, err := standard(folder)
	if err != nil {
		return nil, err
	}
	modules := []module{library}
	for path, m := range found {
		dirs := slices.Sorted(maps.Keys(folders[path]))
		for _, dir := range dirs {
			files, err := licencesIn(dir, dirs[0])
			if err != nil {
				return nil, fmt.Errorf("%s: %w", path, err)
			}
			m.files = append(m.files, files...)
		}
		modules = append(modules, *m)
	}
	slices.SortFunc(modules, func(a, b module) int { return cmp.Compare(a.path, b.path) })
	return modules, nil
}

// list returns the packages that the program has on a platform.
func list(folder, platform string) (packages []listed, err error) {
	goos, goarch, _ := strings.Cut(platform, "/")
	out, err := goCommand(folder, []string{"GOOS=" + goos, "GOARCH=" + goarch},
		"list", "-deps", "-json=ImportPath,Dir,Standard,Module", program)
	if err != nil {
		return nil, err
	}
	for decoder := json.NewDecoder(bytes.NewReader(out)); ; {
		var p listed
		if err := decoder.Decode(&p); err == io.EOF {
			return packages, nil
		} else if err != nil {
			return nil, err
		}
		if !p.Standard {
			packages = append(packages, p)
		}
	}
}

// standard is Go's own library, whose version is the compiler's and so is not listed.
func standard(folder string) (module, error) {
	root, err := goCommand(folder, nil, "env", "GOROOT")
	if err != nil {
		return module{}, err
	}
	dir := strings.TrimSpace(string(root))
	files, err := licencesIn(dir, dir)
	return module{path: "Go's standard library", files: files}, err
}

func goCommand(folder string, env []string, args ...string) ([]byte, error) {
	var stderr bytes.Buffer
	cmd := exec.Command("go", args...)
	cmd.Dir, cmd.Stderr = folder, &stderr
	cmd.Env = append(append(os.Environ(), "CGO_ENABLED=0", "GOFLAGS=", "GOWORK=off"), env...)
	out, err := cmd.Output()
	if err != nil {
		return nil, fmt.Errorf("go %s: %w\n%s", strings.Join(args, " "), err, &stderr)
	}
	return out, nil
}

// licencesIn returns the texts about licences in a folder of a module.
func licencesIn(dir, root string) (files []file, err error) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, err
	}
	for _, e := range entries {
		// docker's licence is called LICENSE, others' COPYING, LICENSE.md, LICENCE.txt or LICENSE-MIT.
		stem := strings.ToUpper(strings.FieldsFunc(e.Name(), func(r rune) bool { return r == '.' || r == '-' || r == '_' })[0])
		notice := stem == "NOTICE"
		// The last is for the pages of a repository, none of which is linked.
		if e.IsDir() || e.Name() == "LICENSE.docs" || strings.HasSuffix(e.Name(), ".go") || !notice && !slices.Contains([]string{"LICENSE", "LICENCE", "COPYING", "COPYRIGHT"}, stem) {
			continue
		}
		text, err := os.ReadFile(filepath.Join(dir, e.Name()))
		if err != nil {
			return nil, err
		}
		name, err := filepath.Rel(root, filepath.Join(dir, e.Name()))
		if err != nil {
			return nil, err
		}
		f := file{name: filepath.ToSlash(name), text: string(text), notice: notice}
		if !notice {
			f.licences, f.known = recognise(text)
		}
		files = append(files, f)
	}
	return files, nil
}

// recognise says which licences a text is, and how much of it is that.
func recognise(text []byte) (ids []string, known float64) {
	coverage := licensecheck.Scan(text)
	for _, match := range coverage.Match {
		if !match.IsURL && !slices.Contains(ids, match.ID) {
			ids = append(ids, match.ID)
		}
	}
	slices.Sort(ids)
	return ids, coverage.Percent
}
