// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package core_test

import (
	"bytes"
	"context"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"slices"
	"strings"
	"testing"

	"github.com/guardkv/guardkv/core"
	"github.com/guardkv/guardkv/core/memory"
)

// TestBackupFormat compares with a writer that was made from the description.
func TestBackupFormat(t *testing.T) {
	s := openBackup(t, memory.New())
	key, value := idsOf(t, s)
	json := fmt.Sprintf(`{"key":%q,"value":%q`, key, value)
	a := new(archive).head(`{"format":1,"version":3}`).
		table("words", json+"}").row("", "words ").row("a", "words a").row("b", "words b").
		table("sums", json+`,"checksums":true}`)
	size := uint64(3*6 + 2*2)
	for _, k := range []string{"", "a", "b"} {
		v := "sums " + k
		v += string(binary.BigEndian.AppendUint32(nil, crc32.Checksum([]byte(k+v), crc32c)))
		a.row(k, v)
		size += uint64(len(k) + len(v))
	}
	want := a.end(2, 6, size).bytes()
	if got := backup(t, s); !bytes.Equal(got, want) {
		t.Errorf("the backup is\n%s\nwant\n%s", hex.Dump(got), hex.Dump(want))
	}
}

func TestRestoreAnyChunks(t *testing.T) {
	for _, cut := range []int{1, 2, 3, 7, 40, 1 << 20} {
		a := small(t).end(1, 3, 6)
		a.cut = cut
		rows, err := restoreTo(t, memory.New(), bytes.NewReader(a.bytes()))
		if got := strings.Join(rows, " "); got != "a=1 b=2 c=3" || err != nil {
			t.Errorf("chunks of %d bytes: %s, %v", cut, got, err)
		}
	}
}

// TestRestoreRefuses what has sound chunks, and chunks that are sound but not where they belong.
func TestRestoreRefuses(t *testing.T) {
	sound := small(t).end(1, 3, 6).chunks()
	other := small(t)
	other.data[bytes.Index(other.data, []byte("R\x01\x01a1"))+4] = '4'
	spliced := slices.Clone(sound)
	last := other.end(1, 3, 6).chunks()
	differs := slices.IndexFunc(sound, func(c []byte) bool {
		return !slices.ContainsFunc(last, func(d []byte) bool { return bytes.Equal(c, d) })
	})
	spliced[differs] = last[differs] // the first that differs, and only that
	join := func(parts ...[]byte) []byte { return bytes.Join(parts, nil) }
	mixed := func(change func([][]byte) [][]byte) []byte {
		return join(change(slices.Clone(sound))...)
	}
	long := make([]byte, 1<<20+1)
	for what, c := range map[string]struct {
		backup []byte
		want   error
	}{
		"nothing":    {nil, core.ErrCorrupt},
		"other text": {[]byte("GUARDKV BACKUP\n and more of it"), core.ErrCorrupt},
		"no chunks":  {sound[0], core.ErrCorrupt},
		"swapped chunks": {
			mixed(func(p [][]byte) [][]byte { p[2], p[3] = p[3], p[2]; return p }),
			core.ErrCorrupt,
		},
		"a chunk twice": {
			mixed(func(p [][]byte) [][]byte { return slices.Insert(p, 2, p[2]) }),
			core.ErrCorrupt,
		},
		"a lost chunk": {
			mixed(func(p [][]byte) [][]byte { return slices.Delete(p, 2, 3) }),
			core.ErrCorrupt,
		},
		"a lost end": {
			mixed(func(p [][]byte) [][]byte { return p[:len(p)-1] }),
			core.ErrCorrupt,
		},
		"another's chunk": {join(spliced...), core.ErrCorrupt},
		"an empty chunk": {mixed(func(p [][]byte) [][]byte {
			return append(p, chunk(len(p)-1, nil))
		}), core.ErrCorrupt},
		"one more chunk": {mixed(func(p [][]byte) [][]byte {
			return append(p, chunk(len(p)-1, []byte("E")))
		}), core.ErrCorrupt},
		"a long chunk":   {join(sound[0], chunk(0, long)), core.ErrCorrupt},
		"a newer format": {new(archive).head(`{"format":2}`).bytes(), core.ErrVersionMismatch},
		"no format":      {new(archive).head(`{}`).bytes(), core.ErrVersionMismatch},
		"a feature": {
			new(archive).head(`{"format":1,"needs":["psychic"]}`).bytes(),
			core.ErrVersionMismatch,
		},
		"a later member": {
			new(archive).head(`{"format":1,"psychic":true}`).bytes(),
			core.ErrVersionMismatch,
		},
		"a table's feature": {
			small(t).table("t", `{"key":"k","value":"v","needs":["psychic"]}`).end(2, 3,
				6).bytes(), core.ErrVersionMismatch,
		},
		"a table's later member": {
			small(t).table("t", `{"key":"k","value":"v","psychic":true}`).end(2, 3,
				6).bytes(), core.ErrVersionMismatch,
		},
		"an ID without its feature": {
			small(t).table("t", `{"key":"k","value":"v","id":"AAAAAAAAAAAAAAAAAAAAAA=="}`).end(2, 3,
				6).bytes(), core.ErrCorrupt,
		},
		"a short ID": {
			small(t).table("t", `{"key":"k","value":"v","id":"AAAA","needs":["table-id"]}`).end(2,
				3, 6).bytes(), core.ErrCorrupt,
		},
		"a feature without its ID": {
			small(t).table("t", `{"key":"k","value":"v","needs":["table-id"]}`).end(2, 3,
				6).bytes(), core.ErrCorrupt,
		},
		"no JSON": {new(archive).head(`format 1`).bytes(), core.ErrCorrupt},
		"no head": {
			new(archive).table("t", wordsJSON).end(1, 0, 0).bytes(),
			core.ErrCorrupt,
		},
		"two heads": {small(t).head(`{"format":1}`).end(1, 3, 6).bytes(), core.ErrCorrupt},
		"unknown record": {
			(&archive{data: append(small(t).data, 'X')}).end(1, 3, 6).bytes(),
			core.ErrCorrupt,
		},
		"a row too early": {
			new(archive).head(`{"format":1}`).row("a", "1").end(0, 1, 2).bytes(),
			core.ErrCorrupt,
		},
		"a table twice": {
			small(t).table("words", wordsJSON).end(2, 3, 6).bytes(),
			core.ErrCorrupt,
		},
		"no name": {small(t).table("", wordsJSON).end(2, 3, 6).bytes(), core.ErrCorrupt},
		"a bad table": {
			small(t).table("t", `{"key":1}`).end(2, 3, 6).bytes(),
			core.ErrCorrupt,
		},
		"equal keys":   {small(t).row("c", "4").end(1, 4, 8).bytes(), core.ErrCorrupt},
		"falling keys": {small(t).row("b", "4").end(1, 4, 8).bytes(), core.ErrCorrupt},
		"wrong tables": {small(t).end(2, 3, 6).bytes(), core.ErrCorrupt},
		"wrong rows":   {small(t).end(1, 2, 6).bytes(), core.ErrCorrupt},
		"wrong bytes":  {small(t).end(1, 3, 7).bytes(), core.ErrCorrupt},
		"two ends":     {small(t).end(1, 3, 6).end(1, 3, 6).bytes(), core.ErrCorrupt},
		"no row checksum": {small(t).table("s", `{"checksums":true}`).row("a",
			"123").end(2, 4, 10).bytes(), core.ErrCorrupt},
		"a wrong checksum": {small(t).table("s", `{"checksums":true}`).row("a",
			"12345").end(2, 4, 12).bytes(), core.ErrCorrupt},
		"an endless number": {(&archive{data: append(small(t).data,
			"R\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01"...)}).
			end(1, 3, 6).bytes(), core.ErrCorrupt},
	} {
		refused(t, what, bytes.NewReader(c.backup), c.want)
	}
	// The numbers find what is out of place at once, not only the checksum at the end.
	swapped := mixed(func(p [][]byte) [][]byte { p[2], p[3] = p[3], p[2]; return p })
	_, err := restoreTo(t, memory.New(), bytes.NewReader(swapped))
	if err == nil || !strings.Contains(err.Error(), "chunk 2 stands where chunk 1 should be") {
		t.Errorf("swapped chunks give %v", err)
	}
}

// TestRestoreEveryFlip: no bit of a backup may change, and no byte be missing at its end.
func TestRestoreEveryFlip(t *testing.T) {
	sound := small(t).end(1, 3, 6).bytes()
	for i := range sound {
		bad := bytes.Clone(sound)
		bad[i] ^= 1 << (i % 8)
		refused(t, fmt.Sprintf("a bit flipped at %d", i), bytes.NewReader(bad), core.ErrCorrupt)
		refused(t, fmt.Sprintf("cut to %d bytes", i), bytes.NewReader(sound[:i]), core.ErrCorrupt)
	}
}

// TestBackupFindsCorruptRows: a row whose checksum is wrong must not be copied as if it were
// sound, nor a row that belongs to no table be left out.
func TestBackupFindsCorruptRows(t *testing.T) {
	for _, c := range []struct {
		what  string
		write core.Write
		table string
	}{
		{
			"a changed value",
			core.Write{Key: []byte("\x00\x00\x00\x03a"), Value: []byte("another value")},
			"sums",
		},
		{"a row of no table", core.Write{Key: []byte("\x00\x00\x00\x09a"), Value: []byte("v")}, ""},
		{"a short key", core.Write{Key: []byte("\x01"), Value: []byte("v")}, ""},
		{"the shortest key", core.Write{Key: []byte("\x00"), Value: []byte("v")}, ""},
		{
			"a changed catalog",
			core.Write{Key: []byte("\x00\x00\x00\x00table/words"), Value: []byte("v")},
			"",
		},
	} {
		b := memory.New()
		if err := openBackup(t, b).Close(); err != nil {
			t.Fatal(err)
		}
		apply(t, b, c.write)
		s, err := core.Open(t.Context(), "db", b, core.WithVersion(3))
		if err == nil {
			err = s.Backup(t.Context(), io.Discard)
			s.Close()
		}
		var e *core.Error
		if !errors.Is(err, core.ErrCorrupt) || !errors.As(err, &e) || e.Table != c.table {
			t.Errorf("%s: Backup gives %v", c.what, err)
		}
	}
}

// apply writes past the storage.
func apply(t *testing.T, b core.Backend, w core.Write) {
	t.Helper()
	c, err := b.Claim(t.Context(), "db", false)
	if err != nil {
		t.Fatal(err)
	}
	e, err := c.Open(t.Context(), core.EngineOptions{})
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(e.Apply(t.Context(), core.Batch{Writes: []core.Write{w}}),
		e.Close()); err != nil {
		t.Fatal(err)
	}
}

// TestPanicInRestoreReleasesEverything: a reader or a progress function that panics must leave
// neither a lock nor a half-made storage.
func TestPanicInRestoreReleasesEverything(t *testing.T) {
	b := memory.New()
	sound := small(t).end(1, 3, 6).bytes()
	for _, r := range []io.Reader{
		io.MultiReader(bytes.NewReader(sound[:len(sound)-50]), panicking{}), bytes.NewReader(sound),
	} {
		func() {
			defer func() {
				if recover() == nil {
					t.Error("no panic")
				}
			}()
			restoreTo(t, b, r,
				core.WithRestoreProgress(func(core.RestoreProgress) { panic("oops") }))
		}()
		if left, _ := b.List(t.Context(), ""); len(left) > 0 {
			t.Errorf("a panic leaves %q", left)
		}
	}
	if _, err := restoreTo(t, b, bytes.NewReader(sound)); err != nil {
		t.Error(err)
	}
}

type panicking struct{}

func (panicking) Read([]byte) (int, error) { panic("oops") }

// A Restore that is cancelled used to read up to 32 MiB more, however slowly they arrived.
func TestRestoreCancelled(t *testing.T) {
	a := new(archive).head(`{"format":1}`).table("t", wordsJSON)
	a.cut = 1 << 10
	for i := range 10_000 {
		a.row(fmt.Sprintf("%06d", i), "value")
	}
	backup := bytes.NewReader(a.end(1, 10_000, 110_000).bytes())
	ctx, cancel := context.WithCancel(t.Context())
	first := io.LimitReader(backup, 2<<10)
	b := memory.New()
	_, err := core.Restore(ctx, "db", b, io.MultiReader(first, &canceller{cancel}, backup))
	if !errors.Is(err, context.Canceled) {
		t.Errorf("Restore gives %v", err)
	}
	if backup.Len() < 100_000 {
		t.Errorf("all but %d bytes were read", backup.Len())
	}
	if left, _ := b.List(t.Context(), ""); len(left) > 0 {
		t.Errorf("it leaves %q", left)
	}
}

// canceller cancels a context when it is read.
type canceller struct{ cancel func() }

func (c *canceller) Read([]byte) (int, error) {
	c.cancel()
	return 0, io.EOF
}

// FuzzRestore: whatever is read, Restore ends with an error and leaves nothing, or makes a
// storage that is sound and whose backup restores to the same.
func FuzzRestore(f *testing.F) {
	a := new(archive).head(`{"format":1,"version":2}`).table("words", wordsJSON).row("",
		"").row("a", "1")
	a.end(1, 2, 2)
	f.Add(a.bytes(), false)
	f.Add(a.data, true)
	f.Add(a.data[:30], true)
	f.Add(new(archive).head(`{"format":1}`).table("\xff", "{}").table("s",
		`{"checksums":true}`).row("a", "\x00\x00\x00\x00").end(2, 1, 5).data, true)
	f.Add(new(archive).head(`{"format":1}`).table("t", "{}").lengths(1<<60, 1<<60).data, true)
	f.Fuzz(func(t *testing.T, b []byte, records bool) {
		if records { // chunks are put around them, or no change would get past the checksums
			a := &archive{data: b, cut: 13}
			if i := bytes.LastIndexByte(b, 'E'); i >= 0 && len(b) > i+4 {
				a.data = b[:len(b)-4]
				a.data = binary.BigEndian.AppendUint32(a.data[:len(a.data):len(a.data)],
					crc32.Checksum(a.data, crc32c))
			}
			b = a.bytes()
		}
		m := memory.New()
		s, err := core.Restore(t.Context(), "db", m, bytes.NewReader(b), core.WithAnyVersion())
		if err != nil {
			if !errors.Is(err, core.ErrCorrupt) && !errors.Is(err, core.ErrVersionMismatch) {
				t.Errorf("Restore gives %v", err)
			}
			if left, _ := m.List(t.Context(), ""); len(left) > 0 {
				t.Errorf("an error leaves %q", left)
			}
			return
		}
		defer s.Close()
		if err := s.Check(t.Context()); err != nil {
			t.Fatal(err)
		}
		again := backup(t, s)
		s2, err := core.Restore(t.Context(), "again",
			m, bytes.NewReader(again), core.WithAnyVersion())
		if err != nil {
			t.Fatal(err)
		}
		defer s2.Close()
		if !bytes.Equal(backup(t, s2), again) {
			t.Error("the backup of what was restored differs")
		}
	})
}

// A restored storage needs what its tables need, and its mark says so: a GuardKV that does not know
// the feature must refuse the storage before it opens the engine.
func TestRestoreMarksFeatures(t *testing.T) {
	id := strings.Repeat("AAAA", 5) + "AA=="
	b := memory.New()
	in := small(t).table("t", `{"key":"k","value":"v","id":"`+id+`","needs":["table-id"]}`).
		end(2, 3, 6)
	s, err := core.Restore(t.Context(), "restored", b, bytes.NewReader(in.bytes()),
		core.WithAnyVersion())
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	c, err := b.Claim(t.Context(), "restored", true)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Release()
	mark, err := c.Mark()
	if err != nil || !strings.Contains(string(mark), `"needs":["table-id"]`) {
		t.Errorf("the mark of the restored storage is %q, %v; want the feature in it", mark, err)
	}
}
