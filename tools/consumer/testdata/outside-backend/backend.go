// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

// Package plainlog is a backend by an outside author, as small as one can be that keeps all promises: the rows are in memory,
// in order, and every write appends to a log, from which they are read when a storage is opened. The log never shrinks.
// Where the system has no flock(2), as on Windows, nothing keeps a second process out.
package plainlog

import (
	"context"
	"errors"
	"os"
	"path/filepath"

	"github.com/guardkv/guardkv/core"
	"github.com/guardkv/guardkv/core/directory"
)

// Backend keeps each storage in a directory of its own.
type Backend struct{}

var _ core.Backend = Backend{}

// Name returns "plainlog".
func (Backend) Name() string { return "plainlog" }

// Sharing returns the zero Sharing: a claim keeps other writers out.
func (Backend) Sharing() core.Sharing { return core.Sharing{} }

// Resolve returns where the path leads now, whatever becomes of the working directory.
func (Backend) Resolve(path string) (string, error) { return directory.Resolve(path) }

// Claim locks a directory. What a claim does is the same for all engines that have a directory to themselves.
func (Backend) Claim(ctx context.Context, path string, readOnly bool) (core.Claim, error) {
	return directory.Claim(ctx, path, readOnly, directory.Driver{Lock: directory.Flock, Create: create, Open: open})
}

// List returns the directories whose paths start with prefix.
func (Backend) List(_ context.Context, prefix string) ([]string, error) {
	return directory.List(prefix)
}

const logFile = "log"

// create makes a log that has a record without rows, but with the tally, which every record has.
func create(p directory.Place, tally []byte) error {
	f, err := os.OpenFile(filepath.Join(p.Dir, logFile), os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	_, err = f.Write(appendRecord(nil, tally, nil))
	if err == nil {
		err = f.Sync()
	}
	return errors.Join(err, f.Close())
}

// open opens what create made. It reads all of the log, so it finds what is damaged, and the tally finds what is missing.
func open(ctx context.Context, p directory.Place, opts core.EngineOptions) (_ core.Engine, err error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	f, err := openLog(p)
	if err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			f.Close()
		}
	}()
	rows, last, err := readLog(f, p.ReadOnly)
	if err != nil {
		return nil, err
	}
	tally, err := p.Tally(last)
	if err != nil {
		return nil, err
	}
	e := &engine{place: p, tally: tally, log: f, sync: !opts.NoSync}
	e.last.Store(&snapshot{rows})
	return e, nil
}
