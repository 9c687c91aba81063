// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package etcd

import (
	"bytes"
	"slices"

	pb "go.etcd.io/etcd/api/v3/etcdserverpb"

	"github.com/guardkv/guardkv/core"
	"github.com/guardkv/guardkv/core/remote"
)

// When etcd compares a range, it looks at the keys that are in it now, and so does not notice
// that one was deleted. Therefore every commit that deletes rows also writes the epoch of their
// table, a key of its own, and every commit that depends on a range compares the epochs of the
// tables that the range is in. If a commit deletes in so many tables that there is no room for
// all their epochs, the epoch of the storage stands for them.

// epochs returns the operations that write the epochs of what is deleted: at most so many of
// them, where most is at least one.
func (d *driver) epochs(writes []core.Write, most int) []*pb.RequestOp {
	var ops []*pb.RequestOp
	var last []byte
	for i := range writes {
		w := &writes[i]
		if !w.Delete || w.When == core.IfAbsent {
			continue
		}
		first := tableOf(w.Key)
		if w.End != nil && !within(first, w.End) {
			return d.allTables()
		}
		if ops != nil && bytes.Equal(first, last) {
			continue
		}
		if len(ops) == most {
			return d.allTables()
		}
		ops, last = append(ops, opPut(d.places.epoch(first), nil)), first
	}
	return ops
}

// within reports whether a range that begins in a table and ends before end is in that table
// alone.
func within(table, end []byte) bool {
	return len(table) == tableNumber &&
		(bytes.HasPrefix(end, table) || bytes.Equal(end, above(table)))
}

// allTables returns the operation that writes the epoch of the storage.
func (d *driver) allTables() []*pb.RequestOp {
	return []*pb.RequestOp{opPut(d.places.epochs, nil)}
}

// epochsOf returns, in order, the ranges of epochs to compare for what depends on ranges of
// rows.
func (d *driver) epochsOf(spans []remote.Span) (epochs []remote.Span) {
	for _, s := range spans {
		e := remote.Span{Low: d.places.epoch(tableOf(s.Low)), High: d.places.epochsEnd}
		switch {
		case s.High == nil:
		case len(s.High) > len(tableOf(s.High)):
			e.High = successor(d.places.epoch(tableOf(s.High)))
		default: // the bound is the beginning of a table, and the range ends before it
			e.High = d.places.epoch(s.High)
		}
		if last := len(epochs) - 1; last >= 0 && bytes.Compare(e.Low, epochs[last].High) < 0 {
			if bytes.Compare(e.High, epochs[last].High) > 0 {
				epochs[last].High = e.High
			}
			continue
		}
		epochs = append(epochs, e)
	}
	return slices.Clip(epochs)
}
