// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package badger

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"
)

// FuzzLog reads what may be a log. Whatever it is, the reader takes no memory that the file does not have, and ends within it.
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
	f.Add(append(make([]byte, logHeader), 0x40, 0, 0xff, 0xff, 0xff, 0xff, 0x0f, 0xff, 0xff, 0xff, 0xff, 0x0f, 0))
	file := filepath.Join(f.TempDir(), "log")
	f.Fuzz(func(t *testing.T, b []byte) {
		if err := os.WriteFile(file, b, 0o600); err != nil {
			t.Fatal(err)
		}
		end, err := readLog(file)
		if err != nil || end.size != int64(len(b)) || end.whole > max(end.size, logHeader) || end.whole < logHeader {
			t.Fatalf("%+v, %v", end, err)
		}
		if n := txnEnds(b, len(b)); n > len(b)/(txnEndHeader+len(txnEndKey)+8) {
			t.Fatalf("%d ends of transactions in %d bytes", n, len(b))
		}
	})
}

// FuzzTable checks what may be a table. Only what badger wrote may pass, so a change anywhere is found.
func FuzzTable(f *testing.F) {
	path := testPath(f)
	e := open(f, small, path)
	apply(f, e, rows(0, 200, 50)...)
	compact(f, e)
	closeEngine(f, e)
	var sound [][]byte
	tables, _ := filepath.Glob(filepath.Join(path, "*.sst"))
	for _, name := range tables {
		b, err := os.ReadFile(name)
		if err != nil {
			f.Fatal(err)
		}
		sound = append(sound, b)
	}
	if len(sound) == 0 {
		f.Fatal("no tables")
	}
	f.Add(0, byte(0), len(sound[0]))
	f.Add(1000, byte(1), len(sound[0]))
	f.Add(len(sound[0])-2, byte(0x80), len(sound[0]))
	f.Add(0, byte(0), 100)
	f.Fuzz(func(t *testing.T, at int, bits byte, size int) {
		b := append([]byte(nil), sound[0]...)
		if at >= 0 && at < len(b) {
			b[at] ^= bits
		} else {
			bits = 0
		}
		b = b[:min(max(size, 0), len(b))]
		err := protect(func() error { return new(tableChecker).verify(bytes.NewReader(b), int64(len(b))) })
		if intact := bits == 0 && len(b) == len(sound[0]); (err == nil) != intact {
			t.Fatalf("%d bytes with bits %08b flipped at %d: %v", len(b), bits, at, err)
		}
	})
}

func FuzzDiscard(f *testing.F) {
	f.Add([]byte{15: 1})
	f.Fuzz(func(t *testing.T, b []byte) {
		soundDiscard(b)
		soundDiscard(append(b, make([]byte, 1<<20)...))
	})
}
