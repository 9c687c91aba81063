// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package bench

import (
	"context"
	"errors"
	"fmt"
	"os"

	"github.com/guardkv/guardkv/core"
)

// heldGuards is how many guards are open at a time.
const heldGuards = 16_000

// closeGuardsWork closes many guards, while the storage is open and after its Close. The target
// keeps the cost of a guard from growing with the number of guards. The last guard after Close
// closes the engine too, which counts.
func closeGuardsWork(en engine) work {
	const before = "guards before Close"
	return work{
		name: en.name + "/close-guards",
		title: fmt.Sprintf("closing %s guards, of which the last ends a closed storage, %s",
			grouped(heldGuards), en.name),
		unit:   "guard",
		group:  "close guards",
		engine: en.name, format: "raw",
		ops: heldGuards, rounds: 5,
		setup: func(ctx context.Context, e *env) ([]side, func() error, error) {
			sides := []side{
				e.guardsSide(ctx, en, before, false),
				e.guardsSide(ctx, en, "guards after Close", true),
			}
			sides[1].claims = []claim{{base: before, limit: 2}}
			return sides, nothing, nil
		},
	}
}

// guardsSide closes guards that are opened anew for each turn.
func (e *env) guardsSide(ctx context.Context, en engine, name string, closed bool) side {
	var g *guarded
	held := make([]core.Guard[[]byte], heldGuards)
	return side{
		name: name,
		before: func() (err error) {
			if g, err = openGuarded(ctx, en, e.freshPath()); err != nil {
				return err
			}
			if err := g.table.Put(ctx, 1, []byte("value")); err != nil {
				return err
			}
			for i := range held {
				if held[i], err = g.table.Get(ctx, 1); err != nil {
					return err
				}
			}
			if closed {
				if err := g.close(); !errors.Is(err, core.ErrGuardsOpen) {
					return fmt.Errorf("closing with guards open: %w", err)
				}
			}
			return nil
		},
		run: func(int) error {
			for i := range held {
				if err := held[i].Close(); err != nil {
					return err
				}
			}
			return nil
		},
		after: func() error {
			var err error
			if !closed {
				err = g.close()
			}
			return errors.Join(err, os.RemoveAll(g.path))
		},
	}
}
