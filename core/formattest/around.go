// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package formattest

import (
	"bytes"
	"errors"
	"fmt"
	"testing"

	"github.com/guardkv/guardkv/core"
)

// Around tests what a format around another one owes to it: it uses the ViewLent of the inner
// format, and gives back what that lends exactly once, when its own view is given back, and not
// before. outer returns the format around an inner one. [Run] tests what the outer one owes by
// itself.
func Around(
	t *testing.T,
	outer func(inner core.ValueFormat[[]byte, []byte]) core.ValueFormat[[]byte, []byte],
) {
	t.Helper()
	if err := safely(func() error { return testAround(outer) }); err != nil {
		t.Error(err)
	}
}

func testAround(
	outer func(inner core.ValueFormat[[]byte, []byte]) core.ValueFormat[[]byte, []byte],
) error {
	inner := &lender{}
	f := outer(inner)
	if bind := core.PowersOf(f).Bind; bind != nil {
		var err error
		if f, _, err = bind(nil); err != nil {
			return fmt.Errorf("a new table: %w", err)
		}
	}
	rows, err := core.RowFormatOf(f, core.TableID{1, 2, 3})
	if err != nil {
		return err
	}
	long := bytes.Repeat([]byte("what is lent "), 50) // there may be another way for what is short
	for _, value := range [][]byte{{}, []byte("v"), long} {
		for _, trusted := range []bool{false, true} {
			if err := inner.isGivenBack(rows, value, trusted); err != nil {
				return fmt.Errorf("a value of %d bytes, trusted %v: %w", len(value), trusted, err)
			}
		}
	}
	return nil
}

// lender is a format of bytes that lends its views.
type lender struct{ lent, released int }

func (*lender) ID() string                                  { return "lender" }
func (*lender) Append(dst []byte, v []byte) ([]byte, error) { return append(dst, v...), nil }
func (*lender) View(b []byte) ([]byte, error)               { return bytes.Clone(b), nil }

func (l *lender) Powers() core.FormatPowers[[]byte, []byte] {
	return core.FormatPowers[[]byte, []byte]{
		ViewLent: func(b []byte, _ bool) ([]byte, core.Releaser, error) {
			l.lent++
			return append([]byte{}, b...), l, nil
		},
	}
}

// Release takes back what was lent.
func (l *lender) Release() { l.released++ }

// isGivenBack views a row, and returns an error unless what the lender lends for that is given
// back with the view.
func (l *lender) isGivenBack(
	rows core.RowFormat[[]byte, []byte], value []byte, trusted bool,
) error {
	l.lent, l.released = 0, 0
	key := []byte("key")
	row, err := rows.Append(nil, key, value)
	if err != nil {
		return err
	}
	w, view, err := rows.ViewLent(key, row, trusted)
	if err != nil || !bytes.Equal(w, value) {
		return fmt.Errorf("ViewLent returns %q, %w; want %q", w, err, value)
	}
	switch {
	case l.lent == 0:
		return errors.New("the ViewLent of the inner format is not used")
	case l.released > 0:
		return errors.New("what the inner format has lent is given back before the view is")
	case view == nil:
		return errors.New("ViewLent lends nothing, although the inner format does")
	}
	view.Release()
	if l.released != l.lent {
		return fmt.Errorf("of %d views that the inner format has lent %d are given back with "+
			"the view; want each, once", l.lent, l.released)
	}
	return nil
}
