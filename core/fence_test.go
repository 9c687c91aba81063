// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package core

import (
	"context"
	"errors"
	"testing"
)

// lentSnapshot lends the value of every key, and counts what it got back. Its fence is "theirs".
type lentSnapshot struct {
	noRows
	value []byte
	lent  int
}

func (s *lentSnapshot) Release() { s.lent-- }

func (s *lentSnapshot) Get(context.Context, []byte) ([]byte, Releaser, error) {
	s.lent++
	return s.value, s, nil
}

func (s *lentSnapshot) Powers() SnapshotPowers {
	return SnapshotPowers{
		Fence: func(context.Context) ([]byte, error) { return []byte("theirs"), nil },
	}
}

// A value that is empty, and that an engine shows as nil, was not given back to the engine when
// the fence had changed.
func TestValuesUnderAnotherFenceAreGivenBack(t *testing.T) {
	for _, value := range [][]byte{nil, {}, []byte("value")} {
		for fenced, want := range map[string]error{"theirs": nil, "mine": errMoved} {
			engine := &lentSnapshot{value: value}
			snap := &fencedSnapshot{Snapshot: engine, fence: &fence{value: []byte(fenced)}}
			_, r, err := snap.Get(t.Context(), []byte("key"))
			if !errors.Is(err, want) {
				t.Errorf("with the fence %s Get gives %v; want %v", fenced, err, want)
			}
			if err == nil {
				r.Release()
			}
			if engine.lent != 0 {
				t.Errorf("value %q, fence %s: %d values were not given back", value, fenced,
					engine.lent)
			}
		}
	}
}
