// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package spanner

import (
	"context"
	"errors"
	"time"

	cloud "cloud.google.com/go/spanner"
	"google.golang.org/api/iterator"
)

// row is a row of the table. Columns that were not asked for are not set.
type row struct {
	part        string
	name, value []byte
	written     time.Time
}

// where is a transaction of either kind, in which to read.
type where interface {
	ReadWithOptions(
		ctx context.Context, table string, keys cloud.KeySet, columns []string,
		opts *cloud.ReadOptions,
	) *cloud.RowIterator
	Query(ctx context.Context, statement cloud.Statement) *cloud.RowIterator
}

// read reads rows in the order of their keys until each returns false, and at most so many if
// most is not 0.
func (b Backend) read(
	ctx context.Context, in where, rows cloud.KeySet, columns []string, most int,
	each func(row) bool,
) error {
	return every(in.ReadWithOptions(ctx, b.Table, rows, columns, &cloud.ReadOptions{Limit: most}),
		each)
}

// every calls each with the rows until there are no more, or each returns false.
func every(rows *cloud.RowIterator, each func(row) bool) error {
	defer rows.Stop()
	for {
		r, err := rows.Next()
		if errors.Is(err, iterator.Done) {
			return nil
		}
		if err != nil {
			return err
		}
		got, err := decode(r)
		if err != nil {
			return err
		}
		if !each(got) {
			return nil
		}
	}
}

// decode returns the columns that a row has.
func decode(r *cloud.Row) (got row, err error) {
	for i, name := range r.ColumnNames() {
		switch name {
		case columnPart:
			err = r.Column(i, &got.part)
		case columnName:
			err = r.Column(i, &got.name)
		case columnValue:
			err = r.Column(i, &got.value)
		case columnWritten:
			err = r.Column(i, &got.written)
		}
		if err != nil {
			return row{}, err
		}
	}
	return got, nil
}
