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

// checkedFile is a table. Where the checksum of a block is wrong, pebble looks for a bit that
// would make it right: by the checksums of up to 300 thousand others, each of all the block. A
// value is never in more than one block, so that one of some megabytes would take minutes, at
// every read of it. So a block whose checksum is wrong is found here, and pebble does not see
// it: one that is large always, and every other too when pebble has found a damaged one in this
// storage, as it would find it again and again. Every read looks at what it read, so that what
// was mended is right again.
type checkedFile struct {
	vfs.File
	h *health
}

// openChecked opens a file to be read, which is not that of another storage.
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
	largeBlock = 16 << 10 // a smaller one takes pebble a moment, and most have 4 KiB
	// one takes pebble some microseconds; the ends of tables, which are no blocks, have 61
	// bytes
	smallBlock    = 128
	trailerLength = 5 // the way a block is compressed, and its checksum
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// ReadAt is part of vfs.File. Pebble reads nothing from a table that is as large as smallBlock
// but blocks, one at a time, with their trailers.
func (f checkedFile) ReadAt(p []byte, at int64) (int, error) {
	n, err := f.File.ReadAt(p, at)
	if err == nil && f.suspects(n) && !intact(p[:n]) {
		return n, fmt.Errorf("%w: block %d/%d: its checksum is wrong",
			pebble.ErrCorruption, at, n-trailerLength)
	}
	return n, err
}

// suspects reports whether a block of n bytes is looked at before pebble sees it.
func (f checkedFile) suspects(n int) bool {
	return n >= largeBlock || n >= smallBlock && f.h.damaged.Load()
}

// intact reports whether the checksum at the end of a block is that of what stands before it.
func intact(block []byte) bool {
	at := len(block) - trailerLength + 1
	sum := crc32.Checksum(block[:at], castagnoli)
	return (sum>>15|sum<<17)+0xa282ead8 == binary.LittleEndian.Uint32(block[at:])
}
