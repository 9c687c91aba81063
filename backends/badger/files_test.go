// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package badger

import (
	"encoding/binary"
	"errors"
	"hash/crc32"
	"log/slog"
	"os"
	"path/filepath"
	"testing"

	"github.com/dgraph-io/badger/v4/pb"
	"google.golang.org/protobuf/proto"

	"github.com/guardkv/guardkv/core"
)

// badger goes out of bounds, or round in circles, by notes of garbage that are damaged. They
// are removed.
func TestDamagedNotes(t *testing.T) {
	notes := func(pairs ...uint64) []byte {
		b := make([]byte, 1<<20)
		for i, n := range pairs {
			binary.BigEndian.PutUint64(b[8*i:], n)
		}
		return b
	}
	full := make([]byte, 1<<20)
	for i := range len(full) / 16 {
		binary.BigEndian.PutUint64(full[16*i:], uint64(i+1))
	}
	path := filepath.Join(t.TempDir(), discardName)
	for name, test := range map[string]struct {
		content []byte
		sound   bool
	}{
		"empty":           {notes(), true},
		"two files":       {notes(1, 5, 2, 1<<20), true},
		"short":           {notes()[:1<<19], false},
		"half a pair":     {append(notes(), 0), false},
		"not in order":    {notes(2, 5, 1, 5), false},
		"twice":           {notes(2, 5, 2, 5), false},
		"no such file":    {notes(1<<33, 5), false},
		"no such size":    {notes(1, 1<<50), false},
		"nothing ends it": {full, false},
	} {
		if err := os.WriteFile(path, test.content, 0o600); err != nil {
			t.Fatal(err)
		}
		if err := checkDiscard(anchor{dir: filepath.Dir(path)},
			slog.New(slog.DiscardHandler)); err != nil {
			t.Fatal(err)
		}
		if _, err := os.Stat(path); (err == nil) != test.sound {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// badger makes a list of keys anew if it cannot read one, or ends the process.
func TestDamagedRegistry(t *testing.T) {
	path := filepath.Join(t.TempDir(), registryName)
	if err := checkRegistry(path); err != nil {
		t.Errorf("none: %v", err)
	}
	const sound = "0123456789abcdefHello Badger"
	for content, ok := range map[string]bool{
		sound: true, "": false, sound[:20]: false,
		sound[1:]: false, sound + "more": false,
	} {
		if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := checkRegistry(path); errors.Is(err, core.ErrCorrupt) == ok {
			t.Errorf("%q: %v", content, err)
		}
	}
}

// A table that this package would not have let badger write is none to trust: badger ends the
// process by a level that it does not have, and cannot read blocks that are compressed in a way
// that it does not know.
func TestForeignTables(t *testing.T) {
	dir := t.TempDir()
	for name, test := range map[string]struct {
		change *pb.ManifestChange
		sound  bool
		want   Compression
	}{
		"ours":      {&pb.ManifestChange{Id: 1, Level: 6}, true, None},
		"snappy":    {&pb.ManifestChange{Id: 1, Compression: 1}, true, Snappy},
		"zstd":      {&pb.ManifestChange{Id: 1, Compression: 2}, true, ZSTD},
		"level":     {&pb.ManifestChange{Id: 1, Level: maxLevels}, false, None},
		"encrypted": {&pb.ManifestChange{Id: 1, KeyId: 1}, false, None},
		"unknown":   {&pb.ManifestChange{Id: 1, Compression: 3}, false, None},
		"256":       {&pb.ManifestChange{Id: 1, Compression: 256}, false, None},
	} {
		body, err := proto.Marshal(&pb.ManifestChangeSet{Changes: []*pb.ManifestChange{test.change}})
		if err != nil {
			t.Fatal(err)
		}
		b := append([]byte("Bdgr"), 0, 0, 0, 8)
		b = binary.BigEndian.AppendUint32(b, uint32(len(body)))
		b = binary.BigEndian.AppendUint32(b, crc32.Checksum(body, castagnoli))
		if err := os.WriteFile(filepath.Join(dir, manifestName), append(b, body...),
			0o600); err != nil {
			t.Fatal(err)
		}
		tables, err := readManifest(dir)
		if c, ok := tables[1]; errors.Is(err,
			core.ErrCorrupt) == test.sound || ok != test.sound || c != test.want {
			t.Errorf("%s: %v, %v", name, tables, err)
		}
	}
}

// What is loaded at once must be neither too long for badger nor too many rows.
func TestChunks(t *testing.T) {
	e := &engine{txn: txnLimits{rows: 10, bytes: 1000}}
	for _, test := range []struct{ rows, size, want int }{
		{5, 1, 5},
		{25, 1, 10},
		{10, 1, 10},
		{25, 488, 2},
		{3, 5000, 1},
		{1, 5000, 1},
	} {
		if got := e.chunk(rows(0, test.rows, test.size)); got != test.want {
			t.Errorf("%d of %d rows of %d bytes, not %d", got, test.rows, test.size, test.want)
		}
	}
}
