// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package formattest

import (
	"errors"
	"fmt"

	"github.com/guardkv/guardkv/core"
)

// testTable and testKey are the row that the values of a format are in which binds them to rows.
var testTable = core.TableID{0xF0, 1, 2, 3}

const testKey = "the row"

// atRow is a format that binds values to rows, in one row. Each call has the key in memory of
// its own.
type atRow[V, W any] struct {
	core.ValueFormat[V, W]
	rows core.RowFormat[V, W]
	key  string
}

func (f atRow[V, W]) Append(dst []byte, v V) ([]byte, error) {
	return f.rows.Append(dst, []byte(f.key), v)
}

func (f atRow[V, W]) View(b []byte) (w W, err error) {
	key := []byte(f.key)
	if w, err = f.rows.View(key, b); string(key) != f.key {
		return w, errChangesKey
	}
	return w, err
}

var errChangesKey = errors.New("View changes the key")

func (f atRow[V, W]) Powers() (p core.FormatPowers[V, W]) {
	p.Owns = core.PowersOf(f.ValueFormat).Owns
	if lent := f.rows.ViewLent; lent != nil {
		p.ViewLent = func(b []byte, trusted bool) (W, core.Releaser, error) {
			return lent([]byte(f.key), b, trusted)
		}
	}
	return p
}

// inRow returns the format of the values of one row, if f binds them to rows.
func inRow[V, W any](
	f core.ValueFormat[V, W], table core.TableID, key string,
) (core.ValueFormat[V, W], error) {
	bind := core.PowersOf(f).BindRows
	if bind == nil {
		return f, nil
	}
	rows, err := bind(table)
	if err != nil {
		return nil, err
	}
	if rows.Append == nil || rows.View == nil {
		return nil, errors.New("BindRows returns no Append or no View")
	}
	return atRow[V, W]{f, rows, key}, nil
}

// rows views what is stored in one row as if it were in others.
func (s *suite) rows() error {
	for _, other := range []struct {
		what  string
		table core.TableID
		key   string
	}{
		{"another row", testTable, "The row"},
		{"a row with a longer key", testTable, testKey + "s"},
		{"the row with the empty key", testTable, ""},
		{"another table", core.TableID{0xF0, 1, 2, 4}, testKey},
	} {
		f, err := s.format.atRow(other.table, other.key)
		if err != nil {
			return err
		}
		for _, g := range s.good {
			if err := s.readsNot(f, g); err != nil {
				return fmt.Errorf("in %s, %w", other.what, err)
			}
		}
	}
	return nil
}

// readsNot returns an error if the bytes of a sample, unless there are none, read the same in a
// row that they do not belong to.
func (s *suite) readsNot(f format, g good) error {
	inside, _ := place(g.encoded, 0xAA)
	var v any
	err := safely(func() error {
		w, err := f.view(inside)
		if err == nil {
			v = f.value(w)
		}
		return err
	})
	switch {
	case err != nil && !errors.Is(err, core.ErrCorrupt):
		return fmt.Errorf("%s: %w; want ErrCorrupt", show(g.encoded), err)
	case err == nil && len(g.encoded) > 0 && s.agree(v, g.read):
		return fmt.Errorf("%s reads as in its own", show(g.encoded))
	}
	return nil
}
