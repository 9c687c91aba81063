// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package bench

import (
	"context"
	"errors"
	"fmt"
)

// coldReads is how many rows a turn of coldWork reads: few enough that hardly any page is read
// twice.
const coldReads = 2000

// coldWork opens a database and reads rows at random while the system has nothing of it in memory.
// It shows what a read costs when the data is far larger than the memory. Opening is measured too,
// because an engine that reads everything when it opens has it in memory afterwards. The work
// exists only where the system can be made to forget files.
func coldWork(en engine, s shape) []work {
	if !canForget || en.open == nil {
		return nil
	}
	return []work{{
		name: fmt.Sprintf("%s/cold/%s", en.name, sizeName(s.size)),
		title: fmt.Sprintf("open, and Get %s random rows from the disk, of %s, %s",
			grouped(coldReads), s, en.heading()),
		unit:   "op",
		group:  "get from the disk",
		engine: en.name, format: "raw", shape: s,
		ops: coldReads, rounds: 5, waits: true,
		setup: func(ctx context.Context, e *env) ([]side, func() error, error) {
			p, err := e.newPair(ctx, en, false)
			if err != nil {
				return nil, nil, err
			}
			if err = p.fill(ctx, s); err == nil && en.settles {
				err = p.settle(ctx)
			}
			if err := errors.Join(err, p.closeOnly()); err != nil {
				return nil, nil, errors.Join(err, p.removeAll())
			}
			return []side{p.coldByHand(en, s), p.coldGuarded(ctx, en, s)}, p.removeAll, nil
		},
	}}
}

func (p *pair) coldByHand(en engine, s shape) side {
	next := randomKeys(s.rows, 0)
	return side{
		name: en.name + " by hand", native: true,
		before: func() error { return forget(p.hand.path) },
		run: func(n int) (err error) {
			if p.hand, err = openByHand(en, p.hand.path, nativeOptions{}); err != nil {
				return err
			}
			return nativeGet(p.hand.native)(n, next)
		},
		after: func() error { return p.hand.close() },
	}
}

func (p *pair) coldGuarded(ctx context.Context, en engine, s shape) side {
	next := randomKeys(s.rows, 0)
	return side{
		name: "guardkv Open, Get+Close", claims: []claim{{}},
		before: func() error { return forget(p.kv.path) },
		run: func(n int) (err error) {
			if p.kv, err = openGuarded(ctx, en, p.kv.path); err != nil {
				return err
			}
			return p.kv.get(ctx)(n, next)
		},
		after: func() error { return p.kv.close() },
	}
}
