// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package postgres

import (
	"errors"
	"io/fs"
	"slices"
	"strings"
	"testing"

	"github.com/guardkv/guardkv/backends/postgres/postgrestest"
	"github.com/guardkv/guardkv/core"
)

// strange are names and keys that would do harm as part of a statement, or that text cannot hold.
var strange = []string{
	`'; drop table guardkv_storages; --`,
	`" ; delete from guardkv_storages; --`,
	`\'; select 1 / 0; --`,
	"$1", "%s", "a\x00b", "\xff\xfe", "", " ", "ä", "a\r\nb", `\x00`,
	strings.Repeat("long", longestPath/4),
}

// TestStrangeNames: paths and keys are never part of a statement.
func TestStrangeNames(t *testing.T) {
	url, err := postgrestest.Shared(t).Database(t.Context())
	do(t, err)
	b := Backend{URL: url}
	var want []string
	for i, path := range strange {
		e := openEngine(t, b, path)
		for _, key := range strange {
			key = key[:min(len(key), 2000)] // the limit is tested elsewhere
			do(t, apply(t, e, put("key "+key, path), put("one more", key)))
			v, r, err := e.Get(t.Context(), []byte("key "+key))
			do(t, err)
			if string(v) != path {
				t.Errorf("at %q the value of %q is %q", path, key, v)
			}
			r.Release()
			do(t, apply(t, e, del("key "+key)))
		}
		if i%2 == 0 {
			c, err := b.Claim(t.Context(), path, false)
			do(t, err)
			path = path[:min(len(path), 1000)] + " renamed"
			do(t, c.Rename(path))
			do(t, c.Release())
		}
		want = append(want, path)
	}
	got, err := b.List(t.Context(), "")
	do(t, err)
	slices.Sort(want)
	if !slices.Equal(got, want) {
		t.Errorf("List gives %q; want %q", got, want)
	}
	for _, path := range want {
		c, err := b.Claim(t.Context(), path, false)
		do(t, err)
		do(t, c.Remove())
		do(t, c.Release())
	}
	if got, err := b.List(t.Context(), ""); len(got) != 0 || err != nil {
		t.Errorf("after all were removed there are %q, %v", got, err)
	}
}

// TestLongNames: a path that the index of the registry cannot hold is refused before anything is
// asked.
func TestLongNames(t *testing.T) {
	b := Backend{URL: postgrestest.Shared(t).URL()}
	long := strings.Repeat("l", longestPath+1)
	if _, err := b.Claim(t.Context(), long, false); !errors.Is(err, core.ErrTooLarge) {
		t.Errorf("a path that is too long gives %v; want ErrTooLarge", err)
	}
	path := place()
	openEngine(t, b, path)
	c, err := b.Claim(t.Context(), path, false)
	do(t, err)
	defer c.Release()
	if err := c.Rename(long); !errors.Is(err, core.ErrTooLarge) {
		t.Errorf("renaming to it gives %v; want ErrTooLarge", err)
	}
}

// TestForeignRegistry: what another version of this package has written is left alone, and an ID
// that was not made here does not become part of a statement.
func TestForeignRegistry(t *testing.T) {
	s := postgrestest.Shared(t)
	for change, want := range map[string]error{
		"format = 2":                         core.ErrNotStorage,
		`id = '"; drop table pg_class; --x'`: core.ErrCorrupt,
	} {
		path := place()
		b := Backend{URL: s.URL()}
		do(t, openEngine(t, b, path).Close())
		_, err := s.Exec(t.Context(),
			"update guardkv_storages set "+change+" where path = '"+path+"'::bytea")
		do(t, err)
		c, err := b.Claim(t.Context(), path, false)
		do(t, err)
		_, err = c.Mark()
		_, opened := c.Open(t.Context(), core.EngineOptions{})
		for _, err := range []error{err, opened, c.Rename(place()), c.Remove()} {
			if !errors.Is(err, want) {
				t.Errorf("with %s: %v; want %v", change, err, want)
			}
		}
		do(t, c.Release())
		_, err = s.Exec(t.Context(), "delete from guardkv_storages where path = '"+path+"'::bytea")
		do(t, err)
	}
}

// TestNothingThere: a storage that is not there is not created to be read, renamed or removed.
func TestNothingThere(t *testing.T) {
	url, err := postgrestest.Shared(t).Database(t.Context()) // which has no registry
	do(t, err)
	b := Backend{URL: url}
	c, err := b.Claim(t.Context(), "none", true)
	do(t, err)
	if _, err := c.Open(t.Context(), core.EngineOptions{}); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("Open to read gives %v; want fs.ErrNotExist", err)
	}
	do(t, c.Release())
	c, err = b.Claim(t.Context(), "none", false)
	do(t, err)
	if err := c.Rename("other"); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("Rename gives %v; want fs.ErrNotExist", err)
	}
	do(t, c.Remove())
	do(t, c.Release())
	if got, err := b.List(t.Context(), ""); len(got) != 0 || err != nil {
		t.Errorf("List gives %q, %v", got, err)
	}
}

// TestReadBesideRemove: a reader keeps the relation of a storage that is removed. Its rows are
// deleted then, and the next removal drops it.
func TestReadBesideRemove(t *testing.T) {
	s := postgrestest.Shared(t)
	url, err := s.Database(t.Context())
	do(t, err)
	b := Backend{URL: url}
	e := openEngine(t, b, "one")
	do(t, apply(t, e, put("k", "v")))
	snap, err := e.Powers().Begin(t.Context(), core.ToRead)
	do(t, err)
	if v, _, err := snap.Get(t.Context(), []byte("k")); string(v) != "v" || err != nil {
		t.Fatalf("Get = %q, %v", v, err)
	}
	remove := func(path string) {
		t.Helper()
		c, err := b.Claim(t.Context(), path, false)
		do(t, err)
		do(t, c.Remove())
		do(t, c.Release())
	}
	remove("one")
	if v, _, err := snap.Get(t.Context(), []byte("k")); string(v) != "v" || err != nil {
		t.Errorf("the snapshot became %q, %v", v, err)
	}
	if _, _, err := e.Get(t.Context(), []byte("k")); !errors.Is(err, core.ErrNotFound) {
		t.Errorf("a row of a storage that was removed gives %v; want ErrNotFound", err)
	}
	do(t, snap.Close())
	do(t, openEngine(t, b, "two").Close())
	remove("two")
	err = e.Apply(t.Context(), core.Batch{Writes: []core.Write{put("k", "late")}})
	if !errors.Is(err, core.ErrClosed) {
		t.Errorf("Apply gives %v; want ErrClosed", err)
	}
}
