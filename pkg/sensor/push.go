package sensor

import (
	"context"
	"fmt"
	"os"
	"slices"
	"strings"
	"sync"

	"github.com/google/go-containerregistry/pkg/authn"
	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"golang.org/x/sync/errgroup"

	"github.com/kubectl-falcon/kubectl-falcon/pkg/problem"
)

const (
	// uploads are how many blobs are sent at the same time, as docker and skopeo send them, roughly.
	uploads = 4
	// packers are how many layers are compressed at the same time: one uses all processors, and the uploads of
	// those before go on meanwhile.
	packers = 1
)

// push is one run.
type push struct {
	o       Options
	to      name.Tag
	source  *artifact
	scratch *scratch
	puller  *remote.Puller
	pusher  *remote.Pusher
	packing chan struct{}

	mu     sync.Mutex
	result Result
}

// Push copies the image that source names to the repository and tag of dest. source is a file, a tarball of
// docker save or an OCI layout, compressed or not, one that the Falcon API gives (see APISource), or a reference
// in a registry; dest without a tag takes the source's. The tag is written last, and only if all that is behind it is there and right.
func Push(ctx context.Context, source, dest string, o Options) (Result, error) {
	if o.Report == nil {
		o.Report = func(Event) {}
	}
	if o.From == nil {
		o.From = authn.DefaultKeychain
	}
	if o.To == nil {
		o.To = authn.DefaultKeychain
	}
	p := &push{o: o, packing: make(chan struct{}, packers)}
	if err := p.checkDest(dest); err != nil {
		return Result{}, err
	}
	var err error
	if p.scratch, err = newScratch(o.Scratch); err != nil {
		return Result{}, err
	}
	defer func() { _ = p.scratch.close() }()
	if err := p.open(ctx, source); err != nil {
		return Result{}, err
	}
	defer func() { _ = p.source.close() }()
	if p.to, err = destination(dest, p.source); err != nil {
		return Result{}, err
	}
	if p.result.Kind, err = p.source.admit(ctx, o.AnyImage); err != nil {
		return Result{}, p.explain(ctx, err)
	}
	return p.run(ctx)
}

// checkDest refuses what cannot be meant before anything is read.
func (p *push) checkDest(dest string) error {
	if strings.Contains(dest, "@") {
		return problem.New(problem.BadInput, "write REGISTRY/REPOSITORY or REGISTRY/REPOSITORY:TAG",
			"%q names a digest, which comes from the image itself", dest)
	}
	if _, err := name.NewTag(dest); err != nil {
		return problem.New(problem.BadInput, "write REGISTRY/REPOSITORY:TAG, such as registry.example.com/falcon-sensor:7.40.0",
			"%q is no place for an image: %w", dest, short(err))
	}
	return nil
}

// options are those for a registry with its credentials.
func (p *push) options(ctx context.Context, keys authn.Keychain) []remote.Option {
	o := []remote.Option{remote.WithContext(ctx), remote.WithAuthFromKeychain(keys), remote.WithJobs(uploads),
		// What fails is tried again here, where it is known what can be.
		remote.WithRetryBackoff(remote.Backoff{Steps: 1})}
	if p.o.Transport != nil {
		o = append(o, remote.WithTransport(p.o.Transport))
	}
	if p.o.Agent != "" {
		o = append(o, remote.WithUserAgent(p.o.Agent))
	}
	return o
}

// open finds out what the source is, and what is in it.
func (p *push) open(ctx context.Context, source string) error {
	_, given := APISource(source)
	if !given && !isFile(source) {
		ref, err := name.ParseReference(source)
		if err != nil {
			return problem.New(problem.BadInput, "name a file, or an image as REGISTRY/REPOSITORY:TAG", "%q is neither a file nor an image's name", source)
		}
		p.source, err = fromRegistry(ctx, ref, p.o.Platform, p.options(ctx, p.o.From)...)
		if err != nil {
			return err
		}
		return p.source.choose(p.o.Platform)
	}
	get := func() (*tarball, error) { return p.openTarball(ctx, source, source) }
	if given {
		get = func() (*tarball, error) { return p.openAPI(ctx, source) }
	}
	t, err := get()
	if err != nil {
		return err
	}
	a, err := t.artifactOf()
	if err == nil {
		err = a.choose(p.o.Platform)
	}
	if err == nil {
		err = a.whole()
	}
	if err != nil {
		_ = t.close()
		return t.unreadable(ctx, err)
	}
	p.source = a
	return nil
}

// isFile says whether a source is a file: because there is one, or because it is called like one.
func isFile(source string) bool {
	_, err := os.Stat(source)
	return err == nil || calledFile(source)
}

// calledFile says whether a name can only be that of a file, on any platform: no reference has a backslash, and
// C:/images would be one of a host with one letter and an empty port.
func calledFile(source string) bool {
	onDrive := len(source) > 2 && source[1:3] == ":/"
	if strings.HasPrefix(source, "/") || strings.HasPrefix(source, ".") || strings.Contains(source, `\`) || onDrive {
		return true
	}
	source = strings.ToLower(source)
	for _, end := range []string{".tar", ".tgz", ".tbz2", ".txz", ".tar.gz", ".tar.bz2", ".tar.xz", ".tar.zst"} {
		if strings.HasSuffix(source, end) {
			return true
		}
	}
	return false
}

// destination is where the image goes: dest, with the source's tag if it has none.
func destination(dest string, a *artifact) (name.Tag, error) {
	if tag, err := name.NewTag(dest, name.StrictValidation); err == nil {
		return tag, nil
	}
	repository, err := name.NewRepository(dest)
	if err != nil {
		// It has a tag, and a registry that must be guessed.
		return name.NewTag(dest)
	}
	for _, given := range a.names {
		// With a digest behind it the tag is still its name, as sensor image prints it.
		base, _, _ := strings.Cut(given, "@")
		if colon := strings.LastIndexByte(base, ':'); colon > strings.LastIndexByte(base, '/') {
			return repository.Tag(base[colon+1:]), nil
		}
	}
	return name.Tag{}, problem.New(problem.BadInput, "write "+dest+":TAG", "%s has no tag to take over", a.from)
}

// run sends what is not there yet and then writes the tag.
func (p *push) run(ctx context.Context) (Result, error) {
	p.result.Tag, p.result.Platforms = p.to.String(), p.source.platforms()
	var err error
	if p.puller, err = remote.NewPuller(p.options(ctx, p.o.To)...); err != nil {
		return Result{}, err
	}
	if done, err := p.compare(ctx); err != nil || done {
		return p.result, err
	}
	if p.pusher, err = remote.NewPusher(p.options(ctx, p.o.To)...); err != nil {
		return Result{}, err
	}
	group, within := errgroup.WithContext(ctx)
	group.SetLimit(uploads)
	manifests := make([]*manifest, len(p.source.images))
	blobs := p.blobs()
	for _, b := range blobs {
		group.Go(func() error { return p.send(within, b) })
	}
	if err := group.Wait(); err != nil {
		return Result{}, p.explain(ctx, err)
	}
	for n, i := range p.source.images {
		if manifests[n] = i.ready; i.ready != nil {
			continue
		}
		if manifests[n], err = i.made(prepared(blobs, i)); err != nil {
			return Result{}, err
		}
	}
	if p.source.remade() {
		if p.source.index, err = p.source.newIndex(manifests); err != nil {
			return Result{}, err
		}
	}
	if err := p.commit(ctx, manifests); err != nil {
		return Result{}, err
	}
	return p.result, nil
}

// commit writes the manifests, that of the tag last, and looks whether they are there.
func (p *push) commit(ctx context.Context, manifests []*manifest) error {
	top := manifests[0]
	if p.source.index != nil {
		top = p.source.index
		for _, m := range manifests {
			if err := p.put(ctx, p.to.Digest(sumOf(m.raw).String()), m); err != nil {
				return err
			}
		}
	}
	if err := p.put(ctx, p.to, top); err != nil {
		return err
	}
	digest := sumOf(top.raw).String()
	p.name(digest)
	for _, ref := range []name.Reference{p.to, p.to.Digest(digest)} {
		got, err := p.head(ctx, ref)
		if err != nil {
			return refused(ctx, ref, "look for what was pushed as", err)
		}
		if got != digest {
			return problem.New(problem.Failed, "somebody else may push to the same tag: use another",
				"%s has the digest %s after %s was pushed", ref, got, digest)
		}
	}
	return nil
}

func (p *push) name(digest string) {
	p.result.Digest, p.result.Reference = digest, p.to.Context().Name()+"@"+digest
}

// explain is an error of the source or of the destination, whichever it is about.
func (p *push) explain(ctx context.Context, err error) error {
	if sourceFault(err) && p.source.tarball != nil {
		return p.source.tarball.unreadable(ctx, err)
	}
	return refused(ctx, p.to, "push to", err)
}

// blobs are all blobs of the artifact, each once.
func (p *push) blobs() (all []*outgoing) {
	layers := 0
	for _, i := range p.source.images {
		layers += len(i.layers)
	}
	number := 0
	for _, i := range p.source.images {
		for _, l := range i.layers {
			number++
			all = append(all, &outgoing{of: i, layer: l, label: fmt.Sprintf("layer %d of %d", number, layers)})
		}
		if !slices.ContainsFunc(all, func(o *outgoing) bool { return o.layer == nil && o.ready.digest == i.configDigest() }) {
			all = append(all, &outgoing{of: i, ready: inMemory(i.raw), label: "config"})
		}
	}
	return all
}
