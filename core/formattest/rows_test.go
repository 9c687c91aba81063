// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package formattest

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"fmt"
	"testing"

	"github.com/guardkv/guardkv/core"
)

// fakeRows is a format that puts a sum of table and key before the value.
type fakeRows struct {
	fake
	sum func(table core.TableID, key []byte) []byte
}

var errNoRow = errors.New("values in this format are bound to rows")

func (fakeRows) Append(dst []byte, v record) ([]byte, error) { return dst, errNoRow }
func (fakeRows) View([]byte) (record, error)                 { return record{}, errNoRow }

func (f fakeRows) Powers() fakePowers {
	return fakePowers{BindRows: func(table core.TableID) (core.RowFormat[record, record], error) {
		return core.RowFormat[record, record]{
			Append: func(dst, key []byte, v record) ([]byte, error) {
				return encodeRecord(append(dst, f.sum(table, key)...), v)
			},
			View: func(key, b []byte) (record, error) {
				rest, ok := bytes.CutPrefix(b, f.sum(table, key))
				if !ok {
					return record{}, fmt.Errorf("%w: the bytes of another row", core.ErrCorrupt)
				}
				return viewRecord(rest)
			},
		}, nil
	}}
}

func sumOfBoth(table core.TableID, key []byte) []byte {
	sum := sha256.Sum256(append(table[:], key...))
	return sum[:8]
}

func sumOfKey(_ core.TableID, key []byte) []byte     { return sumOfBoth(core.TableID{}, key) }
func sumOfTable(table core.TableID, _ []byte) []byte { return sumOfBoth(table, nil) }

// sumThatWrites changes the key of a row that the value is not of: else no promise but Rows
// would be kept.
func sumThatWrites(table core.TableID, key []byte) []byte {
	sum := sumOfBoth(table, key)
	if len(key) > 0 && string(key) != testKey {
		key[0]++
	}
	return sum
}

func TestBoundToRows(t *testing.T) {
	Run(t, fakeRows{sum: sumOfBoth}, records...)
}
