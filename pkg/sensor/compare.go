package sensor

import (
	"context"
	"errors"
	"net"
	"net/http"

	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/google/go-containerregistry/pkg/v1/remote/transport"
)

// compare asks the destination once what the tag has, and says whether that is the image. The config tells:
// it names the content of every layer, however that was compressed.
func (p *push) compare(ctx context.Context) (same bool, err error) {
	var found *remote.Descriptor
	err = p.again(ctx, func() (err error) {
		found, err = p.puller.Get(ctx, p.to)
		if dial, ok := errors.AsType[*net.OpError](err); ok && dial.Op == "dial" {
			// Nobody has been there yet: it is the name or the network.
			return errFinal{err}
		}
		return err
	})
	if answer, ok := errors.AsType[*transport.Error](err); ok && !p.final(answer) && (answer.StatusCode == http.StatusNotFound || answer.StatusCode == http.StatusForbidden) {
		// Some registries say forbidden of what is not there yet; if it is meant, the upload is told so too.
		return false, nil
	}
	if err != nil {
		return false, refused(ctx, p.to, "look at", err)
	}
	if p.has(ctx, found) {
		p.name(found.Digest.String())
		p.result.AlreadyThere = true
		return true, nil
	}
	p.result.Replaced = found.Digest.String()
	return false, nil
}

// final says whether an answer about the tag means that no image can be pushed.
func (p *push) final(answer *transport.Error) bool {
	return p.o.Strict && (answer.StatusCode == http.StatusForbidden || has(answer, transport.NameUnknownErrorCode))
}

// has says whether what was found is the source's image.
func (p *push) has(ctx context.Context, found *remote.Descriptor) bool {
	if p.source.remade() {
		return p.hasRemade(ctx, found)
	}
	if p.source.index != nil {
		return found.Digest == sumOf(p.source.index.raw)
	}
	i := p.source.images[0]
	if i.ready != nil && found.Digest == sumOf(i.ready.raw) {
		return true
	}
	return configIs(found, i)
}
