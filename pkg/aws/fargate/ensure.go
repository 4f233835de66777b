package fargate

import (
	"context"
	"errors"
	"regexp"
	"slices"
	"strings"
	"time"

	sdk "github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/eks"
	"github.com/aws/aws-sdk-go-v2/service/eks/types"
	"github.com/aws/smithy-go"

	"github.com/kubectl-falcon/kubectl-falcon/pkg/aws"
	"github.com/kubectl-falcon/kubectl-falcon/pkg/problem"
)

// Wanted is what Ensure is to see to.
type Wanted struct {
	Cluster string
	// Selectors are the pods that are to run on Fargate.
	Selectors []Selector
	// Name, if set, is the name of the profile that is made; more than one get numbers.
	Name string
	// Subnets, if set, are those that new profiles get; else private ones are found.
	Subnets []string
	// Role, if set, is the pod execution role of new profiles, by name or ARN; else there is one of ours.
	Role string
	// ReplaceFailed deletes a profile of ours whose creation failed, and makes it anew.
	ReplaceFailed bool
	// DryRun changes nothing and says what would be called.
	DryRun bool
	// Timeout is how long everything may take.
	Timeout time.Duration
}

// Ensured is what Ensure led to.
type Ensured struct {
	Cluster string `json:"cluster"`
	// Profiles are those that take the pods.
	Profiles []EnsuredProfile `json:"profiles"`
	// Covered says by which profile each selector is covered.
	Covered []Covered `json:"covered"`
	// Role is the pod execution role of new profiles.
	Role string `json:"podExecutionRole,omitempty"`
	// Plan are the calls of a dry run.
	Plan []aws.Step `json:"plan,omitempty"`
}

// EnsuredProfile is a profile and what was done to it.
type EnsuredProfile struct {
	Profile
	Change aws.Change `json:"change"`
	// Seconds are what it took.
	Seconds float64 `json:"seconds"`
}

// Ensure sees to it that the pods which the selectors mean can run on Fargate.
func (a *Account) Ensure(ctx context.Context, w Wanted) (*Ensured, error) {
	if w.Name != "" {
		if err := CheckName(w.Name); err != nil {
			return nil, err
		}
	}
	r := a.start(w.Timeout)
	var err error
	if r.cluster, err = r.describeCluster(ctx, w.Cluster); err != nil {
		return nil, err
	}
	if r.cluster.Status == string(types.ClusterStatusDeleting) || r.cluster.Status == string(types.ClusterStatusFailed) {
		return nil, problem.New(problem.Failed, "", "the cluster %s is %s", w.Cluster, r.cluster.Status)
	}
	there, err := r.profiles(ctx)
	if err != nil {
		return nil, err
	}
	p, err := plan(there, w.Selectors, w.Name, w.ReplaceFailed)
	if err != nil {
		return nil, err
	}
	result := &Ensured{Cluster: w.Cluster, Profiles: []EnsuredProfile{}, Covered: p.covered}
	if result.Covered == nil {
		result.Covered = []Covered{}
	}
	if len(p.create) > 0 {
		if err := r.createAll(ctx, &p, &w, result); err != nil || w.DryRun {
			return result, err
		}
	}
	return result, r.collect(ctx, &p, there, w.DryRun, result)
}

// createAll makes what has to be made, or says how.
func (r *run) createAll(ctx context.Context, p *planned, w *Wanted, result *Ensured) error {
	subnets, err := r.subnets(ctx, w.Subnets)
	if err != nil {
		return err
	}
	o, err := r.findRole(ctx, w.Role)
	if err != nil {
		return err
	}
	result.Role = o.arn
	if w.DryRun {
		result.Plan = o.steps()
		for _, one := range p.create {
			if one.replace != nil {
				result.Plan = append(result.Plan, aws.Step{Action: "eks:DeleteFargateProfile", On: one.name, Why: "its creation failed: " + one.replace.Why()})
			}
			result.Plan = append(result.Plan, aws.Step{Action: "eks:CreateFargateProfile", On: one.name,
				Why: "for " + describe(one.selectors) + " in " + strings.Join(ids(subnets), ", ")})
		}
		return nil
	}
	if err := r.ready(ctx, o); err != nil {
		return err
	}
	result.Role = o.arn
	m := maker{run: r, role: o, subnets: subnets, found: len(w.Subnets) == 0}
	for _, one := range p.create {
		began := r.Clock.Now()
		made, err := m.make(ctx, one)
		if err != nil {
			return err
		}
		result.Profiles = append(result.Profiles, EnsuredProfile{*made, aws.Created, r.Clock.Now().Sub(began).Seconds()})
		for _, s := range one.selectors {
			result.Covered = append(result.Covered, Covered{s, made.Name})
		}
	}
	return nil
}

// maker makes profiles that share their role and subnets.
type maker struct {
	*run
	role    *role
	subnets []Placed
	// found says that the subnets were found here, so that others can be taken.
	found bool
	// used says that a profile has the role.
	used bool
}

// make makes one profile and waits for it.
func (m *maker) make(ctx context.Context, w wanted) (*Profile, error) {
	key := object(w.name)
	if w.replace != nil {
		if err := m.remove(ctx, w.name); err != nil {
			return nil, err
		}
	}
	err := m.inLine(ctx, key, conflicting{
		change:      func(ctx context.Context) error { return m.create(ctx, w) },
		over:        func(ctx context.Context) (bool, error) { return m.madeMeanwhile(ctx, w) },
		propagating: m.propagating,
	})
	if err != nil {
		if !m.used && !timedOut(err) && m.surelyNot(ctx, w.name) {
			m.undoRole(ctx, m.role)
		}
		return nil, err
	}
	m.used = true
	p, err := m.settled(ctx, w.name, false)
	if err != nil {
		return nil, err
	}
	m.state(key, "")
	m.done(key, aws.Created)
	return p, nil
}

// surelyNot says that a profile is not there: if the answer to its creation was lost it may be, and it has the role
// then.
func (m *maker) surelyNot(ctx context.Context, name string) bool {
	p, err := m.describe(ctx, name)
	return err == nil && p == nil
}

func timedOut(err error) bool {
	p, ok := errors.AsType[*problem.Error](err)
	return ok && p.Kind() == problem.TimedOut
}

// create is the call. If EKS has no Fargate in the zones of some of the subnets that were found, it is made
// with the others.
func (m *maker) create(ctx context.Context, w wanted) error {
	in := &eks.CreateFargateProfileInput{ClusterName: &m.cluster.Name, FargateProfileName: sdk.String(w.name), PodExecutionRoleArn: &m.role.arn,
		Subnets: ids(m.subnets), Tags: m.Tags}
	for _, s := range w.selectors {
		in.Selectors = append(in.Selectors, types.FargateProfileSelector{Namespace: sdk.String(s.Namespace), Labels: s.Labels})
	}
	_, err := m.EKS.CreateFargateProfile(ctx, in)
	if zones, ok := errors.AsType[*types.UnsupportedAvailabilityZoneException](err); ok && m.found {
		left := slices.DeleteFunc(slices.Clone(m.subnets), func(p Placed) bool { return !slices.Contains(zones.ValidZones, p.Zone) })
		if len(left) > 0 && len(left) < len(m.subnets) {
			m.remark("EKS has no Fargate in the zones of some subnets; the profile gets " + strings.Join(ids(left), ", "))
			m.subnets = left
			return m.create(ctx, w)
		}
	}
	doing := "create the Fargate profile " + w.name
	if lacks := forItsRole.FindStringSubmatch(refusal(err)); lacks != nil {
		return problem.New(problem.NoAccess, "ask for the rights that this prints: kubectl falcon aws iam-policy fargate ensure",
			"%s: the right %s is missing, on EKS's own role for Fargate", doing, lacks[1])
	}
	return m.Explain(ctx, doing, err)
}

// forItsRole is how EKS says that it may not look at its service-linked role, which it does with the caller's
// rights (aws-controllers-k8s/community, 1821).
var forItsRole = regexp.MustCompile(`missing permissions for '([a-z0-9-]+:[A-Za-z]+)'`)

// refusal is what EKS said, if that is what an error is.
func refusal(err error) string {
	if said, ok := errors.AsType[smithy.APIError](err); ok {
		return said.ErrorMessage()
	}
	return ""
}

// propagating says whether an error is one of a role that was just made and that EKS does not see, or not whole,
// yet. It complains of the parameter then, and of subnets with the same code.
func (m *maker) propagating(err error) bool {
	refused, ok := errors.AsType[*aws.Refused](err)
	return ok && m.role.fresh(m.Clock.Now()) && refused.Code == "InvalidParameterException" && strings.Contains(strings.ToLower(refused.Message), "role")
}

// madeMeanwhile says after a conflict whether the profile is there, because somebody else made the same.
func (m *maker) madeMeanwhile(ctx context.Context, w wanted) (bool, error) {
	p, err := m.describe(ctx, w.name)
	if err != nil || p == nil || p.Status == string(types.FargateProfileStatusDeleting) {
		return false, err
	}
	if p.Usable() && sameSelectors(p.Selectors, w.selectors) {
		return true, nil
	}
	return false, refuseTaken(p, w.selectors, false)
}

// collect waits for those that were in the making, and adds what was there.
func (r *run) collect(ctx context.Context, p *planned, there []Profile, dryRun bool, result *Ensured) error {
	for n := range there {
		one := there[n]
		if !slices.ContainsFunc(p.covered, func(c Covered) bool { return c.Profile == one.Name }) {
			continue
		}
		began := r.Clock.Now()
		if slices.Contains(p.await, one.Name) && !dryRun {
			ready, err := r.settled(ctx, one.Name, false)
			if err != nil {
				return err
			}
			r.state(object(one.Name), "")
			one = *ready
		}
		r.done(object(one.Name), aws.Unchanged)
		result.Profiles = append(result.Profiles, EnsuredProfile{one, aws.Unchanged, r.Clock.Now().Sub(began).Seconds()})
	}
	return nil
}
