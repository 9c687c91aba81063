// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package core

import (
	"context"
	"errors"
	"testing"
)

// A decorator that changes bytes inherited all powers: Count counted the bytes that are stored,
// As led to them.
func TestAdministrativePowersConcernNoRow(t *testing.T) {
	all := Powers{
		Compact: func(context.Context) error { return nil },
		Size:    func() (int64, error) { return 7, nil },
		Check:   func(context.Context) error { return ErrCorrupt },
		As:      func(any) bool { return true },
		Scan:    func(context.Context, ScanRange) (RowCursor, error) { return nil, nil },

		DeleteRange: true, Conditions: true,
	}
	got := all.Administrative()
	if got.Compact == nil || got.Size == nil || got.Check == nil || got.As != nil ||
		got.Scan != nil || got.DeleteRange || got.Conditions {
		t.Errorf("the powers are %+v", got)
	}
	if n, _ := got.Size(); n != 7 || !errors.Is(got.Check(t.Context()), ErrCorrupt) {
		t.Errorf("the powers are others: Size is %d", n)
	}
	if none := (Powers{}).Administrative(); none.Compact != nil || none.Size != nil ||
		none.Check != nil {
		t.Errorf("an engine without powers has %+v", none)
	}
}

// wrapping is a snapshot around another one.
type wrapping struct{ Snapshot }

func (w wrapping) Unwrap() Snapshot { return w.Snapshot }

// Each decorator unwraps its own snapshot, and not that of the decorator inside.
func TestBatchIsUnwrappedOnce(t *testing.T) {
	bare := struct{ Snapshot }{}
	inner := wrapping{bare}
	for _, c := range []struct{ base, want Snapshot }{
		{wrapping{inner}, inner},
		{inner, bare},
		{bare, bare},
		{nil, nil},
	} {
		writes := []Write{{Key: []byte("k")}}
		got := Batch{Base: c.base, Writes: writes}.Unwrapped()
		if got.Base != c.want || len(got.Writes) != 1 {
			t.Errorf("%#v became %#v", c.base, got)
		}
	}
}

func TestLimitsCheck(t *testing.T) {
	row := func(key, value int) Write {
		return Write{Key: make([]byte, key), Value: make([]byte, value)}
	}
	l := Limits{Key: 10, Value: 20, BatchRows: 3, BatchBytes: 50}
	for _, c := range []struct {
		name   string
		limits Limits
		writes []Write
		fits   bool
	}{
		{"nothing", l, nil, true},
		{"the largest row", l, []Write{row(10, 20)}, true},
		{"a larger key", l, []Write{row(1, 1), row(11, 1)}, false},
		{"a larger value", l, []Write{row(1, 1), row(1, 21)}, false},
		{
			"a value that is not looked at",
			l,
			[]Write{{Key: make([]byte, 10), Value: make([]byte, 60), Delete: true}},
			true,
		},
		{"all bytes", l, []Write{row(5, 20), row(5, 20)}, true},
		{"a byte more", l, []Write{row(5, 20), row(6, 20)}, false},
		{"all rows", l, []Write{row(1, 0), row(1, 0), row(1, 0)}, true},
		{"a row more", l, []Write{row(1, 0), row(1, 0), row(1, 0), row(1, 0)}, false},
		{"no limits", Limits{}, []Write{row(1000, 1<<20)}, true},
	} {
		if err := c.limits.Check(c.writes); (err == nil) != c.fits ||
			err != nil && !errors.Is(err, ErrTooLarge) {
			t.Errorf("%s: %v", c.name, err)
		}
	}
}
