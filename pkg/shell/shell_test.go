package shell

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// place is a folder that is on the PATH, with the plugin in it.
type place struct {
	home, bin, plugin string
	search            Search
}

func newPlace(t *testing.T, windows bool) place {
	t.Helper()
	p := place{home: t.TempDir()}
	p.bin = filepath.Join(p.home, "bin")
	name := Plugin
	if windows {
		name += exe
	}
	p.plugin = filepath.Join(p.bin, name)
	put(t, p.plugin, "this program: "+module)
	p.search = Search{Executable: p.plugin, Path: []string{"relative", p.bin, p.bin}, Home: p.home, Windows: windows}
	return p
}

func put(t *testing.T, path, content string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(content), 0o755); err != nil {
		t.Fatal(err)
	}
}

func (p place) install(t *testing.T, folder string) (Where, bool) {
	t.Helper()
	to, err := p.search.Choose(folder)
	if err != nil {
		t.Fatal(err)
	}
	changed, err := to.Install()
	if err != nil {
		t.Fatal(err)
	}
	return to, changed
}

// list are the files in a folder, so that nothing is left over.
func list(t *testing.T, folder string) string {
	t.Helper()
	all, err := os.ReadDir(folder)
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, one := range all {
		names = append(names, one.Name())
	}
	return strings.Join(names, " ")
}

func TestTheLinkGoesBesideThePlugin(t *testing.T) {
	p := newPlace(t, false)
	to, changed := p.install(t, "")
	if target, err := os.Readlink(filepath.Join(p.bin, Completer)); err != nil || target != Plugin || !changed {
		t.Errorf("changed %v, it leads to %q: %v", changed, target, err)
	}
	if _, again := p.install(t, ""); again {
		t.Error("the second time it was not there already")
	}
	if got := list(t, p.bin); got != "kubectl-falcon kubectl_complete-falcon" {
		t.Errorf("in the folder: %s", got)
	}
	if removed, err := to.Remove(); err != nil || !removed {
		t.Errorf("removed %v: %v", removed, err)
	}
	if removed, err := to.Remove(); err != nil || removed {
		t.Errorf("removed again %v: %v", removed, err)
	}
	if got := list(t, p.bin); got != "kubectl-falcon" {
		t.Errorf("left in the folder: %s", got)
	}
}

// Krew has a link on the PATH to a folder of the version's own, which an upgrade removes.
func TestTheLinkOutlivesAnUpgradeByKrew(t *testing.T) {
	p := newPlace(t, false)
	store := filepath.Join(p.home, "store", "falcon")
	for _, version := range []string{"v1", "v2"} {
		put(t, filepath.Join(store, version, Plugin), module+version)
	}
	link := func(version string) {
		_ = os.Remove(p.plugin)
		if err := os.Symlink(filepath.Join(store, version, Plugin), p.plugin); err != nil {
			t.Fatal(err)
		}
	}
	link("v1")
	p.search.Executable = filepath.Join(store, "v1", Plugin)
	to, _ := p.install(t, "")
	link("v2")
	if err := os.RemoveAll(filepath.Join(store, "v1")); err != nil {
		t.Fatal(err)
	}
	if content, err := os.ReadFile(to.Path()); err != nil || string(content) != module+"v2" {
		t.Errorf("after the upgrade kubectl runs %q: %v", content, err)
	}
}

func TestWindowsGetsACopy(t *testing.T) {
	p := newPlace(t, true)
	to, _ := p.install(t, "")
	if got := list(t, p.bin); got != "kubectl-falcon.exe kubectl_complete-falcon.exe" {
		t.Errorf("in the folder: %s", got)
	}
	if info, err := os.Lstat(to.Path()); err != nil || !info.Mode().IsRegular() {
		t.Errorf("it is no file: %v", err)
	}
	if _, again := p.install(t, ""); again {
		t.Error("the second time it was not there already")
	}
	put(t, p.plugin, "the next version: "+module)
	if _, again := p.install(t, ""); !again {
		t.Error("the copy of an older version stayed")
	}
	if content, err := os.ReadFile(to.Path()); err != nil || string(content) != "the next version: "+module {
		t.Errorf("the copy is %q: %v", content, err)
	}
	if removed, err := to.Remove(); err != nil || !removed {
		t.Errorf("removed %v: %v", removed, err)
	}
}

func TestWhatIsNotOursStays(t *testing.T) {
	for name, make := range map[string]func(t *testing.T, path string){
		"script":         func(t *testing.T, path string) { put(t, path, "#!/bin/sh\nkubectl falcon __complete \"$@\"\n") },
		"other link":     func(t *testing.T, path string) { must(t, os.Symlink("/bin/true", path)) },
		"link to nobody": func(t *testing.T, path string) { must(t, os.Symlink("gone", path)) },
		"folder":         func(t *testing.T, path string) { must(t, os.Mkdir(path, 0o755)) },
	} {
		t.Run(name, func(t *testing.T) {
			p := newPlace(t, false)
			path := filepath.Join(p.bin, Completer)
			make(t, path)
			before, err := os.Lstat(path)
			must(t, err)
			to, err := p.search.Choose("")
			must(t, err)
			if _, err := to.Install(); err == nil || !strings.Contains(err.Error(), path) {
				t.Errorf("install: %v", err)
			}
			if _, err := to.Remove(); err == nil || !strings.Contains(err.Error(), path) {
				t.Errorf("remove: %v", err)
			}
			if after, err := os.Lstat(path); err != nil || !os.SameFile(before, after) {
				t.Errorf("it is another: %v", err)
			}
			if got := list(t, p.bin); got != "kubectl-falcon kubectl_complete-falcon" {
				t.Errorf("in the folder: %s", got)
			}
		})
	}
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func TestALinkToAFormerPlaceOfThePluginIsOurs(t *testing.T) {
	p := newPlace(t, false)
	must(t, os.Symlink("/gone/kubectl-falcon", filepath.Join(p.bin, Completer)))
	to, changed := p.install(t, "")
	if target, _ := os.Readlink(to.Path()); !changed || target != Plugin {
		t.Errorf("changed %v, it leads to %q", changed, target)
	}
}

func TestAnotherFolder(t *testing.T) {
	p := newPlace(t, false)
	other := filepath.Join(p.home, "other")
	must(t, os.Mkdir(other, 0o755))
	to, _ := p.install(t, other)
	if target, _ := os.Readlink(filepath.Join(other, Completer)); target != p.plugin || p.search.OnPath(to.Folder) {
		t.Errorf("it leads to %q", target)
	}
	if all := p.search.Installed(""); len(all) != 0 {
		t.Errorf("found on the PATH: %v", all)
	}
	if all := p.search.Installed(other); len(all) != 1 || all[0].Path() != filepath.Join(other, Completer) {
		t.Errorf("found: %v", all)
	}
	if _, err := p.search.Choose(filepath.Join(p.home, "absent")); err == nil {
		t.Error("a folder that is not there was taken")
	}
}

func TestAFolderOfTheUsersOwnOnThePath(t *testing.T) {
	p := newPlace(t, false)
	// The plugin is where nobody can write: not even root makes a file there.
	p.search.Executable = "/proc/1/kubectl-falcon"
	p.search.Path = []string{"/proc/1", filepath.Join(p.home, "absent"), t.TempDir(), p.bin}
	must(t, os.Remove(p.plugin))
	to, err := p.search.Choose("")
	if err != nil || to.Folder != p.bin {
		t.Errorf("%q: %v", to.Folder, err)
	}
	p.search.Path = []string{"/proc/1"}
	if _, err := p.search.Choose(""); err == nil || !strings.Contains(err.Error(), "/proc/1") {
		t.Errorf("with no folder: %v", err)
	}
}

// The text is looked for block by block.
func TestTextAcrossBlocks(t *testing.T) {
	const block = 1 << 20
	for _, before := range []int{0, 1, block - len(module), block - 5, block, block + 1, 3*block - 7} {
		found, err := contains(strings.NewReader(strings.Repeat("x", before)+module+"yy"), module)
		if err != nil || !found {
			t.Errorf("after %d bytes: %v, %v", before, found, err)
		}
		if found, _ := contains(strings.NewReader(strings.Repeat("x", before)+module[1:]), module); found {
			t.Errorf("after %d bytes: found what is not there", before)
		}
	}
}
