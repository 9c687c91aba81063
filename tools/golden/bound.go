// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package golden

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"

	"github.com/guardkv/guardkv/core"
	"github.com/guardkv/guardkv/core/keys"
	"github.com/guardkv/guardkv/core/values"
)

// bound wraps another format. It appends a checksum of the table's ID, the row's key and the value
// to each value, and so finds out if a later version passes it any of these differently.
type bound[T any] struct{ core.ValueFormat[T, T] }

func (f bound[T]) ID() string { return "bound(" + f.ValueFormat.ID() + ")" }

var errNoRow = errors.New("the values are bound to rows")

func (bound[T]) Append([]byte, T) ([]byte, error) { return nil, errNoRow }
func (bound[T]) View([]byte) (v T, err error)     { return v, errNoRow }

func (f bound[T]) Powers() core.FormatPowers[T, T] {
	return core.FormatPowers[T, T]{
		CheckValue: core.PowersOf(f.ValueFormat).CheckValue,
		BindRows: func(table core.TableID) (core.RowFormat[T, T], error) {
			return f.rows(table), nil
		},
	}
}

func (f bound[T]) rows(table core.TableID) core.RowFormat[T, T] {
	sum := func(key, value []byte) uint32 {
		n := crc32.Update(crc32.ChecksumIEEE(table[:]), crc32.IEEETable, key)
		return crc32.Update(n, crc32.IEEETable, value)
	}
	return core.RowFormat[T, T]{
		Append: func(dst, key []byte, v T) ([]byte, error) {
			start := len(dst)
			dst, err := f.ValueFormat.Append(dst, v)
			if err != nil {
				return dst, err
			}
			return binary.BigEndian.AppendUint32(dst, sum(key, dst[start:])), nil
		},
		View: func(key, b []byte) (v T, err error) {
			n := len(b) - crc32.Size
			if n < 0 || binary.BigEndian.Uint32(b[n:]) != sum(key, b[:n]) {
				return v, fmt.Errorf("%w: not the bytes of this row in this table", core.ErrCorrupt)
			}
			return f.ValueFormat.View(b[:n:n])
		},
	}
}

// boundRows has two tables whose values are bound to their rows, one of them with checksums, and a
// table whose values are not bound.
func boundRows() []table {
	all := people(bound[person]{values.JSON[person]()})()
	return append(all, keyed("free", keys.Uint8(), 0, 1, 255))
}
