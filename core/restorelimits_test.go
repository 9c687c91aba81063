// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package core_test

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"runtime"
	"strings"
	"testing"

	"github.com/guardkv/guardkv/core"
	"github.com/guardkv/guardkv/core/keys"
	"github.com/guardkv/guardkv/core/memory"
	"github.com/guardkv/guardkv/core/values"
)

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
