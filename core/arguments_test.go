// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package core_test

import (
	"context"
	"errors"
	"io/fs"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/guardkv/guardkv/core"
	"github.com/guardkv/guardkv/core/keys"
	"github.com/guardkv/guardkv/core/memory"
	"github.com/guardkv/guardkv/core/values"
)

// A nil argument ended in a nil pointer somewhere below, which did not tell what was missing. Each
// call says so.
func TestMissingArguments(t *testing.T) {
	s, tb := openTable(t, memory.New())
	defer s.Close()
	ctx := t.Context()
	var none context.Context
	var gone *memory.Backend
	open := func(ctx context.Context, b core.Backend, opts ...core.Option) error {
		_, err := core.Open(ctx, "other", b, opts...)
		return err
	}
	table := func(ctx context.Context, s *core.Storage, k core.KeyFormat[int], v core.ValueFormat[string, string], opts ...core.TableOption) error {
		_, err := core.OpenTable(ctx, s, "u", k, v, opts...)
		return err
	}
	view := func(fn func(in core.TxTable[uint64, string, string]) error) error {
		return s.Update(ctx, func(tx *core.Tx) error { return fn(tb.In(tx)) })
	}
	last := func(rows func(func(core.Row[uint64, string], error) bool)) (last error) {
		for _, err := range rows {
			last = err
		}
		return last
	}
	same := func(string, bool) (string, core.Change, error) { return "", core.Leave, nil }
	type txTable = core.TxTable[uint64, string, string]
	for _, test := range []struct {
		name, want string
		call       func() error
	}{
		{"Open", "the backend is nil", func() error { return open(ctx, nil) }},
		{"Open", "the backend is a nil *memory.Backend", func() error { return open(ctx, gone) }},
		{"Open", "the context is nil", func() error { return open(none, memory.New()) }},
		{
			"Open", "option 2 is nil",
			func() error { return open(ctx, memory.New(), core.WithReadOnly(), nil) },
		},
		{
			"Restore", "the reader is nil",
			func() error { _, err := core.Restore(ctx, "r", memory.New(), nil); return err },
		},
		{"Restore", "the backend is nil", func() error {
			_, err := core.Restore(ctx, "r", nil, strings.NewReader(""))
			return err
		}},
		{"Restore", "the context is nil", func() error {
			_, err := core.Restore(none, "r", memory.New(), strings.NewReader(""))
			return err
		}},
		{
			"OpenTable", "the storage is a nil *core.Storage",
			func() error { return table(ctx, nil, keys.Int(), values.String()) },
		},
		{
			"OpenTable", "the key format is nil",
			func() error { return table(ctx, s, nil, values.String()) },
		},
		{
			"OpenTable", "the value format is nil",
			func() error { return table(ctx, s, keys.Int(), nil) },
		},
		{
			"OpenTable", "the context is nil",
			func() error { return table(none, s, keys.Int(), values.String()) },
		},
		{
			"OpenTable", "option 1 is nil",
			func() error { return table(ctx, s, keys.Int(), values.String(), nil) },
		},
		{"Storage.View", "the function is nil", func() error { return s.View(ctx, nil) }},
		{"Storage.Update", "the function is nil", func() error { return s.Update(ctx, nil) }},
		{
			"Storage.View", "the context is nil",
			func() error { return s.View(none, func(*core.Tx) error { return nil }) },
		},
		{
			"Storage.Update", "the context is nil",
			func() error { return s.Update(none, func(*core.Tx) error { return nil }) },
		},
		{"Tables", "the context is nil", func() error { _, err := s.Tables(none); return err }},
		{"DropTable", "the context is nil", func() error { return s.DropTable(none, "t") }},
		{"Compact", "the context is nil", func() error { _, err := s.Compact(none); return err }},
		{"Check", "the context is nil", func() error { return s.Check(none) }},
		{
			"Backup", "the context is nil",
			func() error { return s.Backup(none, new(strings.Builder)) },
		},
		{"Backup", "the writer is nil", func() error { return s.Backup(ctx, nil) }},
		{"Get", "the context is nil", func() error { _, err := tb.Get(none, 1); return err }},
		{
			"View", "the context is nil",
			func() error { return tb.View(none, 1, func(string) error { return nil }) },
		},
		{"View", "the function is nil", func() error { return tb.View(ctx, 1, nil) }},
		{"Load", "the context is nil", func() error { _, err := tb.Load(none, 1); return err }},
		{"Has", "the context is nil", func() error { _, err := tb.Has(none, 1); return err }},
		{"Put", "the context is nil", func() error { return tb.Put(none, 1, "v") }},
		{"Insert", "the context is nil", func() error { return tb.Insert(none, 1, "v") }},
		{"Delete", "the context is nil", func() error { _, err := tb.Delete(none, 1); return err }},
		{
			"PutAll", "the context is nil",
			func() error { return tb.PutAll(none, func(func(uint64, string) bool) {}) },
		},
		{"PutAll", "the source of the rows is nil", func() error { return tb.PutAll(ctx, nil) }},
		{"PutStream", "the context is nil", func() error {
			_, err := tb.PutStream(none, func(func(uint64, string) bool) {})
			return err
		}},
		{
			"PutStream", "the source of the rows is nil",
			func() error { _, err := tb.PutStream(ctx, nil); return err },
		},
		{"PutStream", "option 1 is nil", func() error {
			_, err := tb.PutStream(ctx, func(func(uint64, string) bool) {}, nil)
			return err
		}},
		{
			"PutStreamFunc", "the source of the rows is nil",
			func() error { _, err := tb.PutStreamFunc(ctx, nil); return err },
		},
		{"Count", "the context is nil", func() error { _, err := tb.Count(none); return err }},
		{"Scan.Rows", "the context is nil", func() error { return last(tb.Scan().Rows(none)) }},
		{"Scan.Stream", "the function is nil", func() error { return tb.Scan().Stream(ctx, nil) }},
		{
			"Scan.Delete", "the context is nil",
			func() error { _, err := tb.Scan().Delete(none); return err },
		},
		{
			"In", "the transaction is nil",
			func() error { _, err := tb.In(nil).Get(ctx, 1); return err },
		},
		{
			"In", "the transaction is nil",
			func() error { _, err := tb.In(nil).Count(ctx); return err },
		},
		{"Modify", "the context is nil", func() error { return tb.Modify(none, 1, same) }},
		{"Modify", "the function is nil", func() error { return tb.Modify(ctx, 1, nil) }},
		{
			"GetMany", "the context is nil",
			func() error { return last(tb.GetMany(none, slices.Values([]uint64{1}))) },
		},
		{
			"GetMany", "the context is nil",
			func() error { return last(tb.GetMany(none, slices.Values([]uint64(nil)))) },
		},
		{
			"GetMany", "the source of the keys is nil",
			func() error { return last(tb.GetMany(ctx, nil)) },
		},
		{"Scan.Clear", "the context is nil", func() error { return tb.Scan().Clear(none) }},
		{
			"Scan.Cursor", "the context is nil",
			func() error { _, err := tb.Scan().Cursor(none); return err },
		},
		{"Snapshot", "the context is nil", func() error { _, err := s.Snapshot(none); return err }},
		{"Shutdown", "the context is nil", func() error { return s.Shutdown(none) }},
		{"Sync", "the context is nil", func() error { return s.Sync(none) }},
		{
			"RenameTable", "the context is nil",
			func() error { return s.RenameTable(none, "t", "u") },
		},
		{"Size", "the context is nil", func() error { _, err := s.Size(none); return err }},
		{
			"OpenRaw", "the context is nil",
			func() error { _, err := core.OpenRaw(none, s, "t"); return err },
		},
		{
			"OpenRaw", "the storage is a nil *core.Storage",
			func() error { _, err := core.OpenRaw(ctx, nil, "t"); return err },
		},
		{"Tx.Close", "the transaction is nil", func() error { return (*core.Tx)(nil).Close() }},
		{
			"Tx.Close", "the transaction ends when the function",
			func() error { return s.View(ctx, func(tx *core.Tx) error { return tx.Close() }) },
		},
		{
			"TxTable.PutAll", "the context is nil",
			func() error { return view(func(in txTable) error { return in.PutAll(none, nil) }) },
		},
		{
			"TxTable.PutAll", "the source of the rows is nil",
			func() error { return view(func(in txTable) error { return in.PutAll(ctx, nil) }) },
		},
		{"TxTable.Get", "the context is nil", func() error {
			return view(func(in txTable) error { _, err := in.Get(none, 1); return err })
		}},
		{"TxTable.Load", "the context is nil", func() error {
			return view(func(in txTable) error { _, err := in.Load(none, 1); return err })
		}},
		{"TxTable.Has", "the context is nil", func() error {
			return view(func(in txTable) error { _, err := in.Has(none, 1); return err })
		}},
		{
			"TxTable.Put", "the context is nil",
			func() error { return view(func(in txTable) error { return in.Put(none, 1, "v") }) },
		},
		{"TxTable.Delete", "the context is nil", func() error {
			return view(func(in txTable) error { _, err := in.Delete(none, 1); return err })
		}},
		{"TxTable.Count", "the context is nil", func() error {
			return view(func(in txTable) error { _, err := in.Count(none); return err })
		}},
		{"TxTable.Scan", "the context is nil", func() error {
			return view(func(in txTable) error { return last(in.Scan().Rows(none)) })
		}},
		{"TxTable.Delete", "the context is nil", func() error {
			return view(func(in txTable) error { _, err := in.Scan().Delete(none); return err })
		}},
	} {
		err := test.call()
		var e *core.Error
		if !errors.As(err, &e) || !strings.Contains(err.Error(), ": "+test.want) {
			t.Errorf("%s: %v, want: %s", test.name, err, test.want)
		}
	}
	if n, err := tb.Count(ctx); n != 0 || err != nil {
		t.Errorf("%d rows, %v", n, err)
	}
}

// A format made of nil made every use of it a nil pointer.
func TestMissingParts(t *testing.T) {
	for want, make := range map[string]func(){
		"keys.Pair: the first part is nil":  func() { keys.Pair[int](nil, keys.Int()) },
		"keys.Pair: the second part is nil": func() { keys.Pair[int, int](keys.Int(), nil) },
		"keys.Quad: the first part is nil": func() {
			keys.Quad[int](nil, keys.Int(), keys.Int(), keys.Int())
		},
		"keys.Quad: the fourth part is nil": func() {
			keys.Quad[int, int, int, int](keys.Int(), keys.Int(), keys.Int(), nil)
		},
		"keys.Map: the only part is nil": func() { keys.Map[int, int]("a", nil, nil, nil) },
		"keys.Triple: the first part is nil": func() {
			keys.Triple[int](nil, keys.Int(), keys.Int())
		},
		"keys.Triple: the second part is nil": func() {
			keys.Triple[int, int](keys.Int(), nil, keys.Int())
		},
		"keys.Triple: the third part is nil": func() {
			keys.Triple[int, int, int](keys.Int(), keys.Int(), nil)
		},
		"keys.Desc: the only part is nil":     func() { keys.Desc[int](nil) },
		"keys.Optional: the only part is nil": func() { keys.Optional[int](nil) },
	} {
		func() {
			defer func() {
				if got := recover(); got != want {
					t.Errorf("got the panic %v, want %s", got, want)
				}
			}()
			make()
		}()
	}
}

// missingFolder is a backend that finds no folder, as engines that keep files do.
type missingFolder struct{ core.Backend }

func (missingFolder) Resolve(path string) (string, error) { return path, nil }

func (missingFolder) Claim(_ context.Context, path string, _ bool) (core.Claim, error) {
	return nil, &fs.PathError{Op: "open", Path: path + ".lock", Err: fs.ErrNotExist}
}

// A folder that was not there was told as "no such file" of some file of the engine's.
func TestMissingFolderIsNamed(t *testing.T) {
	folder := filepath.Join(t.TempDir(), "no", "such\nfolder")
	_, err := core.Open(t.Context(), filepath.Join(folder, "db"), missingFolder{})
	_, err2 := core.Restore(t.Context(), filepath.Join(folder, "db"), missingFolder{},
		strings.NewReader(""))
	for _, err := range []error{err, err2} {
		if !errors.Is(err, fs.ErrNotExist) || !strings.Contains(err.Error(), "the folder ") ||
			!strings.Contains(err.Error(), "os.MkdirAll") {
			t.Error(err)
		}
	}
	_, err = core.Open(t.Context(), filepath.Join(t.TempDir(), "db"), missingFolder{})
	if !errors.Is(err, fs.ErrNotExist) || strings.Contains(err.Error(), "folder") {
		t.Errorf("the folder is there: %v", err)
	}
}

// The error of a migration did not say which versions it was between.
func TestMigrationErrorsNameTheVersions(t *testing.T) {
	b := memory.New()
	s, err := core.Open(t.Context(), "db", b, core.WithVersion(3))
	if err != nil {
		t.Fatal(err)
	}
	s.Close()
	failure := errors.New("of the migration")
	_, err = core.Open(t.Context(), "db", b, core.WithVersion(7),
		core.WithMigration(func(context.Context, *core.Storage, uint64, uint64) error {
			return failure
		}))
	if !errors.Is(err, failure) || !strings.Contains(err.Error(), "from version 3 to 7") {
		t.Error(err)
	}
}
