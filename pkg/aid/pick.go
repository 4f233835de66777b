package aid

import (
	"cmp"
	"slices"
)

// PerWorkload leaves one pod of each workload, one that can be asked if there is any.
func PerWorkload(pods []Pod) []Pod {
	type workload struct {
		namespace string
		owner     Owner
	}
	at := map[workload]int{}
	var picked []Pod
	for n := range pods {
		p := &pods[n]
		w := workload{p.Namespace, p.Owner}
		m, seen := at[w]
		switch {
		case !seen:
			at[w] = len(picked)
			picked = append(picked, *p)
		case picked[m].reason != "" && p.reason == "":
			picked[m] = *p
		}
	}
	return picked
}

// Sample leaves up to n of the pods that can be asked, spread over the nodes as evenly as there are pods on
// them: node by node in turn.
func Sample(pods []Pod, n int) []Pod {
	by := map[string][]Pod{}
	var nodes []string
	for m := range pods {
		p := &pods[m]
		if p.reason != "" {
			continue
		}
		if by[p.NodeName] == nil {
			nodes = append(nodes, p.NodeName)
		}
		by[p.NodeName] = append(by[p.NodeName], *p)
	}
	slices.Sort(nodes)
	for _, node := range nodes {
		slices.SortFunc(by[node], func(a, b Pod) int {
			return cmp.Or(cmp.Compare(a.Namespace, b.Namespace), cmp.Compare(a.Name, b.Name))
		})
	}
	var picked []Pod
	for turn := 0; len(picked) < n; turn++ {
		before := len(picked)
		for _, node := range nodes {
			if turn < len(by[node]) && len(picked) < n {
				picked = append(picked, by[node][turn])
			}
		}
		if len(picked) == before {
			break
		}
	}
	return picked
}
