// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package bbolt

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"testing"

	bolt "go.etcd.io/bbolt"

	"github.com/guardkv/guardkv/core"
)

// model is what a storage should hold.
type model map[string]string

// random returns sorted writes of one of several kinds, and makes them in the model.
func (m model) random(r *rand.Rand) []core.Write {
	n := []int{1, 1, 3, 40, 400}[r.IntN(5)]
	space := []int{50, 2000}[r.IntN(2)]
	size := []int{0, 10, 300, 5000}[r.IntN(4)]
	deletions := r.IntN(3)
	if n == 400 && size == 5000 {
		size = 50
	}
	byKey := map[string]core.Write{}
	for range n {
		key := fmt.Sprintf("%0*d", 4+r.IntN(2)*r.IntN(200), r.IntN(space))
		w := core.Write{Key: []byte(key), Delete: r.IntN(3) < deletions}
		if !w.Delete {
			w.Value = bytes.Repeat([]byte{byte(r.Uint32())}, r.IntN(size+1))
		}
		byKey[key] = w
	}
	var writes []core.Write
	for _, key := range slices.Sorted(maps.Keys(byKey)) {
		w := byKey[key]
		writes = append(writes, w)
		if w.Delete {
			delete(m, key)
		} else {
			m[key] = string(w.Value)
		}
	}
	return writes
}

// scan returns what a scan should return: key, value, key, value ...
func (m model) scan(r core.ScanRange) []string {
	var out []string
	keys := slices.Sorted(maps.Keys(m))
	if r.Reverse {
		slices.Reverse(keys)
	}
	for _, k := range keys {
		if (r.Low == nil || k >= string(r.Low)) && (r.High == nil || k < string(r.High)) {
			out = append(out, k, m[k])
		}
	}
	return out
}

// compare compares a snapshot with the model, through ways that a seed chooses.
func (m model) compare(t *testing.T, s core.Snapshot, r *rand.Rand) {
	t.Helper()
	ctx := context.Background()
	for range 4 {
		var bounds core.ScanRange
		if r.IntN(3) > 0 {
			bounds.Low = fmt.Appendf(nil, "%04d", r.IntN(2000))
		}
		if r.IntN(3) > 0 {
			bounds.High = fmt.Appendf(nil, "%04d", r.IntN(2000))
		}
		bounds.Reverse = r.IntN(2) == 0
		want := m.scan(bounds)
		if got := collect(t, s, bounds); !slices.Equal(got, want) {
			t.Fatalf("scan %q to %q, reverse %v: %d rows, want %d",
				bounds.Low, bounds.High, bounds.Reverse, len(got)/2, len(want)/2)
		}
		var size int64
		for _, s := range want {
			size += int64(len(s))
		}
		n, b, err := s.Powers().Count(ctx, bounds.Low, bounds.High)
		if err != nil || n != int64(len(want)/2) || b != size {
			t.Fatalf("count %q to %q: %d rows of %d bytes, %v, want %d of %d",
				bounds.Low, bounds.High, n, b, err, len(want)/2, size)
		}
	}
	for range 20 {
		key := fmt.Sprintf("%04d", r.IntN(2000))
		got, _, err := s.Get(ctx, []byte(key))
		want, ok := m[key]
		if ok && (err != nil || string(got) != want) || !ok && !errors.Is(err, core.ErrNotFound) {
			t.Fatalf("get %q: %d bytes, %v, want %v", key, len(got), err, ok)
		}
	}
}

func collect(t *testing.T, s core.Snapshot, r core.ScanRange) []string {
	t.Helper()
	c, err := s.Scan(context.Background(), r)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	var out []string
	for k, v, ok := c.Next(); ok; k, v, ok = c.Next() {
		out = append(out, string(k), string(v))
	}
	if _, _, ok := c.Next(); ok || c.Err() != nil {
		t.Fatal("a cursor goes on after its end, or failed:", c.Err())
	}
	return out
}

// TestModel makes random writes, compacts and reopens, and compares the storage, and snapshots
// that were taken long before, with a map.
func TestModel(t *testing.T) {
	eachMode(t, func(t *testing.T, b Backend) {
		seeds := uint64(6)
		if testing.Short() {
			seeds = 2
		}
		for seed := range seeds {
			t.Run(fmt.Sprint("seed", seed), func(t *testing.T) { runModel(t, b, seed) })
		}
	})
}

func runModel(t *testing.T, b Backend, seed uint64) {
	type held struct {
		core.Snapshot
		model
	}
	r := rand.New(rand.NewPCG(seed, 1))
	opts := testOptions()
	opts.NoSync = true
	opts.Validation = core.ValidateFull
	path, m := fastPath(t), model{}
	e, err := tryOpen(b, path, false, opts)
	if err != nil {
		t.Fatal(err)
	}
	var snapshots []held
	release := func(n int) {
		for _, h := range snapshots[:n] {
			h.compare(t, h.Snapshot, r)
			h.Close()
		}
		snapshots = snapshots[n:]
	}
	for step := range 60 {
		apply(t, e, m.random(r)...)
		s, err := e.Snapshot(context.Background())
		if err != nil {
			t.Fatal(err)
		}
		m.compare(t, s, r)
		snapshots = append(snapshots, held{s, maps.Clone(m)})
		switch {
		case step%20 == 19:
			release(len(snapshots))
			closeEngine(t, e)
			if e, err = tryOpen(b, path, false, opts); err != nil {
				t.Fatal("reopening:", err)
			}
		case r.IntN(12) == 0:
			if err := compact(context.Background(), e); err != nil {
				t.Fatal("compacting:", err)
			}
		case len(snapshots) > 8:
			release(1)
		}
		if err := e.Check(context.Background()); err != nil {
			t.Fatalf("step %d: %v", step, err)
		}
	}
	release(len(snapshots))
	closeEngine(t, e)
}

// TestReadsAgreeWithBolt reads what bbolt wrote, in trees of many shapes, as bbolt's own cursor
// does.
func TestReadsAgreeWithBolt(t *testing.T) {
	for seed := range uint64(15) {
		r := rand.New(rand.NewPCG(seed, 2))
		e := open(t, Backend{}, fastPath(t))
		n, longKey, size := r.IntN(3000), 1+r.IntN(2000)*r.IntN(2), r.IntN(3000)
		var writes []core.Write
		for i := range n {
			key := append(rowKey(i*3), bytes.Repeat([]byte("k"), r.IntN(longKey))...)
			writes = append(writes, core.Write{Key: key, Value: rowValue(i, r.IntN(size+1))})
		}
		apply(t, e, writes...)
		writes = slices.DeleteFunc(writes, func(core.Write) bool { return r.IntN(2) == 0 })
		for i := range writes {
			writes[i].Delete = r.IntN(2) == 0
		}
		apply(t, e, writes...)
		s, err := e.Snapshot(context.Background())
		if err != nil {
			t.Fatal(err)
		}
		for range 10 {
			bounds := core.ScanRange{Reverse: r.IntN(2) == 0}
			if r.IntN(2) == 0 {
				bounds.Low = rowKey(r.IntN(3*n + 1))
			}
			if r.IntN(2) == 0 {
				bounds.High = rowKey(r.IntN(3*n + 1))
			}
			if got, want := collect(t, s, bounds), boltScan(e, bounds); !slices.Equal(got, want) {
				t.Fatalf("seed %d: %x to %x, reverse %v: %d rows, bbolt has %d",
					seed, bounds.Low, bounds.High, bounds.Reverse, len(got)/2, len(want)/2)
			}
		}
		s.Close()
		closeEngine(t, e)
	}
}

func boltScan(e *engine, r core.ScanRange) []string {
	var out []string
	var db *bolt.DB
	e.As(&db)
	db.View(func(tx *bolt.Tx) error {
		c := tx.Bucket([]byte(rowsBucket)).Cursor()
		k, v := c.First()
		if r.Low != nil {
			k, v = c.Seek(r.Low)
		}
		for ; k != nil && (r.High == nil || bytes.Compare(k, r.High) < 0); k, v = c.Next() {
			if r.Reverse {
				out = append(out, string(v), string(k))
			} else {
				out = append(out, string(k), string(v))
			}
		}
		return nil
	})
	if r.Reverse {
		slices.Reverse(out)
	}
	return out
}
