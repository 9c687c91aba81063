// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package bbolt

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math"
	"os"
	"sync/atomic"
	"unsafe"

	bolt "go.etcd.io/bbolt"

	"github.com/guardkv/guardkv/core"
)

// file is a file that bbolt has open. The engine holds one; a file that compaction replaced
// lives on until the last state that is read from it is released.
type file struct {
	db       *bolt.DB
	fd       *os.File
	refs     atomic.Int64 // one for the engine, and one for each state that is mapped from it
	readOnly bool
	reserved int // bytes of address space, which give takes back when the file is closed
	give     func(int)
	logger   *slog.Logger

	// What follows is the writer's.
	stop     failStop
	listed   bool // the newest commit has the freelist
	leaked   bool // a commit failed, and bbolt's list no longer has the free pages that it took
	stuck    bool // bbolt's transaction did not end, and bbolt would wait for it forever
	unkept   bool // nothing keeps the pages that readers see: another commit would change them
	unsynced bool // a power loss may give the name back to the file that this one replaced
}

type fileOptions struct {
	reserved int // bytes of address space; 0: bbolt maps anew as the file grows
	give     func(int)
	readOnly bool
	noSync   bool
	listed   bool
	logger   *slog.Logger
}

// openFile lets bbolt open fd, which is locked. It takes fd over unless there is an error; then
// fd may be closed.
func openFile(fd *os.File, o fileOptions) (*file, error) {
	f := &file{
		fd: fd, readOnly: o.readOnly, reserved: o.reserved, give: o.give, listed: o.listed,
		logger: o.logger,
	}
	f.refs.Store(1)
	f.stop.allows = func(err error) bool { return isNoRoom(err) && f.isSound() }
	err := protect(func() (err error) {
		f.db, err = bolt.Open(fd.Name(), 0, &bolt.Options{
			OpenFile: func(string, int, os.FileMode) (*os.File, error) {
				return fd, handOver(fd)
			},
			Timeout:      lockRetry, // nobody else can have the lock for longer
			FreelistType: bolt.FreelistMapType,
			// every commit would write it, and all free pages are in it
			NoFreelistSync:  true,
			NoStatistics:    true,
			ReadOnly:        o.readOnly,
			NoSync:          o.noSync,
			InitialMmapSize: o.reserved,
			MaxSize:         o.reserved,
			Logger:          &f.stop,
		})
		return err
	})
	if err != nil {
		f.giveBack()
		return nil, err
	}
	return f, nil
}

// giveBack gives back the address space of a file that is no longer mapped.
func (f *file) giveBack() {
	if f.reserved > 0 && f.give != nil {
		f.give(f.reserved)
	}
}

// mostWalked is the length up to which walking over a storage is worth it after a refused
// write.
const mostWalked = 1 << 30

// isSound reports whether all pages of the last commit are sound, as bbolt's rollback needs
// them. In a large file the walk would make each refused write on a full disk slow; instead,
// the free pages that the write had taken are lost until the next opening.
func (f *file) isSound() bool {
	m, err := readMetas(f.fd)
	if err != nil || m.pages*m.pageSize > mostWalked {
		return false
	}
	return newWalker(context.Background(),
		&filePages{r: f.fd, pageSize: m.pageSize, pages: m.pages}).storage(m.root) == nil
}

// wrote reports whether the commit of transaction id may have reached the file, although it
// failed.
func (f *file) wrote(id int) bool {
	m, err := readMetas(f.fd)
	return err != nil || m.txid >= uint64(id)
}

// handOver lets bbolt lock fd.
func handOver(fd *os.File) error {
	if lockIsShared {
		return nil
	}
	return unlock(fd)
}

// image returns the state that tx sees. It is valid until tx ends.
func (f *file) image(tx *bolt.Tx) image {
	info := f.db.Info()
	base := *(*unsafe.Pointer)(unsafe.Pointer(&info.Data))
	return newImage(unsafe.Slice((*byte)(base), tx.Size()), uint64(info.PageSize))
}

// rootOf returns the page of the root bucket.
func rootOf(tx *bolt.Tx) uint64 { return uint64(tx.Cursor().Bucket().Root()) }

// update commits what fn does. If fn fails, nothing was written.
func (f *file) update(fn func(tx *bolt.Tx) error) error {
	id := math.MaxInt
	err := protect(func() error {
		tx, err := f.db.Begin(true)
		if err != nil {
			return err
		}
		f.stuck = true
		defer func() {
			tx.Rollback() // does nothing after a commit
			f.stuck = false
		}()
		if err := fn(tx); err != nil {
			return err
		}
		f.db.AllocSize = growth(tx.Size())
		leaked := f.leaked
		f.leaked, id = true, tx.ID()
		if err := f.stop.during(tx.Commit); err != nil {
			f.leaked = f.stop.first == nil // otherwise bbolt has all its free pages again
			return err
		}
		f.leaked, f.listed = leaked, !f.db.NoFreelistSync
		return nil
	})
	if isNoRoom(err) && !f.wrote(id) {
		err = fmt.Errorf("%w: %w", core.ErrNoRoom, err)
	}
	return err
}

// growth returns by how much a file of size bytes grows when it has to. bbolt by itself would
// add 16 MiB even to the smallest file.
func growth(size int64) int {
	return int(min(max(size/8, 64<<10), 16<<20))
}

// finish settles the file and writes the freelist, so that opening the file needs no walk over
// it. After a failed commit the freelist is incomplete, and is left out.
func (f *file) finish() error {
	if f.readOnly || f.listed {
		return nil
	}
	err := f.settle(!f.leaked)
	if errors.Is(err, core.ErrNoRoom) {
		err = f.settle(false) // which takes none
	}
	return err
}

// settle makes everything durable by a commit that changes no row. Afterwards both meta pages
// lead to the same rows. Otherwise, if the newer one were damaged, the older one would count,
// and the last commit would be lost silently.
func (f *file) settle(list bool) error {
	if f.stuck {
		return protect(f.db.Sync)
	}
	defer func(noSync bool) { f.db.NoSync, f.db.NoFreelistSync = noSync, true }(f.db.NoSync)
	f.db.NoSync, f.db.NoFreelistSync = false, !list
	return f.update(func(*bolt.Tx) error { return nil })
}

// release closes the file unless somebody else holds it.
func (f *file) release() error {
	if f.refs.Add(-1) > 0 {
		return nil
	}
	return f.close()
}

func (f *file) close() error {
	if f.stuck {
		return f.fd.Close() // gives the lock back; the mapping stays
	}
	err := protect(f.db.Close)
	f.giveBack()
	return err
}
