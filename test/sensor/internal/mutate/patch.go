package mutate

import (
	"strconv"
	"strings"
)

// Operation is one step of a JSON patch (RFC 6902).
type Operation struct {
	Op    string `json:"op"`
	Path  string `json:"path"`
	Value any    `json:"value"`
}

// Patch is a JSON patch. It touches only what injection changes, so that fields
// of the pod this program has never heard of survive.
type Patch []Operation

// end names the place after the last element of a list.
const end = "-"

func index(i int) string { return strconv.Itoa(i) }

// set writes value at path; in a list it inserts.
func (p *Patch) set(value any, path ...string) {
	*p = append(*p, Operation{Op: "add", Path: "/" + strings.Join(path, "/"), Value: value})
}

// push appends value to the list of the given length at path. A list that is
// empty may not exist at all, so it is written whole.
func (p *Patch) push(value any, length int, path ...string) {
	p.insert(value, length, end, path)
}

// unshift puts value first in the list of the given length at path.
func (p *Patch) unshift(value any, length int, path ...string) {
	p.insert(value, length, index(0), path)
}

func (p *Patch) insert(value any, length int, at string, path []string) {
	if length == 0 {
		p.set([]any{value}, path...)
		return
	}
	p.set(value, append(path[:len(path):len(path)], at)...)
}
