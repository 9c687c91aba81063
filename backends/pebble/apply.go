// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package pebble

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"slices"

	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/objstorage/objstorageprovider"
	"github.com/cockroachdb/pebble/v2/sstable"
	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/guardkv/guardkv/core"
)

// bulk is the size from which on writes become a table directly, and bypass the log and the
// tables in memory.
const bulk = 4 << 20

// Apply commits the writes in one batch, or as one table. The arguments may be reused when the
// call returns.
func (e *engine) Apply(ctx context.Context, b core.Batch) error {
	if err := e.mayWrite(ctx); err != nil {
		return err
	}
	writes := b.Writes
	size, err := measure(writes)
	if err != nil || len(writes) == 0 {
		return err
	}
	if err := e.claimRoom(ctx, writes, size); err != nil {
		return err
	}
	e.logged = true
	if size < bulk {
		if err = e.commit(writes, size); errors.Is(err, errNotMerged) {
			e.returnRoom(writes, size)
		}
	} else {
		err = e.ingest(ctx, writes)
	}
	if err == nil {
		err = e.health.check() // pebble does not learn of a failing disk
	}
	if err != nil {
		return err
	}
	e.tally.Wrote()
	return nil
}

// claimRoom makes sure that there is room for the writes before pebble is told of them.
func (e *engine) claimRoom(ctx context.Context, writes []core.Write, size int) error {
	if size >= bulk { // such writes are not in the log
		return e.takeRoom(ctx, int64(size)/2, false)
	}
	rows, n := taken(writes, size)
	if err := e.takeRoom(ctx, n, deletesOnly(writes)); err != nil {
		return err
	}
	if e.files != nil {
		if err := e.files.reserve(n); err != nil {
			return noRoom(err)
		}
	}
	e.medium.written.Add(rows)
	return nil
}

// returnRoom gives back what claimRoom has claimed for writes that pebble was not told of.
// Otherwise a caller that tries again and again would claim ever more, until there seems to be
// no room, not even for deleting and for Compact.
func (e *engine) returnRoom(writes []core.Write, size int) {
	rows, n := taken(writes, size)
	if e.files != nil {
		e.files.unreserve(n)
	}
	e.medium.written.Add(-rows)
}

// taken returns how much writes take in tables, and how much in the log.
func taken(writes []core.Write, size int) (rows, log int64) {
	rows = int64(size + rowOverhead*len(writes))
	return rows, rows + int64(size/1024+logOverhead)
}

// takeRoom takes room of the medium, and asks again when pebble is at rest. While pebble moves
// rows to tables or merges tables, the medium holds both the old files and the new ones, and
// what is refused then may fit a moment later.
func (e *engine) takeRoom(ctx context.Context, n int64, deleting bool) error {
	err := e.medium.take(n, deleting)
	if err == nil || !errors.Is(err, core.ErrNoRoom) {
		return err
	}
	if err := e.rest(ctx); err != nil {
		return err
	}
	return e.medium.take(n, deleting)
}

func deletesOnly(writes []core.Write) bool {
	return !slices.ContainsFunc(writes, func(w core.Write) bool { return !w.Delete })
}

// measure returns the number of bytes of all keys and values. It returns an error for what
// exceeds a limit.
func measure(writes []core.Write) (int, error) {
	size := 0
	for i := range writes {
		w := &writes[i]
		if len(w.Key) > maxKeySize {
			return 0, fmt.Errorf("%w: a key of %d bytes; pebble takes %d",
				core.ErrTooLarge, len(w.Key), maxKeySize)
		}
		if len(w.Value) > maxValueSize {
			return 0, fmt.Errorf("%w: a value of %d bytes; pebble takes %d",
				core.ErrTooLarge, len(w.Value), maxValueSize)
		}
		if len(w.End) > maxKeySize {
			return 0, fmt.Errorf("%w: the end of a range of %d bytes; pebble takes %d",
				core.ErrTooLarge, len(w.End), maxKeySize)
		}
		if size += len(w.Key) + len(w.Value) + len(w.End); size > maxBatchBytes {
			return 0,
				fmt.Errorf("%w: a write of more than %d bytes", core.ErrTooLarge, maxBatchBytes)
		}
	}
	return size, nil
}

// rowOverhead is more than a batch, or a table, takes for a row beside its bytes.
const rowOverhead = 16

// logOverhead is more than the log takes for a small write beside its rows: the row that counts
// the writes, and padding.
const logOverhead = 256

func (e *engine) commit(writes []core.Write, size int) (err error) {
	b, err := e.batch(writes, size)
	if err != nil {
		return err
	}
	if e.room.certain() {
		defer e.health.caught(&err)
		return e.finish(b)
	}
	return e.health.unlessStopped(func() error { // fn owns the batch, whatever becomes of it
		e.room.look(e.db)
		if e.room.deep && e.health.vain.Load() > 0 {
			if !e.medium.mayMerge() {
				return errors.Join(errNotMerged, b.Close())
			}
			defer e.scheduler().wanted()() // room was made: the pause is over
		}
		return e.finish(b)
	})
}

// errNotMerged refuses a commit that would wait for a merge for which there is no room.
var errNotMerged = fmt.Errorf("%w: pebble cannot merge its tables; %w",
	core.ErrNoRoom, fullErrors[0])

// finish commits a batch, which may wait for pebble to write tables.
func (e *engine) finish(b *pebble.Batch) error {
	return errors.Join(b.Commit(e.write), b.Close())
}

// batch returns a batch of the writes and of the row that counts them.
func (e *engine) batch(writes []core.Write, size int) (b *pebble.Batch, err error) {
	defer e.health.caught(&err)
	b = e.db.NewBatchWithSize(size + rowOverhead*(len(writes)+1) + 64)
	if err := b.Set(tallyKey, e.tally.Next(), nil); err != nil {
		return nil, errors.Join(err, b.Close())
	}
	for i := range writes {
		w := &writes[i]
		switch {
		case !w.Delete:
			err = b.Set(stored(w.Key), w.Value, nil)
		case w.End != nil:
			err = b.DeleteRange(stored(w.Key), stored(w.End), nil)
		default:
			err = b.Delete(stored(w.Key), nil)
		}
		if err != nil {
			return nil, errors.Join(err, b.Close())
		}
	}
	return b, nil
}

// ingestFile is the table that is being made from writes. Pebble does not know its name, and
// leaves it alone.
const ingestFile = "guardkv.ingest"

// bytesPerSync lets the disk work while a table is made.
const bytesPerSync = 1 << 20

func (e *engine) ingestPath() string { return e.fs.PathJoin(e.place.Dir, ingestFile) }

// removeLeftover removes the table that a crash left unfinished.
func (e *engine) removeLeftover() error {
	if err := e.fs.Remove(e.ingestPath()); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}

// ingest hands the writes to pebble as a table. The row that counts the writes is not part of
// it: its key is before all others, so it would make the table overlap all others, and pebble
// would have to merge what could stay apart. That row is written afterwards, so that pebble
// never counts more writes than it has. Earlier writes are made durable first, so that a crash
// never loses them and keeps this one.
func (e *engine) ingest(ctx context.Context, writes []core.Write) (err error) {
	defer e.health.caught(&err)
	if err := e.writeTable(writes); err != nil {
		return errors.Join(noRoom(err), e.removeLeftover())
	}
	if err := e.syncLog(); err != nil {
		return err
	}
	defer e.cache.spare()() // pebble reads the first row and the last
	tally := bytes.Clone(e.tally.Next())
	return e.health.unlessStopped(func() error {
		if err := e.db.Ingest(context.WithoutCancel(ctx), []string{e.ingestPath()}); err != nil {
			return err
		}
		return e.db.Set(tallyKey, tally, pebble.NoSync)
	})
}

// writeTable writes a table of the writes and makes it durable.
func (e *engine) writeTable(writes []core.Write) error {
	f, err := e.fs.Create(e.ingestPath(), vfs.WriteCategoryUnspecified)
	if err != nil {
		return err
	}
	f = vfs.NewSyncingFile(f, vfs.SyncingFileOptions{BytesPerSync: bytesPerSync})
	o := e.opts.MakeWriterOptions(0, e.db.TableFormat())
	w := sstable.NewWriter(objstorageprovider.NewFileWritable(f), o)
	for i := range writes {
		if err := add(w, &writes[i]); err != nil {
			return errors.Join(err, w.Close())
		}
	}
	return w.Close()
}

func add(table *sstable.Writer, w *core.Write) error {
	switch {
	case !w.Delete:
		return table.Set(stored(w.Key), w.Value)
	case w.End != nil:
		return table.DeleteRange(stored(w.Key), stored(w.End))
	}
	return table.Delete(stored(w.Key))
}
