// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package spanner

import (
	"bytes"
	"context"
	"sync/atomic"
	"time"

	cloud "cloud.google.com/go/spanner"

	"github.com/guardkv/guardkv/core/remote"
)

// state is a timestamp: that of the first read, which sees all that was committed before it. It
// holds nothing on the server, so there is nothing to close.
type state struct {
	driver *driver
	when   atomic.Pointer[time.Time] // nil before the first read
}

var _ remote.State = (*state)(nil)

// ask makes a read at the state.
func (s *state) ask(
	ctx context.Context, read func(context.Context, *cloud.ReadOnlyTransaction) error,
) error {
	at := s.when.Load()
	when, err := s.driver.client.reading(ctx, at, read)
	if err == nil && at == nil {
		s.when.Store(&when)
	}
	return err
}

// places returns the primary keys of rows.
func (d *driver) places(keys [][]byte) cloud.KeySet {
	all := make([]cloud.KeySet, len(keys))
	for i, key := range keys {
		all[i] = cloud.Key{d.id, filled(key)}
	}
	return cloud.KeySets(all...)
}

var rowColumns = []string{columnName, columnValue, columnWritten}

// GetMany is one request.
func (s *state) GetMany(ctx context.Context, keys [][]byte) (rows []remote.Row, err error) {
	d := s.driver
	err = s.ask(ctx, func(ctx context.Context, in *cloud.ReadOnlyTransaction) error {
		rows = make([]remote.Row, 0, len(keys))
		return d.client.backend.read(ctx, in, d.places(keys), rowColumns, 0, func(got row) bool {
			rows = append(rows, got.row())
			return true
		})
	})
	return rows, err
}

// row returns the row as package remote has it.
func (r *row) row() remote.Row {
	return remote.Row{Key: filled(r.name), Value: filled(r.value), Version: version(r.written)}
}

// version is the timestamp of the commit that wrote a row.
func version(t time.Time) uint64 { return uint64(t.UnixNano()) }

// Page is one request, except for a first page in reverse, which is two: a read goes only
// upward, and a query, which can go down, would have to sort its rows together with those that
// are looked up.
func (s *state) Page(ctx context.Context, q remote.Query) (p remote.Page, err error) {
	also := q.Also
	if len(also) > 0 && (q.Reverse || bytes.Compare(also[len(also)-1], q.Low) >= 0) {
		if p.Also, err = s.GetMany(ctx, also); err != nil {
			return remote.Page{}, err
		}
		also = nil
	}
	found := p.Also
	err = s.ask(ctx, func(ctx context.Context, in *cloud.ReadOnlyTransaction) error {
		p = remote.Page{Also: found}
		size := 0
		return every(s.driver.page(ctx, in, &q, also), func(got row) bool {
			if len(also) > 0 && bytes.Compare(got.name, q.Low) < 0 {
				p.Also = append(p.Also, got.row())
				return true
			}
			p.Rows = append(p.Rows, remote.Row{Key: filled(got.name), Value: filled(got.value)})
			size += len(got.name) + len(got.value)
			p.More = len(p.Rows) == q.Rows || size >= q.Bytes
			return !p.More
		})
	})
	return p, err
}

// page asks for a page, and for rows before it.
func (d *driver) page(
	ctx context.Context, in *cloud.ReadOnlyTransaction, q *remote.Query, also [][]byte,
) *cloud.RowIterator {
	if q.Reverse {
		return in.Query(ctx, d.down(q))
	}
	asked := []string{columnName, columnValue, columnWritten}
	if q.KeysOnly && len(also) == 0 {
		asked = asked[:1]
	}
	rows := cloud.KeySets(d.places(also), within(d.id, q.Low, q.High))
	return in.ReadWithOptions(ctx, d.client.backend.Table, rows, asked,
		&cloud.ReadOptions{Limit: q.Rows + len(also)})
}

// down returns the query for a page in reverse. No data is part of its text.
func (d *driver) down(q *remote.Query) cloud.Statement {
	text := "SELECT Name, Value"
	if q.KeysOnly {
		text = "SELECT Name"
	}
	text += " FROM " + d.client.backend.Table + " WHERE Part = @part AND Name >= @low"
	params := map[string]any{"part": d.id, "low": filled(q.Low), "rows": int64(q.Rows)}
	if q.High != nil {
		text += " AND Name < @high"
		params["high"] = q.High
	}
	return cloud.Statement{SQL: text + " ORDER BY Name DESC LIMIT @rows", Params: params}
}

// Close does nothing: a state holds nothing on the server.
func (s *state) Close() error { return nil }
