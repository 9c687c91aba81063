// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package pebble

import (
	"context"
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"testing"
	"time"

	"github.com/guardkv/guardkv/core"
	"github.com/guardkv/guardkv/core/backendtest"
)

// Batches of these numbers of rows are written in turn: through the log, and as a table.
const (
	smallBatch = 50
	largeBatch = 600
	rowSize    = 10_000 // so that a large batch is one for ingest
)

// batch returns the writes of batch n.
func batch(n int) []core.Write {
	count := smallBatch
	if n%5 == 4 {
		count = largeBatch
	}
	var w []core.Write
	for i := range count {
		w = append(w, core.Write{
			Key:   fmt.Appendf(rowKey(n), "%06d", i),
			Value: rowValue(n*10_000+i, rowSize),
		})
	}
	return w
}

// completeBatches returns the number of batches in e, and checks that they are whole and
// without a gap.
func completeBatches(e *engine) (int, error) {
	all, err := dump(e)
	if err != nil {
		return 0, err
	}
	for n := 0; ; n++ {
		if len(all) == 0 {
			return n, nil
		}
		for _, w := range batch(n) {
			if all[string(w.Key)] != string(w.Value) {
				return 0,
					fmt.Errorf("a row of batch %d is missing or wrong, and %d other rows are there",
						n, len(all))
			}
			delete(all, string(w.Key))
		}
	}
}

// TestKilled kills a process that writes and compacts, again and again. Every batch that it
// reported is there, and no batch is there in part. Without sync the last ones may be missing.
func TestKilled(t *testing.T) {
	path := testPath(t)
	acknowledged := -1
	rounds := 24
	if testing.Short() {
		rounds = 4
	}
	for round := range rounds {
		sync := round%3 != 2
		after := time.Duration(20+rand.IntN(150)) * time.Millisecond
		n := backendtest.KillWriter(t, after, "write", path, strconv.FormatBool(sync))
		if sync {
			acknowledged = max(acknowledged, n)
		}
		opts := testOptions()
		if round%2 == 0 {
			opts.Validation = core.ValidateFull
		}
		e, err := tryOpen(Backend{}, path, false, opts)
		if err != nil {
			t.Fatalf("round %d: %v", round, err)
		}
		batches, err := completeBatches(e)
		if err != nil {
			t.Fatalf("round %d: %v", round, err)
		}
		if batches <= acknowledged {
			t.Fatalf("round %d: batch %d was acknowledged, but there are only %d",
				round, acknowledged, batches)
		}
		if batches > 30 { // begin anew, so that reading everything stays quick
			acknowledged = -1
			deleteAll(t, e)
		}
		closeEngine(t, e)
		if left, _ := filepath.Glob(path + ".guardkv-tmp-*"); len(left) > 0 {
			t.Errorf("round %d: left behind: %v", round, left)
		}
		if _, err := os.Stat(filepath.Join(path, ingestFile)); err == nil {
			t.Errorf("round %d: an unfinished table was left behind", round)
		}
	}
}

func deleteAll(t *testing.T, e *engine) {
	all, err := dump(e)
	if err != nil {
		t.Fatal(err)
	}
	var w []core.Write
	for _, k := range slices.Sorted(maps.Keys(all)) {
		w = append(w, core.Write{Key: []byte(k), Delete: true})
	}
	apply(t, e, w...)
}

func writeChild(args []string) error {
	opts := testOptions()
	opts.NoSync = args[1] == "false"
	e, err := tryOpen(Backend{}, args[0], false, opts)
	if err != nil {
		return err
	}
	n, err := completeBatches(e)
	if err != nil {
		return err
	}
	fmt.Println("open")
	for ; ; n++ {
		if err := e.Apply(context.Background(), core.Batch{Writes: batch(n)}); err != nil {
			return err
		}
		fmt.Println(n)
		if n%7 == 0 {
			if err := e.Compact(context.Background()); err != nil {
				return err
			}
		}
	}
}
