// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package bbolt

import (
	"context"
	"errors"
	"fmt"
	"io/fs"

	bolt "go.etcd.io/bbolt"
	berrors "go.etcd.io/bbolt/errors"

	"github.com/guardkv/guardkv/core"
)

// Apply commits the writes in one transaction of bbolt. The arguments may be reused when the
// call returns.
func (e *engine) Apply(ctx context.Context, b core.Batch) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	if err := checkSizes(b.Writes); err != nil {
		return err
	}
	return e.commit(len(b.Writes) >= bulk, func(tx *bolt.Tx) error { return e.put(tx, b.Writes) })
}

// SetMark replaces the mark, which is durable at once. So the rows that it may speak of are
// made durable before. The arguments may be reused when the call returns.
func (e *engine) SetMark(ctx context.Context, mark []byte) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	if err := e.sync(); err != nil {
		return err
	}
	err := e.commit(false, func(tx *bolt.Tx) error {
		im := e.file.Load().image(tx)
		if err := checkWrites(&im, rootOf(tx), markBucket,
			[]core.Write{{Key: []byte(markKey)}}); err != nil {
			return err
		}
		return tx.Bucket([]byte(markBucket)).Put([]byte(markKey), mark)
	})
	if err != nil {
		return err
	}
	return e.sync()
}

// Sync makes durable what commits without sync have left to the operating system.
func (e *engine) Sync(ctx context.Context) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	return e.sync()
}

// sync makes durable what commits without sync have left to the operating system.
func (e *engine) sync() error {
	f := e.file.Load()
	if !e.noSync || f.readOnly {
		return nil
	}
	return protect(f.db.Sync)
}

// commit commits what fn does and shows it to readers. If many says that it changes many pages,
// it saves room.
func (e *engine) commit(many bool, fn func(tx *bolt.Tx) error) error {
	e.writing.Lock()
	defer e.writing.Unlock()
	f := e.file.Load()
	if f.readOnly {
		return core.ErrReadOnly
	}
	if f.stuck || f.unkept {
		return fmt.Errorf("%w: an earlier write failed; open the storage again", core.ErrCorrupt)
	}
	if err := e.settled(f); err != nil {
		return err
	}
	loose := many && e.reads.loosen()
	if err := f.update(fn); err != nil {
		return errors.Join(writeError(err), e.tighten(f, loose))
	}
	if err := e.reads.refresh(f); err != nil {
		f.unkept = loose
		return fmt.Errorf("the write is durable but cannot be read back: %w", err)
	}
	return nil
}

// tighten keeps what readers see once more, after a commit that failed.
func (e *engine) tighten(f *file, loose bool) error {
	if !loose || f.stuck {
		return nil
	}
	if err := e.reads.tighten(f); err != nil {
		f.unkept = true
		return fmt.Errorf("the storage takes no more writes; open it again: %w", err)
	}
	return nil
}

// settled returns an error if what is written to f now would be lost: the file was deleted, or
// a power loss would bring back the one that it replaced.
func (e *engine) settled(f *file) error {
	if hasNoName(f.fd) {
		// otherwise the file system does not count names
		if same, err := leadsTo(e.place.file, f.fd); err != nil || !same {
			return fmt.Errorf("the file of %s was deleted or replaced while it was open; nothing "+
				"was written: %w", e.place.given, fs.ErrNotExist)
		}
	}
	if !f.unsynced || e.noSync {
		return nil
	}
	return e.syncFolder(f)
}

// syncFolder makes the name of f durable.
func (e *engine) syncFolder(f *file) error {
	dir, err := openFolder(e.place.file)
	if err == nil {
		err = errors.Join(e.backend.folderSync(dir), dir.Close())
	}
	if err != nil {
		return fmt.Errorf("the file was compacted, but its folder cannot be synced; nothing was "+
			"written: %w", err)
	}
	f.unsynced = false
	return nil
}

// put makes the writes in tx.
func (e *engine) put(tx *bolt.Tx, writes []core.Write) error {
	if len(writes) == 0 {
		return nil
	}
	im := e.file.Load().image(tx)
	if err := checkWrites(&im, rootOf(tx), rowsBucket, writes); err != nil {
		return err
	}
	rows := tx.Bucket([]byte(rowsBucket))
	if isAppend(&im, rootOf(tx), writes) {
		rows.FillPercent = 1 // nothing will be put between these rows soon
	}
	for i := range writes {
		w := &writes[i]
		var err error
		if w.Delete {
			err = rows.Delete(w.Key)
		} else {
			err = rows.Put(w.Key, w.Value)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// bulk is the number of writes from which on filling pages pays.
const bulk = 256

// isAppend reports whether the writes are many new rows with no existing row among them.
func isAppend(im *image, root uint64, writes []core.Write) bool {
	if len(writes) < bulk {
		return false
	}
	for i := range writes {
		if writes[i].Delete {
			return false
		}
	}
	rows, err := openTree(im, root, rowsBucket)
	if err != nil {
		return false
	}
	c := newCursor(context.Background(), &rows, core.ScanRange{
		Low:  writes[0].Key,
		High: append(append([]byte(nil), writes[len(writes)-1].Key...), 0),
	})
	return !c.nextLeaf() && c.err == nil
}

// checkSizes refuses what bbolt, or its pages, cannot take.
func checkSizes(writes []core.Write) error {
	for i := range writes {
		w := &writes[i]
		if len(w.Key) > bolt.MaxKeySize {
			return fmt.Errorf("%w: a key of %d bytes; bbolt takes %d",
				core.ErrTooLarge, len(w.Key), bolt.MaxKeySize)
		}
		if len(w.Value) > maxValueSize {
			return fmt.Errorf("%w: a value of %d bytes; bbolt takes %d",
				core.ErrTooLarge, len(w.Value), maxValueSize)
		}
	}
	return nil
}

// writeError adds the right sentinel to an error of a commit.
func writeError(err error) error {
	if errors.Is(err, berrors.ErrMaxSizeReached) {
		return fmt.Errorf("%w: the file would outgrow the address space that was reserved for "+
			"it; open the storage again: %w",
			core.ErrTooLarge, err)
	}
	return err
}
