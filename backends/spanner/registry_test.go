// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package spanner

import (
	"context"
	"io/fs"
	"slices"
	"strings"
	"testing"

	cloud "cloud.google.com/go/spanner"

	"github.com/guardkv/guardkv/core"
)

// writes writes rows of the table as another program might.
func (s store) writes(t *testing.T, all ...*cloud.Mutation) {
	t.Helper()
	do(t, s.driver.client.transact(t.Context(),
		func(context.Context, *transaction) ([]*cloud.Mutation, error) { return all, nil }))
}

// TestUnknownLayout: a registry that a newer program has made is refused, whatever is asked for,
// also by who has looked before.
func TestUnknownLayout(t *testing.T) {
	b := here(t).withDefaults()
	s := open(t, b, "storage")
	before, err := b.Claim(t.Context(), "storage", false)
	do(t, err)
	defer before.Release()
	_, err = before.Mark()
	do(t, err)
	s.writes(t, b.put(at(partRegistry, ""), []byte("2")))
	_, err = core.Open(t.Context(), "storage", b)
	is(t, "Open", err, core.ErrVersionMismatch)
	if err == nil || !strings.Contains(err.Error(), "newer program") {
		t.Errorf("the error does not say what to do: %v", err)
	}
	_, err = b.List(t.Context(), "")
	is(t, "List", err, core.ErrVersionMismatch)
	is(t, "Rename", before.Rename("other"), core.ErrVersionMismatch)
	is(t, "Remove", before.Remove(), core.ErrVersionMismatch)
	s.writes(t, b.put(at(partRegistry, ""), []byte(layout)))
	do(t, before.Remove())
}

// TestForeignName: what leads to no storage is none.
func TestForeignName(t *testing.T) {
	b := here(t).withDefaults()
	s := open(t, b, "mine")
	for name, id := range map[string]string{"short": "x", "no mark": newID(), "strange": `'; --`} {
		s.writes(t, b.put(at(partNames, name), []byte(id)))
		_, err := core.Open(t.Context(), name, b)
		is(t, "opening "+name, err, core.ErrNotStorage)
	}
}

// TestNames: paths are bytes, and no part of a statement; those that begin like others are apart,
// and so are tables.
func TestNames(t *testing.T) {
	b := here(t)
	names := []string{"", "'; DROP TABLE guardkv; --", "a", "a/b", "a\xff", "a\xff\xff", "b\x00"}
	for _, name := range names {
		do(t, open(t, b, name).apply(t, nil, put("k", name)))
	}
	for _, name := range names {
		if v, err := open(t, b, name).value(t, "k"); v != name || err != nil {
			t.Errorf("at %q the row is %q, %v", name, v, err)
		}
	}
	for prefix, want := range map[string][]string{
		"": names, "a": names[2:6], "a/": names[3:4], "a\xff": names[4:6], "c": nil,
	} {
		if got, err := b.List(t.Context(), prefix); !slices.Equal(got, want) || err != nil {
			t.Errorf("List(%q) gives %q, %v; want %q", prefix, got, err, want)
		}
	}
	b.Table = "other"
	if got, err := b.List(t.Context(), ""); len(got) != 0 || err != nil {
		t.Errorf("in a table that is not there are %q, %v", got, err)
	}
	c, err := b.Claim(t.Context(), "a", true)
	do(t, err)
	defer c.Release()
	_, err = c.Open(t.Context(), core.EngineOptions{})
	is(t, "Open to read", err, fs.ErrNotExist)
	b.Table = "other; DROP TABLE guardkv"
	if _, err := b.List(t.Context(), ""); err == nil || !strings.Contains(err.Error(), "Table") {
		t.Errorf("a table whose name is a statement gives %v", err)
	}
}

// TestRemoved: nothing is left of a storage that was removed, nor of one whose removal was not
// completed when the next storage is created.
func TestRemoved(t *testing.T) {
	b := here(t).withDefaults()
	for _, interrupted := range []bool{false, true} {
		s := open(t, b, "storage")
		var writes []core.Write
		for i := range purgeRows + 10 {
			writes = append(writes, put(rowKey("tab1", i), "v"))
		}
		do(t, s.apply(t, nil, writes...))
		if interrupted {
			s.writes(t, b.remove(at(partNames, "storage")), b.remove(at(partMarks, s.driver.id)),
				b.put(at(partGone, s.driver.id), nil))
			open(t, b, "next")
			next, err := b.Claim(t.Context(), "next", false)
			do(t, err)
			do(t, next.Remove())
			do(t, next.Release())
		} else {
			c, err := b.Claim(t.Context(), "storage", false)
			do(t, err)
			do(t, c.Remove())
			do(t, c.Release())
		}
		var left []string
		_, err := s.driver.client.reading(t.Context(), nil,
			func(ctx context.Context, in *cloud.ReadOnlyTransaction) error {
				return b.read(ctx, in, cloud.AllKeys(), columns, 10, func(got row) bool {
					left = append(left, got.part)
					return true
				})
			})
		if !slices.Equal(left, []string{partRegistry}) || err != nil {
			t.Errorf("interrupted %v: of a storage that was removed is left %q, %v", interrupted,
				left, err)
		}
		is(t, "a write to it", s.apply(t, nil, put("k", "v")), core.ErrClosed)
	}
}
