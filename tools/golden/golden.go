// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

// Package golden proves that what is on disk stays readable. Below testdata it keeps storages as
// the versions of GuardKV wrote them: a folder for each version of core, with a storage for each
// backend and format, and backups. Every later version must read all of them, row by row. They are
// never written again, and the rows that this package expects never change: more tables belong in
// a new kind of storage.
package golden

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/guardkv/guardkv/core"
	"github.com/guardkv/guardkv/core/memory"
)

// appVersion is the version of the application's schema in all golden storages.
const appVersion = 7

// Fill writes the golden storages that are missing in dir, which belongs to one version of
// core, and names them.
func Fill(ctx context.Context, dir string, out io.Writer) error {
	for _, k := range kinds {
		path := filepath.Join(dir, k.name)
		if _, err := os.Lstat(path); err == nil {
			continue
		} else if !errors.Is(err, fs.ErrNotExist) {
			return err
		}
		if err := os.MkdirAll(dir, 0o755); err != nil {
			return err
		}
		unfinished := path + ".tmp"
		if err := k.make(ctx, unfinished); err != nil {
			return fmt.Errorf("%s: %w", path, errors.Join(err, os.RemoveAll(unfinished)))
		}
		if err := os.Rename(unfinished, path); err != nil {
			return err
		}
		fmt.Fprintln(out, "written:", path)
	}
	return nil
}

// make writes a storage or a backup. It does not replace one.
func (k kind) make(ctx context.Context, path string) (err error) {
	if k.backend == nil {
		return k.makeBackup(ctx, path)
	}
	s, err := core.Open(ctx, path, k.backend, core.WithVersion(appVersion))
	if err != nil {
		return err
	}
	return errors.Join(k.write(ctx, s), s.Close())
}

func (k kind) makeBackup(ctx context.Context, path string) (err error) {
	s, err := core.Open(ctx, "golden", memory.New(), core.WithVersion(appVersion))
	if err != nil {
		return err
	}
	defer s.Close()
	if err := k.write(ctx, s); err != nil {
		return err
	}
	f, err := os.OpenFile(path, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o644)
	if err != nil {
		return err
	}
	return errors.Join(s.Backup(ctx, f), f.Close())
}

func (k kind) write(ctx context.Context, s *core.Storage) error {
	for _, t := range k.tables() {
		if err := t.write(ctx, s); err != nil {
			return fmt.Errorf("table %s: %w", t.name(), err)
		}
	}
	return nil
}

// Read compares all rows of a golden storage with what they must be. It may write to the storage,
// so give it a copy. name is that of the file in the folder of its version.
func Read(ctx context.Context, path, name string) error {
	k, err := kindNamed(name)
	if err != nil {
		return err
	}
	s, err := k.open(ctx, path)
	if err != nil {
		return err
	}
	return errors.Join(k.read(ctx, s), s.Close())
}

func (k kind) open(ctx context.Context, path string) (*core.Storage, error) {
	options := []core.Option{core.WithVersion(appVersion), core.WithValidation(core.ValidateFull)}
	if k.backend != nil {
		if _, err := os.Stat(path); err != nil { // Open would create it
			return nil, err
		}
		return core.Open(ctx, path, k.backend, options...)
	}
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return core.Restore(ctx, "golden", memory.New(), f, options...)
}

func (k kind) read(ctx context.Context, s *core.Storage) error {
	tables := k.tables()
	infos, err := s.Tables(ctx)
	if err != nil {
		return err
	}
	if len(infos) != len(tables) {
		return fmt.Errorf("it has %d tables, not %d: %v", len(infos), len(tables), infos)
	}
	for _, t := range tables {
		if err := t.compare(ctx, s); err != nil {
			return fmt.Errorf("table %s: %w", t.name(), err)
		}
	}
	return s.Check(ctx)
}
