// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package core

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
)

// mapOfRuns makes runs of random rows and returns what a map has after the same writes.
func mapOfRuns(t *testing.T, r *runs, batches, rows int) map[string]string {
	t.Helper()
	random := rand.New(rand.NewPCG(uint64(batches), uint64(rows)))
	want := make(map[string]string)
	for b := range batches {
		part := make(map[string]string)
		for i := range rows {
			part[fmt.Sprint("k", random.IntN(3*rows))] = strings.Repeat("v",
				random.IntN(5)) + fmt.Sprint(b, i)
		}
		var writes []Write
		for k, v := range part {
			want[k] = v
			writes = append(writes, Write{Key: []byte(k), Value: []byte(v)})
		}
		slices.SortFunc(writes,
			func(x, y Write) int { return strings.Compare(string(x.Key), string(y.Key)) })
		if err := r.add(t.Context(), writes); err != nil {
			t.Fatal(err)
		}
	}
	return want
}

// More than fanIn*fanIn runs are folded twice; the newest row of a key counts, in whichever
// fold it is.
func TestRunsMergeLikeAMap(t *testing.T) {
	for _, batches := range []int{1, 2, fanIn - 1, fanIn, fanIn + 1, fanIn*fanIn + 3} {
		t.Run(fmt.Sprint(batches), func(t *testing.T) {
			r, err := newRuns(t.TempDir())
			if err != nil {
				t.Fatal(err)
			}
			want := mapOfRuns(t, r, batches, 5)
			if n := len(r.files); n >= 3*fanIn {
				t.Errorf("%d files are left of %d runs", n, batches)
			}
			var last string
			err = r.merge(t.Context(), func(key, value []byte) error {
				k, v := string(key), string(value)
				if k <= last {
					t.Errorf("%q comes after %q", k, last)
				}
				if want[k] != v {
					t.Errorf("%q has %q, want %q", k, v, want[k])
				}
				delete(want, k)
				last = k
				return nil
			})
			if err != nil || len(want) > 0 {
				t.Errorf("merge gives %v and leaves out %d keys", err, len(want))
			}
			if err := r.remove(); err != nil {
				t.Error(err)
			}
		})
	}
}

func TestRunsCutShort(t *testing.T) {
	dir := t.TempDir()
	r, err := newRuns(dir)
	if err != nil {
		t.Fatal(err)
	}
	mapOfRuns(t, r, 1, 3)
	name := r.files[0].name
	whole, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	hostile := slices.Concat(binary.AppendUvarint(nil, 1<<62),
		binary.AppendUvarint(nil, 1<<62), whole)
	for _, content := range [][]byte{whole[:len(whole)-1], whole[:1], {0xff}, hostile} {
		if err := os.WriteFile(name, content, 0o600); err != nil {
			t.Fatal(err)
		}
		if err := r.merge(t.Context(), func(k, v []byte) error { return nil }); err == nil {
			t.Errorf("%d bytes of %d pass for a run", len(content), len(whole))
		}
	}
	failure := errors.New("of the caller")
	if err := os.WriteFile(name, whole, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := r.merge(t.Context(),
		func(k, v []byte) error { return failure }); !errors.Is(err, failure) {
		t.Errorf("merge gives %v, want the caller's error", err)
	}
	if err := r.remove(); err != nil {
		t.Error(err)
	}
	if left, _ := filepath.Glob(filepath.Join(dir, "*")); len(left) > 0 {
		t.Errorf("left behind: %v", left)
	}
}

// Each run once kept the row it stood on in memory: large rows took as many times their size as
// there were runs.
func TestRunsKeepOneValueInMemory(t *testing.T) {
	r, err := newRuns(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	const many, size = 20, 1 << 20
	for i := range many {
		if err := r.add(t.Context(),
			[]Write{{Key: []byte{byte(i), 1}, Value: make([]byte, size)}}); err != nil {
			t.Fatal(err)
		}
	}
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	rows := 0
	err = r.merge(t.Context(), func(key, value []byte) error {
		if len(value) == size {
			rows++
		}
		return nil
	})
	runtime.ReadMemStats(&after)
	if err != nil || rows != many {
		t.Errorf("%d rows, error %v", rows, err)
	}
	if took := after.TotalAlloc - before.TotalAlloc; took > many*runBuffer+5*size {
		t.Errorf("merging %d values of 1 MiB takes %d bytes", many, took)
	}
}

// Runs of gigabytes are folded, too, before the stream commits anything.
func TestRunsAreNotMergedAfterTheContextEnds(t *testing.T) {
	r, err := newRuns(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	mapOfRuns(t, r, fanIn-1, 3)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	err = r.add(ctx, []Write{{Key: []byte("k"), Value: []byte("v")}})
	if !errors.Is(err, context.Canceled) {
		t.Errorf("the fold gives %v", err)
	}
}
