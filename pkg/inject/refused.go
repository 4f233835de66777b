package inject

import (
	"context"
	"maps"
	"slices"
	"strings"

	apierrors "k8s.io/apimachinery/pkg/api/errors"

	"github.com/kubectl-falcon/kubectl-falcon/pkg/inject/canary"
	"github.com/kubectl-falcon/kubectl-falcon/pkg/problem"
)

// blames says whether a refusal names the injector or what it adds.
func blames(a canary.Answer) bool {
	for _, word := range []string{WebhookName, "crowdstrike-falcon", "falcon-container", "SYS_PTRACE"} {
		if strings.Contains(a.Why(), word) {
			return true
		}
	}
	return false
}

// refusals are the namespaces in which a webhook in use has pods refused that could be created without the
// sensor, and why. A quota that is full for now is none: nobody knows who fills it next.
func (i *installation) refusals(ctx context.Context, namespaces []string) (map[string]string, error) {
	proofs, err := each(ctx, namespaces, func(ctx context.Context, ns string) (proof, error) {
		p, err := i.prove(ctx, ns, eager, optedOut)
		if err != nil || !faultOfInjector(p.untold) {
			return p, err
		}
		// The injector may fail pods that opt out as well. It is not asked about those beside it.
		outside, err := i.canaries.Ask(ctx, Namespace, eager())
		if err == nil && !faultOfInjector(outside.Why()) {
			p = proof{harm: p.untold}
		}
		return p, err
	})
	refused := map[string]string{}
	for ns, p := range proofs {
		if p.harm != "" && !strings.Contains(p.harm, "exceeded quota") {
			refused[ns] = p.harm
		}
	}
	return refused, err
}

// baseline keeps what a webhook in use has refused before this run changes anything.
func (i *installation) baseline(ctx context.Context) (err error) {
	if !i.how.Wait || !wide(i.found.webhook) {
		return nil
	}
	in, _ := covered(i.found.webhook, i.found.namespaces)
	i.refusedBefore, err = i.refusals(ctx, in)
	return err
}

// proveWide is the proof of a webhook that pods depend on already, after its change: pods must be created
// with the sensor as new injectors add it, in each namespace that it covers. A namespace that refused them
// before, such as one that its tenant has restricted since, is no reason to keep an old injector; but one
// injector that no namespace gets a pod from is.
func (i *installation) proveWide(ctx context.Context, namespaces []string) error {
	const times = 3
	refused, err := i.refusals(ctx, namespaces)
	for n := 1; n < times && err == nil && len(refused) > 0; n++ {
		// What is no answer of the injector's for good is over by the next time.
		if err := pause(ctx, pollEvery); err != nil {
			return err
		}
		refused, err = i.refusals(ctx, slices.Collect(maps.Keys(refused)))
	}
	if err != nil {
		return err
	}
	var fresh, still []string
	faulty := 0
	for ns, why := range refused {
		if words := "namespace " + ns + ": " + why; i.refusedBefore[ns] == "" {
			fresh = append(fresh, words)
		} else {
			still = append(still, words)
		}
		if faultOfInjector(why) {
			faulty++
		}
	}
	if len(namespaces) > 0 && faulty == len(namespaces) {
		fresh, still = append(fresh, still...), nil
	}
	slices.Sort(fresh)
	slices.Sort(still)
	if len(fresh) > 0 {
		next := "mend the cause, or leave the namespaces out with --exclude-namespace"
		if faulty > 0 {
			next = injectorFails
		}
		return problem.New(problem.Failed, next,
			"pods are refused because of the injector: %s", list(fresh, 3))
	}
	if len(still) > 0 {
		i.report.remark("warning: pods with the sensor are refused, as before this run: %s", list(still, 3))
	}
	return nil
}

// injectorFails is what to do where no namespace is at fault.
const injectorFails = "kubectl logs -n " + Namespace + " deployment/" + Name + " may say why the injector does not answer"

// faultOfInjector says whether a pod was refused because the injector does not work, as against somebody who
// does not want what it adds. A patch of the injector that does not fit the pod comes back as an error of the
// server that names nobody.
func faultOfInjector(why string) bool {
	return strings.Contains(why, `webhook "`+WebhookName+`"`) ||
		strings.HasPrefix(why, "Internal error occurred: ") && !strings.Contains(why, `webhook "`)
}

// busy says whether a refusal is of a server that had no time or a fault of its own: it shows nothing.
func busy(refusal error) bool {
	return apierrors.IsTooManyRequests(refusal) || apierrors.IsServiceUnavailable(refusal) || apierrors.IsTimeout(refusal) ||
		apierrors.IsServerTimeout(refusal)
}
