// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package pebble

import (
	"bytes"
	"context"
	"errors"
	"io"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/cockroachdb/pebble/v2"

	"github.com/guardkv/guardkv/core"
	"github.com/guardkv/guardkv/core/backendtest"
)

// A read costs no allocation of this package beside pebble's own, and releasing it leaves the
// reads of others alone: a closer of pebble that is closed twice closes another read.
func TestGetAndRelease(t *testing.T) {
	path := testPath(t)
	e := open(t, Backend{}, path)
	apply(t, e, rows(0, 1000, 100)...)
	if err := e.Compact(t.Context()); err != nil {
		t.Fatal(err)
	}
	key := rowKey(7)
	ours := func() {
		_, r, err := e.Get(context.Background(), key)
		if err != nil {
			t.Fatal(err)
		}
		r.Release()
	}
	native := func() {
		_, c, err := e.db.Get(key)
		if err != nil {
			t.Fatal(err)
		}
		c.Close()
	}
	for try := 1; ; try++ { // the race detector has pools forget what they hold, at random
		a, b := testing.AllocsPerRun(1000, ours), testing.AllocsPerRun(1000, native)
		if a <= b {
			break
		}
		if try == 10 {
			t.Errorf("%v allocations, pebble alone makes %v", a, b)
			break
		}
	}
	var held []core.Releaser
	for i := range 100 {
		v, r, err := e.Get(t.Context(), rowKey(i))
		if err != nil || !bytes.Equal(v, rowValue(i, 100)) || cap(v) != len(v) {
			t.Fatalf("row %d: %x (%d), %v", i, v, cap(v), err)
		}
		held = append(held, r)
		if i%2 == 1 {
			held[0].Release()
			held = held[1:]
		}
	}
	for _, r := range held {
		r.Release()
	}
	closeEngine(t, e) // pebble panics if anything is still held
}

// closes counts how often it is closed.
type closes int

func (c *closes) Close() error {
	*c++
	return nil
}

// What pebble gave out is closed once: the second time it may be somebody else's, and nothing
// would tell.
func TestReleaseClosesOnce(t *testing.T) {
	var c closes
	h := &hold{closer: &c}
	h.Release()
	if c != 1 || h.closer != nil {
		t.Errorf("closed %d times, and holds %v", c, h.closer)
	}
}

// The row that counts writes is invisible: no scan, bound or read comes to it, and no key is its
// key.
func TestTallyIsInvisible(t *testing.T) {
	e := open(t, Backend{}, testPath(t))
	defer closeEngine(t, e)
	want := map[string]string{}
	for i := 1; i < 6; i++ {
		k := string(make([]byte, i))
		want[k] = k + "value"
		apply(t, e, core.Write{Key: []byte(k), Value: []byte(want[k])})
	}
	got, err := dump(e)
	if err != nil || len(got) != len(want) {
		t.Fatalf("%d rows, %v", len(got), err)
	}
	for k, v := range want {
		if got[k] != v {
			t.Errorf("%q has %q", k, got[k])
		}
	}
	for k := range want {
		apply(t, e, core.Write{Key: []byte(k), Delete: true})
	}
	if got, err := dump(e); err != nil || len(got) != 0 {
		t.Errorf("%q, %v", got, err)
	}
	if row, err := e.tallyRow(); err != nil || len(row) == 0 {
		t.Errorf("the row that counts is %x, %v", row, err)
	}
}

// After a clean close nothing depends on the log, which is why damage to it does no harm then.
// That holds too if all that was done is to open what a crash had left.
func TestCloseEmptiesTheLog(t *testing.T) {
	path := testPath(t)
	crashed := path + ".crashed"
	for i := range 3 {
		e := open(t, Backend{}, path)
		apply(t, e, rows(i*100, i*100+5000, 100)...)
		if i == 2 {
			if err := os.CopyFS(crashed, os.DirFS(path)); err != nil {
				t.Fatal(err)
			}
		}
		closeEngine(t, e)
		proveNoLog(t, path, i*100+5000)
	}
	closeEngine(t, open(t, Backend{}, crashed))
	proveNoLog(t, crashed, 5200)
}

// proveNoLog removes the logs, and expects that all rows are there.
func proveNoLog(t *testing.T, path string, want int) {
	t.Helper()
	logs, err := filepath.Glob(filepath.Join(path, "*.log"))
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range logs {
		os.Remove(name)
	}
	e := open(t, Backend{}, path)
	if all, err := dump(e); err != nil || len(all) != want {
		t.Fatalf("%d rows: %v", len(all), err)
	}
	closeEngine(t, e)
}

// Somebody brings an older copy of pebble's files back, and forgets the rest: every file is
// sound, and later writes are gone. A copy of all files opens.
func TestOlderCopy(t *testing.T) {
	path := testPath(t)
	older := path + ".older"
	for i := range 3 {
		e := open(t, Backend{}, path)
		apply(t, e, rows(i*100, i*100+100, 100)...)
		closeEngine(t, e)
		if i == 1 {
			if err := os.CopyFS(older, os.DirFS(path)); err != nil {
				t.Fatal(err)
			}
		}
	}
	e := open(t, Backend{}, older)
	if all, err := dump(e); err != nil || len(all) != 200 {
		t.Errorf("%d rows: %v", len(all), err)
	}
	closeEngine(t, e)
	witness, err := os.ReadFile(filepath.Join(path, "guardkv.witness"))
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(older, "guardkv.witness"), witness, 0o600); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		for _, readOnly := range []bool{true, false} {
			if _, err := tryOpen(Backend{}, older, readOnly, testOptions()); !errors.Is(err,
				core.ErrCorrupt) {
				t.Error("writes are missing:", err)
			}
		}
	}
}

// Large writes become tables, next to those of other keys and not above them, and are as atomic
// as others. They may delete.
func TestIngest(t *testing.T) {
	path := testPath(t)
	e := open(t, Backend{}, path)
	const chunk = 1000
	for i := range 6 {
		apply(t, e, rows(i*chunk, (i+1)*chunk, 5000)...)
	}
	levels, err := e.db.SSTables()
	if err != nil {
		t.Fatal(err)
	}
	if n := len(levels[6]); n < 5 {
		t.Errorf("%d of 6 tables are at the bottom", n)
	}
	w := rows(chunk, 3*chunk, 6000)
	for i := 0; i < len(w); i += 2 {
		w[i] = core.Write{Key: w[i].Key, Delete: true}
	}
	apply(t, e, w...)
	for range 2 {
		all, err := dump(e)
		if err != nil || len(all) != 5*chunk {
			t.Fatalf("%d rows: %v", len(all), err)
		}
		for i := range 6 * chunk {
			got, ok := all[string(rowKey(i))]
			switch changed := i >= chunk && i < 3*chunk; {
			case changed && i%2 == 0 && ok, (!changed || i%2 == 1) && !ok:
				t.Fatalf("row %d: there is %v", i, ok)
			case ok && changed && got != string(rowValue(i, 6000)), ok && !changed &&
				got != string(rowValue(i, 5000)):
				t.Fatalf("row %d is wrong", i)
			}
		}
		if err := e.Check(t.Context()); err != nil {
			t.Fatal(err)
		}
		closeEngine(t, e)
		if _, err := os.Stat(filepath.Join(path, ingestFile)); !errors.Is(err, fs.ErrNotExist) {
			t.Error("left behind:", err)
		}
		e = open(t, Backend{}, path)
	}
	closeEngine(t, e)
}

// A table that a crash left unfinished is removed.
func TestIngestLeftover(t *testing.T) {
	path := testPath(t)
	closeEngine(t, open(t, Backend{}, path))
	if err := os.WriteFile(filepath.Join(path, ingestFile), []byte("half a table"),
		0o600); err != nil {
		t.Fatal(err)
	}
	closeEngine(t, open(t, Backend{}, path))
	if _, err := os.Stat(filepath.Join(path, ingestFile)); !errors.Is(err, fs.ErrNotExist) {
		t.Error(err)
	}
}

// Values that a snapshot returned stay as they are until it is closed, long and short ones,
// through everything.
func TestSnapshotKeepsValues(t *testing.T) {
	e := open(t, Backend{}, testPath(t))
	apply(t, e, rows(0, 20, 100)...)
	apply(t, e, rows(20, 40, 50_000)...)
	s, err := e.Snapshot(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	size := func(i int) int { return map[bool]int{true: 100, false: 50_000}[i < 20] }
	var got [][]byte
	var held []core.Releaser
	for i := range 40 {
		v, r, err := s.Get(t.Context(), rowKey(i))
		if err != nil {
			t.Fatal(err)
		}
		if got = append(got, v); r != nil {
			held = append(held, r)
		}
	}
	if n := len(held); n != 20 {
		t.Errorf("pebble's bytes of %d values are held, of 20 that are long", n)
	}
	for range 3 {
		apply(t, e, rows(0, 40, 60_000)...)
		if err := e.Compact(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	for i, v := range got {
		if !bytes.Equal(v, rowValue(i, size(i))) {
			t.Errorf("row %d has changed", i)
		}
	}
	for _, r := range held {
		r.Release()
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	closeEngine(t, e)
}

// Pebble is quiet at the usual level, and tells of damage.
func TestLog(t *testing.T) {
	var log bytes.Buffer
	opts := testOptions()
	opts.Logger = slog.New(slog.NewTextHandler(&log, nil))
	path := testPath(t)
	e, err := tryOpen(Backend{}, path, false, opts)
	if err != nil {
		t.Fatal(err)
	}
	apply(t, e, rows(0, 10_000, 100)...)
	if err := e.Compact(t.Context()); err != nil {
		t.Fatal(err)
	}
	closeEngine(t, e)
	if log.Len() > 0 {
		t.Errorf("logged: %s", &log)
	}
	tables, _ := filepath.Glob(filepath.Join(path, "*.sst"))
	if len(tables) != 1 {
		t.Fatal(tables)
	}
	size := fileSize(t, tables[0])
	if _, err := backendtest.DamageFile(tables[0], backendtest.FlipBit(size/3, 2)); err != nil {
		t.Fatal(err)
	}
	if e, err = tryOpen(Backend{}, path, false, opts); err != nil {
		t.Fatal(err)
	}
	if _, err := dump(e); !errors.Is(err, core.ErrCorrupt) || !pebble.IsCorruptionError(err) {
		t.Error("scan:", err)
	}
	if err := e.Check(t.Context()); !errors.Is(err,
		core.ErrCorrupt) || !strings.Contains(err.Error(), filepath.Base(tables[0])) {
		t.Error("check:", err)
	}
	var missed int
	for i := range 10_000 {
		v, r, err := e.Get(t.Context(), rowKey(i))
		switch {
		case errors.Is(err, core.ErrCorrupt):
			missed++
		case err != nil || !bytes.Equal(v, rowValue(i, 100)):
			t.Fatalf("row %d: %v", i, err)
		default:
			r.Release()
		}
	}
	if missed == 0 || missed > 1000 {
		t.Errorf("%d rows are damaged", missed)
	}
	if !strings.Contains(log.String(), "damaged file") {
		t.Errorf("logged: %s", &log)
	}
	closeEngine(t, e)
	opts.Validation = core.ValidateFull
	if _, err := tryOpen(Backend{}, path, false, opts); !errors.Is(err, core.ErrCorrupt) {
		t.Error("validation:", err)
	}
}

// What pebble cannot take is refused before anything is written, and a panic of pebble's is an
// error.
func TestTooLarge(t *testing.T) {
	e := open(t, Backend{}, testPath(t))
	defer closeEngine(t, e)
	long := make([]byte, maxValueSize)
	for name, w := range map[string][]core.Write{
		"key":   {{Key: make([]byte, maxKeySize+1)}},
		"value": {{Key: []byte("k"), Value: append(long, 0)}},
		"batch": {
			{Key: []byte("a"), Value: long},
			{Key: []byte("b"), Value: long},
			{Key: []byte("c"), Value: long},
			{Key: []byte("d"), Value: long},
		},
	} {
		if err := e.Apply(t.Context(), core.Batch{Writes: w}); !errors.Is(err, core.ErrTooLarge) {
			t.Errorf("%s: %v", name, err)
		}
	}
	h := newHealth()
	panics := func(v any) (err error) {
		defer h.caught(&err)
		panic(v)
	}
	if err := panics(pebble.ErrBatchTooLarge); !errors.Is(err, core.ErrTooLarge) || h.failed() {
		t.Error(err)
	}
	if err := panics(io.ErrUnexpectedEOF); !errors.Is(err, core.ErrCorrupt) || !errors.Is(err,
		io.ErrUnexpectedEOF) || !h.failed() {
		t.Error(err)
	}
	if err := panics(&fs.PathError{
		Op: "write", Path: "a file",
		Err: syscall.ENOSPC,
	}); !errors.Is(err, syscall.ENOSPC) || errors.Is(err, core.ErrCorrupt) {
		t.Error(err)
	}
	if all, err := dump(e); len(all) > 0 || err != nil {
		t.Errorf("%d rows, %v", len(all), err)
	}
}

// Fatalf ends the call or the goroutine that it comes from, and no more.
func TestFatalf(t *testing.T) {
	for _, inside := range []bool{true, false} {
		h := newHealth()
		l := logger{to: slog.New(slog.DiscardHandler), h: h}
		var err error
		if inside {
			err = func() (err error) {
				defer h.caught(&err)
				l.Fatalf("the %s is gone", "disk")
				return nil
			}()
		} else {
			err = h.unlessStopped(func() error { l.Fatalf("the %s is gone", "disk"); return nil })
		}
		if err == nil || !strings.Contains(err.Error(), "the disk is gone") || !h.failed() {
			t.Error(err)
		}
	}
}
