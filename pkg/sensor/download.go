package sensor

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/kubectl-falcon/kubectl-falcon/pkg/falcon"
	"github.com/kubectl-falcon/kubectl-falcon/pkg/problem"
)

// Tarballs is the part of the Falcon API that a download needs.
type Tarballs interface {
	ContainerTarballs(ctx context.Context) ([]falcon.Installer, error)
	Download(ctx context.Context, sha256 string, from int64) (content io.ReadCloser, at int64, err error)
}

// DownloadOptions are what a download can be told.
type DownloadOptions struct {
	// Version is the beginning of the version, such as 7.40; empty, it is the newest.
	Version string
	// To is a folder, or the name of the file.
	To string
	// Report, if set, gets how far it is.
	Report func(done, total int64)
}

// Downloaded is a tarball that is there.
type Downloaded struct {
	File    string `json:"file"`
	Version string `json:"version"`
	SHA256  string `json:"sha256"`
	Size    int64  `json:"size"`
	// AlreadyThere says that the file was there, whole; Resumed is how many of its bytes were.
	AlreadyThere bool  `json:"alreadyThere"`
	Resumed      int64 `json:"resumedBytes,omitempty"`
}

// Download gets a tarball of the container sensor from the Falcon API. What has come so far is kept in a file
// beside, and goes on from there the next time; the file gets its name only when its checksum is right.
func Download(ctx context.Context, api Tarballs, o DownloadOptions) (Downloaded, error) {
	if o.Report == nil {
		o.Report = func(int64, int64) {}
	}
	one, err := chooseTarball(ctx, api, o.Version)
	if err != nil {
		return Downloaded{}, err
	}
	to := o.To
	if info, err := os.Stat(to); to == "" || err == nil && info.IsDir() {
		to = filepath.Join(to, fileName(one))
	}
	d := &download{api: api, o: o, of: one, to: to, part: to + ".part"}
	result := Downloaded{File: to, Version: one.Version, SHA256: one.SHA256, Size: one.Size}
	if there, err := d.there(); err != nil || there {
		result.AlreadyThere = there
		return result, err
	}
	if result.Resumed, err = d.run(ctx); err != nil {
		return Downloaded{}, err
	}
	return result, nil
}

// fileName is what a tarball's file is called, or nothing if that cannot be. The API's word for it must not choose
// the folder, nor, as a colon does on Windows, the drive or a hidden part of another file.
func fileName(one falcon.Installer) string {
	name := one.Name[strings.LastIndexAny(one.Name, `/\:`)+1:]
	if name == "." || name == ".." {
		return ""
	}
	return name
}

func chooseTarball(ctx context.Context, api Tarballs, version string) (falcon.Installer, error) {
	all, err := api.ContainerTarballs(ctx)
	if err != nil {
		return falcon.Installer{}, err
	}
	for _, one := range all {
		if version == "" || one.Version == version || strings.HasPrefix(one.Version, version+".") || strings.HasPrefix(one.Version, version+"-") {
			if sum, err := hex.DecodeString(one.SHA256); err != nil || len(sum) != sha256.Size || fileName(one) == "" {
				return falcon.Installer{}, problem.New(problem.Failed, "use a newer version of this tool", "the Falcon API lists a tarball without a name or a checksum")
			}
			return one, nil
		}
	}
	const next = "new versions may come by the registry alone: kubectl falcon sensor tags, then sensor push"
	if version != "" {
		return falcon.Installer{}, problem.New(problem.BadInput, next, "the Falcon API has no tarball of version %s of the container sensor", version)
	}
	return falcon.Installer{}, problem.New(problem.Failed, next, "the Falcon API has no tarball of the container sensor")
}

// download is one run.
type download struct {
	api      Tarballs
	o        DownloadOptions
	of       falcon.Installer
	to, part string
	// passing says that the file does not stay.
	passing bool
}

// there says whether the file is there already, and refuses to write over another.
func (d *download) there() (bool, error) {
	file, err := os.Open(d.to)
	if errors.Is(err, os.ErrNotExist) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	defer file.Close()
	h := sha256.New()
	if _, err := io.Copy(h, file); err != nil {
		return false, err
	}
	if hex.EncodeToString(h.Sum(nil)) != d.of.SHA256 {
		return false, problem.New(problem.BadInput, "move it away, or name another file with --to",
			"%s is there, and is not the tarball that the Falcon API has under this name", d.to)
	}
	return true, nil
}

// breaks is how often a connection may break without anything having come.
const breaks = 4

// run downloads until all is there, and returns how much was when it began.
func (d *download) run(ctx context.Context) (resumed int64, err error) {
	again, elsewhere := "the same command goes on from here", "name another place with --to"
	if d.passing {
		again, elsewhere = "try again, or get it first with sensor download, which goes on from where it was", "name another folder for temporary files with TMPDIR (on Windows TMP)"
	}
	if d.of.Size > mostUnpacked {
		return 0, problem.New(problem.Failed, "choose another version", "%s is refused: it would have %d bytes, and no image has", d.of.Name, d.of.Size)
	}
	file, err := os.OpenFile(d.part, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return 0, problem.New(problem.BadInput, elsewhere, "%w", err)
	}
	defer file.Close()
	if resumed, err = file.Seek(0, io.SeekEnd); err != nil {
		return 0, err
	}
	done := resumed
	for vain := 0; ; {
		at, err := d.more(ctx, file, done)
		if err == nil {
			break
		}
		if _, told := errors.AsType[*problem.Error](err); told || ctx.Err() != nil {
			return 0, err
		}
		if vain++; at > done {
			vain = 0
		}
		if done = at; vain == breaks {
			return 0, problem.New(problem.Failed, again, "the download broke at byte %d of %d: %w", done, d.of.Size, err)
		}
		select {
		case <-ctx.Done():
			return 0, ctx.Err()
		case <-time.After(time.Second << vain / 4):
		}
	}
	return resumed, d.finish(file)
}

// more asks for what is missing and appends it. It returns where the file ends now.
func (d *download) more(ctx context.Context, file *os.File, from int64) (end int64, err error) {
	if d.of.Size > 0 && from == d.of.Size {
		return from, nil
	}
	content, at, err := d.api.Download(ctx, d.of.SHA256, from)
	if err != nil {
		return from, err
	}
	defer content.Close()
	if err := file.Truncate(at); err != nil {
		return from, err
	}
	if _, err := file.Seek(at, io.SeekStart); err != nil {
		return from, err
	}
	done := at
	limit := max(d.of.Size-at, 0)
	if d.of.Size == 0 {
		limit = mostUnpacked
	}
	n, err := io.Copy(file, &metered{io.LimitReader(content, limit), func(n int64) {
		done += n
		d.o.Report(done, d.of.Size)
	}})
	if err == nil && d.of.Size > 0 && at+n < d.of.Size {
		err = io.ErrUnexpectedEOF
	}
	return at + n, err
}

// finish checks the file and gives it its name.
func (d *download) finish(file *os.File) error {
	if _, err := file.Seek(0, io.SeekStart); err != nil {
		return err
	}
	h := sha256.New()
	if _, err := io.Copy(h, file); err != nil {
		return err
	}
	if got := hex.EncodeToString(h.Sum(nil)); got != d.of.SHA256 {
		// Going on from it would lead here again. Windows removes no file that is open.
		_ = file.Close()
		_ = os.Remove(d.part)
		return problem.New(problem.Failed, "try again; a proxy may change what passes", "%s has the checksum %s, and the Falcon API says %s", d.of.Name, got, d.of.SHA256)
	}
	if err := file.Sync(); err != nil {
		return fmt.Errorf("%s: %w", d.part, err)
	}
	if err := file.Close(); err != nil {
		return err
	}
	return os.Rename(d.part, d.to)
}
