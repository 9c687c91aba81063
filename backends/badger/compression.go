// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package badger

import (
	"errors"
	"fmt"
	"sync"

	"github.com/dgraph-io/badger/v4/options"
	"github.com/klauspost/compress/snappy"
	"github.com/klauspost/compress/zstd"
)

// Compression says how badger stores the blocks of its tables, each of 4 KiB or of one longer
// row. Values of 1 MiB or more, which are not in tables, are never compressed.
type Compression uint8

const (
	// None stores blocks as they are, and they are read where the file is mapped. It is the
	// default.
	None Compression = iota
	// Snappy costs reads less than ZSTD does, and saves less space.
	Snappy
	// ZSTD is Zstandard at its fastest level.
	ZSTD
)

// engineNames are badger's names for them, which are in the manifest too.
var engineNames = [...]options.CompressionType{
	None: options.None, Snappy: options.Snappy,
	ZSTD: options.ZSTD,
}

// compressionOf returns the one that badger calls t.
func compressionOf(t options.CompressionType) (c Compression, ok bool) {
	for c, name := range engineNames {
		if name == t {
			return Compression(c), true
		}
	}
	return None, false
}

// check returns an error if there is no such compression.
func (c Compression) check() error {
	if int(c) >= len(engineNames) {
		return fmt.Errorf("%w: badger has no compression with number %d", errors.ErrUnsupported, c)
	}
	return nil
}

// mostBlock is more than the length of any block before compression: a block longer than
// badger's default has a single row, whose value is shorter than inlineBelow. A block that
// claims to be longer is damaged, and gets no memory.
const mostBlock = 2 * inlineBelow

var errLongBlock = errors.New("it claims to be longer than any block")

// decompress returns the block that b was compressed from, in room if that is large enough; it
// is b itself where nothing is compressed. It uses the same library as badger, so that both
// agree on what is sound.
func (c Compression) decompress(room, b []byte) ([]byte, error) {
	switch c {
	case Snappy:
		n, err := snappy.DecodedLen(b)
		if err != nil {
			return nil, err
		}
		if n > mostBlock {
			return nil, errLongBlock
		}
		return snappy.Decode(sized(room, n), b)
	case ZSTD:
		d, err := zstandard()
		if err != nil {
			return nil, err
		}
		return d.DecodeAll(b, room[:0])
	}
	return b, nil
}

// zstandard decodes all tables that are checked, even side by side.
var zstandard = sync.OnceValues(func() (*zstd.Decoder, error) {
	const perProcessor = 0
	return zstd.NewReader(nil, zstd.WithDecoderMaxMemory(mostBlock),
		zstd.WithDecoderConcurrency(perProcessor))
})

// uncompressed returns how long the tables would be at most if they were not compressed.
func (e *engine) uncompressed() (size int64) {
	_ = e.health.protect(func() error {
		for _, t := range e.db.Tables() {
			size += int64(t.UncompressedSize) + int64(t.IndexSz)
		}
		return nil
	})
	return size + size/64 // what does not compress becomes a little longer
}
