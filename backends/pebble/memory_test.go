// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package pebble

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"strconv"
	"strings"
	"testing"

	"github.com/guardkv/guardkv/core"
	"github.com/guardkv/guardkv/core/backendtest"
	"github.com/guardkv/guardkv/core/keys"
	"github.com/guardkv/guardkv/core/values"
)

// What reads everything once took as much memory as the cache may have, 256 MiB, and so did a
// load of large rows, of which pebble reads the first and the last of each table: a program
// with less died, although it could read and write all its rows. Each runs in a process of its
// own, and what that process took at most is compared with what one took that opened the
// storage alone.
func TestMemoryOfReadingEverything(t *testing.T) {
	if raceEnabled {
		t.Skip("the race detector takes memory of its own")
	}
	const total, allowance = 128 << 20, 64 << 20
	sizes := []int{1000, 4 << 20}
	if testing.Short() {
		sizes = sizes[:1]
	}
	for _, size := range sizes {
		path := testPath(t)
		loaded := memoryOf(t, "load", path, size, total)
		alone := memoryOf(t, "open", path, size, total)
		t.Logf("rows of %d bytes: loading takes %d KiB, opening %d", size, loaded>>10, alone>>10)
		for _, verb := range []string{"check", "backup", "validate"} {
			took := memoryOf(t, verb, path, size, total)
			t.Logf("%s takes %d KiB", verb, took>>10)
			if took > alone+allowance {
				t.Errorf("rows of %d bytes: %s takes %d KiB, and opening takes %d",
					size, verb, took>>10, alone>>10)
			}
		}
	}
}

// memoryOf returns how much memory a process took at most that did something with a storage.
func memoryOf(t *testing.T, verb, path string, size, total int) int {
	t.Helper()
	cmd := backendtest.Child(t.Context(), "memory",
		verb, path, strconv.Itoa(size), strconv.Itoa(total))
	cmd.Stderr = os.Stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatal(verb, err)
	}
	took, err := strconv.Atoi(string(out))
	if err != nil {
		t.Fatal(verb, err)
	}
	if took == 0 {
		t.Skip("the system does not say how much memory a process took")
	}
	return took
}

func memoryChild(args []string) error {
	size, _ := strconv.Atoi(args[2])
	total, _ := strconv.Atoi(args[3])
	if err := useMemory(context.Background(), args[0], args[1], size, total/size); err != nil {
		return err
	}
	fmt.Print(peakMemory())
	return nil
}

func useMemory(ctx context.Context, verb, path string, size, count int) error {
	validation := core.ValidateQuick
	if verb == "validate" {
		validation = core.ValidateFull
	}
	s, err := core.Open(ctx, path, Backend{}, core.WithValidation(validation))
	if err != nil {
		return err
	}
	defer s.Close()
	switch verb {
	case "load":
		return load(ctx, s, size, count)
	case "check":
		return s.Check(ctx)
	case "backup":
		return s.Backup(ctx, io.Discard)
	}
	return nil
}

// load puts rows that cannot be compressed.
func load(ctx context.Context, s *core.Storage, size, count int) error {
	table, err := core.OpenTable(ctx, s, "rows", keys.Uint64(), values.Bytes())
	if err != nil {
		return err
	}
	value := make([]byte, size)
	rnd := rand.NewChaCha8([32]byte{1})
	_, err = table.PutStream(ctx, func(yield func(uint64, []byte) bool) {
		for i := range count {
			rnd.Read(value)
			if !yield(uint64(i), value) {
				return
			}
		}
	})
	return err
}

// peakMemory returns how much memory this process took at most, 0 if the system does not say.
// The system's figure for a child does not help, because it includes the parent's own memory.
func peakMemory() int {
	status, err := os.ReadFile("/proc/self/status")
	if err != nil {
		return 0
	}
	_, rest, _ := bytes.Cut(status, []byte("VmHWM:"))
	fields := strings.Fields(string(rest))
	if len(fields) == 0 {
		return 0
	}
	kib, _ := strconv.Atoi(fields[0])
	return kib << 10
}

// Pebble read the first and the last row of every table that was handed to it, and kept them in
// its cache: loading large rows filled it with rows that no one had asked for.
func TestLoadingLargeRowsDoesNotFillTheCache(t *testing.T) {
	if testing.Short() {
		t.Skip("one goroutine loads 90 MB")
	}
	const size = 3 << 20
	e := open(t, Backend{}, testPath(t))
	defer closeEngine(t, e)
	for i := range 10 {
		apply(t, e, noise(3*i, size), noise(3*i+1, size), noise(3*i+2, size))
	}
	if got := e.cache.blocks.Size(); got > onceRoom+2*size {
		t.Errorf("the cache has %d bytes", got)
	}
}
