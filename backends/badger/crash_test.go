// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package badger

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"path/filepath"
	"testing"
	"time"

	"github.com/dgraph-io/badger/v4"

	"github.com/guardkv/guardkv/core"
	"github.com/guardkv/guardkv/core/backendtest"
)

// TestKilled kills a process that writes and compacts, again and again. Every batch that it
// reported is there, and no batch is there in part.
func TestKilled(t *testing.T) {
	rounds := 20
	if testing.Short() {
		rounds = 5
	}
	path := testPath(t)
	acknowledged := -1
	for round := range rounds {
		after := time.Duration(10+rand.IntN(200)) * time.Millisecond
		n := backendtest.KillWriter(t, after, "write", path)
		acknowledged = max(acknowledged, n)
		if mems, _ := filepath.Glob(filepath.Join(path, "*.mem")); len(mems) > 0 {
			if _, err := tryOpen(small, path, true, testOptions()); !errors.Is(err,
				badger.ErrTruncateNeeded) {
				t.Fatalf("round %d: opened to read: %v", round, err)
			}
		}
		opts := testOptions()
		if round%2 == 0 {
			opts.Validation = core.ValidateFull
		}
		e, err := tryOpen(small, path, false, opts)
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
		closeEngine(t, e)
	}
	if acknowledged < 0 { // how many there are is up to the machine
		t.Errorf("no batch in %d rounds", rounds)
	}
}

// batchEnd returns the number of rows in the first n batches. Some batches are committed as a
// transaction, some are loaded.
func batchEnd(n int) int {
	const cycle, few, many = 8, 50, bulk + 500
	return n*few + n/cycle*(many-few)
}

// batchValue is the value of row i of the batches: some are long enough for memtables to become
// full, and one in a while goes into the value log.
func batchValue(i int) []byte {
	switch {
	case i%1000 == 3:
		return rowValue(i, inlineBelow+1)
	case i%10 == 0:
		return rowValue(i, 20_000)
	}
	return rowValue(i, 200)
}

// completeBatches returns the number of batches, and checks that they are whole.
func completeBatches(e *engine) (int, error) {
	all, err := dump(e)
	if err != nil {
		return 0, err
	}
	n := 0
	for batchEnd(n) < len(all) {
		n++
	}
	if batchEnd(n) != len(all) {
		return 0, fmt.Errorf("%d rows are not whole batches", len(all))
	}
	for i := range len(all) {
		if all[string(rowKey(i))] != string(batchValue(i)) {
			return 0, fmt.Errorf("row %d of %d is missing or wrong", i, len(all))
		}
	}
	return n, nil
}

func writeChild(args []string) error {
	e, err := tryOpen(small, args[0], false, testOptions())
	if err != nil {
		return err
	}
	n, err := completeBatches(e)
	if err != nil {
		return err
	}
	fmt.Println("open")
	for ; ; n++ {
		from := batchEnd(n)
		writes := rows(from, batchEnd(n+1), 0)
		for i := range writes {
			writes[i].Value = batchValue(from + i)
		}
		if err := e.Apply(context.Background(), core.Batch{Writes: writes}); err != nil {
			return err
		}
		fmt.Println(n)
		switch n % 40 {
		case 0:
			if err := e.Compact(context.Background()); err != nil {
				return err
			}
		case 20:
			if err := e.Close(); err != nil {
				return err
			}
			if e, err = tryOpen(small, args[0], false, testOptions()); err != nil {
				return err
			}
		}
	}
}
