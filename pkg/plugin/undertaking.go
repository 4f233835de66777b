package plugin

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"time"

	// The name is the SDK's own too.
	"github.com/kubectl-falcon/kubectl-falcon/pkg/aws"
	"github.com/kubectl-falcon/kubectl-falcon/pkg/aws/ecr"
	"github.com/kubectl-falcon/kubectl-falcon/pkg/aws/fargate"
	"github.com/kubectl-falcon/kubectl-falcon/pkg/aws/irsa"
	"github.com/kubectl-falcon/kubectl-falcon/pkg/demo"
	api "github.com/kubectl-falcon/kubectl-falcon/pkg/falcon"
	"github.com/kubectl-falcon/kubectl-falcon/pkg/inject/manifest"
	"github.com/kubectl-falcon/kubectl-falcon/pkg/stage"
	"github.com/kubectl-falcon/kubectl-falcon/pkg/term"
)

// undertaking is one run of up or down: the ways into AWS, the Falcon API and the cluster, and what earlier
// stages learned for later ones.
type undertaking struct {
	s       *session
	f       *upFlags
	account *aws.Session
	owner   string
	falcon  *api.Client
	lines   *term.Progress

	mu sync.Mutex
	// image is the one to install, cid the customer id, annotation that of the injector's role.
	image, cid, annotation string
	// repository is where the image goes, as a reference without a tag.
	repository string
	// proved is what the demo showed.
	proved *demo.Result
	// left is what down leaves.
	left []leftThing
}

// undertake opens the ways in, so that what is wrong with them is told before anything is done.
func (s *session) undertake(ctx context.Context, f *upFlags) (*undertaking, error) {
	u := &undertaking{s: s, f: f, image: f.inject.o.Image, cid: f.inject.o.CID}
	var err error
	if u.account, u.owner, err = s.eksSession(ctx, f.eks); err != nil {
		return nil, err
	}
	if f.from != nil && !f.from.absent() {
		if u.falcon, err = s.falconClient(ctx, f.from); err != nil {
			return nil, err
		}
	}
	return u, nil
}

// end gives the token of the Falcon API back.
func (u *undertaking) end(ctx context.Context) {
	if u.falcon != nil {
		endFalcon(ctx, u.falcon)
	}
}

// run does the stages, and shows each in a line.
func (u *undertaking) run(ctx context.Context, stages []stage.Stage) ([]stage.Outcome, error) {
	u.lines = u.s.quietProgress()
	defer u.s.endProgress()
	return stage.Run(ctx, stages, func(e stage.Event) {
		switch o := e.Outcome; {
		case o == nil:
			u.lines.State(e.Name, e.Step)
		case o.State == stage.Failed:
			u.lines.Trouble(e.Name, o.What)
		default:
			u.lines.State(e.Name, "")
			u.lines.Done(e.Name, strings.TrimSuffix(string(o.State)+", "+o.What, ", "))
		}
	})
}

// keep takes down what a stage learned.
func (u *undertaking) keep(to *string, value string) {
	u.mu.Lock()
	defer u.mu.Unlock()
	*to = value
}

// awsEvents tells of what happens in AWS as steps of a stage.
func awsEvents(tell func(string)) aws.Reporter {
	return func(e aws.Event) {
		switch {
		case tell == nil:
		case e.Trouble != "":
			tell(e.Object + ": " + e.Trouble)
		case e.Change != "":
			tell(e.Object + " " + string(e.Change))
		case e.State != "":
			tell(e.Object + ": " + e.State)
		case e.Remark != "":
			tell(e.Remark)
		}
	}
}

func (u *undertaking) profiles(tell func(string)) *fargate.Account {
	return &fargate.Account{EKS: u.account.EKS(), IAM: u.account.IAM(), Network: u.account.EC2(), Region: u.account.Region, Owner: u.owner,
		Explain: u.account.Explain, Tags: aws.Tags(version().Version), Report: awsEvents(tell)}
}

func (u *undertaking) roles(tell func(string)) *irsa.Account {
	return &irsa.Account{EKS: u.account.EKS(), IAM: u.account.IAM(), Region: u.account.Region, Owner: u.owner,
		Explain: u.account.Explain, Tags: aws.Tags(version().Version), Report: awsEvents(tell)}
}

func (u *undertaking) registry(tell func(string)) *ecr.Client {
	return ecr.New(u.account, ecr.Connect(u.account), awsEvents(tell))
}

// binding is the injector's role.
func (u *undertaking) binding() irsa.Binding {
	return irsa.Binding{Cluster: u.f.eks.cluster, Namespace: manifest.Namespace, Name: manifest.Name}
}

// profileStage makes the Fargate profiles.
func (u *undertaking) profileStage() stage.Stage {
	wanted := fargate.Wanted{Cluster: u.f.eks.cluster, Selectors: u.f.selectors, Timeout: profileTimeout}
	namespaces := make([]string, 0, len(u.f.selectors))
	for _, one := range u.f.selectors {
		namespaces = append(namespaces, one.String())
	}
	whose := strings.Join(namespaces, ", ")
	return stage.Stage{Name: "fargate profile", Takes: 2 * time.Minute, Will: "make a Fargate profile for " + whose,
		Look: func(ctx context.Context) (stage.Seen, error) {
			w := wanted
			w.DryRun = true
			done, err := u.profiles(nil).Ensure(ctx, w)
			if err != nil {
				return stage.Seen{}, err
			}
			for n := range done.Profiles {
				if p := &done.Profiles[n]; p.Status != "ACTIVE" {
					return stage.Seen{What: "wait for the profile " + p.Name + ", which is " + p.Status}, nil
				}
			}
			if len(done.Plan) > 0 {
				return stage.Seen{What: planText(len(done.Plan), "make a Fargate profile for "+whose)}, nil
			}
			return stage.Seen{Done: true, What: "pods of " + whose + " run on Fargate"}, nil
		},
		Make: func(ctx context.Context, tell func(string)) (string, error) {
			done, err := u.profiles(tell).Ensure(ctx, wanted)
			if err != nil {
				return "", err
			}
			names := make([]string, 0, len(done.Profiles))
			for n := range done.Profiles {
				names = append(names, done.Profiles[n].Name)
			}
			return strings.Join(names, ", "), nil
		}}
}

// repositoryStage makes the repository in ECR.
func (u *undertaking) repositoryStage() stage.Stage {
	wanted := ecr.Wanted{Name: u.f.repository, Version: version().Version}
	return stage.Stage{Name: "repository", Takes: time.Second, Will: "make the repository " + u.f.repository,
		Look: func(ctx context.Context) (stage.Seen, error) {
			w := wanted
			w.DryRun = true
			done, err := u.registry(nil).Ensure(ctx, w)
			if err != nil {
				return stage.Seen{}, err
			}
			if len(done.Steps) > 0 {
				return stage.Seen{What: planText(len(done.Steps), "make the repository "+u.f.repository)}, nil
			}
			u.keep(&u.repository, done.Repository.URI)
			return stage.Seen{Done: true, What: done.Repository.URI}, nil
		},
		Make: func(ctx context.Context, tell func(string)) (string, error) {
			done, err := u.registry(tell).Ensure(ctx, wanted)
			if err != nil {
				return "", err
			}
			u.keep(&u.repository, done.Repository.URI)
			return done.Repository.URI, nil
		}}
}

// roleStage makes the role with which the injector reads images.
func (u *undertaking) roleStage() stage.Stage {
	return stage.Stage{Name: "role", Takes: 3 * time.Second, Will: "make the injector's IAM role",
		Look: func(ctx context.Context) (stage.Seen, error) {
			done, err := u.roles(nil).Ensure(ctx, u.binding(), true)
			if err != nil {
				return stage.Seen{}, err
			}
			u.keep(&u.annotation, done.Annotation)
			if len(done.Plan) > 0 {
				return stage.Seen{What: planText(len(done.Plan), "make the injector's role")}, nil
			}
			return stage.Seen{Done: true, What: done.Role}, nil
		},
		Make: func(ctx context.Context, tell func(string)) (string, error) {
			done, err := u.roles(tell).Ensure(ctx, u.binding(), false)
			if err != nil {
				return "", err
			}
			u.keep(&u.annotation, done.Annotation)
			return done.Role, nil
		}}
}

// cidStage asks the Falcon API for the customer id. It changes nothing, so there is nothing to do.
func (u *undertaking) cidStage() stage.Stage {
	return stage.Stage{Name: "customer id",
		Look: func(ctx context.Context) (stage.Seen, error) {
			id, err := u.falcon.CID(ctx)
			if err != nil {
				return stage.Seen{}, err
			}
			u.keep(&u.cid, id)
			return stage.Seen{Done: true, What: short(id)}, nil
		},
		Make: func(context.Context, func(string)) (string, error) { return "", nil }}
}

// short shows enough of a customer id to know it again.
func short(id string) string {
	if len(id) < 8 {
		return id
	}
	return fmt.Sprintf("%s...%s", id[:4], id[len(id)-3:])
}
