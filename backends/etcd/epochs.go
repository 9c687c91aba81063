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

// A comparison of a range looks at the keys that are in it, and so does not see that one was
// deleted. So whoever deletes also writes the epoch of the table, and whoever depends on a range
// compares the epochs of the tables that it is in. If there is no room for the epochs of all
// tables that somebody deletes in, the epoch of the storage stands for them.

// epochs returns the operations that write the epochs of what is deleted, no more than so many,
// which is not less than one.
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

// within reports whether a range that begins in a table and ends in front of end is in that
// table alone.
func within(table, end []byte) bool {
	return len(table) == tableNumber &&
		(bytes.HasPrefix(end, table) || bytes.Equal(end, above(table)))
}

// allTables writes the epoch of the storage.
func (d *driver) allTables() []*pb.RequestOp {
	return []*pb.RequestOp{opPut(d.places.epochs, nil)}
}

// epochsOf returns the ranges of epochs that those who depend on ranges of rows compare, in
// order.
func (d *driver) epochsOf(spans []remote.Span) (epochs []remote.Span) {
	for _, s := range spans {
		e := remote.Span{Low: d.places.epoch(tableOf(s.Low)), High: d.places.epochsEnd}
		switch {
		case s.High == nil:
		case len(s.High) > len(tableOf(s.High)):
			e.High = successor(d.places.epoch(tableOf(s.High)))
		default: // the bound is that of a table, which the range is in front of
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
