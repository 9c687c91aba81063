// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package cluster

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"math/rand/v2"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/guardkv/guardkv/backends/bbolt"
	"github.com/guardkv/guardkv/core"
	"github.com/guardkv/guardkv/core/keys"
	"github.com/guardkv/guardkv/core/values"
	"github.com/guardkv/guardkv/formats/cbor"
)

// person is a row of one of the tables that move.
type person struct {
	Name string
	Born time.Time
	Tags []string
}

// fillForMove makes tables of several formats, with keys that are hard to order, empty and long
// values, and more rows than one commit or one page takes.
func fillForMove(t *testing.T, db *core.Storage, rows int) {
	t.Helper()
	ctx, rnd := t.Context(), rand.New(rand.NewPCG(1, 2))
	pair := keys.Pair(keys.String(), keys.Int())
	people := must(core.OpenTable(ctx, db, "people", pair, cbor.New[person]()))(t)
	_, err := people.PutStream(ctx, func(yield func(keys.Tuple[string, int], person) bool) {
		for i := range rows {
			p := person{fmt.Sprint("name ", i), time.Unix(int64(i), 0).UTC(), []string{"a", "b"}}
			if !yield(pair.Key(fmt.Sprint(i%7), -i), p) {
				return
			}
		}
	})
	check(t, err)
	blobs := must(core.OpenTable(ctx, db, "blobs \x00\xff", keys.Bytes(), values.Bytes()))(t)
	for i := range 200 {
		key := make([]byte, 1+rnd.IntN(40))
		value := make([]byte, rnd.IntN(200)) // which may be empty
		for j := range key {
			key[j] = []byte{0, 1, 0x7f, 0x80, 0xff}[rnd.IntN(5)]
		}
		for j := range value {
			value[j] = byte(rnd.Uint32())
		}
		if i == 100 {
			value = bytes.Repeat([]byte("long"), 100<<10)
		}
		check(t, blobs.Put(ctx, key, value))
	}
	must(core.OpenTable(ctx, db, "empty", keys.Uint64(), values.String()))(t)
}

func must[T any](v T, err error) func(*testing.T) T {
	return func(t *testing.T) T { t.Helper(); check(t, err); return v }
}

func check(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// allRows returns the rows of every table as they are stored, in their order.
func allRows(t *testing.T, db *core.Storage) map[string][][2]string {
	t.Helper()
	tables := must(db.Tables(t.Context()))(t)
	all := map[string][][2]string{}
	for _, info := range tables {
		rows := [][2]string{}
		raw := must(core.OpenRaw(t.Context(), db, info.Name))(t)
		for row, err := range raw.Scan().Rows(t.Context()) {
			check(t, err)
			rows = append(rows, [2]string{string(row.Key), string(row.Value)})
		}
		all[info.Name] = rows
	}
	return all
}

// move restores a backup on another backend, compares the rows with want, and makes a backup.
func move(
	t *testing.T, b core.Backend, path string, backup []byte, want map[string][][2]string,
) []byte {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Minute)
	defer cancel()
	db, err := core.Restore(ctx, path, b, bytes.NewReader(backup), core.WithVersion(7))
	check(t, err)
	defer db.Close()
	got := allRows(t, db)
	if names := slices.Sorted(maps.Keys(got)); !slices.Equal(names,
		slices.Sorted(maps.Keys(want))) {
		t.Fatalf("the tables on %s are %q", b.Name(), names)
	}
	for name := range want {
		if !slices.Equal(got[name], want[name]) {
			t.Errorf("table %q has other rows on %s: %d; want %d", name, b.Name(),
				len(got[name]), len(want[name]))
		}
	}
	check(t, db.Check(ctx))
	var out bytes.Buffer
	check(t, db.Backup(ctx, &out))
	return out.Bytes()
}

// A storage moves from a file to a cluster and back, as a backup. Every row stays as it was, so
// the backups are equal to the last byte.
func thereAndBack(t *testing.T, s *Site) {
	there := s.patient(t)
	file := filepath.Join(t.TempDir(), "data.db")
	db := must(core.Open(t.Context(), file, bbolt.Backend{}, core.WithVersion(7)))(t)
	fillForMove(t, db, 2500)
	want := allRows(t, db)
	var first bytes.Buffer
	check(t, db.Backup(t.Context(), &first))
	check(t, db.Close())

	second := move(t, there, "moved", first.Bytes(), want)
	third := move(t, bbolt.Backend{}, filepath.Join(t.TempDir(), "back.db"), second, want)
	if !bytes.Equal(second, first.Bytes()) || !bytes.Equal(third, second) {
		t.Errorf("the backups are not equal: %d, %d and %d bytes", first.Len(), len(second),
			len(third))
	}
	tooLarge(t, there)
	lossy(t, s, there, first.Bytes(), want)
}

// tooLarge restores a row that the engine cannot take: Restore returns ErrTooLarge, and leaves
// nothing at the path.
func tooLarge(t *testing.T, there core.Backend) {
	t.Helper()
	db := must(core.Open(t.Context(), filepath.Join(t.TempDir(), "data.db"), bbolt.Backend{}))(t)
	defer db.Close()
	table := must(core.OpenTable(t.Context(), db, "long", keys.Bytes(), values.Bytes()))(t)
	check(t, table.Put(t.Context(), []byte("a"), []byte("short")))
	// PostgreSQL does not take this key, nor etcd this value
	long := bytes.Repeat([]byte("k"), 20<<10)
	check(t, table.Put(t.Context(), long, make([]byte, 2<<20)))
	var backup bytes.Buffer
	check(t, db.Backup(t.Context(), &backup))
	_, err := core.Restore(t.Context(), "too large", there, &backup)
	if !errors.Is(err, core.ErrTooLarge) {
		t.Errorf("a row that is too large gives %v", err)
	}
	_, err = core.Open(t.Context(), "too large", there, core.WithReadOnly())
	if !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("after a Restore that failed there is: %v", err)
	}
}

// lossy restores while answers of commits get lost: in the end all of it is there, or nothing.
func lossy(
	t *testing.T, s *Site, there core.Backend, backup []byte, want map[string][][2]string,
) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Minute)
	defer cancel()
	const restores = 5
	restored := 0
	for i := range restores {
		path := fmt.Sprint("lossy", i)
		interval := time.Duration(40*(i+1)) * time.Millisecond
		db, err := s.restoreLossy(ctx, path, there, backup, interval)
		if err != nil {
			t.Logf("Restore: %v", err)
			db, err = core.Open(ctx, path, there, core.WithVersion(7), discard, core.WithReadOnly())
			if errors.Is(err, fs.ErrNotExist) {
				continue
			}
			check(t, err)
		}
		restored++
		got := allRows(t, db)
		check(t, db.Close())
		if !maps.EqualFunc(got, want, slices.Equal[[][2]string]) {
			t.Errorf("restore %d has other rows", i)
		}
	}
	t.Logf("%d of %d restored while answers were lost", restored, restores)
}

func (s *Site) restoreLossy(
	ctx context.Context, path string, b core.Backend, backup []byte, interval time.Duration,
) (*core.Storage, error) {
	cutting, stop := context.WithCancel(ctx)
	done := make(chan struct{})
	go func() { defer close(done); s.loseAnswers(cutting, interval) }()
	defer func() { stop(); <-done }()
	return core.Restore(ctx, path, b, bytes.NewReader(backup), core.WithVersion(7), discard)
}
