// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package pebble

import (
	"encoding/binary"
	"fmt"
	"hash/crc32"

	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/vfs"
)

// checkedFile is a table whose blocks are checked before pebble sees them. If the checksum of a
// block is wrong, pebble searches for a single bit that would make it right: it computes up to
// 300 thousand checksums, each of the whole block. A value is never in more than one block, so
// for a value of some megabytes that would take minutes, at every read of it. So damaged blocks
// are found here, and pebble does not see them. Large blocks are always checked; all others are
// checked once pebble has found a damaged block in this storage, because it would find that
// again and again. Every read checks what it has read, so a block that was mended counts as
// sound again.
type checkedFile struct {
	vfs.File
	h *health
}

// openChecked opens a file for reading, which must not be that of another storage.
func openChecked(
	fs vfs.FS, at here, h *health, name string, opts []vfs.OpenOption,
) (vfs.File, error) {
	file, err := fs.Open(name, opts...)
	if moved := at.check(); moved != nil {
		if err == nil {
			file.Close()
		}
		return nil, moved
	}
	if err == nil && isTable(name) {
		return checkedFile{file, h}, nil
	}
	return file, err
}

const (
	largeBlock = 16 << 10 // with a smaller one pebble is quick, and most have 4 KiB
	// such a block takes pebble some microseconds; the ends of tables, which are not blocks,
	// have 61 bytes
	smallBlock    = 128
	trailerLength = 5 // how the block is compressed, and its checksum
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// ReadAt is part of vfs.File. Whenever pebble reads smallBlock bytes or more of a table, it reads
// one block with its trailer.
func (f checkedFile) ReadAt(p []byte, at int64) (int, error) {
	n, err := f.File.ReadAt(p, at)
	if err == nil && f.suspects(n) && !intact(p[:n]) {
		return n, fmt.Errorf("%w: block %d/%d: its checksum is wrong",
			pebble.ErrCorruption, at, n-trailerLength)
	}
	return n, err
}

// suspects reports whether a block of n bytes is checked before pebble sees it.
func (f checkedFile) suspects(n int) bool {
	return n >= largeBlock || n >= smallBlock && f.h.damaged.Load()
}

// intact reports whether the checksum at the end of a block is right.
func intact(block []byte) bool {
	at := len(block) - trailerLength + 1
	sum := crc32.Checksum(block[:at], castagnoli)
	return (sum>>15|sum<<17)+0xa282ead8 == binary.LittleEndian.Uint32(block[at:])
}
