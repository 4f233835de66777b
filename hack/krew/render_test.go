package main

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"sigs.k8s.io/krew/pkg/index"
	"sigs.k8s.io/yaml"
)

// The template and what the archives are made by, in the repository's root.
const (
	templateFile   = "../../.krew.yaml"
	goreleaserFile = "../../.goreleaser.yaml"
)

func read(t *testing.T, file string) string {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// releaseConfig is what of GoReleaser's file the manifest depends on.
type releaseConfig struct {
	ProjectName string `json:"project_name"`
	Builds      []struct {
		Binary       string
		Goos, Goarch []string
	}
	Archives []struct {
		NameTemplate    string `json:"name_template"`
		Formats         []string
		FormatOverrides []struct {
			Goos    string
			Formats []string
		} `json:"format_overrides"`
	}
}

// archiveNames are the names that GoReleaser will give the archives of a tag, by their platforms.
func archiveNames(t *testing.T, tag string) map[string]string {
	t.Helper()
	var c releaseConfig
	if err := yaml.Unmarshal([]byte(read(t, goreleaserFile)), &c); err != nil {
		t.Fatal(err)
	}
	if len(c.Builds) != 1 || len(c.Archives) != 1 || c.Builds[0].Binary != "kubectl-"+pluginName {
		t.Fatalf("of GoReleaser's file only this was understood: %+v", c)
	}
	names := map[string]string{}
	for _, goos := range c.Builds[0].Goos {
		format := c.Archives[0].Formats[0]
		for _, o := range c.Archives[0].FormatOverrides {
			if o.Goos == goos {
				format = o.Formats[0]
			}
		}
		for _, goarch := range c.Builds[0].Goarch {
			names[goos+"/"+goarch] = strings.NewReplacer("{{ .ProjectName }}", c.ProjectName, "{{ .Version }}", strings.TrimPrefix(tag, "v"),
				"{{ .Os }}", goos, "{{ .Arch }}", goarch).Replace(c.Archives[0].NameTemplate) + "." + format
		}
	}
	return names
}

// tinyRelease makes a folder with a file for each archive that GoReleaser would make, none of which is one.
func tinyRelease(t *testing.T, tag string) string {
	t.Helper()
	folder := t.TempDir()
	for _, name := range archiveNames(t, tag) {
		if err := os.WriteFile(filepath.Join(folder, name), []byte(name), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return folder
}

func TestTheManifestHasAnArchiveOfEachPlatform(t *testing.T) {
	const tag = "v1.2.3"
	archives, index := tinyRelease(t, tag), t.TempDir()
	if err := run(templateFile, archives, "", index); err != nil {
		t.Fatal(err)
	}
	p, err := parse([]byte(read(t, filepath.Join(index, "plugins", "falcon.yaml"))))
	if err != nil {
		t.Fatal(err)
	}
	if p.Spec.Version != tag {
		t.Errorf("the version is %q", p.Spec.Version)
	}
	names := archiveNames(t, tag)
	if len(p.Spec.Platforms) != len(names) {
		t.Errorf("it has %d platforms, the release %d", len(p.Spec.Platforms), len(names))
	}
	for _, platform := range p.Spec.Platforms {
		on := platformOf(platform)
		if want := p.Spec.Homepage + "/releases/download/" + tag + "/" + names[on]; platform.URI != want {
			t.Errorf("%s: the address is\n%s, GoReleaser makes\n%s", on, platform.URI, want)
		}
		sum, err := checksum(filepath.Join(archives, names[on]))
		if err != nil {
			t.Fatal(err)
		}
		if platform.Sha256 != sum {
			t.Errorf("%s: the checksum is %q", on, platform.Sha256)
		}
		want := "kubectl-" + pluginName
		if strings.HasPrefix(on, "windows/") {
			want += ".exe"
		}
		if platform.Bin != want {
			t.Errorf("%s: the program is %q", on, platform.Bin)
		}
	}
}

// platformOf is the one platform that an entry of the manifest is for.
func platformOf(p index.Platform) string {
	return p.Selector.MatchLabels["os"] + "/" + p.Selector.MatchLabels["arch"]
}

// The bot knows nothing else, so a template that uses more would fail at the release.
func TestTheTemplateKnowsTheTagAndArchivesAlone(t *testing.T) {
	for text, want := range map[string]string{
		`{{ .Version }}`:                     "can't evaluate field Version",
		`{{ upper .TagName }}`:               `function "upper" not defined`,
		`{{ addURIAndSha "x/none" "v1" }}`:   "no such file",
		`{{ addURIAndSha "{{ .Os }}" "v1"}}`: "can't evaluate field Os",
	} {
		if _, err := render(text, "v1.2.3", t.TempDir()); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: the error is %v", text, err)
		}
	}
}

func TestTheTagIsThatOfTheArchives(t *testing.T) {
	folder := tinyRelease(t, "v1.2.3-rc.1")
	if tag, err := tagOf(folder); err != nil || tag != "v1.2.3-rc.1" {
		t.Errorf("%q, %v", tag, err)
	}
	if err := os.WriteFile(filepath.Join(folder, "kubectl-falcon_v1.2.4_linux_amd64.tar.gz"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := tagOf(folder); err == nil || !strings.Contains(err.Error(), "give -tag") {
		t.Errorf("of two releases: %v", err)
	}
	if _, err := tagOf(t.TempDir()); err == nil || !strings.Contains(err.Error(), "no archive") {
		t.Errorf("of none: %v", err)
	}
}

func TestABadManifestIsRefused(t *testing.T) {
	good, err := render(read(t, templateFile), "v1.2.3", tinyRelease(t, "v1.2.3"))
	if err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct{ old, replacement, want string }{
		"name":        {"name: falcon", "name: hawk", `"hawk"`},
		"field":       {"homepage:", "homesite:", "homesite"},
		"description": {"shortDescription: ", "shortDescription: " + strings.Repeat("long ", 12), "short description"},
		"files":       {"bin: kubectl-falcon.exe", "bin: kubectl-falcon.exe\n    files: [{from: '*', to: .}]", "picks files"},
	} {
		bad := strings.Replace(string(good), c.old, c.replacement, 1)
		if _, err := parse([]byte(bad)); bad == string(good) || err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: the error is %v", name, err)
		}
	}
}

// A release and what is checked of it must not differ in a setting that makes builds differ.
func TestReleasesAreReproducible(t *testing.T) {
	text := read(t, goreleaserFile)
	for _, setting := range []string{"CGO_ENABLED=0", "-trimpath", `mod_timestamp: "{{ .CommitTimestamp }}"`, "releaseDirty={{ .IsGitDirty }}"} {
		if !strings.Contains(text, setting) {
			t.Errorf("%s has no %s", goreleaserFile, setting)
		}
	}
	// {{ .Date }} is the time of the build.
	if found := regexp.MustCompile(`\{\{ *\.(Date|Now|Timestamp)`).FindString(text); found != "" {
		t.Errorf("%s uses %s }}", goreleaserFile, found)
	}
}
