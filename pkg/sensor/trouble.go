package sensor

import (
	"context"
	"errors"
	"io"
	"net/http"
	"strings"

	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/v1/remote/transport"
	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"

	"github.com/kubectl-falcon/kubectl-falcon/pkg/problem"
	"github.com/kubectl-falcon/kubectl-falcon/pkg/sensor/unxz"
)

var (
	// errNoImage is a tarball of something else.
	errNoImage = errors.New("it is no image")
	// errIncomplete is an image in which something is missing.
	errIncomplete = errors.New("the image is not whole")
	// errSum is a file whose content is another than its name or its manifest says.
	errSum = errors.New("wrong checksum")
)

// NoRepository is a registry's answer that it has no such repository.
type NoRepository struct{ Host, Name string }

// Error says which.
func (n *NoRepository) Error() string { return "the registry has no repository " + n.Name }

// LoginRefused is a registry's answer to a login that is not good enough.
type LoginRefused struct {
	Host string
	// Looked is blob or manifest if the registry was only asked whether it has one, to which an answer has no
	// text.
	Looked string
	said   error
}

// Error is what the registry said.
func (l *LoginRefused) Error() string { return l.said.Error() }

// unreadable is the error of a tarball that is no image, or none that is whole.
func (t *tarball) unreadable(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return ctx.Err()
	}
	if _, told := errors.AsType[*problem.Error](err); told {
		return err
	}
	const again = "download it again, and compare its checksum with the one in the Falcon console"
	const save = "name the tarball that docker save or the Falcon console gave"
	_, large := errors.AsType[*unxz.TooLarge](err)
	switch {
	case large, errors.Is(err, zstd.ErrWindowSizeExceeded):
		return problem.New(problem.BadInput, "compress it again with less, such as xz -9 or zstd -19, or unpack it first",
			"%s would need too much memory: %w", t.name, err)
	case errors.Is(err, errBomb):
		return problem.New(problem.BadInput, again, "%s is refused: %w", t.name, err)
	case errors.Is(err, errSum), errors.Is(err, gzip.ErrChecksum):
		return problem.New(problem.BadInput, again, "%s is damaged: %w", t.name, err)
	case errors.Is(err, errIncomplete):
		return problem.New(problem.BadInput, again, "%s: %w", t.name, err)
	case errors.Is(err, errNoImage):
		return problem.New(problem.BadInput, save, "%s: %w", t.name, err)
	case errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, io.EOF):
		return problem.New(problem.BadInput, again, "%s is cut: it ends before the image does", t.name)
	}
	return problem.New(problem.BadInput, again, "%s is damaged, or no tarball of an image: %w", t.name, err)
}

// refused is a registry's answer as an error with what to do about it. to says what for.
func refused(ctx context.Context, ref name.Reference, doing string, err error) error {
	if ctx.Err() != nil {
		return ctx.Err()
	}
	if _, told := errors.AsType[*problem.Error](err); told {
		return err
	}
	host := ref.Context().RegistryStr()
	answer, ok := errors.AsType[*transport.Error](err)
	if !ok {
		return problem.New(problem.NoAccess, "check the network and the name of the registry, "+host, "%s %s: %w", doing, ref, short(err))
	}
	said := plain(answer)
	switch answer.StatusCode {
	case http.StatusUnauthorized, http.StatusForbidden:
		if has(answer, transport.UnauthorizedErrorCode) || has(answer, transport.DeniedErrorCode) || len(answer.Errors) == 0 {
			return problem.New(problem.NoAccess, "log in to "+host+" with an account that may do this (docker login, or a credential helper), and try again",
				"%s %s: %w", doing, ref, &LoginRefused{host, looked(answer), said})
		}
	case http.StatusNotFound:
		if has(answer, transport.NameUnknownErrorCode) {
			return problem.New(problem.BadInput, "check the name, or create the repository in the registry first",
				"%s %s: %w", doing, ref, &NoRepository{host, ref.Context().RepositoryStr()})
		}
		return problem.New(problem.BadInput, "check the name and the tag", "%s %s: %w", doing, ref, said)
	case http.StatusTooManyRequests:
		return problem.New(problem.Failed, "wait some minutes", "%s %s: %w", doing, ref, said)
	}
	return problem.New(problem.Failed, "", "%s %s: %w", doing, ref, said)
}

// looked is what the registry was only asked about.
func looked(answer *transport.Error) string {
	r := answer.Request
	switch {
	case r == nil || r.Method != http.MethodHead:
		return ""
	case strings.Contains(r.URL.Path, "/blobs/"):
		return "blob"
	}
	return "manifest"
}

// has says whether a registry's answer has an error of that code.
func has(answer *transport.Error, code transport.ErrorCode) bool {
	for _, one := range answer.Errors {
		if one.Code == code {
			return true
		}
	}
	return false
}

// immutable says whether a registry refused a manifest because its tag is taken and cannot be moved. ECR says
// ImageTagAlreadyExists in its API and TAG_INVALID in the registry's.
func immutable(err error) bool {
	answer, ok := errors.AsType[*transport.Error](err)
	if !ok {
		return false
	}
	for _, one := range answer.Errors {
		if one.Code == transport.TagInvalidErrorCode || strings.Contains(string(one.Code), "ImageTagAlreadyExists") ||
			strings.Contains(one.Message, "immutable") {
			return true
		}
	}
	return false
}

// short takes the request out of an error of the library, which is long and may have a signed address.
func short(err error) error {
	for {
		in := errors.Unwrap(err)
		if in == nil {
			return err
		}
		err = in
	}
}
