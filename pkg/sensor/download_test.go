package sensor

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net/http/httptest"
	"os"
	"path/filepath"
	"runtime"
	"testing"
	"time"

	"github.com/kubectl-falcon/kubectl-falcon/pkg/falcon"
	"github.com/kubectl-falcon/kubectl-falcon/pkg/problem"
	"github.com/kubectl-falcon/kubectl-falcon/test/fakes/falconapi"
)

// tarballs serves the stand-in of the Falcon API with two tarballs.
func tarballs(t *testing.T, newest []byte) *falcon.Client {
	t.Helper()
	day := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	server := httptest.NewServer(falconapi.New(falconapi.Config{ID: "a", Secret: "b", CID: "0123456789ABCDEF0123456789ABCDEF-12", Scopes: falconapi.AllScopes,
		Tarballs: []falconapi.Tarball{{Name: "falcon-sensor-6.18.0-106.container.x86_64.tar.bz2", Version: "6.18.0-106", Content: []byte("old"), Released: day},
			{Name: "falcon-sensor-7.40.0-1.container.x86_64.tar.bz2", Version: "7.40.0-1", Content: newest, Released: day.AddDate(0, 1, 0)}}}))
	t.Cleanup(server.Close)
	c, err := falcon.New(falcon.Options{ID: "a", Secret: "b", Base: server.URL, Cloud: "us-1"})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// breaking is an API whose connections break after so many bytes.
type breaking struct {
	Tarballs
	after int64
	asked []int64
	// forgetful begins anew each time.
	forgetful bool
	// change alters what passes.
	change bool
}

// Download gives a part.
func (b *breaking) Download(ctx context.Context, sum string, from int64) (io.ReadCloser, int64, error) {
	b.asked = append(b.asked, from)
	if b.forgetful {
		from = 0
	}
	content, at, err := b.Tarballs.Download(ctx, sum, from)
	if err != nil {
		return nil, 0, err
	}
	var r io.Reader = content
	if b.after > 0 {
		r = io.MultiReader(io.LimitReader(content, b.after), broken{})
	}
	if b.change {
		r = io.MultiReader(bytes.NewReader([]byte("x")), content)
	}
	return struct {
		io.Reader
		io.Closer
	}{r, content}, at, nil
}

type broken struct{}

// Read fails.
func (broken) Read([]byte) (int, error) { return 0, errors.New("connection reset by peer") }

func TestDownload(t *testing.T) {
	content := text(300_000, 3)
	api := tarballs(t, content)
	dir := t.TempDir()
	last := int64(0)
	got, err := Download(t.Context(), api, DownloadOptions{To: dir, Report: func(done, total int64) {
		if done < last || total != int64(len(content)) {
			t.Errorf("%d of %d after %d", done, total, last)
		}
		last = done
	}})
	want := filepath.Join(dir, "falcon-sensor-7.40.0-1.container.x86_64.tar.bz2")
	if err != nil || got.File != want || got.Version != "7.40.0-1" || got.AlreadyThere || last != int64(len(content)) {
		t.Fatalf("got %+v, %v", got, err)
	}
	wantOnly(t, want, content)
	// Windows has no such modes.
	if info, err := os.Stat(want); err != nil || runtime.GOOS != "windows" && info.Mode().Perm() != 0o600 {
		t.Errorf("others may read it: %v, %v", info.Mode(), err)
	}
	if again, err := Download(t.Context(), api, DownloadOptions{To: dir}); err != nil || !again.AlreadyThere {
		t.Errorf("again: %+v, %v", again, err)
	}
	old := filepath.Join(t.TempDir(), "old")
	if got, err := Download(t.Context(), api, DownloadOptions{Version: "6.18", To: old}); err != nil || got.File != old {
		t.Errorf("got %+v, %v", got, err)
	}
	wantOnly(t, old, []byte("old"))
	_, err = Download(t.Context(), api, DownloadOptions{Version: "6.1", To: old})
	wantProblem(t, err, problem.BadInput, "has no tarball of version 6.1")
	_, err = Download(t.Context(), api, DownloadOptions{Version: "7", To: old})
	wantProblem(t, err, problem.BadInput, "is not the tarball that the Falcon API has")
	_, err = Download(t.Context(), api, DownloadOptions{To: filepath.Join(dir, "none", "file")})
	wantProblem(t, err, problem.BadInput, "no such file")
}

// wantOnly checks that a file has that content and is alone.
func wantOnly(t *testing.T, name string, content []byte) {
	t.Helper()
	if got, err := os.ReadFile(name); err != nil || !bytes.Equal(got, content) {
		t.Errorf("%s has %d bytes, want %d (%v)", name, len(got), len(content), err)
	}
	if all, err := os.ReadDir(filepath.Dir(name)); err != nil || len(all) != 1 {
		t.Errorf("there are %v (%v)", all, err)
	}
}

// The API's word for a file must not choose where it goes, on any platform.
func TestTheNameOfATarballIsNoPath(t *testing.T) {
	for name, want := range map[string]string{
		"falcon.tar.bz2":        "falcon.tar.bz2",
		"../../falcon.tar.bz2":  "falcon.tar.bz2",
		"/etc/falcon.tar.bz2":   "falcon.tar.bz2",
		`..\..\falcon.tar.bz2`:  "falcon.tar.bz2",
		`C:\Windows\falcon.tar`: "falcon.tar",
		"C:falcon.tar":          "falcon.tar",
		"other.exe:falcon.tar":  "falcon.tar",
		"":                      "",
		"..":                    "",
		"a/..":                  "",
		"a/":                    "",
	} {
		if got := fileName(falcon.Installer{Name: name}); got != want {
			t.Errorf("%s: %q, want %q", name, got, want)
		}
	}
}

func TestDownloadGoesOn(t *testing.T) {
	content := text(100_000, 4)
	for name, forgetful := range map[string]bool{"from where it was": false, "anew": true} {
		t.Run(name, func(t *testing.T) {
			to := filepath.Join(t.TempDir(), "image.tar.bz2")
			api := &breaking{Tarballs: tarballs(t, content), forgetful: forgetful}
			if err := os.WriteFile(to+".part", content[:40_000], 0o600); err != nil {
				t.Fatal(err)
			}
			if !forgetful {
				api.after = 25_000
			}
			got, err := Download(t.Context(), api, DownloadOptions{To: to})
			if err != nil || got.Resumed != 40_000 {
				t.Errorf("got %+v, %v", got, err)
			}
			if api.asked[0] != 40_000 || !forgetful && len(api.asked) != 3 {
				t.Errorf("it asked from %d", api.asked)
			}
			wantOnly(t, to, content)
		})
	}
}

func TestDownloadThatIsChangedOnTheWay(t *testing.T) {
	to := filepath.Join(t.TempDir(), "image.tar.bz2")
	api := &breaking{Tarballs: tarballs(t, text(10_000, 5)), change: true}
	_, err := Download(t.Context(), api, DownloadOptions{To: to})
	wantProblem(t, err, problem.Failed, "has the checksum")
	if all, err := os.ReadDir(filepath.Dir(to)); err != nil || len(all) != 0 {
		t.Errorf("there are %v (%v)", all, err)
	}
}
