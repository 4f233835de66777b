package sensor

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net/http"
	"time"

	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/google/go-containerregistry/pkg/v1/remote/transport"
	"github.com/google/go-containerregistry/pkg/v1/types"

	"github.com/kubectl-falcon/kubectl-falcon/pkg/problem"
)

// outgoing is a blob on its way.
type outgoing struct {
	of *image
	// layer is nil for a config, which is ready.
	layer *layer
	ready *stored
	label string
}

func inMemory(content []byte) *stored {
	return &stored{sumOf(content), int64(len(content)), func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(content)), nil }}
}

// prepared are the blobs of an image's layers, in their order.
func prepared(all []*outgoing, i *image) (layers []*stored) {
	for _, b := range all {
		if b.of == i && b.layer != nil {
			layers = append(layers, b.ready)
		}
	}
	return layers
}

// errSource is around what is wrong with the source and not with the registry.
type errSource struct{ error }

// Unwrap returns what is wrong.
func (e errSource) Unwrap() error { return e.error }

func sourceFault(err error) bool {
	_, is := errors.AsType[errSource](err)
	return is
}

// send prepares a blob and sends it unless it is there.
func (p *push) send(ctx context.Context, b *outgoing) error {
	if b.ready == nil {
		p.packing <- struct{}{}
		done := int64(0)
		ready, err := b.layer.prepare(ctx, p.scratch, func(n int64) {
			done += n
			p.report(Event{Blob: b.label, State: Packing, Done: done, Total: b.layer.size})
		})
		<-p.packing
		if err != nil {
			return errSource{err}
		}
		b.ready = ready
	}
	kind := types.DockerLayer
	if b.layer != nil && b.layer.kind != "" {
		kind = b.layer.kind
	}
	up := &upload{p: p, blob: b, kind: kind}
	var l v1.Layer = up
	if from, err := name.ParseReference(p.source.from); err == nil && b.layer != nil && b.layer.trusted && from.Context().RegistryStr() == p.to.RegistryStr() {
		l = &remote.MountableLayer{Layer: up, Reference: from}
	}
	if err := p.again(ctx, func() error { return p.pusher.Upload(ctx, p.to.Context(), l) }); err != nil {
		return err
	}
	state := Sent
	p.mu.Lock()
	if up.opened == 0 {
		state = Present
		p.result.Present += b.ready.size
	} else {
		p.result.Sent += b.ready.size
	}
	p.mu.Unlock()
	p.report(Event{Blob: b.label, State: state, Done: b.ready.size, Total: b.ready.size})
	return nil
}

func (p *push) report(e Event) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.o.Report(e)
}

// tries is how often what fails on the way is sent. Each time it is the whole blob in a new session: ECR does
// not go on where another connection ended (aws/containers-roadmap#2831).
const tries = 6

// again does what fails by itself until it succeeds.
func (p *push) again(ctx context.Context, do func() error) error {
	wait := 200 * time.Millisecond
	for try := 1; ; try++ {
		err := do()
		if err == nil || try == tries || ctx.Err() != nil || !passing(err) {
			return err
		}
		timer := time.NewTimer(wait)
		select {
		case <-ctx.Done():
			timer.Stop()
			return ctx.Err()
		case <-timer.C:
		}
		wait *= 2
	}
}

// errFinal is around an error that no other try will mend.
type errFinal struct{ error }

// Unwrap returns what is wrong.
func (e errFinal) Unwrap() error { return e.error }

// passing says whether an error may be over at the next try.
func passing(err error) bool {
	_, final := errors.AsType[errFinal](err)
	if errors.Is(err, context.Canceled) || sourceFault(err) || final {
		return false
	}
	answer, ok := errors.AsType[*transport.Error](err)
	if !ok {
		return true
	}
	switch answer.StatusCode {
	case http.StatusRequestTimeout, http.StatusTooManyRequests, http.StatusRequestedRangeNotSatisfiable:
		return true
	}
	// A session that a broken connection took along.
	return answer.StatusCode >= http.StatusInternalServerError || has(answer, transport.BlobUploadUnknownErrorCode) || has(answer, transport.BlobUploadInvalidErrorCode)
}

// put writes a manifest.
func (p *push) put(ctx context.Context, ref name.Reference, m *manifest) error {
	err := p.again(ctx, func() error { return p.pusher.Put(ctx, ref, m) })
	if err == nil {
		return nil
	}
	if tag, ok := ref.(name.Tag); ok && immutable(err) {
		// ECR refuses also the image that the tag has already (aws/containers-roadmap#2179), which is so when the
		// answer to the first try was lost.
		if got, none := p.head(ctx, ref); none == nil && got == sumOf(m.raw).String() {
			return nil
		}
		before := p.result.Replaced
		if before == "" {
			before = "another image"
		}
		return problem.New(problem.BadInput, "push to another tag, or use the image that is there",
			"%s is %s, and the registry lets no tag be changed", tag, before)
	}
	return refused(ctx, ref, "write the manifest", err)
}

func (p *push) head(ctx context.Context, ref name.Reference) (digest string, err error) {
	err = p.again(ctx, func() error {
		found, err := p.puller.Head(ctx, ref)
		if err == nil {
			digest = found.Digest.String()
		}
		return err
	})
	return digest, err
}

// upload is a blob as the registry's client takes it.
type upload struct {
	p      *push
	blob   *outgoing
	kind   types.MediaType
	opened int
}

// Digest implements v1.Layer.
func (u *upload) Digest() (v1.Hash, error) { return u.blob.ready.digest, nil }

// DiffID implements v1.Layer; nobody asks for it on the way.
func (u *upload) DiffID() (v1.Hash, error) { return v1.Hash{}, errors.ErrUnsupported }

// Size implements v1.Layer.
func (u *upload) Size() (int64, error) { return u.blob.ready.size, nil }

// MediaType implements v1.Layer.
func (u *upload) MediaType() (types.MediaType, error) { return u.kind, nil }

// Uncompressed implements v1.Layer; nobody asks for it on the way.
func (u *upload) Uncompressed() (io.ReadCloser, error) { return nil, errors.ErrUnsupported }

// Compressed opens the blob from its beginning, for each try.
func (u *upload) Compressed() (io.ReadCloser, error) {
	content, err := u.blob.ready.open()
	if err != nil {
		return nil, err
	}
	u.opened++
	done := int64(0)
	return struct {
		io.Reader
		io.Closer
	}{&metered{content, func(n int64) {
		done += n
		u.p.report(Event{Blob: u.blob.label, State: Sending, Done: done, Total: u.blob.ready.size})
	}}, content}, nil
}
