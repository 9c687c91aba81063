// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package plainlog

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"

	"github.com/guardkv/guardkv/core"
	"github.com/guardkv/guardkv/core/directory"
)

// A record is the length of its body (8 bytes), the checksum of the body (4), and the body: the tally, then what a
// write did, each a kind, the key and the value. Blobs have their length in front.
const (
	headSize         = 8 + 4
	kindPut     byte = 1
	kindDeleted byte = 2
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

func appendRecord(dst, tally []byte, writes []core.Write) []byte {
	start := len(dst)
	dst = appendBlob(append(dst, make([]byte, headSize)...), tally)
	for _, w := range writes {
		if w.Delete {
			dst = appendBlob(append(dst, kindDeleted), w.Key)
		} else {
			dst = appendBlob(appendBlob(append(dst, kindPut), w.Key), w.Value)
		}
	}
	head, body := dst[start:start+headSize], dst[start+headSize:]
	binary.BigEndian.PutUint64(head, uint64(len(body)))
	binary.BigEndian.PutUint32(head[8:], crc32.Checksum(body, castagnoli))
	return dst
}

func appendBlob(dst, blob []byte) []byte {
	return append(binary.AppendUvarint(dst, uint64(len(blob))), blob...)
}

// openLog opens the log, which must be there: a log that is gone is damage. One that cannot be opened now is not.
func openLog(p directory.Place) (*os.File, error) {
	flags := os.O_RDWR | os.O_APPEND
	if p.ReadOnly {
		flags = os.O_RDONLY
	}
	f, err := os.OpenFile(filepath.Join(p.Dir, logFile), flags, 0)
	if errors.Is(err, fs.ErrNotExist) {
		err = fmt.Errorf("%w: %w", core.ErrCorrupt, err)
	}
	return f, err
}

// readLog returns the rows that all records together leave, and the last tally. What a crash left of a last record, which
// was never reported as written, is cut off: otherwise the next record would stand behind it. What only looks like that
// is found by the tally, if the storage was closed since.
func readLog(f *os.File, readOnly bool) (rows []row, tally []byte, err error) {
	text, err := io.ReadAll(f)
	if err != nil {
		return nil, nil, err
	}
	found, rest := map[string][]byte{}, text
	for len(rest) > 0 {
		body, after, whole := cutRecord(rest)
		if !whole && len(after) == 0 {
			break
		}
		if !whole || !replay(found, &tally, body) {
			return nil, nil, fmt.Errorf("%w: the record at byte %d of the log", core.ErrCorrupt, len(text)-len(rest))
		}
		rest = after
	}
	if len(rest) > 0 && !readOnly {
		if err := errors.Join(f.Truncate(int64(len(text)-len(rest))), f.Sync()); err != nil {
			return nil, nil, err
		}
	}
	for key, value := range found {
		rows = append(rows, row{[]byte(key), value})
	}
	slices.SortFunc(rows, func(a, b row) int { return a.compare(b.key) })
	return rows, tally, nil
}

// cutRecord takes the first record off the log. If it is not whole, after is what would follow it.
func cutRecord(log []byte) (body, after []byte, whole bool) {
	if len(log) < headSize {
		return nil, nil, false
	}
	size, sum := binary.BigEndian.Uint64(log), binary.BigEndian.Uint32(log[8:])
	log = log[headSize:]
	if size > uint64(len(log)) {
		return nil, nil, false
	}
	body, after = log[:size], log[size:]
	return body, after, crc32.Checksum(body, castagnoli) == sum
}

// replay does to rows what the body of a record says. It believes nothing: ok is false for bytes that say nothing.
func replay(rows map[string][]byte, tally *[]byte, body []byte) (ok bool) {
	if *tally, body, ok = cutBlob(body); !ok {
		return false
	}
	for len(body) > 0 {
		kind := body[0]
		key, rest, ok := cutBlob(body[1:])
		if !ok {
			return false
		}
		switch kind {
		case kindDeleted:
			delete(rows, string(key))
		case kindPut:
			var value []byte
			if value, rest, ok = cutBlob(rest); !ok {
				return false
			}
			rows[string(key)] = value
		default:
			return false
		}
		body = rest
	}
	return true
}

func cutBlob(text []byte) (blob, rest []byte, ok bool) {
	size, n := binary.Uvarint(text)
	if n <= 0 || size > uint64(len(text)-n) {
		return nil, nil, false
	}
	end := n + int(size)
	return text[n:end:end], text[end:], true
}
