// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package spanner

import (
	"context"
	"errors"
	"slices"
	"strconv"
	"strings"
	"time"

	cloud "cloud.google.com/go/spanner"
	"google.golang.org/api/iterator"

	"github.com/guardkv/guardkv/core/remote"
)

// A range is as it was at a timestamp if none of its rows was written later, and there are as many
// as there were: then each row of now was there, and no other one can have been.

// counts are those of all rows in some ranges.
type counts struct{ rows, newer int64 }

// add adds what a query of counting counts.
func (n *counts) add(rows *cloud.RowIterator) error {
	defer rows.Stop()
	for {
		r, err := rows.Next()
		if errors.Is(err, iterator.Done) {
			return nil
		}
		if err != nil {
			return err
		}
		var some counts
		if err := r.Columns(&some.rows, &some.newer); err != nil {
			return err
		}
		n.rows += some.rows
		n.newer += some.newer
	}
}

// rangesAtOnce is how many ranges one query counts.
const rangesAtOnce = 50

// countBefore counts the rows of the ranges that a commit depends on, in the state that they were
// read in.
func (d *driver) countBefore(ctx context.Context, c remote.Commit) (n counts, err error) {
	for some := range slices.Chunk(c.Ranges, rangesAtOnce) {
		err := c.Base.(*state).ask(ctx,
			func(ctx context.Context, in *cloud.ReadOnlyTransaction) error {
				return n.add(in.Query(ctx, d.counting(some, time.Now())))
			})
		if err != nil {
			return counts{}, err
		}
	}
	return n, nil
}

// ranges looks whether the ranges are as they were.
func (d *driver) ranges(
	ctx context.Context, tx *transaction, c remote.Commit, before counts,
) error {
	var now counts
	for some := range slices.Chunk(c.Ranges, rangesAtOnce) {
		since := *c.Base.(*state).when.Load() // countBefore has read in it
		if err := now.add(tx.Query(ctx, d.counting(some, since))); err != nil {
			return err
		}
	}
	if now.newer > 0 || now.rows != before.rows {
		return changed("a range")
	}
	return nil
}

// counting is the query for the rows of ranges, and how many of them were written since. No data
// is part of its text.
func (d *driver) counting(spans []remote.Span, since time.Time) cloud.Statement {
	params := map[string]any{"part": d.id, "since": since}
	texts := make([]string, len(spans))
	for i, s := range spans {
		n := strconv.Itoa(i)
		texts[i] = "SELECT COUNT(*), COUNTIF(Written > @since) FROM " + d.client.backend.Table +
			" WHERE Part = @part AND Name >= @low" + n
		params["low"+n] = filled(s.Low)
		if s.High != nil {
			texts[i] += " AND Name < @high" + n
			params["high"+n] = s.High
		}
	}
	return cloud.Statement{SQL: strings.Join(texts, " UNION ALL "), Params: params}
}
