// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package backendtest

import (
	"bytes"
	"context"
	"encoding/binary"
	"testing"

	"github.com/guardkv/guardkv/core"
)

// RowKey returns the key of row i as a table with number 7 has it.
func RowKey(i int) []byte {
	return binary.BigEndian.AppendUint64([]byte{0, 0, 0, 7}, uint64(i))
}

// RowValue returns n bytes that only row i has.
func RowValue(i, n int) []byte {
	unit := binary.BigEndian.AppendUint64(nil, uint64(i)*0x9E3779B97F4A7C15)
	return bytes.Repeat(unit, n/8+1)[:n]
}

// PutRows returns writes that put the rows from up to but not including to, with values of size
// bytes.
func PutRows(from, to, size int) []core.Write {
	var w []core.Write
	for i := from; i < to; i++ {
		w = append(w, core.Write{Key: RowKey(i), Value: RowValue(i, size)})
	}
	return w
}

// DeleteRows returns writes that delete the rows from up to but not including to.
func DeleteRows(from, to int) []core.Write {
	var w []core.Write
	for i := from; i < to; i++ {
		w = append(w, core.Write{Key: RowKey(i), Delete: true})
	}
	return w
}

// Apply makes one atomic write, which must succeed.
func Apply(tb testing.TB, e core.Engine, writes ...core.Write) {
	tb.Helper()
	if err := e.Apply(context.Background(), core.Batch{Writes: writes}); err != nil {
		tb.Fatal(err)
	}
}

// AllRows returns all rows of a snapshot of e, read forward. After an error it also returns
// what it has read.
func AllRows(e core.Engine) (map[string]string, error) {
	s, err := e.Snapshot(context.Background())
	if err != nil {
		return nil, err
	}
	defer s.Close()
	c, err := s.Scan(context.Background(), core.ScanRange{})
	if err != nil {
		return nil, err
	}
	defer c.Close()
	all := map[string]string{}
	for k, v, ok := c.Next(); ok; k, v, ok = c.Next() {
		all[string(k)] = string(v)
	}
	return all, c.Err()
}
