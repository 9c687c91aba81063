// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package bbolt

import (
	"errors"
	"hash/fnv"
	"io"
	"math"

	"github.com/guardkv/guardkv/core"
)

// meta is one of the two meta pages, which say where the newest rows are. A commit overwrites
// the older one, and is valid once that is on disk:
//
//	page header, magic u32, version u32, page size u32, flags u32, root bucket (root page u64, sequence u64),
//	freelist page u64, number of pages u64, transaction u64, FNV-64a of all from magic on u64
type meta struct {
	pageSize uint64
	root     uint64 // page of the root bucket
	freelist uint64 // page of the freelist, or noFreelist
	pages    uint64 // the high-water mark: all pages are below it
	txid     uint64
}

const (
	metaSize     = 64
	metaChecksum = 56 // where the checksum is, and how much it covers
	magic        = 0xED0CDAED
	version      = 2
	noFreelist   = math.MaxUint64

	minPageSize = 1 << 10
	maxPageSize = 16 << 20
)

// metas are the two meta pages of a file.
type metas struct {
	meta      // the state that bbolt will choose: the newest whose page is intact
	both bool // whether the other page is intact too
}

// readMetas reads the meta pages. It returns ErrNotStorage for a file without an intact one,
// and ErrCorrupt as well if bbolt wrote the file.
func readMetas(r io.ReaderAt) (metas, error) {
	first, state, err := readMeta(r, 0)
	if err != nil {
		return metas{}, err
	}
	if state == metaIntact {
		return withSecond(r, first)
	}
	damaged := state == metaDamaged
	// Page 1 tells the length of page 0, but has to be found first.
	for size := uint64(minPageSize); size <= maxPageSize; size <<= 1 {
		second, state, err := readMeta(r, int64(size))
		if err != nil {
			return metas{}, err
		}
		if state == metaIntact {
			return metas{second, false}, second.checkPageSize(size)
		}
		damaged = damaged || state == metaDamaged
	}
	if damaged {
		return metas{}, errors.Join(core.ErrNotStorage, corruptf("both meta pages are damaged"))
	}
	return metas{}, errNotBolt
}

// withSecond chooses between the first meta page, which is intact, and the second.
func withSecond(r io.ReaderAt, first meta) (metas, error) {
	if err := first.checkPageSize(first.pageSize); err != nil {
		return metas{}, err
	}
	second, state, err := readMeta(r, int64(first.pageSize))
	if err != nil || state != metaIntact {
		return metas{first, false}, err
	}
	if second.txid <= first.txid {
		return metas{first, true}, nil
	}
	return metas{second, true}, second.checkPageSize(first.pageSize)
}

type metaState int

const (
	metaForeign metaState = iota // no meta page of bbolt
	metaDamaged
	metaIntact
)

// readMeta reads the meta page at off. Only I/O errors are errors.
func readMeta(r io.ReaderAt, off int64) (meta, metaState, error) {
	var b [metaSize]byte
	if _, err := r.ReadAt(b[:], off+headerSize); err == io.EOF {
		return meta{}, metaForeign, nil
	} else if err != nil {
		return meta{}, metaForeign, err
	}
	m, state := parseMeta(b[:])
	return m, state, nil
}

// parseMeta judges a meta page exactly as bbolt does, so that both choose the same one.
func parseMeta(b []byte) (meta, metaState) {
	if native.Uint32(b) != magic || native.Uint32(b[4:]) != version {
		return meta{}, metaForeign
	}
	h := fnv.New64a()
	h.Write(b[:metaChecksum])
	m := meta{
		pageSize: uint64(native.Uint32(b[8:])),
		root:     native.Uint64(b[16:]),
		freelist: native.Uint64(b[32:]),
		pages:    native.Uint64(b[40:]),
		txid:     native.Uint64(b[48:]),
	}
	if h.Sum64() != native.Uint64(b[metaChecksum:]) {
		return meta{}, metaDamaged
	}
	return m, metaIntact
}

// checkPageSize checks the page size of an intact meta page, because bbolt would use it
// unchecked.
func (m meta) checkPageSize(want uint64) error {
	if m.pageSize != want || want < minPageSize || want > maxPageSize || want&(want-1) != 0 {
		return errors.Join(core.ErrNotStorage,
			corruptf("a page size of %d bytes is impossible", m.pageSize))
	}
	return nil
}

// check checks what a meta page says about a file of fileSize bytes.
func (m meta) check(fileSize int64) error {
	switch {
	case m.pages <= firstPage || m.pages > math.MaxInt64/m.pageSize:
		return corruptf("the meta page says that there are %d pages", m.pages)
	case m.pages*m.pageSize > uint64(fileSize):
		return corruptf("the file was cut: it has %d bytes, its pages need %d",
			fileSize, m.pages*m.pageSize)
	case m.root < firstPage || m.root >= m.pages:
		return corruptf("the meta page says that the root is page %d of %d", m.root, m.pages)
	case m.freelist != noFreelist && (m.freelist < firstPage || m.freelist >= m.pages):
		return corruptf("the meta page says that the freelist is page %d of %d",
			m.freelist, m.pages)
	}
	return nil
}
