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
	"runtime"
	"slices"
	"strings"
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

// TestRestoreHostileLengths: lengths that nothing follows must not be believed.
func TestRestoreHostileLengths(t *testing.T) {
	const much = 1 << 50
	blob := func(a *archive, kind byte) *archive {
		a.data = binary.AppendUvarint(append(a.data, kind), much)
		return a
	}
	for what, a := range map[string]*archive{
		"a head":  blob(new(archive), 'H'),
		"a table": blob(small(t), 'T'),
		"a key":   small(t).lengths(much, 1),
		"a value": small(t).lengths(0, much),
		"two":     small(t).lengths(1<<62, 1<<62),
	} {
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		refused(t, what+" of a petabyte", bytes.NewReader(a.bytes()), core.ErrCorrupt)
		runtime.ReadMemStats(&after)
		if n := after.TotalAlloc - before.TotalAlloc; n > 8<<20 {
			t.Errorf("%s of a petabyte took %d bytes of memory", what, n)
		}
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

// sink is a backend that forgets rows, with limits on one write.
type sink struct {
	*memory.Backend
	limits  core.Limits
	commits int
	largest int // bytes of one write
}

type sinkClaim struct {
	core.Claim
	s *sink
}

type sinkEngine struct {
	core.Engine
	s *sink
}

func (s *sink) Claim(ctx context.Context, path string, readOnly bool) (core.Claim, error) {
	c, err := s.Backend.Claim(ctx, path, readOnly)
	return &sinkClaim{c, s}, err
}

func (c *sinkClaim) Open(ctx context.Context, opts core.EngineOptions) (core.Engine, error) {
	e, err := c.Claim.Open(ctx, opts)
	return &sinkEngine{e, c.s}, err
}

func (e *sinkEngine) Limits() core.Limits { return e.s.limits }

func (e *sinkEngine) Apply(_ context.Context, b core.Batch) error {
	size, writes := 0, b.Writes
	for i, w := range writes {
		size += len(w.Key) + len(w.Value)
		if i > 0 && bytes.Compare(writes[i-1].Key, w.Key) >= 0 {
			return errors.New("the writes are not in order")
		}
	}
	l := e.s.limits
	if l.StreamRows > 0 && len(writes) > l.StreamRows || l.BatchBytes > 0 && size > l.BatchBytes ||
		l.BatchRows > 0 && len(writes) > l.BatchRows {
		return fmt.Errorf("%w: %d rows of %d bytes", core.ErrTooLarge, len(writes), size)
	}
	e.s.largest = max(e.s.largest, size)
	e.s.commits++
	return nil
}

// TestRestoreBoundedMemory: memory does not depend on the size of the backup.
func TestRestoreBoundedMemory(t *testing.T) {
	size := 512 << 20
	if testing.Short() {
		size = 128 << 20
	}
	r, w := io.Pipe()
	go func() { w.CloseWithError(writeMany(w, size)) }()
	s := &sink{Backend: memory.New()}
	var most uint64
	db, err := core.Restore(t.Context(), "many",
		s, r, core.WithRestoreProgress(func(core.RestoreProgress) {
			var m runtime.MemStats
			runtime.ReadMemStats(&m)
			most = max(most, m.HeapAlloc)
		}))
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	if most > 220<<20 {
		t.Errorf("the heap grew to %d MiB while %d MiB were restored", most>>20, size>>20)
	}
	if s.largest > 33<<20 || s.commits < size>>25 {
		t.Errorf("%d commits of up to %d bytes", s.commits, s.largest)
	}
}

// Rows of a few bytes take more memory than their bytes: a write of 32 MiB of them took ten
// times that.
func TestRestoreCountsWhatRowsTake(t *testing.T) {
	const rows = 500_000
	a := new(archive).head(`{"format":1}`).table("t", wordsJSON)
	a.cut = 1 << 20
	for i := range rows {
		a.row(fmt.Sprintf("%06d", i), "")
	}
	var reports []int64
	s, err := core.Restore(t.Context(), "db",
		memory.New(), bytes.NewReader(a.end(1, rows, 6*rows).bytes()),
		core.WithRestoreProgress(func(p core.RestoreProgress) {
			reports = append(reports, p.Rows)
		}))
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	if len(reports) < 2 {
		t.Errorf("%d rows are stored in writes that end at %v", rows, reports)
	}
}

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

// A table that is set aside gets a name that is longer than a new table's may be. Its backup
// could not be restored.
func TestRestoreOfATableWithALongName(t *testing.T) {
	b := memory.New()
	s, err := core.Open(t.Context(), "db", b, core.WithRecreate(core.OnFormatChange))
	if err != nil {
		t.Fatal(err)
	}
	name := strings.Repeat("n", 255)
	if _, err := core.OpenTable(t.Context(), s, name, keys.String(), values.String()); err != nil {
		t.Fatal(err)
	}
	s.Close()
	if s,
		err = core.Open(t.Context(), "db", b, core.WithRecreate(core.OnFormatChange)); err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	if _, err := core.OpenTable(t.Context(), s, name, keys.Uint64(), values.String()); err != nil {
		t.Fatal(err)
	}
	aside, _ := s.Recreated()
	sound := backup(t, s)
	restored, err := core.Restore(t.Context(), "restored", b, bytes.NewReader(sound))
	if err != nil {
		t.Fatal(err)
	}
	defer restored.Close()
	if _, err := core.OpenTable(t.Context(), restored, aside.Table, keys.String(),
		values.String()); err != nil {
		t.Error(err)
	}
	small := &sink{Backend: memory.New(), limits: core.Limits{Key: 280}}
	if _, err := core.Restore(t.Context(), "small",
		small, bytes.NewReader(sound)); !errors.Is(err, core.ErrTooLarge) {
		t.Errorf("where the engine cannot take the name: %v", err)
	}
}

// writeMany writes a backup of many rows, in chunks as large as can be.
func writeMany(w io.Writer, size int) error {
	a := new(archive).head(`{"format":1}`).table("t", wordsJSON)
	value := strings.Repeat("v", 1000)
	sum, number, rows := uint32(0), 0, 0
	flush := func() error {
		sum = crc32.Update(sum, crc32c, a.data)
		_, err := w.Write(chunk(number, a.data))
		a.data = a.data[:0]
		number++
		return err
	}
	if _, err := io.WriteString(w, "GUARDKV BACKUP\r\n"); err != nil {
		return err
	}
	for ; rows*1010 < size; rows++ {
		a.row(fmt.Sprintf("%010d", rows), value)
		if len(a.data) > 1<<20-2000 {
			if err := flush(); err != nil {
				return err
			}
		}
	}
	a.data = append(a.data, 'E')
	for _, n := range []int{1, rows, rows * 1010} {
		a.data = binary.AppendUvarint(a.data, uint64(n))
	}
	sum = crc32.Update(sum, crc32c, a.data)
	a.data = binary.BigEndian.AppendUint32(a.data, sum)
	_, err := w.Write(chunk(number, a.data))
	return err
}

// TestRestoreKeepsLimits: of the engine, for one write, also where the catalog is long.
func TestRestoreKeepsLimits(t *testing.T) {
	a := new(archive).head(`{"format":1}`)
	for i := range 50 {
		a.table(fmt.Sprintf("%02d", i), wordsJSON)
		for j := range 50 {
			a.row(fmt.Sprintf("%02d", j), "12345678")
		}
	}
	b := a.end(50, 2500, 25000).bytes()
	for _, l := range []core.Limits{
		{StreamRows: 7},
		{BatchRows: 1},
		{BatchBytes: 200},
		{BatchBytes: 1000, BatchRows: 20, StreamRows: 30},
	} {
		s := &sink{Backend: memory.New(), limits: l}
		db, err := core.Restore(t.Context(), "many", s, bytes.NewReader(b))
		if err != nil {
			t.Errorf("%+v: %v", l, err)
			continue
		}
		db.Close()
	}
	key, value := strings.Repeat("k", 50), strings.Repeat("v", 200)
	b = new(archive).head(`{"format":1}`).table("t",
		wordsJSON).row(key, value).end(1, 1, 250).bytes()
	for what, limits := range map[string]core.Limits{
		"a value": {Value: 199}, "a key": {Key: 4 + 49}, "a whole row": {BatchBytes: 4 + 249},
	} {
		s := &sink{Backend: memory.New(), limits: limits}
		_, err := core.Restore(t.Context(), "many", s, bytes.NewReader(b))
		var e *core.Error
		if !errors.Is(err, core.ErrTooLarge) || !errors.As(err, &e) || e.Op != "restore" ||
			e.Table != "t" || string(e.Key.([]byte)) != key {
			t.Errorf("%s that is too large: %v", what, err)
		}
		if left, _ := s.List(t.Context(), ""); len(left) > 0 {
			t.Errorf("%s that is too large leaves %q", what, left)
		}
	}
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
