// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package core_test

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"slices"
	"testing"

	"github.com/guardkv/guardkv/core"
	"github.com/guardkv/guardkv/core/keys"
	"github.com/guardkv/guardkv/core/memory"
	"github.com/guardkv/guardkv/core/values"
)

var crc32c = crc32.MakeTable(crc32.Castagnoli)

// archive writes a backup as BACKUP.md says, and anything else: it is not the code under test.
type archive struct {
	data []byte // of records
	cut  int    // bytes of data in a chunk; 0: all in one
}

func (a *archive) blob(p string) {
	a.data = append(binary.AppendUvarint(a.data, uint64(len(p))),
		p...)
}

func (a *archive) head(json string) *archive {
	a.data = append(a.data, 'H')
	a.blob(json)
	return a
}

func (a *archive) table(name, json string) *archive {
	a.data = append(a.data, 'T')
	a.blob(name)
	a.blob(json)
	return a
}

func (a *archive) row(key, value string) *archive {
	a.lengths(uint64(len(key)), uint64(len(value)))
	a.data = append(append(a.data, key...), value...)
	return a
}

func (a *archive) lengths(key, value uint64) *archive {
	a.data = binary.AppendUvarint(binary.AppendUvarint(append(a.data, 'R'), key), value)
	return a
}

func (a *archive) end(tables, rows, size uint64) *archive {
	a.data = append(a.data, 'E')
	for _, n := range []uint64{tables, rows, size} {
		a.data = binary.AppendUvarint(a.data, n)
	}
	a.data = binary.BigEndian.AppendUint32(a.data, crc32.Checksum(a.data, crc32c))
	return a
}

// chunk returns one chunk.
func chunk(number int, data []byte) []byte {
	c := binary.BigEndian.AppendUint64(nil, uint64(number))
	c = binary.BigEndian.AppendUint32(c, uint32(len(data)))
	c = append(c, data...)
	return binary.BigEndian.AppendUint32(c, crc32.Checksum(c, crc32c))
}

// chunks returns the whole backup in parts: the magic and the chunks.
func (a *archive) chunks() [][]byte {
	parts := [][]byte{[]byte("GUARDKV BACKUP\r\n")}
	cut := a.cut
	if cut == 0 {
		cut = max(1, len(a.data))
	}
	for data := range slices.Chunk(a.data, cut) {
		parts = append(parts, chunk(len(parts)-1, data))
	}
	return parts
}

func (a *archive) bytes() []byte { return bytes.Join(a.chunks(), nil) }

// words is what the formats of the tests record of a table.
const wordsJSON = `{"key":"guardkv.string.1","value":"guardkv.string.1"}`

// openBackup makes a storage with two tables and a dropped one.
func openBackup(t *testing.T, b core.Backend) *core.Storage {
	t.Helper()
	s, err := core.Open(t.Context(), "db", b, core.WithVersion(3))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	for _, name := range []string{"dropped", "words", "sums"} {
		var opts []core.TableOption
		if name == "sums" {
			opts = append(opts, core.WithChecksums())
		}
		tab, err := core.OpenTable(t.Context(), s, name, keys.String(), values.String(), opts...)
		if err != nil {
			t.Fatal(err)
		}
		for _, row := range []string{"", "a", "b"} {
			if err := tab.Put(t.Context(), row, name+" "+row); err != nil {
				t.Fatal(err)
			}
		}
	}
	if err := s.DropTable(t.Context(), "dropped"); err != nil {
		t.Fatal(err)
	}
	return s
}

func backup(t *testing.T, s *core.Storage) []byte {
	t.Helper()
	var buf bytes.Buffer
	if err := s.Backup(t.Context(), &buf); err != nil {
		t.Fatal(err)
	}
	return buf.Bytes()
}

// idsOf returns the format IDs that the tables of s have.
func idsOf(t *testing.T, s *core.Storage) (key, value string) {
	t.Helper()
	infos, err := s.Tables(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return infos[0].KeyFormat, infos[0].ValueFormat
}

// restoreTo restores to memory, and returns the rows of table "words".
func restoreTo(
	t testing.TB, b core.Backend, r io.Reader, opts ...core.Option,
) (rows []string, err error) {
	t.Helper()
	s, err := core.Restore(t.Context(), "restored", b, r, append(opts, core.WithAnyVersion())...)
	if err != nil {
		return nil, err
	}
	defer s.Close()
	if err := s.Check(t.Context()); err != nil {
		t.Fatal(err)
	}
	tab, err := core.OpenTable(t.Context(), s, "words", keys.String(), values.String())
	if err != nil {
		return nil, err
	}
	for row, err := range tab.Scan().Rows(t.Context()) {
		if err != nil {
			t.Fatal(err)
		}
		rows = append(rows, row.Key+"="+row.Value)
	}
	return rows, nil
}

// refused restores what must be an error, and must leave nothing.
func refused(t testing.TB, what string, r io.Reader, want error) {
	t.Helper()
	b := memory.New()
	_, err := restoreTo(t, b, r)
	if !errors.Is(err, want) {
		t.Errorf("%s gives %v; want %v", what, err, want)
	}
	if left, _ := b.List(t.Context(), ""); len(left) > 0 {
		t.Errorf("%s leaves %q", what, left)
	}
}

// small is a sound backup by hand, in chunks of few bytes.
func small(t *testing.T) *archive {
	t.Helper()
	s := openBackup(t, memory.New())
	key, value := idsOf(t, s)
	a := &archive{cut: 13}
	return a.head(`{"format":1,"version":9}`).
		table("words", fmt.Sprintf(`{"key":%q,"value":%q}`, key, value)).row("a", "1").row("b",
		"2").row("c", "3")
}
