package cloud

import (
	"context"
	"errors"

	"github.com/distribution/reference"
	"github.com/google/go-containerregistry/pkg/authn"

	"github.com/kubectl-falcon/kubectl-falcon/pkg/aws"
	"github.com/kubectl-falcon/kubectl-falcon/pkg/aws/ecr"
	"github.com/kubectl-falcon/kubectl-falcon/pkg/problem"
	"github.com/kubectl-falcon/kubectl-falcon/pkg/sensor"
	"github.com/kubectl-falcon/kubectl-falcon/pkg/verify"
)

// registry is the registry of an image, if it is one of ECR.
type registry struct {
	ecr.Host
	name       string
	repository string
	// is is the image's digest, or its tag.
	is string
	// login is the one by which the registry was known, if it was.
	login *ecr.Login
}

// registry reads an image's reference; it is nil if the image is not in ECR. A registry that stands in for ECR has
// any name, and is known by being the one that the login is for.
func (l *look) registry(ctx context.Context, image string) (*registry, error) {
	named, err := reference.ParseNormalizedNamed(image)
	if err != nil {
		return nil, nil
	}
	r := &registry{name: reference.Domain(named), repository: reference.Path(named), is: "latest"}
	if tagged, ok := named.(reference.Tagged); ok {
		r.is = tagged.Tag()
	}
	if digested, ok := named.(reference.Digested); ok {
		r.is = digested.Digest().String()
	}
	var real bool
	if r.Host, real = ecr.ParseHost(r.name); real {
		return r, nil
	}
	if l.session.Endpoint("ECR") == "" {
		return nil, nil
	}
	login, err := ecr.New(l.session, ecr.Connect(l.session), nil).Login(ctx)
	if err != nil || login.Host != r.name {
		return nil, err
	}
	r.login = &login
	return r, nil
}

// image looks at the sensor's image in ECR, and at the repository that it is in.
func (l *look) image(ctx context.Context) {
	in, err := l.registry(ctx, l.about.Image)
	if err != nil {
		l.unknown(verify.AWSImage, err)
		l.unknown(verify.AWSRepository, err)
		return
	}
	if in == nil {
		return
	}
	session := l.session
	if in.Region != "" && in.Region != session.Region {
		if session, err = l.Connect(ctx, in.Region); err != nil {
			l.unknown(verify.AWSImage, err)
			l.unknown(verify.AWSRepository, err)
			return
		}
	}
	l.stored(ctx, session, in)
}

func (l *look) stored(ctx context.Context, session *aws.Session, in *registry) {
	s := &verify.StoredImage{Image: l.about.Image, Registry: in.name, Repository: in.repository, Region: session.Region, Owner: in.Account}
	l.found.Image = s
	client := ecr.New(session, ecr.Connect(session), nil)
	image, err := client.Find(ctx, in.Account, in.repository, in.is)
	switch {
	case errors.Is(err, ecr.ErrNoRepository):
		s.NoRepository = true
		return
	case err != nil:
		l.unknown(verify.AWSImage, err)
	case image == nil:
		s.Absent = true
		return
	default:
		s.Digest, s.Pushed = image.Digest, image.Pushed
		l.platforms(ctx, client, in, s)
	}
	settings, policy, err := client.Settings(ctx, in.Account, in.repository)
	if err != nil {
		l.unknown(verify.AWSRepository, err)
		return
	}
	s.ImmutableTags, s.ScanOnPush = settings.ImmutableTags, settings.ScanOnPush
	if policy == "" || image == nil {
		return
	}
	all, err := client.Others(ctx, in.Account, in.repository)
	if err != nil {
		l.unknown(verify.AWSRepository, err)
		return
	}
	s.Expires = ecr.Expires(policy, s.Digest, all)
}

// platforms asks the registry for which platforms the image is; ECR's API does not say.
func (l *look) platforms(ctx context.Context, client *ecr.Client, in *registry, s *verify.StoredImage) {
	login := in.login
	if login == nil {
		got, err := client.Login(ctx)
		if err != nil {
			l.unknown(verify.AWSPlatforms, err)
			return
		}
		login = &got
	}
	keys := sensor.LoginKeychain(sensor.Login{Host: in.name, User: login.User, Password: login.Password()}, authn.DefaultKeychain)
	platforms, err := sensor.PlatformsWith(ctx, s.Image, keys)
	if err != nil {
		if action := aws.RefusedAction(err.Error()); action != "" {
			err = problem.New(problem.NoAccess, l.session.Rights(), "ask the registry for which platforms the image is: the right %s is missing: %w", action, err)
		}
		l.unknown(verify.AWSPlatforms, err)
		return
	}
	s.Platforms = platforms
}
