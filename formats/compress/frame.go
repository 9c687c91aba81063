// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package compress

import (
	"errors"
	"fmt"

	"github.com/guardkv/guardkv/core"
	"github.com/klauspost/compress/zstd"
)

// A stored value begins with a byte that says what follows. For a zstd frame that is the first byte
// of the frame's own magic number, so the stored value is the frame and nothing more.
const (
	tagRaw   = 0x00 // the value as the inner format encodes it
	tagFrame = 0x28
)

// maxBlock is how many bytes a block of a frame has at most before it is compressed.
const maxBlock = 128 << 10

// frame is what the header of a frame says.
type frame struct {
	size       int    // of what it inflates to
	dictionary uint32 // the ID of the dictionary that it takes, 0 for none
}

// parseFrame reads the header of a frame, and those of its blocks, which bound the size that
// they inflate to: so a few bytes cannot ask for much memory. It accepts only what this package
// writes: one frame in one segment, without a checksum, which would be bytes behind the blocks.
// Blocks that inflate to more than the header says are refused when they are inflated.
func parseFrame(b []byte, maxSize int) (frame, error) {
	var h zstd.Header
	if err := h.Decode(b); err != nil {
		return frame{}, fmt.Errorf("%w: the header of a compressed value: %w", core.ErrCorrupt, err)
	}
	if !h.SingleSegment {
		return frame{}, fmt.Errorf("%w: a compressed value of a kind that is not written here",
			core.ErrCorrupt)
	}
	if h.FrameContentSize > uint64(maxSize) {
		return frame{}, fmt.Errorf("%w: a compressed value says that it has %d bytes, "+
			"more than the limit of %d that WithMaxSize sets",
			core.ErrCorrupt, h.FrameContentSize, maxSize)
	}
	most, err := inflatedSize(b[h.HeaderSize:])
	if err != nil {
		return frame{}, fmt.Errorf("%w: %w", core.ErrCorrupt, err)
	}
	if h.FrameContentSize > most {
		return frame{}, fmt.Errorf("%w: a compressed value says that it has %d bytes, "+
			"its blocks have at most %d", core.ErrCorrupt, h.FrameContentSize, most)
	}
	return frame{int(h.FrameContentSize), h.DictionaryID}, nil
}

var (
	errCutFrame  = errors.New("a compressed value that is cut")
	errLongFrame = errors.New("a compressed value with bytes behind it")
	errBlock     = errors.New("a compressed value with a block that cannot be")
)

// inflatedSize returns how many bytes the blocks of a frame inflate to at most.
func inflatedSize(blocks []byte) (most uint64, err error) {
	const raw, repeated, compressed = 0, 1, 2
	for {
		if len(blocks) < 3 {
			return 0, errCutFrame
		}
		header := uint32(blocks[0]) | uint32(blocks[1])<<8 | uint32(blocks[2])<<16
		blocks = blocks[3:]
		size, stored := uint64(header>>3), int(header>>3)
		if size > maxBlock {
			return 0, errBlock
		}
		switch header >> 1 & 3 {
		case raw:
			most += size
		case repeated:
			most, stored = most+size, 1
		case compressed:
			most += maxBlock
		default:
			return 0, errBlock
		}
		if len(blocks) < stored {
			return 0, errCutFrame
		}
		blocks = blocks[stored:]
		if header&1 != 0 {
			break
		}
	}
	if len(blocks) != 0 {
		return 0, errLongFrame
	}
	return most, nil
}
