// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package etcd

import (
	"bytes"
	"fmt"
	"slices"

	pb "go.etcd.io/etcd/api/v3/etcdserverpb"

	"github.com/guardkv/guardkv/core"
	"github.com/guardkv/guardkv/core/remote"
)

// compares returns what must hold for a commit: the storage exists, the conditions of the
// commit hold, and what was read has not changed. If much was read, it is compared more
// coarsely, in ranges around it. That can cause conflicts that were none, but never miss one.
func (d *driver) compares(c remote.Commit) ([]*pb.Compare, error) {
	all := []*pb.Compare{ifThere(d.places.mark)}
	for i := range c.Conditions {
		at, value := d.places.row(c.Conditions[i].Key), c.Conditions[i].Value
		if value == nil {
			all = append(all, ifAbsent(at))
		} else {
			all = append(all, ifValue(at, value))
		}
	}
	if c.Base == nil {
		return all, nil
	}
	base, ok := c.Base.(*state)
	if !ok {
		return nil, fmt.Errorf("the base is a %T, which is no state of this driver", c.Base)
	}
	r := reads{driver: d, revision: base.revision.Load(), spans: c.Ranges}
	for i := range c.Reads {
		if !conditioned(c, &c.Reads[i]) {
			r.rows = append(r.rows, c.Reads[i])
		}
	}
	return append(all, r.fit(d.client.backend.MaxTxnOps-1-len(all))...), nil
}

// conditioned reports whether a condition already states what a read has found in a row.
func conditioned(c remote.Commit, r *remote.Read) bool {
	return slices.ContainsFunc(c.Conditions, func(k core.Condition) bool {
		return bytes.Equal(k.Key, r.Key) && (k.Value != nil) == r.Found &&
			bytes.Equal(k.Value, r.Value)
	})
}

// reads is what was read at a revision.
type reads struct {
	driver   *driver
	revision int64
	rows     []remote.Read
	spans    []remote.Span // in order
}

// fit returns at most so many comparisons, which take at most compareBytes.
func (r *reads) fit(most int) []*pb.Compare {
	for longest := longestKey; r.size() > compareBytes; {
		longest /= 2
		r.cut(longest)
	}
	epochs := r.driver.epochsOf(r.spans)
	if len(r.rows)+len(r.spans)+len(epochs)+1 > most && len(epochs) > 1 {
		epochs = []remote.Span{{Low: epochs[0].Low, High: epochs[len(epochs)-1].High}}
	}
	for len(r.rows)+len(r.spans)+len(epochs)+1 > most && r.coarser() {
		epochs = r.driver.epochsOf(r.spans)
	}
	return r.compares(epochs)
}

func (r *reads) compares(epochs []remote.Span) []*pb.Compare {
	d := r.driver
	all := make([]*pb.Compare, 0, len(r.rows)+len(r.spans)+len(epochs)+1)
	for i := range r.rows {
		all = append(all, ifRevision(d.places.row(r.rows[i].Key), int64(r.rows[i].Version)))
	}
	for _, s := range r.spans {
		all = append(all, ifOlder(d.places.low(s.Low), d.places.high(s.High), r.revision))
	}
	for _, e := range epochs {
		all = append(all, ifOlder(e.Low, e.High, r.revision))
	}
	if len(epochs) > 0 {
		all = append(all, ifOlder(d.places.epochs, nil, r.revision))
	}
	return all
}

// size returns how many bytes the compared keys have.
func (r *reads) size() (n int) {
	for i := range r.rows {
		n += len(r.rows[i].Key)
	}
	for _, s := range r.spans {
		n += len(s.Low) + len(s.High)
	}
	return n
}

// cut turns rows with long keys into ranges whose bounds have at most so many bytes, and
// shortens the bounds of other ranges to that.
func (r *reads) cut(longest int) {
	rows := r.rows[:0:0]
	spans := slices.Clone(r.spans)
	for _, row := range r.rows {
		if len(row.Key) <= longest {
			rows = append(rows, row)
		} else {
			spans = append(spans, remote.Span{Low: row.Key, High: successor(row.Key)})
		}
	}
	for i := range spans {
		s := &spans[i]
		if len(s.Low) > longest {
			s.Low = s.Low[:longest]
		}
		if len(s.High) > longest {
			s.High = above(s.High[:longest])
		}
	}
	r.rows = rows
	r.spans = joined(spans)
}

// above returns a bound above all keys that begin with a prefix.
func above(prefix []byte) []byte {
	if len(bytes.TrimRight(prefix, "\xff")) == 0 {
		return nil
	}
	return prefixEnd(prefix)
}

// coarser joins neighbors in pairs, whatever lies between them, and reports whether there were
// any.
func (r *reads) coarser() bool {
	spans := slices.Clone(r.spans)
	for _, row := range r.rows {
		spans = append(spans, remote.Span{Low: row.Key, High: successor(row.Key)})
	}
	before := len(spans)
	spans = joined(spans)
	half := spans[:0]
	for i := 0; i < len(spans); i += 2 {
		s := spans[i]
		if i+1 < len(spans) {
			s.High = spans[i+1].High
		}
		half = append(half, s)
	}
	r.rows, r.spans = nil, half
	return len(half) < before
}

// joined puts ranges in order, and joins those that overlap.
func joined(spans []remote.Span) []remote.Span {
	slices.SortFunc(spans, func(a, b remote.Span) int { return bytes.Compare(a.Low, b.Low) })
	all := spans[:0]
	for _, s := range spans {
		last := len(all) - 1
		if last < 0 || all[last].High != nil && bytes.Compare(s.Low, all[last].High) > 0 {
			all = append(all, s)
		} else if h := all[last].High; h != nil && (s.High == nil || bytes.Compare(s.High, h) > 0) {
			all[last].High = s.High
		}
	}
	return all
}
