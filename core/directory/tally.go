// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package directory

import (
	"encoding/binary"
	"fmt"
	"hash/crc32"

	"github.com/guardkv/guardkv/core"
)

// Tally counts the writes of one storage, in a row of the engine that every atomic write puts
// anew. The engine keeps that row under a key that its users cannot reach; its value is what
// Next returns. A Tally is used by the one goroutine that may write, except for Check.
type Tally struct {
	place Place
	count uint64
	buf   [rowSize]byte
}

// A row is the identity of the storage, the number of writes (8, big endian), and the CRC-32C
// of both (4, big endian).
const rowSize = len(storageID{}) + 8 + 4

// Next returns the value of the row that the next write puts. It is valid until the next call
// of Next.
func (t *Tally) Next() []byte { return t.encode(t.count + 1) }

// Wrote says that what Next returned is in the engine. It is not called after a write that failed.
func (t *Tally) Wrote() { t.count++ }

// row returns the value of the row that was put last.
func (t *Tally) row() []byte { return t.encode(t.count) }

func (t *Tally) encode(count uint64) []byte {
	n := copy(t.buf[:], t.place.id[:])
	binary.BigEndian.PutUint64(t.buf[n:], count)
	binary.BigEndian.PutUint32(t.buf[n+8:], crc32.Checksum(t.buf[:n+8], castagnoli))
	return t.buf[:]
}

// decode returns the number of writes in a row of this storage.
func (t *Tally) decode(row []byte) (uint64, error) {
	if row == nil {
		return 0, fmt.Errorf("%w: writes are missing: the row that every write puts is gone",
			core.ErrCorrupt)
	}
	const sum = rowSize - 4
	if len(row) != rowSize || binary.BigEndian.Uint32(row[sum:]) != crc32.Checksum(row[:sum],
		castagnoli) {
		return 0, fmt.Errorf("%w: the row that counts the writes is damaged", core.ErrCorrupt)
	}
	if id := storageID(row[:len(storageID{})]); id != t.place.id {
		return 0, fmt.Errorf("%w: the rows are those of storage %s, %s is that of storage %s",
			core.ErrCorrupt, id, markFile, t.place.id)
	}
	return binary.BigEndian.Uint64(row[len(storageID{}):]), nil
}

// Record writes guardkv.witness. Everything that was written must be durable. files are the
// names of files of the engine, relative to the directory, that are only appended to as long as
// they keep their names: what is in them now will be proved to be there when the storage is
// opened again.
func (t *Tally) Record(files ...string) error { return t.RecordHeads(0, files...) }

// RecordHeads is Record for files that the engine replaces by others of the same name. No two
// of them have the same first head bytes; that these are damaged is not found here.
func (t *Tally) RecordHeads(head int64, files ...string) error {
	w := witness{Storage: t.place.id.String(), Writes: t.count}
	dir, err := t.place.root()
	if err != nil {
		return err
	}
	defer dir.Close()
	for _, name := range files {
		f, err := digest(dir, name, head, -1)
		if err != nil {
			return err
		}
		w.Files = append(w.Files, f)
	}
	return w.write(dir)
}

// Check is Place.Tally and the look at the files for an open engine, read being how its row is
// read. Other goroutines may use the Tally meanwhile.
func (t *Tally) Check(read func() (row []byte, err error)) error {
	dir, err := t.place.root()
	if err != nil {
		return err
	}
	defer dir.Close()
	w, err := readWitness(dir, t.place.id) // first: a row that is read later is no older
	if err != nil {
		return err
	}
	if err := w.checkFiles(dir); err != nil {
		return err
	}
	row, err := read()
	if err != nil {
		return err
	}
	n, err := t.decode(row)
	if err != nil {
		return err
	}
	return w.check(n)
}
