// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package cluster

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync/atomic"
	"time"

	"github.com/guardkv/guardkv/core"
)

// outcome is what a client knows of a write.
type outcome byte

const (
	acked  outcome = 'a' // it is there
	failed outcome = 'f' // it is not, and never will be
	maybe  outcome = 'm' // core.ErrMaybe: one or the other
)

// outcomes are those of the writes of one client, in their order.
type outcomes []outcome

// workload is one way to use a storage.
type workload struct {
	name   string
	weight int // how often a client does it, in proportion to the others
	step   func(*client)
}

// workloads are all of them.
var workloads = []workload{
	{"rows", 7, (*client).changeRow},
	{"whole", 2, (*client).writeWhole},
	{"whole, looked at", 2, (*client).lookWhole},
	{"bank", 3, (*client).transfer},
	{"bank, looked at", 2, (*client).lookBank},
	{"counters", 2, (*client).count},
	{"histories", 4, (*client).play},
}

// client makes one call after another.
type client struct {
	*Session
	rnd     *rand.Rand
	record  Record
	lastAck atomic.Int64 // when the last acknowledged write began
	group   uint64       // of a history that it plays, and how many calls it has made in it
	calls   int
}

// run makes one random step after another until the session is stopped.
func (c *client) run() {
	total := 0
	for _, w := range workloads {
		total += w.weight
	}
	for {
		select {
		case <-c.stopped:
			return
		case <-time.After(rand.N(2 * c.plan.Pause)):
		}
		n := c.rnd.IntN(total)
		for _, w := range workloads {
			if n -= w.weight; n < 0 {
				w.step(c)
				break
			}
		}
	}
}

// write makes a call that writes, and returns what its client then knows of it.
func (c *client) write(what string, fn func(ctx context.Context) error) outcome {
	began := now()
	err := c.call(what, c.plan.Commits, fn)
	switch {
	case err == nil:
		c.lastAck.Store(began)
		c.acknowledged()
		return acked
	case errors.Is(err, core.ErrMaybe):
		c.unknown(err)
		return maybe
	case !refused(err):
		c.fault("%s: %v", what, err)
	}
	return failed
}

// read makes a call that only reads, and reports whether it was answered.
func (c *client) read(what string, fn func(ctx context.Context) error) bool {
	err := c.call(what, 0, fn)
	if err != nil && !refused(err) {
		c.fault("%s: %v", what, err)
	}
	return err == nil
}

// call makes a call, which must return when its context ends, or within after of that.
func (c *client) call(what string, after time.Duration, fn func(ctx context.Context) error) error {
	ctx, cancel := context.WithTimeout(context.Background(), c.plan.Timeout)
	defer cancel()
	start := time.Now()
	err := fn(ctx)
	took := time.Since(start)
	c.took(took)
	if most := c.plan.Timeout + after + c.plan.Slack; took > most {
		c.fault("%s returned after %v, which is more than %v: %v", what, took, most, err)
	}
	return err
}

// refused reports whether an error says that nothing was written and the call may be repeated.
func refused(err error) bool {
	return errors.Is(err, core.ErrUnavailable) || errors.Is(err, core.ErrSnapshotExpired) ||
		errors.Is(err, context.DeadlineExceeded)
}

// fault records something that must not happen.
func (c *client) fault(format string, args ...any) {
	c.Session.fault(fmt.Sprintf("client %d: ", c.record.Client) + fmt.Sprintf(format, args...))
}
