// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package pebble

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/cockroachdb/pebble/v2/vfs/atomicfs"

	"github.com/guardkv/guardkv/core"
	"github.com/guardkv/guardkv/core/directory"
)

// open opens the storage in a directory and looks for what pebble may have lost.
func (b Backend) open(ctx context.Context, p directory.Place, opts core.EngineOptions) (core.Engine, error) {
	e := &engine{place: p, fs: b.fs, onDisk: b.fs == vfs.Default, logger: opts.Logger, health: newHealth(), write: pebble.Sync}
	if opts.NoSync {
		e.write = pebble.NoSync
	}
	if err := e.start(b); err != nil {
		return nil, damage(err)
	}
	if err := e.vet(ctx, opts.Validation); err != nil {
		return nil, errors.Join(err, e.closeDB())
	}
	return e, nil
}

// start lets pebble open the directory.
func (e *engine) start(b Backend) (err error) {
	defer e.health.caught(&err)
	if err := e.peek(); err != nil {
		return err
	}
	if e.place.ReadOnly {
		e.fs = lockedFS{e.fs}
	} else {
		e.fs = freezing(e.fs, e.health)
	}
	e.opts = b.options(e.fs, e.logger, e.health)
	e.room = newRoom(e.opts)
	e.opts.ErrorIfNotExists = true
	e.opts.ReadOnly = e.place.ReadOnly
	if l, ok := e.place.Lock.(*lock); ok && !e.place.ReadOnly {
		e.opts.Lock = l.engine
		if err := e.removeLeftover(); err != nil {
			return err
		}
	}
	if e.db, err = pebble.Open(e.place.Dir, e.opts); err != nil {
		return err
	}
	if err := e.health.check(); err != nil {
		return errors.Join(err, e.closeDB())
	}
	return nil
}

// peek looks whether pebble's files are there, and of a version that this pebble reads.
func (e *engine) peek() error {
	if err := e.checkFormat(); err != nil {
		return err
	}
	if err := e.checkLengths(); err != nil {
		return err
	}
	d, err := pebble.Peek(e.place.Dir, e.fs)
	if err != nil {
		return err
	}
	if !d.Exists {
		return corruptf("pebble's files are missing in %s", e.place.Dir)
	}
	return nil
}

// checkFormat refuses a version of pebble's files that this pebble does not know, which is no damage. Pebble's own error
// could not be told from one.
func (e *engine) checkFormat() error {
	text, err := atomicfs.ReadMarker(e.fs, e.place.Dir, "format-version")
	if err != nil || text == "" {
		return err
	}
	v, err := strconv.ParseUint(text, 10, 64)
	if err != nil {
		return err
	}
	const oldest, newest = pebble.FormatMinSupported, pebble.FormatNewest
	if v := pebble.FormatMajorVersion(v); v < oldest || v > newest {
		return fmt.Errorf("%s has version %d of pebble's files, and this pebble reads versions %d to %d: %w",
			e.place.Dir, v, oldest, newest, errors.ErrUnsupported)
	}
	return nil
}

// checkLengths refuses files that are far longer than pebble makes them. It would read them to the end, options into memory.
func (e *engine) checkLengths() error {
	names, err := e.fs.List(e.place.Dir)
	if err != nil {
		return err
	}
	for _, name := range names {
		var most int64
		switch {
		case strings.HasPrefix(name, "OPTIONS-"):
			most = 16 << 20
		case strings.HasPrefix(name, "MANIFEST-"), strings.HasSuffix(name, ".log"):
			most = 8 << 30
		default:
			continue // pebble knows the lengths of tables
		}
		info, err := e.fs.Stat(e.fs.PathJoin(e.place.Dir, name))
		if err != nil {
			return err
		}
		if info.Size() > most {
			return corruptf("%s: %d bytes are more than pebble makes it", name, info.Size())
		}
	}
	return nil
}

// vet compares the writes that pebble has with those that are known, and reads everything if it is to.
func (e *engine) vet(ctx context.Context, v core.Validation) error {
	row, err := e.tallyRow()
	if err != nil {
		return err
	}
	if e.tally, err = e.place.Tally(row); err != nil {
		return err
	}
	if v == core.ValidateFull {
		return e.Check(ctx)
	}
	return ctx.Err()
}

// tallyRow returns a copy of the row that counts the writes, nil if it is missing.
func (e *engine) tallyRow() (row []byte, err error) {
	defer e.health.caught(&err)
	value, closer, err := e.db.Get(tallyKey)
	if errors.Is(err, pebble.ErrNotFound) {
		return nil, nil
	} else if err != nil {
		return nil, damage(err)
	}
	row = append([]byte{}, value...)
	return row, closer.Close()
}

// record writes down what is durable: the number of writes, and pebble's list of its tables, which only grows.
func (e *engine) record() error {
	d, err := pebble.Peek(e.place.Dir, e.fs)
	if err != nil {
		return err
	}
	if !e.onDisk {
		return e.tally.Record() // the files are not where the witness is
	}
	return e.tally.Record(filepath.Base(d.ManifestFilename))
}
