// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package core

import (
	"context"
	"testing"
)

// givingEngine copies its value for each Get, and may give the copy away.
type givingEngine struct {
	oneRow
	gives bool
	made  []byte // the last copy
	kept  int
}

func (e *givingEngine) Get(context.Context, []byte) ([]byte, Releaser, error) {
	e.made = []byte{1, 2, 3}
	return e.made, e, nil
}

func (e *givingEngine) Keep() bool {
	if e.gives {
		e.kept++
	}
	return e.gives
}

// Load copied what the engine had copied for it. An engine whose Releaser can give the bytes
// away is asked to; if it does not, they are copied and released as those of all others are. A
// guard is closed by Release.
func TestLoadKeepsACopyThatTheEngineMade(t *testing.T) {
	for _, gives := range []bool{true, false} {
		e := &givingEngine{gives: gives}
		table := fakeTableOn(newStorage("fake", e, newOptions(nil)),
			func(b []byte) []byte { return b })
		v, err := table.Load(t.Context(), 1)
		if err != nil || string(v) != "\x01\x02\x03" {
			t.Fatalf("%x, %v", v, err)
		}
		kept, released := 0, int64(1)
		if gives {
			kept, released = 1, 0
		}
		if e.kept != kept || e.released.Load() != released || (&v[0] == &e.made[0]) != gives {
			t.Errorf("it gives %v: kept %d times, released %d times, a copy: %v",
				gives, e.kept, e.released.Load(),
				&v[0] != &e.made[0])
		}
		mustGet(t, table).Close()
		if e.kept != kept || e.released.Load() != released+1 {
			t.Errorf("it gives %v: a guard was kept", gives)
		}
	}
}
