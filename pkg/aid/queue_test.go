package aid

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

type job struct{ node, name string }

func jobs(perNode map[string]int) (all []job) {
	for node, n := range perNode {
		for i := range n {
			all = append(all, job{node, fmt.Sprint(node, i)})
		}
	}
	return all
}

// TestEach holds that everything is done once, within both limits, and in the time that the limits allow.
func TestEach(t *testing.T) {
	const second = time.Second
	for name, c := range map[string]struct {
		nodes             map[string]int
		inFlight, perNode int
		took              time.Duration
	}{
		"nothing":                      {nil, 32, 2, 0},
		"one":                          {map[string]int{"a": 1}, 32, 2, second},
		"one node holds them up":       {map[string]int{"a": 10}, 32, 2, 5 * second},
		"many nodes":                   {map[string]int{"a": 4, "b": 4, "c": 4, "d": 4}, 32, 2, 2 * second},
		"the flight holds them up":     {map[string]int{"a": 4, "b": 4, "c": 4, "d": 4}, 4, 2, 4 * second},
		"a node that has more":         {map[string]int{"a": 10, "b": 1, "c": 1}, 3, 2, 6 * second},
		"without a limit":              {map[string]int{"a": 64}, 32, 0, 2 * second},
		"without a node, as Fargate's": {map[string]int{"": 64}, 32, 2, 2 * second},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var mu sync.Mutex
				done, busy, flying := map[string]int{}, map[string]int{}, 0
				begin := time.Now()
				each(t.Context(), jobs(c.nodes), func(j job) string { return j.node }, c.inFlight, c.perNode, func(j job) {
					mu.Lock()
					busy[j.node]++
					flying++
					if flying > c.inFlight || j.node != "" && c.perNode > 0 && busy[j.node] > c.perNode {
						t.Errorf("%d at a time, %d on %s", flying, busy[j.node], j.node)
					}
					mu.Unlock()
					time.Sleep(second)
					mu.Lock()
					defer mu.Unlock()
					busy[j.node]--
					flying--
					done[j.name]++
				})
				if took := time.Since(begin); took != c.took {
					t.Errorf("it took %s, want %s", took, c.took)
				}
				for _, j := range jobs(c.nodes) {
					if done[j.name] != 1 {
						t.Errorf("%s was done %d times", j.name, done[j.name])
					}
				}
			})
		})
	}
}

// TestEachTakesTurns holds that a large node does not come first alone.
func TestEachTakesTurns(t *testing.T) {
	items := []job{{"a", "a0"}, {"a", "a1"}, {"a", "a2"}, {"b", "b0"}, {"c", "c0"}, {"b", "b1"}}
	var order []string
	each(t.Context(), items, func(j job) string { return j.node }, 1, 2, func(j job) { order = append(order, j.name) })
	if got := strings.Join(order, " "); got != "a0 b0 c0 a1 b1 a2" {
		t.Errorf("the order is %s", got)
	}
}

// TestEachEndsWithItsContext holds that what was begun is ended, and nothing more is begun.
func TestEachEndsWithItsContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		var mu sync.Mutex
		begun, ended := 0, 0
		go func() {
			time.Sleep(1500 * time.Millisecond)
			cancel()
		}()
		each(ctx, jobs(map[string]int{"a": 100}), func(j job) string { return j.node }, 32, 2, func(job) {
			mu.Lock()
			begun++
			mu.Unlock()
			time.Sleep(time.Second)
			mu.Lock()
			ended++
			mu.Unlock()
		})
		if begun != 4 || ended != 4 {
			t.Errorf("%d begun, %d ended, want 4", begun, ended)
		}
	})
}
