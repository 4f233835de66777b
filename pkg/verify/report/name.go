package report

import (
	"fmt"
	"io"
	"slices"

	"github.com/kubectl-falcon/kubectl-falcon/pkg/verify"
)

// Name writes what has a fault, one object a line and each once, as kubectl's -o name does: kind/name with
// the namespace before it where it has one, such as team-a/deployment/web. These are the objects of failed
// checks and warnings, and the workloads with pods that are not protected but should be. Of several
// clusters each line begins with the cluster's name and a tab.
func Name(w io.Writer, r *verify.Report) error {
	called := names(r)
	for n := range r.Clusters {
		c := &r.Clusters[n]
		var objects []string
		for _, check := range with(c, verify.Fail, verify.Warn) {
			for _, f := range check.Findings {
				objects = append(objects, clean(f.Object))
			}
		}
		for _, wl := range c.Workloads {
			if wl.Verdict.Fault() {
				objects = append(objects, workload(wl))
			}
		}
		slices.Sort(objects)
		for _, o := range slices.Compact(objects) {
			if len(r.Clusters) > 1 {
				o = called[n] + "\t" + o
			}
			if _, err := fmt.Fprintln(w, o); err != nil {
				return err
			}
		}
	}
	return nil
}
