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

// A range has not changed since a timestamp if none of its rows was written later, and it has
// as many rows as it had: then every present row existed before, and no other row can have
// existed.

// counts are the numbers of all rows in some ranges, and of those that were written since.
type counts struct{ rows, newer int64 }

// add adds the result of a query that counting made.
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

// countBefore counts the rows of the ranges that a commit depends on, in the state in which
// they were read.
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

// ranges checks that the ranges have not changed.
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

// counting returns the query that counts the rows of ranges, and those of them that were
// written since. No data is part of its text.
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
