// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package bbolt

import (
	"bufio"
	"context"
	"fmt"
	"math/rand/v2"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/guardkv/guardkv/core"
	"github.com/guardkv/guardkv/core/backendtest"
)

// TestKilled kills a process that writes and compacts, again and again. Every batch that it
// reported is there, and no batch is there in part.
func TestKilled(t *testing.T) {
	path := testPath(t)
	acknowledged := -1
	for round := range 20 {
		after := time.Duration(10+rand.IntN(80)) * time.Millisecond
		n := backendtest.KillWriter(t, after, "write", path)
		acknowledged = max(acknowledged, n)
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
		closeEngine(t, e)
		if left, _ := filepath.Glob(path + temporaryMark + "*"); len(left) > 0 {
			t.Errorf("round %d: left behind: %v", round, left)
		}
	}
	if acknowledged < 20 {
		t.Errorf("only %d batches in 20 rounds", acknowledged)
	}
}

const batchRows = 50

// completeBatches returns the number of batches, and checks that they are whole.
func completeBatches(e *engine) (int, error) {
	all, err := dump(e)
	if err != nil {
		return 0, err
	}
	if len(all)%batchRows != 0 {
		return 0, fmt.Errorf("%d rows are not whole batches", len(all))
	}
	n := len(all) / batchRows
	for i := range n * batchRows {
		if all[string(rowKey(i))] != string(rowValue(i, 200)) {
			return 0, fmt.Errorf("row %d of %d is missing or wrong", i, n*batchRows)
		}
	}
	return n, nil
}

func writeChild(args []string) error {
	e, err := tryOpen(Backend{}, args[0], false, testOptions())
	if err != nil {
		return err
	}
	fmt.Println("open")
	n, err := completeBatches(e)
	if err != nil {
		return err
	}
	for ; ; n++ {
		if err := e.Apply(context.Background(),
			core.Batch{Writes: rows(n*batchRows, (n+1)*batchRows, 200)}); err != nil {
			return err
		}
		fmt.Println(n)
		if n%7 == 0 {
			if err := compact(context.Background(), e); err != nil {
				return err
			}
		}
	}
}

// waitChild waits for a storage to become free and prints how many rows it has.
func waitChild(args []string) error {
	fmt.Println("waiting")
	e, err := tryOpen(Backend{LockTimeout: 20 * time.Second}, args[0], false, testOptions())
	if err != nil {
		return err
	}
	all, err := dump(e)
	if err != nil {
		return err
	}
	fmt.Println(len(all))
	return e.Close()
}

// A process that waits for the lock while the storage is compacted must get the new file.
func TestCompactWhileAProcessWaits(t *testing.T) {
	path := testPath(t)
	e := open(t, Backend{}, path)
	apply(t, e, rows(0, 5000, 100)...)
	apply(t, e, deletions(0, 4000)...)
	cmd := backendtest.Child(t.Context(), "wait", path)
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	lines := bufio.NewScanner(out)
	lines.Scan()
	time.Sleep(20 * time.Millisecond)
	if err := compact(context.Background(), e); err != nil {
		t.Fatal(err)
	}
	time.Sleep(50 * time.Millisecond)
	apply(t, e, rows(5000, 5010, 100)...)
	closeEngine(t, e)
	if lines.Scan(); strings.TrimSpace(lines.Text()) != "1010" {
		t.Errorf("the process that waited found %q rows, not 1010", lines.Text())
	}
	if err := cmd.Wait(); err != nil {
		t.Error(err)
	}
}
