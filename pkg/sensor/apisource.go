package sensor

import (
	"context"
	"path/filepath"
	"strings"

	"github.com/kubectl-falcon/kubectl-falcon/pkg/falcon"
	"github.com/kubectl-falcon/kubectl-falcon/pkg/problem"
)

// How a source is written that the Falcon API gives: falcon-api:VERSION, falcon-api:latest or falcon-api alone.
const (
	apiSource = "falcon-api"
	latest    = "latest"
)

// APISource says whether a source is a tarball that the Falcon API gives, and of which version: the beginning of
// one as in DownloadOptions, empty for the newest.
func APISource(source string) (version string, is bool) {
	before, version, _ := strings.Cut(source, ":")
	if before != apiSource {
		return "", false
	}
	if version == latest {
		version = ""
	}
	return version, true
}

// FindTarball returns the tarball that such a source means.
func FindTarball(ctx context.Context, api Tarballs, source string) (falcon.Installer, error) {
	version, _ := APISource(source)
	return chooseTarball(ctx, api, version)
}

// openAPI gets the source's tarball from the Falcon API into the scratch folder, which ends with the push, and
// opens it. It is checked before anything of it is looked at.
func (p *push) openAPI(ctx context.Context, source string) (*tarball, error) {
	if p.o.Tarballs == nil {
		return nil, problem.New(problem.BadInput, "give credentials of the Falcon API, or name a file", "%s: there is no way to the Falcon API", source)
	}
	one, err := FindTarball(ctx, p.o.Tarballs, source)
	if err != nil {
		return nil, err
	}
	shown := fileName(one)
	file := filepath.Join(p.scratch.dir, "tarball")
	d := &download{api: p.o.Tarballs, of: one, to: file, part: file + ".part", passing: true, o: DownloadOptions{Report: func(done, total int64) {
		p.o.Report(Event{Blob: shown, State: Downloading, Done: done, Total: total})
	}}}
	if _, err := d.run(ctx); err != nil {
		return nil, err
	}
	p.o.Report(Event{Blob: shown, State: Fetched, Done: one.Size, Total: one.Size})
	return p.openTarball(ctx, file, shown)
}

// openTarball opens a tarball, which is called shown.
func (p *push) openTarball(ctx context.Context, file, shown string) (*tarball, error) {
	done := int64(0)
	return openTarball(ctx, file, shown, p.o.most, p.scratch, func(n int64) {
		done += n
		p.o.Report(Event{Blob: shown, State: Packing, Done: done})
	})
}
