//go:build e2e

package e2e

import (
	"context"
	"fmt"
	"maps"
	"os/exec"
	"slices"
	"strings"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

// everything is all that is in the cluster, in AWS and in the registry, of whoever made it, with every value
// that does not change by itself.
func (g *guideRig) everything(ctx context.Context) (map[string]string, error) {
	all, err := g.cloud.Inventory(ctx)
	if err != nil {
		return nil, err
	}
	for _, kind := range g.kinds {
		objects, err := g.dynamic.Resource(kind).List(ctx, metav1.ListOptions{})
		if err != nil {
			return nil, fmt.Errorf("list %s: %w", kind.Resource, err)
		}
		for n := range objects.Items {
			o := &objects.Items[n]
			still(kind.Resource, o)
			at := fmt.Sprintf("%s/%s/%s: ", kind.Resource, o.GetNamespace(), o.GetName())
			all[at] = "is there"
			flatten(all, at, "", o.Object)
		}
	}
	return all, nil
}

// settled is everything, once a new cluster has made all that it makes by itself.
func (g *guideRig) settled(t *testing.T) (all map[string]string) {
	t.Helper()
	eventually(t, "nothing to change by itself", 60*time.Second, func() (bool, string) {
		before := all
		var err error
		if all, err = g.everything(t.Context()); err != nil {
			return false, err.Error()
		}
		time.Sleep(3 * time.Second)
		bad := changed(before, all)
		return len(bad) == 0, strings.Join(bad, "\n")
	})
	return all
}

// still drops what changes while nobody does anything.
func still(resource string, o *unstructured.Unstructured) {
	for _, path := range [][]string{{"status"}, {"metadata", "resourceVersion"}, {"metadata", "managedFields"}} {
		unstructured.RemoveNestedField(o.Object, path...)
	}
	if resource == "leases" {
		// It is renewed all the time.
		unstructured.RemoveNestedField(o.Object, "spec")
	}
}

// changed are the differences between two states.
func changed(before, now map[string]string) (lines []string) {
	for at := range merged(before, now) {
		was, had := before[at]
		is, has := now[at]
		switch {
		case !had:
			lines = append(lines, fmt.Sprintf("new: %s = %.200q", at, is))
		case !has:
			lines = append(lines, fmt.Sprintf("missing: %s, was %.200q", at, was))
		case was != is:
			lines = append(lines, fmt.Sprintf("changed: %s is %.200q, was %.200q", at, is, was))
		}
	}
	slices.Sort(lines)
	return lines
}

// nothingLeft holds that everything is as it was, of us and of others.
func (g *guideRig) nothingLeft(t *testing.T, before map[string]string) {
	t.Helper()
	eventually(t, "everything to be as before", 60*time.Second, func() (bool, string) {
		now, err := g.everything(t.Context())
		if err != nil {
			return false, err.Error()
		}
		bad := changed(before, now)
		return len(bad) == 0, strings.Join(bad, "\n")
	})
}

// anew are the fields of what AWS makes that differ whenever it is made: its times and its random names.
var anew = []string{"createdAt", "modifiedAt", "imagePushedAt", "CreateDate", "RoleId", "fargateProfileArn"}

// made is what an up has made, for comparison with what another has: of the cluster what concerns the plugin,
// with certificates, hashes and times masked, and all of AWS and of the registry.
func (g *guideRig) made(ctx context.Context) (map[string]string, error) {
	all, err := g.cloud.Inventory(ctx)
	if err != nil {
		return nil, err
	}
	for at := range all {
		if slices.Contains(anew, at[strings.LastIndex(at, " ")+1:]) {
			all[at] = "<anew>"
		}
	}
	inside, err := g.state(ctx)
	maps.Copy(all, inside)
	return all, err
}

// byCLI is what the real aws CLI says of AWS, as a second witness where it is on the machine.
func (g *guideRig) byCLI(t *testing.T) string {
	t.Helper()
	if _, err := exec.LookPath("aws"); err != nil {
		t.Log("there is no aws CLI here: AWS's APIs alone are asked for what is left")
		return ""
	}
	var all []string
	for _, ask := range [][]string{
		{"ecr", "describe-repositories"},
		{"ecr", "describe-images", "--repository-name", "falcon-by-hand"},
		{"eks", "list-fargate-profiles", "--cluster-name", cloudCluster},
		{"iam", "list-roles"},
		{"iam", "list-open-id-connect-providers"},
	} {
		cmd := g.command("aws", append(ask, "--output", "json")...)
		cmd.Env = append(cmd.Env, g.env...)
		r := finish(t, cmd)
		wantCode(t, r, 0)
		all = append(all, strings.Join(ask[:2], " ")+": "+r.stdout)
	}
	return strings.Join(all, "")
}
