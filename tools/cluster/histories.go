// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package cluster

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/guardkv/guardkv/tools/history"
)

// A few clients of all processes play on a group of rows for groupTime: the work of Porcupine
// grows with the number of simultaneous calls.
const (
	groupTime    = int64(100 * time.Millisecond)
	groupClients = 8
	groupCalls   = 8 // of each client at most
)

// Played is an operation on a group of rows.
type Played struct {
	Group uint64
	history.Operation
}

// play makes a call on the group of rows that is in use now.
func (c *client) play() {
	teams := (c.plan.All + groupClients - 1) / groupClients
	group := uint64(now()/groupTime)*uint64(teams) + uint64(c.record.Client%teams)
	if c.group != group {
		c.group, c.calls = group, 0
	}
	if c.calls++; c.calls > groupCalls {
		return
	}
	o := history.Operation{Client: c.record.Client}
	o.Call = history.Random(c.rnd, fmt.Sprintf("%d.%d,", c.record.Client, c.serial()))
	o.Began = now()
	made := func(ctx context.Context) (err error) {
		o.Answer, err = c.player.Do(ctx, group, o.Call)
		return err
	}
	known := true
	if o.Call.Writes() {
		switch c.write("call of a history", made) {
		case maybe:
			o.Answer = history.Answer{Unknown: true}
		case failed:
			known = false
		}
	} else {
		known = c.read("look of a history", made)
	}
	o.Ended = now()
	if known {
		c.record.Played = append(c.record.Played, Played{group, o})
	}
}

// checkHistories checks that each group behaved as one storage that does one thing at a time.
func (f *Findings) checkHistories(records []Record) {
	groups := map[uint64][]history.Operation{}
	for _, r := range records {
		for _, p := range r.Played {
			groups[p.Group] = append(groups[p.Group], p.Operation)
		}
	}
	for _, g := range slices.Sorted(maps.Keys(groups)) {
		result, err := history.Check(groups[g])
		switch {
		case errors.Is(err, history.ErrNotLinearizable):
			f.fault("group %d: %v", g, err)
		case result.Decided:
			f.Histories++
		default:
			f.Undecided++
		}
	}
}
