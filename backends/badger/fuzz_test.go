// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package badger

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"

	"github.com/dgraph-io/badger/v4/fb"
)

// FuzzLog reads what may be a log. Whatever it is, the reader takes no memory that the file
// does not have, and ends within it.
func FuzzLog(f *testing.F) {
	path := testPath(f)
	e := open(f, small, path)
	apply(f, e, rows(0, 3, 50)...)
	apply(f, e, deletions(1, 2)...)
	if mems, _ := filepath.Glob(filepath.Join(path, "*.mem")); len(mems) == 1 {
		b, err := os.ReadFile(mems[0])
		if err != nil {
			f.Fatal(err)
		}
		f.Add(b[:used(b)])
		f.Add(b[:used(b)-10])
	}
	closeEngine(f, e)
	f.Add(append(make([]byte, logHeader), 0x40, 0, 0xff, 0xff, 0xff, 0xff, 0x0f, 0xff, 0xff, 0xff,
		0xff, 0x0f, 0))
	file := filepath.Join(f.TempDir(), "log")
	f.Fuzz(func(t *testing.T, b []byte) {
		if err := os.WriteFile(file, b, 0o600); err != nil {
			t.Fatal(err)
		}
		end, err := readLog(file)
		if err != nil || end.size != int64(len(b)) || end.whole > max(end.size,
			logHeader) || end.whole < logHeader {
			t.Fatalf("%+v, %v", end, err)
		}
		if n := txnEnds(b, len(b)); n > len(b)/(txnEndHeader+len(txnEndKey)+8) {
			t.Fatalf("%d ends of transactions in %d bytes", n, len(b))
		}
	})
}

// FuzzTable checks what may be a table. Only what badger wrote may pass, so a change anywhere
// is found; in a block that is compressed one may pass from which the same block comes, such as
// one that takes what repeats from another place.
func FuzzTable(f *testing.F) {
	var sound [len(engineNames)][]byte
	for c := range sound {
		path := testPath(f)
		e := open(f, compressed(Compression(c)), path)
		apply(f, e, rows(0, 200, 50)...)
		compact(f, e)
		closeEngine(f, e)
		var err error
		if sound[c], err = os.ReadFile(tablesOf(f, path)[0].path); err != nil {
			f.Fatal(err)
		}
		size := len(sound[c])
		f.Add(byte(c), 0, byte(0), size)
		f.Add(byte(c), 1, byte(0x80), size)
		f.Add(byte(c), 100, byte(1), size)
		f.Add(byte(c), size-2, byte(0x80), size)
		f.Add(byte(c), 0, byte(0), 100)
	}
	f.Fuzz(func(t *testing.T, compression byte, at int, bits byte, size int) {
		c := Compression(int(compression) % len(sound))
		b := bytes.Clone(sound[c])
		if at >= 0 && at < len(b) {
			b[at] ^= bits
		} else {
			bits = 0
		}
		b = b[:min(max(size, 0), len(b))]
		checker := tableChecker{compression: c}
		err := protect(func() error { return checker.verify(bytes.NewReader(b), int64(len(b))) })
		intact := bits == 0 && len(b) == len(sound[c])
		if err == nil && !intact && c != None {
			intact = bytes.Equal(rawBlocks(t, b, c), rawBlocks(t, sound[c], c))
		}
		if (err == nil) != intact {
			t.Fatalf("compression %d, %d bytes with bits %08b flipped at %d: %v",
				c, len(b), bits, at, err)
		}
	})
}

// rawBlocks returns the blocks of a table, decompressed.
func rawBlocks(t *testing.T, b []byte, c Compression) (raw []byte) {
	t.Helper()
	var checker tableChecker
	if _, err := checker.readIndex(bytes.NewReader(b), int64(len(b))); err != nil {
		t.Fatal(err)
	}
	root := fb.GetRootAsTableIndex(checker.index, 0)
	var block fb.BlockOffset
	for i := range root.OffsetsLength() {
		root.Offsets(&block, i)
		one, err := c.decompress(nil, b[block.Offset():block.Offset()+block.Len()])
		if err != nil {
			t.Fatal(err)
		}
		raw = append(raw, one...)
	}
	return raw
}

func FuzzDiscard(f *testing.F) {
	f.Add([]byte{15: 1})
	f.Fuzz(func(t *testing.T, b []byte) {
		soundDiscard(b)
		soundDiscard(append(b, make([]byte, 1<<20)...))
	})
}
