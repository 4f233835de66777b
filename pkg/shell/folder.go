package shell

import (
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/kubectl-falcon/kubectl-falcon/pkg/problem"
)

// Search is what the file's place is chosen from.
type Search struct {
	// Executable is this program as it runs, Path the folders in which kubectl looks for programs.
	Executable string
	Path       []string
	// Home is the user's folder.
	Home    string
	Windows bool
}

// Choose returns where the file goes: beside the plugin as the PATH has it, or, if that may not be written to, in
// the first folder of the user's own on the PATH. A folder that is given is taken.
func (s Search) Choose(folder string) (Where, error) {
	w := Where{Program: s.plugin(), Windows: s.Windows}
	if folder != "" {
		absolute, err := filepath.Abs(folder)
		if info, bad := os.Stat(absolute); err != nil || bad != nil || !info.IsDir() {
			return w, problem.New(problem.BadInput, "make it first, or name another", "--dir: %s is no folder", folder)
		}
		w.Folder = absolute
		return w, nil
	}
	candidates := []string{filepath.Dir(w.Program)}
	for _, one := range s.folders() {
		if inside(one, s.Home) {
			candidates = append(candidates, one)
		}
	}
	for _, one := range candidates {
		if s.OnPath(one) && writable(one) {
			w.Folder = one
			return w, nil
		}
	}
	return w, problem.New(problem.BadInput, "run it with the rights of the plugin's owner, or name a folder with --dir",
		"there is no folder on the PATH that may be written to: neither %s nor one in %s", filepath.Dir(w.Program), s.Home)
}

// Installed returns the places on the PATH, or the one given, where there is a file of that name.
func (s Search) Installed(folder string) (all []Where) {
	folders := s.folders()
	if folder != "" {
		folders = []string{filepath.Clean(folder)}
	}
	for _, one := range folders {
		w := Where{Program: s.plugin(), Folder: one, Windows: s.Windows}
		if _, err := os.Lstat(w.Path()); err == nil {
			all = append(all, w)
		}
	}
	return all
}

// OnPath says whether kubectl finds programs in a folder.
func (s Search) OnPath(folder string) bool {
	return s.among(s.folders(), filepath.Clean(folder))
}

// among says whether a folder is one of some. Windows takes no notice of case.
func (s Search) among(all []string, folder string) bool {
	return slices.ContainsFunc(all, func(one string) bool {
		return one == folder || s.Windows && strings.EqualFold(one, folder)
	})
}

// folders are those of the PATH that can be meant, each once. What is named from the current folder on changes
// with it.
func (s Search) folders() (all []string) {
	for _, one := range s.Path {
		if clean := filepath.Clean(one); filepath.IsAbs(clean) && !s.among(all, clean) {
			all = append(all, clean)
		}
	}
	return all
}

// plugin is this program as the PATH has it. With Krew that is a link which stays where it is from version to
// version, while what it leads to is removed by each upgrade.
func (s Search) plugin() string {
	running, err := os.Stat(s.Executable)
	if err != nil {
		return s.Executable
	}
	name := Plugin
	if s.Windows {
		name += exe
	}
	for _, folder := range s.folders() {
		path := filepath.Join(folder, name)
		if info, err := os.Stat(path); err == nil && os.SameFile(info, running) {
			return path
		}
	}
	return s.Executable
}

// writable says whether a file can be made in a folder, by making one: rights alone do not tell on every system.
func writable(folder string) bool {
	made, err := os.MkdirTemp(folder, "."+Completer+"-*")
	if err != nil {
		return false
	}
	return os.Remove(made) == nil
}

func inside(path, folder string) bool {
	if folder == "" {
		return false
	}
	relative, err := filepath.Rel(folder, path)
	return err == nil && relative != ".." && !strings.HasPrefix(relative, ".."+string(filepath.Separator))
}
