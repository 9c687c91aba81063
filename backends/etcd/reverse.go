// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package etcd

import (
	"context"
	"slices"
	"sync"

	pb "go.etcd.io/etcd/api/v3/etcdserverpb"

	"github.com/guardkv/guardkv/core/remote"
)

// When a range is asked for from its end, etcd reads all rows of the range, sorts them, and
// throws away those beyond the limit. In a range of many rows it is much cheaper to let etcd
// sort the keys alone, which it has in memory, and then to ask for the rows between the lowest
// of these keys and the end. That takes two requests instead of one, so it is done only where
// it is known to pay: every answer tells how many rows its range has.

const (
	// longRange is how many rows cost more than a second request.
	longRange = 1000
	// mostRanges is how many ranges are remembered.
	mostRanges = 1000
)

// longRanges are the low bounds of ranges that had many rows when they were asked for from
// their end. All pages of a scan have the same low bound.
type longRanges struct {
	mu  sync.Mutex
	low map[string]bool
}

func (l *longRanges) has(low []byte) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.low[string(low)]
}

// learn remembers how many rows a range had.
func (l *longRanges) learn(low []byte, rows int64) {
	if rows <= longRange {
		return
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.low == nil || len(l.low) >= mostRanges {
		l.low = make(map[string]bool)
	}
	l.low[string(low)] = true
}

// pageDown asks for a page from the end of a range.
func (d *driver) pageDown(
	ctx context.Context, q remote.Query, at ranger,
) (p remote.Page, revision int64, err error) {
	low, high := d.places.low(q.Low), d.places.high(q.High)
	two := !q.KeysOnly && d.long.has(low)
	answer, also, revision, err := d.rangeOf(ctx, at.at(&pb.RangeRequest{
		Key: low, RangeEnd: high, Limit: int64(q.Rows), KeysOnly: q.KeysOnly || two,
		SortTarget: pb.RangeRequest_KEY, SortOrder: pb.RangeRequest_DESCEND,
	}), q.Also, at)
	if err != nil {
		return remote.Page{}, 0, err
	}
	d.long.learn(low, answer.Count)
	kvs := answer.Kvs
	if n := len(kvs); two && n > 0 {
		if at.revision == 0 { // the state is that of the answer
			at.revision = revision
		}
		rows, err := d.client.readRange(ctx, at.at(&pb.RangeRequest{
			Key: kvs[n-1].Key, RangeEnd: successor(kvs[0].Key),
		}))
		if err != nil {
			return remote.Page{}, 0, err
		}
		kvs = rows.Kvs
		slices.Reverse(kvs)
	}
	return remote.Page{Rows: d.rows(kvs), More: answer.More, Also: also}, revision, nil
}
