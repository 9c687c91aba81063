// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package plainlog

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"testing"

	"github.com/guardkv/guardkv/core"
	"github.com/guardkv/guardkv/core/backendtest"
	"github.com/guardkv/guardkv/core/keys"
	"github.com/guardkv/guardkv/core/values"
)

func TestBackend(t *testing.T) {
	backendtest.Run(t, func(t *testing.T) backendtest.Target {
		return backendtest.Target{Backend: Backend{}, Path: filepath.Join(t.TempDir(), "storage")}
	})
}

// The suite cannot know this about an engine: a crash can leave any part of the last record. None
// of it may be seen, and nothing that was reported as written may be lost. The storage is copied
// while it is open, as a crash would leave it.
func TestACrashLeavesWholeRecords(t *testing.T) {
	ctx, dir := t.Context(), t.TempDir()
	running := filepath.Join(dir, "running")
	db, err := core.Open(ctx, running, Backend{})
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	table, err := core.OpenTable(ctx, db, "t", keys.String(), values.String())
	if err != nil {
		t.Fatal(err)
	}
	var sizes []int64 // of the log, after each write
	for _, key := range []string{"a", "b", "c"} {
		if err := table.Put(ctx, key, "value"); err != nil {
			t.Fatal(err)
		}
		info, err := os.Stat(filepath.Join(running, logFile))
		if err != nil {
			t.Fatal(err)
		}
		sizes = append(sizes, info.Size())
	}
	for size := sizes[0]; size <= sizes[2]; size++ {
		crashed := filepath.Join(dir, fmt.Sprint("crashed", size))
		if err := os.CopyFS(crashed, os.DirFS(running)); err != nil {
			t.Fatal(err)
		}
		if err := os.Truncate(filepath.Join(crashed, logFile), size); err != nil {
			t.Fatal(err)
		}
		want := slices.IndexFunc(append(sizes, sizes[2]+1), func(end int64) bool { return end > size })
		for range 2 { // the second time behind a write, which must not stand behind half a record
			if got := countAndPut(t, crashed); got != want {
				t.Errorf("a log of %d bytes has %d rows, want %d", size, got, want)
			}
			want++
		}
	}
}

// countAndPut opens a storage, counts its rows, and puts one more.
func countAndPut(t *testing.T, path string) (n int) {
	t.Helper()
	db, err := core.Open(t.Context(), path, Backend{})
	if err != nil {
		t.Fatal(err)
	}
	table, err := core.OpenTable(t.Context(), db, "t", keys.String(), values.String())
	if err != nil {
		t.Fatal(err)
	}
	for _, err := range table.Scan().Rows(t.Context()) {
		if err != nil {
			t.Fatal(err)
		}
		n++
	}
	if err := errors.Join(table.Put(t.Context(), fmt.Sprint("new", n), ""), db.Close()); err != nil {
		t.Fatal(err)
	}
	return n
}

// Damage anywhere but at the end is no crash, and nothing may be cut off for it.
func TestDamageIsFound(t *testing.T) {
	path := filepath.Join(t.TempDir(), "storage")
	for range 3 {
		countAndPut(t, path)
	}
	if err := os.Remove(filepath.Join(path, "guardkv.witness")); err != nil { // it would find all of the damage
		t.Fatal(err)
	}
	file := filepath.Join(path, logFile)
	sound, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	for at := headSize; at < headSize+int(binary.BigEndian.Uint64(sound)); at++ { // of the first record
		damaged := bytes.Clone(sound)
		damaged[at] ^= 0x10
		if err := os.WriteFile(file, damaged, 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := core.Open(t.Context(), path, Backend{}); !errors.Is(err, core.ErrCorrupt) {
			t.Fatalf("with byte %d damaged Open gives %v", at, err)
		}
		if got, err := os.ReadFile(file); err != nil || !bytes.Equal(got, damaged) {
			t.Fatalf("the damaged log was changed: %v", err)
		}
	}
}

// A write that failed halfway leaves half a record, which the next Open cuts off. Close must not
// record that it has to be there, or the storage would count as damaged once the half was cut off.
func TestHalfARecordIsNotRecorded(t *testing.T) {
	path := filepath.Join(t.TempDir(), "storage")
	countAndPut(t, path)
	claim, err := Backend{}.Claim(t.Context(), path, false)
	if err != nil {
		t.Fatal(err)
	}
	opened, err := claim.Open(t.Context(), core.EngineOptions{})
	if err != nil {
		t.Fatal(err)
	}
	e := opened.(*engine)
	half := appendRecord(nil, e.tally.Next(), nil)[:headSize+1]
	if _, err := e.log.Write(half); err != nil {
		t.Fatal(err)
	}
	log := e.log
	if e.log, err = os.Open(filepath.Join(path, logFile)); err != nil { // where no write succeeds
		t.Fatal(err)
	}
	if err := e.Apply(t.Context(), core.Batch{Writes: []core.Write{{Key: []byte("k")}}}); err == nil {
		t.Fatal("the write did not fail")
	}
	if err := errors.Join(e.Close(), log.Close()); err != nil {
		t.Fatal(err)
	}
	for range 2 { // the first time cuts, and is not closed
		crashed := filepath.Join(t.TempDir(), "crashed")
		db, err := core.Open(t.Context(), path, Backend{})
		if err != nil {
			t.Fatal(err)
		}
		if err := errors.Join(os.CopyFS(crashed, os.DirFS(path)), db.Close()); err != nil {
			t.Fatal(err)
		}
		path = crashed
	}
}

// A log can be written to after somebody has removed it, as long as it is open. Those writes would be lost, and nobody told.
func TestWritesToAStorageThatWasRemovedAreErrors(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("Windows removes no file that is open")
	}
	path := filepath.Join(t.TempDir(), "storage")
	db, err := core.Open(t.Context(), path, Backend{})
	if err != nil {
		t.Fatal(err)
	}
	table, err := core.OpenTable(t.Context(), db, "t", keys.String(), values.String())
	if err != nil {
		t.Fatal(err)
	}
	if err := os.RemoveAll(path); err != nil {
		t.Fatal(err)
	}
	if err := table.Put(t.Context(), "k", "lost"); err == nil {
		t.Error("a write to a storage that was removed succeeded")
	}
	db.Close() // reports that it cannot record what is there
}

func FuzzReplay(f *testing.F) {
	f.Add(appendRecord(nil, []byte("tally"), []core.Write{{Key: []byte("k"), Value: []byte("v")}, {Key: []byte("d"), Delete: true}})[headSize:])
	f.Fuzz(func(t *testing.T, body []byte) {
		var tally []byte
		rows := map[string][]byte{}
		replay(rows, &tally, body)
		cutRecord(body)
	})
}
