// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package core_test

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"strings"
	"testing"

	"github.com/guardkv/guardkv/core"
	"github.com/guardkv/guardkv/core/keys"
	"github.com/guardkv/guardkv/core/memory"
	"github.com/guardkv/guardkv/core/values"
)

// blast lets one call panic of all that are made into a backend or a logger.
type blast struct {
	at   int // how many calls are still to be made; it does not blow if it is negative
	what string
}

func (b *blast) step(what string) {
	if b.at--; b.at == 0 {
		b.what = what
		panic("blast")
	}
}

// blastBackend is a backend whose every call may panic: before it does anything or, if it gives
// something back, afterwards.
type (
	blastBackend struct {
		core.Backend
		*blast
	}
	blastClaim struct {
		core.Claim
		*blast
	}
	blastEngine struct {
		core.Engine
		*blast
	}
	blastSnapshot struct {
		core.Snapshot
		*blast
	}
	blastHandler struct{ *blast }
)

func (b blastBackend) Claim(ctx context.Context, path string, readOnly bool) (core.Claim, error) {
	b.step("Claim")
	c, err := b.Backend.Claim(ctx, path, readOnly)
	return blastClaim{c, b.blast}, err
}

func (b blastBackend) List(ctx context.Context, prefix string) ([]string, error) {
	b.step("List")
	return b.Backend.List(ctx, prefix)
}

func (c blastClaim) Mark() ([]byte, error)  { c.step("Mark"); return c.Claim.Mark() }
func (c blastClaim) Rename(to string) error { c.step("Rename"); return c.Claim.Rename(to) }
func (c blastClaim) Remove() error          { c.step("Remove"); return c.Claim.Remove() }

func (c blastClaim) Release() error {
	err := c.Claim.Release()
	c.step("Release")
	return err
}

func (c blastClaim) Open(ctx context.Context, o core.EngineOptions) (core.Engine, error) {
	c.step("Claim.Open")
	e, err := c.Claim.Open(ctx, o)
	return blastEngine{e, c.blast}, err
}

func (e blastEngine) Limits() core.Limits { e.step("Limits"); return e.Engine.Limits() }
func (e blastEngine) Powers() core.Powers { e.step("Powers"); return e.Engine.Powers() }

func (e blastEngine) Snapshot(ctx context.Context) (core.Snapshot, error) {
	e.step("Snapshot")
	s, err := e.Engine.Snapshot(ctx)
	return blastSnapshot{s, e.blast}, err
}

func (e blastEngine) Apply(ctx context.Context, b core.Batch) error {
	e.step("Apply")
	return e.Engine.Apply(ctx, b)
}

func (e blastEngine) SetMark(ctx context.Context, mark []byte) error {
	e.step("SetMark")
	return e.Engine.SetMark(ctx, mark)
}

func (e blastEngine) Close() error {
	err := e.Engine.Close()
	e.step("Engine.Close")
	return err
}

func (s blastSnapshot) Get(ctx context.Context, key []byte) ([]byte, core.Releaser, error) {
	s.step("Snapshot.Get")
	return s.Snapshot.Get(ctx, key)
}

func (s blastSnapshot) Scan(ctx context.Context, r core.ScanRange) (core.RowCursor, error) {
	s.step("Scan")
	return s.Snapshot.Scan(ctx, r)
}

func (s blastSnapshot) Close() error {
	err := s.Snapshot.Close()
	s.step("Snapshot.Close")
	return err
}

func (h blastHandler) Enabled(context.Context, slog.Level) bool  { return true }
func (h blastHandler) Handle(context.Context, slog.Record) error { h.step("log"); return nil }
func (h blastHandler) WithAttrs([]slog.Attr) slog.Handler        { return h }
func (h blastHandler) WithGroup(string) slog.Handler             { return h }

// An engine that panicked in Mark, or when an open storage was looked at, kept its lock as long
// as the process lived. A logger that panicked when a storage had been set aside left nothing
// at its path. Whatever panics, nothing is locked, what was stored is still there, and nothing
// half made is left.
func TestPanicsWhileOpening(t *testing.T) {
	ctx := t.Context()
	source := memory.New()
	oneRow(t, source)
	var backup bytes.Buffer
	s, err := core.Open(ctx, "db", source)
	if err == nil {
		err = s.Backup(ctx, &backup)
	}
	if err != nil {
		t.Fatal(err)
	}
	s.Close()
	always, full := core.WithRecreate(core.Always), core.WithValidation(core.ValidateFull)
	for name, open := range map[string]func(core.Backend, core.Option) (*core.Storage, error){
		"Open": func(b core.Backend, log core.Option) (*core.Storage, error) {
			return core.Open(ctx, "db", b, full, log)
		},
		"Open of a new version": func(b core.Backend, log core.Option) (*core.Storage, error) {
			return core.Open(ctx, "db", b, log, core.WithVersion(2), core.WithMigration(
				func(context.Context, *core.Storage, uint64, uint64) error { return nil }))
		},
		"Open Always": func(b core.Backend, log core.Option) (*core.Storage, error) {
			return core.Open(ctx, "db", b, always, log)
		},
		"Restore": func(b core.Backend, log core.Option) (*core.Storage, error) {
			return core.Restore(ctx, "db", b, bytes.NewReader(backup.Bytes()), always, log)
		},
	} {
		t.Run(name, func(t *testing.T) {
			for n := 1; ; n++ {
				if n > 1000 {
					t.Fatal("it panics forever")
				}
				if b := memory.New(); !blasted(t, b, n, open) {
					return
				}
			}
		})
	}
}

// oneRow makes a storage at db with one row.
func oneRow(t *testing.T, b core.Backend) {
	t.Helper()
	s, err := core.Open(t.Context(), "db", b)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	tab, err := core.OpenTable(t.Context(), s, "words", keys.String(), values.String())
	if err == nil {
		err = tab.Put(t.Context(), "k", "v")
	}
	if err != nil {
		t.Fatal(err)
	}
}

// blasted opens a storage while the nth call panics, looks at what is left, and reports whether
// there was an nth call.
func blasted(
	t *testing.T, b core.Backend, n int,
	open func(core.Backend, core.Option) (*core.Storage, error),
) bool {
	t.Helper()
	oneRow(t, b)
	f := &blast{at: n}
	func() {
		defer func() {
			if p := recover(); p != nil && p != "blast" {
				panic(p)
			}
		}()
		s, err := open(blastBackend{b, f}, core.WithLogger(slog.New(blastHandler{f})))
		if err != nil {
			t.Errorf("panic %d: %v", n, err)
			return
		}
		f.at = -1
		s.Close()
	}()
	what := fmt.Sprintf("after panic %d in %s", n, f.what)
	f.at = -1
	paths, err := b.List(t.Context(), "")
	if err != nil {
		t.Fatal(err)
	}
	found := 0
	for _, path := range paths {
		if strings.Contains(path, "restoring") {
			t.Errorf("%s there is %s", what, path)
			continue
		}
		if hasRow(t, b, path, what) {
			found++
		}
	}
	if found == 0 {
		t.Errorf("%s the row is in none of %q", what, paths)
	}
	if len(paths) > 0 && paths[0] != "db" {
		t.Errorf("%s nothing is at the path, and there are %q", what, paths)
	}
	return f.what != ""
}

// hasRow reports whether the row is in the storage at path, which must be free.
func hasRow(t *testing.T, b core.Backend, path, what string) bool {
	t.Helper()
	s, err := core.Open(t.Context(), path, b, core.WithAnyVersion())
	if err != nil {
		t.Errorf("%s, opening %s: %v", what, path, err)
		return false
	}
	defer s.Close()
	tab, err := core.OpenTable(t.Context(), s, "words", keys.String(), values.String())
	if err != nil {
		t.Errorf("%s: %v", what, err)
		return false
	}
	found, err := tab.Has(t.Context(), "k")
	if err != nil {
		t.Errorf("%s: %v", what, err)
	}
	return found
}
