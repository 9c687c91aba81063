// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package cluster

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/guardkv/guardkv/core"
)

// absent stands for no row among the values that a row may have.
const absent = ""

// changeRow writes, or reads, one row that only this client writes. The record has its value,
// or after an unknown outcome both possible values. From then on such a row is only read,
// because the write may still arrive.
func (c *client) changeRow() {
	i := c.rnd.IntN(2*len(c.record.Rows) + 1)
	if i >= len(c.record.Rows) { // as often as not
		i = len(c.record.Rows)
		c.record.Rows = append(c.record.Rows, []string{absent})
	}
	row := &c.record.Rows[i]
	key, fresh := rowKey(c.record.Client, i), fmt.Sprintf("%d.%d,", c.record.Client, c.serial())
	verb := c.rnd.IntN(6)
	if len(*row) > 1 {
		verb = 0
	}
	switch verb {
	case 0:
		c.loadRow(key, *row)
	case 1:
		c.insertRow(key, row, fresh)
	case 2:
		c.deleteRow(key, row)
	case 3:
		c.extendRow(key, row, fresh)
	default:
		o := c.write("put", func(ctx context.Context) error {
			return c.rows.Put(ctx, key, fresh)
		})
		follow(row, o, fresh)
	}
}

func rowKey(client, i int) string { return fmt.Sprintf("%03d/%06d", client, i) }

// follow updates what a row may be after a write.
func follow(row *[]string, o outcome, written string) {
	switch o {
	case acked:
		*row = []string{written}
	case maybe:
		*row = append(*row, written)
	}
}

func (c *client) loadRow(key string, row []string) {
	value := absent
	ok := c.read("load", func(ctx context.Context) (err error) {
		value, err = c.rows.Load(ctx, key)
		if errors.Is(err, core.ErrNotFound) {
			return nil
		}
		return err
	})
	if ok && !slices.Contains(row, value) {
		c.fault("row %s is %q; want one of %q", key, value, row)
	}
}

// insertRow must find a row exactly if it exists.
func (c *client) insertRow(key string, row *[]string, fresh string) {
	found := false
	o := c.write("insert", func(ctx context.Context) error {
		err := c.rows.Insert(ctx, key, fresh)
		if found = errors.Is(err, core.ErrExists); found {
			return nil
		}
		return err
	})
	was := (*row)[0]
	switch {
	case o == acked && found != (was != absent):
		c.fault("insert of row %s says that there is one: %t; it was %q", key, found, was)
	case was == absent:
		follow(row, o, fresh)
	}
}

// deleteRow must report a deletion exactly if there was a row.
func (c *client) deleteRow(key string, row *[]string) {
	found := false
	o := c.write("delete", func(ctx context.Context) (err error) {
		found, err = c.rows.Delete(ctx, key)
		return err
	})
	if was := (*row)[0]; o == acked && found != (was != absent) {
		c.fault("delete of row %s says that there was one: %t; it was %q", key, found, was)
	}
	follow(row, o, absent)
}

// extendRow appends to the value, so that doing it twice shows.
func (c *client) extendRow(key string, row *[]string, fresh string) {
	seen := absent
	o := c.write("modify", func(ctx context.Context) error {
		return c.rows.Modify(ctx, key, func(old string, _ bool) (string, core.Change, error) {
			seen = strings.Clone(old)
			return old + fresh, core.Store, nil
		})
	})
	was := (*row)[0]
	if o == acked && seen != was {
		c.fault("modify of row %s has seen %q; it was %q", key, seen, was)
	}
	follow(row, o, was+fresh)
}

// checkRows compares every row with what it may be.
func (f *Findings) checkRows(records []Record) {
	want := map[string][]string{}
	for _, r := range records {
		for i, row := range r.Rows {
			key := rowKey(r.Client, i)
			want[key] = row
			if !slices.Contains(row, f.rows[key]) {
				f.fault("row %s is %q; want one of %q", key, f.rows[key], row)
			}
		}
	}
	for key := range f.rows {
		if want[key] == nil {
			f.fault("row %s is there, and nobody wrote it", key)
		}
	}
}
