// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package badger

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math"
	"os"

	"github.com/dgraph-io/badger/v4/fb"
	"github.com/dgraph-io/badger/v4/pb"
	"github.com/dgraph-io/badger/v4/y"
	"google.golang.org/protobuf/proto"
)

// checkTables proves that all tables that the manifest names are there and as badger wrote them. A crash leaves others, which
// it does not name yet or not any more, and badger deletes those. So that the manifest is complete must be known: the
// witness says how it began.
func (f *files) checkTables(ctx context.Context) error {
	m, err := readManifest(f.dir)
	if err != nil {
		return err
	}
	named := 0
	var buf []byte
	for _, id := range f.tables {
		if !m[id] {
			continue
		}
		named++
		if err := ctx.Err(); err != nil {
			return err
		}
		if buf, err = checkTable(f.path(id, tableSuffix), buf); err != nil {
			return err
		}
	}
	if named < len(m) {
		return corruptf("%d of the %d tables that %s names are missing", len(m)-named, len(m), manifestName)
	}
	return nil
}

// checkTable reads a table and checks all its checksums. buf is memory to use, and to use again.
func checkTable(path string, buf []byte) ([]byte, error) {
	buf, err := readInto(path, buf)
	if err != nil {
		return buf, err
	}
	if err := protect(func() error { return verifyTable(buf) }); err != nil {
		return buf, corrupt(fmt.Errorf("%s: %w", path, err))
	}
	return buf, nil
}

// mostTable is more than a table has, whose size is about that of a memtable.
const mostTable = math.MaxInt32

// readInto reads a file that may be a table. One that does not end as tables do is not read: it may be of any length.
func readInto(path string, buf []byte) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return buf, err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return buf, err
	}
	var tail [4]byte // the length of a checksum
	if _, err := f.ReadAt(tail[:], max(0, info.Size()-4)); err != nil && !errors.Is(err, io.EOF) {
		return buf, err
	}
	const longest = 64
	if n := binary.BigEndian.Uint32(tail[:]); n == 0 || n > longest || info.Size() > mostTable {
		return buf, corruptf("%s: %w", path, errCut)
	}
	size := int(info.Size())
	if cap(buf) < size {
		buf = make([]byte, size)
	}
	n, err := io.ReadFull(f, buf[:size])
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		err = nil // it was cut meanwhile
	}
	return buf[:n], err
}

var errCut = errors.New("its end is missing, or lengths in it are damaged")

// verifyTable checks a table: blocks, then their index, then the index's length (4), its checksum, and the checksum's
// length (4).
func verifyTable(table []byte) error {
	rest, sum, err := cutChecksum(table)
	if err != nil {
		return err
	}
	rest, index, err := cutTail(rest)
	if err != nil {
		return err
	}
	if err := y.VerifyChecksum(index, sum); err != nil {
		return fmt.Errorf("the index: %w", err)
	}
	root := fb.GetRootAsTableIndex(index, 0) // which can be trusted now
	if root.OffsetsLength() == 0 {
		return errors.New("it has no block")
	}
	var at fb.BlockOffset
	var end int
	for i := range root.OffsetsLength() {
		root.Offsets(&at, i)
		if int(at.Offset()) != end || int(at.Len()) > len(rest)-end {
			return errCut
		}
		if err := verifyBlock(rest[end : end+int(at.Len())]); err != nil {
			return fmt.Errorf("block %d, at %d: %w", i, end, err)
		}
		end += int(at.Len())
	}
	if end != len(rest) {
		return errCut
	}
	return nil
}

// verifyBlock checks a block: its checksum covers everything before itself.
func verifyBlock(block []byte) error {
	rest, sum, err := cutChecksum(block)
	if err != nil {
		return err
	}
	return y.VerifyChecksum(rest, sum)
}

// cutChecksum cuts a checksum, and its length, from the end of b.
func cutChecksum(b []byte) (rest []byte, sum *pb.Checksum, err error) {
	rest, encoded, err := cutTail(b)
	if err != nil {
		return nil, nil, err
	}
	sum = new(pb.Checksum)
	return rest, sum, proto.Unmarshal(encoded, sum)
}

// cutTail cuts some bytes, and behind them their number, from the end of b.
func cutTail(b []byte) (rest, tail []byte, err error) {
	n := len(b) - 4
	if n < 0 {
		return nil, nil, errCut
	}
	length := uint64(binary.BigEndian.Uint32(b[n:]))
	if length > uint64(n) {
		return nil, nil, errCut
	}
	at := n - int(length)
	return b[:at], b[at:n], nil
}
