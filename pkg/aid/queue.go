package aid

import (
	"context"
	"sync"
)

// queue hands out work for many nodes so that no node has more than its share at a time, and all of them
// are kept busy: node by node in turn. It is for one run of workers.
type queue[T any] struct {
	mu   sync.Mutex
	more *sync.Cond
	// perNode is how many there may be on one node at a time, 0 for any number.
	perNode int
	// ready are the nodes that may take more, in the order of their turns.
	ready []*node[T]
	// left is what nobody has taken yet.
	left   int
	closed bool
}

// node is what waits for one node, and how much it does now.
type node[T any] struct {
	waiting []T
	busy    int
	// listed says that it is among the ready ones.
	listed bool
}

// newQueue sorts items by node. Items without a node, by an empty name, have no limit among them: each is
// as if it were on a node of its own.
func newQueue[T any](items []T, nodeOf func(T) string, perNode int) *queue[T] {
	q := &queue[T]{perNode: perNode, left: len(items)}
	q.more = sync.NewCond(&q.mu)
	by := map[string]*node[T]{}
	for _, item := range items {
		name := nodeOf(item)
		n := by[name]
		if n == nil || name == "" {
			n = &node[T]{listed: true}
			by[name] = n
			q.ready = append(q.ready, n)
		}
		n.waiting = append(n.waiting, item)
	}
	return q
}

// take returns the next item, waiting for a node that may take more, and the function to call when it is
// done. ok is false when there is nothing left or the queue was closed.
func (q *queue[T]) take() (item T, done func(), ok bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	for len(q.ready) == 0 && q.left > 0 && !q.closed {
		q.more.Wait()
	}
	if q.left == 0 || q.closed {
		return item, nil, false
	}
	n := q.ready[0]
	q.ready = q.ready[1:]
	item, n.waiting = n.waiting[0], n.waiting[1:]
	n.busy++
	q.left--
	n.listed = false
	q.list(n)
	if q.left == 0 {
		q.more.Broadcast()
	}
	return item, func() { q.done(n) }, true
}

// list puts a node at the end of the line if it may take more.
func (q *queue[T]) list(n *node[T]) {
	if n.listed || len(n.waiting) == 0 || q.perNode > 0 && n.busy >= q.perNode {
		return
	}
	n.listed = true
	q.ready = append(q.ready, n)
	q.more.Signal()
}

func (q *queue[T]) done(n *node[T]) {
	q.mu.Lock()
	defer q.mu.Unlock()
	n.busy--
	q.list(n)
}

// close ends the waits: nothing more is handed out.
func (q *queue[T]) close() {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.closed = true
	q.more.Broadcast()
}

// each does the work of all items, at most inFlight at a time and perNode on one node, and returns when the
// last has ended. When the context ends no more are begun; those that were not begun are not done.
func each[T any](ctx context.Context, items []T, nodeOf func(T) string, inFlight, perNode int, work func(T)) {
	q := newQueue(items, nodeOf, perNode)
	stop := context.AfterFunc(ctx, q.close)
	defer stop()
	var workers sync.WaitGroup
	for range min(inFlight, len(items)) {
		workers.Go(func() {
			for {
				item, done, ok := q.take()
				if !ok {
					return
				}
				work(item)
				done()
			}
		})
	}
	workers.Wait()
}
