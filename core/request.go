// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package core

import "context"

// Whoever writes makes a request, and waits until it has been committed. Whichever goroutine
// has the turn takes the requests that are queued, decides what each of them does (see
// group.go), and tells their owners the outcome. A request belongs to its owner before it is
// queued and after the outcome is known; in between, only the goroutine that has the turn may
// look at it.

// condition is what a request demands of the one key that it writes.
type condition uint8

const (
	always     condition = iota
	ifAbsent             // else ErrExists
	ifExists             // else nothing is written, which is no error
	byFunction           // modify says what is written
)

// request is one atomic write on its way to a commit.
type request struct {
	table   *tableState // nil for rows of no table
	writes  []Write     // keys strictly increasing
	bytes   int
	when    condition
	modify  *modification // nil unless when is byFunction
	existed bool          // result: whether the key was there, unless when is always
	asks    bool          // the engine is asked for existed, see conditions.go
	at      int           // then: where its write is in the batch
	// the result is true only if the requests before this one in the group are committed
	relies bool
	// in a shared storage:
	tries  int           // that ended in a conflict
	met    error         // the last one
	queued bool          // guarded by the writer's mutex
	back   chan struct{} // one element when it is in the queue again
	err    error
	done   chan struct{} // one element when the outcome is known
}

// finish tells the owner the outcome; the request is its owner's again.
func (r *request) finish(err error) {
	r.err = err
	r.done <- struct{}{}
}

// decide sets what the request found, and its error if that is not what it demands.
func (r *request) decide(ctx context.Context, base *groupBase, seen leftRows) {
	key := r.writes[0].Key
	left, known := seen[string(key)]
	existed := known && !left.Delete
	if !known {
		if existed, r.err = base.has(ctx, key); r.err != nil {
			return
		}
	}
	r.existed, r.relies = existed, known
	if r.when == ifAbsent && existed {
		r.err = ErrExists
	}
}

// leave records the rows that the request writes and deletes.
func (r *request) leave(seen leftRows) leftRows {
	if seen == nil {
		seen = make(leftRows)
	}
	for i := range r.writes {
		seen[string(r.writes[i].Key)] = leftRow{&r.writes[i], r}
	}
	return seen
}

// writesNothing: the request failed, or there is nothing to delete, or its function wants nothing.
func (r *request) writesNothing() bool {
	return r.err != nil || r.when == ifExists && !r.existed && !r.asks ||
		r.when == byFunction && !r.modify.writes
}
