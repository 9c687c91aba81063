// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package history

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/guardkv/guardkv/core"
	"github.com/guardkv/guardkv/core/memory"
	"github.com/guardkv/guardkv/tools/internal/broken"
)

func TestHistoriesAreLinearizable(t *testing.T) {
	unknown, undecided := 0, 0
	start := time.Now()
	rounds := uint64(0)
	for ; time.Since(start) < 2*time.Second; rounds++ {
		r, err := Round(memory.NewShared(), rounds)
		if err != nil {
			t.Fatal(err)
		}
		unknown += r.Unknown
		if !r.Decided {
			undecided++
		}
	}
	t.Logf("%d rounds, %d unknown outcomes, %d histories undecided", rounds, unknown, undecided)
}

// The histories must show when an engine ignores what a write was computed from, or the conditions
// that it makes: then updates get lost, and commits whose answers got lost take effect twice.
func TestBrokenEnginesAreFound(t *testing.T) {
	for name, change := range map[string]func(*core.Batch){
		"no base":       func(b *core.Batch) { b.Base = nil },
		"no conditions": func(b *core.Batch) { b.Conditions = nil },
	} {
		t.Run(name, func(t *testing.T) {
			for seed := range uint64(500) {
				_, err := Round(broken.Backend{
					Backend: memory.NewShared(),
					Apply: func(ctx context.Context, e core.Engine, b core.Batch) error {
						change(&b)
						return e.Apply(ctx, b)
					},
				}, seed)
				if errors.Is(err, ErrNotLinearizable) {
					return
				}
				if err != nil {
					t.Fatal(err)
				}
			}
			t.Error("500 histories show nothing")
		})
	}
}
