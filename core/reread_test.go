// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package core

import "testing"

// heldBytes is a Releaser that may give its bytes away, and notes what becomes of them.
type heldBytes struct {
	keeps          bool
	kept, released int
}

func (h *heldBytes) Release() { h.released++ }

func (h *heldBytes) Keep() bool {
	if h.keeps {
		h.kept++
	}
	return h.keeps
}

// A row of a shared storage was copied when its snapshot ended, even if it had come from a server
// and only the caller had it.
func TestBytesBeyondTheirSnapshot(t *testing.T) {
	stored := []byte("row")
	for _, keeps := range []bool{true, false} {
		held := &heldBytes{keeps: keeps}
		got := beyond(stored, held)
		if string(got) != "row" || (&got[0] == &stored[0]) != keeps {
			t.Errorf("keeps %v: %q, the engine's bytes: %v", keeps, got, &got[0] == &stored[0])
		}
		if held.kept+held.released != 1 || (held.kept == 1) != keeps {
			t.Errorf("keeps %v: kept %d times, released %d times", keeps, held.kept, held.released)
		}
	}
	if got := beyond(stored, nil); string(got) != "row" || &got[0] == &stored[0] {
		t.Errorf("bytes that are valid until the snapshot is closed are used beyond it: %q", got)
	}
	if got := beyond(nil, nil); got == nil {
		t.Error("a row without bytes is no row")
	}
}
