// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package directory_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/guardkv/guardkv/core"
	"github.com/guardkv/guardkv/core/directory"
)

// toy is an engine that keeps no rows but the one that counts, in a file that only grows.
type toy struct {
	core.Engine // what is not tested here
	place       directory.Place
	tally       *directory.Tally
}

const rowFile = "rows"

func lockToy(dir string, readOnly bool) (io.Closer, error) { return directory.Flock(dir, readOnly) }

func createToy(p directory.Place, row []byte) error {
	return os.WriteFile(filepath.Join(p.Dir, rowFile), fmt.Appendf(nil, "%x\n", row), 0o600)
}

func openToy(_ context.Context, p directory.Place, _ core.EngineOptions) (core.Engine, error) {
	row, err := readToy(p.Dir)
	if err != nil {
		return nil, err
	}
	e := &toy{place: p}
	e.tally, err = p.Tally(row)
	if err != nil {
		return nil, err
	}
	return e, nil
}

// readToy returns the last row.
func readToy(dir string) (row []byte, err error) {
	content, err := os.ReadFile(filepath.Join(dir, rowFile))
	if err != nil {
		return nil, fmt.Errorf("%w: %w", core.ErrCorrupt, err)
	}
	lines := strings.Split(strings.TrimSuffix(string(content), "\n"), "\n")
	if last := lines[len(lines)-1]; last != "" {
		if _, err := fmt.Sscanf(last, "%x", &row); err != nil {
			return nil, fmt.Errorf("%w: %w", core.ErrCorrupt, err)
		}
	}
	return row, nil
}

func (e *toy) write() error {
	f, err := os.OpenFile(filepath.Join(e.place.Dir, rowFile), os.O_APPEND|os.O_WRONLY, 0)
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(f, "%x\n", e.tally.Next())
	if err == nil {
		e.tally.Wrote()
	}
	return errors.Join(err, f.Close())
}

func (e *toy) crash() error { return e.place.Lock.Close() }

func (e *toy) Close() error { return errors.Join(e.tally.Record(rowFile), e.place.Lock.Close()) }

func (e *toy) SetMark(_ context.Context, mark []byte) error { return e.place.SetMark(mark) }

var toys = directory.Driver{
	LockTimeout: 30 * time.Millisecond, Lock: lockToy, Create: createToy,
	Open: openToy,
}

var testMark = []byte("a mark")

func testPath(t *testing.T) string { return filepath.Join(t.TempDir(), "db") }

func claim(t *testing.T, d directory.Driver, path string, readOnly bool) core.Claim {
	t.Helper()
	c, err := directory.Claim(t.Context(), path, readOnly, d)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Release() })
	return c
}

func tryOpen(t *testing.T, d directory.Driver, path string) (*toy, error) {
	t.Helper()
	c := claim(t, d, path, false)
	e, err := c.Open(t.Context(),
		core.EngineOptions{Mark: testMark, Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		return nil, errors.Join(err, c.Release())
	}
	return e.(*toy), nil
}

func open(t *testing.T, path string) *toy {
	t.Helper()
	e, err := tryOpen(t, toys, path)
	if err != nil {
		t.Fatal(err)
	}
	return e
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// names returns what is in the directory of path.
func names(t *testing.T, path string) string {
	t.Helper()
	entries, err := os.ReadDir(filepath.Dir(path))
	must(t, err)
	var all []string
	for _, e := range entries {
		all = append(all, e.Name())
	}
	return strings.Join(all, " ")
}
