package inject

import (
	"context"
	"errors"
	"fmt"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"

	"github.com/kubectl-falcon/kubectl-falcon/pkg/inject/canary"
	"github.com/kubectl-falcon/kubectl-falcon/pkg/inject/manifest"
	"github.com/kubectl-falcon/kubectl-falcon/pkg/inject/owner"
	"github.com/kubectl-falcon/kubectl-falcon/pkg/kube"
	"github.com/kubectl-falcon/kubectl-falcon/pkg/problem"
)

// How says how an installation goes about it.
type How struct {
	// Timeout bounds the wait for the injector to be Ready. Without Wait the installation ends before that
	// wait, and so without the webhook.
	Timeout time.Duration
	Wait    bool
	// ForceConflicts takes fields that other tools own, Adopt what the guide's installer made.
	ForceConflicts bool
	Adopt          bool
	// Rollback takes back what was done when it does not get through.
	Rollback bool
	// RenewBefore is the life that a certificate must have left.
	RenewBefore time.Duration
	// Version is that of this program, for the record.
	Version string
}

// installation is one run of Install.
type installation struct {
	c      *kube.Cluster
	o      Options
	how    How
	report Reporter
	now    time.Time
	// canaries asks for the dry-run pods of the proofs.
	canaries *canary.Prober

	found *found
	given manifest.Given
	plan  manifest.Plan
	// pull is what copies of the pull secret hold.
	pull []byte
	// rehearsed is the server's judgement of each object of the plan.
	rehearsed []Outcome
	// unusable is why the certificate in the cluster is replaced.
	unusable error
	// known is what the plan's objects were just before they are applied.
	known map[string]kube.Known
	done  []kube.Applied
	// dropped says that something was deleted because the plan does not have it.
	dropped bool
	// refusedBefore are namespaces that refused pods because of the sensor before this run, and why.
	refusedBefore map[string]string
	// trusted says that the webhook trusts an authority more than before, covering that it is in use: what
	// fails then leaves a working installation.
	trusted, covering bool
	// objects are those of done, in the same order.
	objects []kube.Object
}

// errOvertaken ends a run whose objects another run has changed meanwhile: that one decides the outcome.
var errOvertaken = errors.New("another run changed it meanwhile")

// Install makes the injector or brings it to what the options say, and reports each step. Its order keeps
// pods creatable at every moment (see the package), so it can be ended at any and run again. Nothing is
// changed when the options are bad, rights are missing, another tool owns the injector, or the server
// would refuse an object. changed says whether anything was.
func Install(ctx context.Context, c *kube.Cluster, o Options, how How, report Reporter) (changed bool, err error) {
	i, err := prepare(ctx, c, o, how, report)
	if err != nil {
		return false, err
	}
	for _, warning := range o.Warnings() {
		report.remark("warning: %s", warning)
	}
	err = i.carry(ctx)
	changed = i.dropped
	for _, a := range i.done {
		changed = changed || a.Change != kube.Unchanged
	}
	if err == nil {
		return changed, nil
	}
	return changed, i.failed(ctx, err)
}

// prepare does all that changes nothing.
func prepare(ctx context.Context, c *kube.Cluster, o Options, how How, report Reporter) (*installation, error) {
	if err := o.Validate(); err != nil {
		return nil, err
	}
	if o.TLSSecret == "" && o.CertValidity <= how.RenewBefore {
		return nil, problem.New(problem.BadInput, "make --cert-validity longer, or --renew-before shorter",
			"certificates that last %s would be renewed by every install, since %s must be left", o.CertValidity, how.RenewBefore)
	}
	if err := Permitted(ctx, c, InstallRules(o), "install"); err != nil {
		return nil, err
	}
	i := &installation{c: c, o: o, how: how, report: report, now: time.Now(),
		canaries: &canary.Prober{Client: c.Client, Sensor: o.Image}}
	var err error
	if i.found, err = look(ctx, c, tlsSecretName(o)); err != nil {
		return nil, err
	}
	if err := i.found.staying(); err != nil {
		return nil, err
	}
	if err := owner.Refuse(i.found.injectors, how.Adopt); err != nil {
		return nil, err
	}
	if err := i.findPullSecret(ctx); err != nil {
		return nil, err
	}
	if err := i.decide(); err != nil {
		return nil, err
	}
	i.warnOfCertificate()
	return i, i.rehearse(ctx)
}

func tlsSecretName(o Options) string {
	if o.TLSSecret != "" {
		return o.TLSSecret
	}
	return manifest.SecretName
}

// carry does the work. Each step leaves a state in which pods can be created.
func (i *installation) carry(ctx context.Context) error {
	if i.how.Adopt {
		if err := i.adopt(ctx); err != nil {
			return err
		}
	}
	if err := i.baseline(ctx); err != nil {
		return err
	}
	if err := i.trustBoth(ctx); err != nil {
		return err
	}
	var err error
	if i.known, err = i.before(ctx); err != nil {
		return err
	}
	// By number, because a certificate that another run has just made changes the plan.
	for n := 0; n < len(i.plan.Objects); n++ {
		if err := i.make(ctx, i.plan.Objects[n]); err != nil {
			return err
		}
		i.ownWebhook()
	}
	if err := i.pullSecrets(ctx); err != nil {
		return err
	}
	if !i.how.Wait {
		i.report.remark("not waiting: the webhook is made by another install, once the injector is Ready")
		return nil
	}
	if err := i.waitReady(ctx); err != nil {
		return err
	}
	if err := i.checkServed(ctx); err != nil {
		return err
	}
	if err := i.cover(ctx); err != nil {
		return err
	}
	if err := i.spare(ctx); err != nil {
		return err
	}
	if err := i.apply(ctx, i.plan.Record); err != nil {
		return err
	}
	return i.prune(ctx)
}

// ownWebhook makes the namespace, once it is there, the owner of the webhook: see manifest.Given.
func (i *installation) ownWebhook() {
	if i.given.NamespaceUID != "" {
		return
	}
	for n, object := range i.objects {
		if object.GetName() == Namespace && object.GetNamespace() == "" && i.done[n].After.GetKind() == "Namespace" {
			i.given.NamespaceUID = i.done[n].After.GetUID()
			i.plan = manifest.Render(i.o, i.given)
		}
	}
}

// apply makes or changes one object, remembers what it was, and reports it.
func (i *installation) apply(ctx context.Context, object kube.Object) error {
	return i.applyWith(ctx, object, kube.ApplyOptions{Force: i.how.ForceConflicts})
}

func (i *installation) applyWith(ctx context.Context, object kube.Object, how kube.ApplyOptions) error {
	if known, ok := i.known[describe(object)]; ok {
		how.Before = &known
		delete(i.known, describe(object))
	}
	a, err := i.c.ApplyWith(ctx, object, how)
	if kube.Passing(err) {
		// The server may have done it, though its answer did not come: what is taken back is looked for.
		a.After, a.Change = nil, kube.Changed
		if a.Before == nil {
			a.Change = kube.Created
		}
		i.remember(object, a)
	}
	if err != nil {
		return owner.ExplainConflict(err, object)
	}
	i.report.change(object, i.remember(object, a))
	return nil
}

// remember keeps what an object was before this run and what it is now, and returns the change of it by
// this run, however often it was applied.
func (i *installation) remember(object kube.Object, a kube.Applied) kube.Change {
	for n, o := range i.objects {
		if kube.Describe(o) == kube.Describe(object) && o.GetNamespace() == object.GetNamespace() {
			first := &i.done[n]
			first.After = a.After
			if first.Change == kube.Unchanged {
				first.Change = a.Change
			}
			return first.Change
		}
	}
	i.done, i.objects = append(i.done, a), append(i.objects, object)
	return a.Change
}

// failed says what an installation that did not get through has left, after taking it back if it may.
func (i *installation) failed(ctx context.Context, err error) error {
	switch {
	case ctx.Err() != nil:
		// Interrupted: whoever did that does not want to wait, and every state is a safe one.
		return err
	case errors.Is(err, errOvertaken), overwritten(err):
		return problem.New(problem.Failed, "see what it made of it: kubectl falcon status",
			"%w; its outcome stands, and this run did nothing more", err)
	case i.covering:
		return withNext(err, "the injector is installed and in use; run the same command again to finish")
	case !i.how.Rollback:
		return err
	}
	// The time for the operation may be over; each step of tidying up has one of its own.
	if undone := i.rollback(context.WithoutCancel(ctx)); undone != nil {
		i.report.remark("not all of it could be taken back: %v", undone)
		return err
	}
	switch {
	case i.trusted:
		return withNext(err, "what this run did was taken back, but the webhook trusts the authority that it added until the next install")
	case i.how.Adopt:
		return withNext(err, "what this run did to the injector was taken back, but kubectl falcon owns the fields that it took over; "+
			"another install --adopt goes on, and kubectl apply works as before")
	}
	return withNext(err, "nothing of this run is left")
}

// withNext puts words before an error's advice.
func withNext(err error, words string) error {
	kind, next := problem.Failed, ""
	if p, ok := errors.AsType[*problem.Error](err); ok {
		kind, next = p.Kind(), p.Next()
	}
	if next != "" {
		words += "; " + next
	}
	return problem.New(kind, words, "%w", err)
}

// overwritten says whether a write was refused because another had come between, and not because another
// tool owns a field: another run is at work, and needs what this one would take back.
func overwritten(err error) bool {
	_, owned := errors.AsType[*owner.Conflict](err)
	return apierrors.IsConflict(err) && !owned
}

// overtaken names what another run changed.
func overtaken(what string) error { return fmt.Errorf("%s: %w", what, errOvertaken) }
