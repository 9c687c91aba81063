// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package users

import (
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"

	"github.com/guardkv/guardkv/core"
	"github.com/guardkv/guardkv/core/backendtest/internal/kit"
	"github.com/guardkv/guardkv/core/keys"
	"github.com/guardkv/guardkv/core/values"
)

var damagePromises = []kit.Promise{
	{
		Name: "damage/truncated", Check: checkTruncated, BareOnly: true,
		Explanation: "a truncated or zero-length file is an error, and never wrong data or " +
			"silent loss: what was there at the last clean close is found missing",
	},
	{
		Name: "damage/flipped bits", Check: checkFlipped, BareOnly: true,
		Explanation: "a flipped bit is an error or harmless, and never a panic, wrong data or " +
			"silent loss",
	},
	{
		Name: "damage/missing files", Check: checkMissingFiles, BareOnly: true,
		Explanation: "a missing file is an error or harmless, and never wrong data or silent loss",
	},
}

// damagedStorage is a storage on disk that is damaged again and again.
type damagedStorage struct {
	t     *kit.Trial
	files []string // relative to the path; "." if it is a file
	rows  []kit.Row
}

// newDamaged makes a storage with checksums and keeps it safe beside. It is nil if storages are
// not in files.
func newDamaged(t *kit.Trial) *damagedStorage {
	t.TB.Helper()
	if !t.OnDisk() {
		return nil
	}
	s, err := core.Open(t.Ctx, t.Path, t.Backend)
	t.Do("Open", err)
	tab := openWords(t, s, "words", core.WithChecksums())
	load(t, tab, 300)
	put1(t, tab, "some000001x", kit.Incompressible(20_000))
	_, err = tab.Scan().Prefix("some00005").Delete(t.Ctx)
	t.Do("Delete", err)
	p := &damagedStorage{t: t, rows: scanned(t, tab.Scan())}
	_, err = s.Compact(t.Ctx)
	t.Do("Compact", err)
	closeStorage(t, s)
	t.Do("rename", os.Rename(t.Path, p.safe()))
	t.Do("walk", filepath.WalkDir(p.safe(), func(path string, d fs.DirEntry, err error) error {
		if err == nil && !d.IsDir() {
			name, _ := filepath.Rel(p.safe(), path)
			p.files = append(p.files, name)
		}
		return err
	}))
	return p
}

func (p *damagedStorage) safe() string { return p.t.Path + "-safe" }

// file returns the path of one of the files of the copy.
func (p *damagedStorage) file(name string) string {
	if name == "." {
		return p.t.Path
	}
	return filepath.Join(p.t.Path, name)
}

// restore replaces what is at the path by a copy of the sound storage.
func (p *damagedStorage) restore() {
	p.t.TB.Helper()
	p.t.Do("remove", os.RemoveAll(p.t.Path))
	if slices.Equal(p.files, []string{"."}) {
		b, err := os.ReadFile(p.safe())
		p.t.Do("read", err)
		p.t.Do("write", os.WriteFile(p.t.Path, b, 0o644))
		return
	}
	p.t.Do("copy", os.CopyFS(p.t.Path, os.DirFS(p.safe())))
}

// verify opens the storage and reads everything. It ends the check if a read returns something
// wrong without an error.
func (p *damagedStorage) verify(what string) {
	p.t.TB.Helper()
	got, err := p.read()
	if err != nil {
		if !errors.Is(err, core.ErrCorrupt) && !errors.Is(err, core.ErrNotStorage) {
			p.t.Errorf("%s: %v; want ErrCorrupt or ErrNotStorage", what, err)
		}
		return
	}
	if !slices.Equal(got, p.rows) {
		p.t.Errorf("%s: no error, and %d rows that differ from the %d that were stored: %s",
			what, len(got), len(p.rows), firstDifference(got, p.rows))
	}
}

func firstDifference(got, want []kit.Row) string {
	for i := range min(len(got), len(want)) {
		if got[i] != want[i] {
			return fmt.Sprintf("%v instead of %v", got[i], want[i])
		}
	}
	return "some are missing"
}

func (p *damagedStorage) read() (rows []kit.Row, err error) {
	t := p.t
	s, err := tryOpen(t, t.Backend)
	if err != nil {
		return nil, err
	}
	defer s.Close()
	infos, err := s.Tables(t.Ctx)
	if err != nil || len(infos) == 0 {
		return nil, err
	}
	tab, err := core.OpenTable(t.Ctx, s, "words", keys.String(), values.String())
	if err != nil {
		return nil, err
	}
	for r, err := range tab.Scan().Rows(t.Ctx) {
		if err != nil {
			return nil, err
		}
		rows = append(rows, kit.KV(r.Key, kit.CopyOf(r.Value)))
	}
	return rows, s.Check(t.Ctx)
}

// size returns the size of a file of the sound storage.
func (p *damagedStorage) size(name string) int64 {
	p.t.TB.Helper()
	info, err := os.Stat(filepath.Join(p.safe(), name))
	p.t.Do("stat", err)
	return info.Size()
}

func checkTruncated(t *kit.Trial) {
	p := newDamaged(t)
	if p == nil {
		return
	}
	for _, name := range p.files {
		size := p.size(name)
		for _, cut := range []int64{
			0, 1, size / 4, size / 2, size - size/8,
			size - 4096, size - 1,
		} {
			if cut < 0 || cut >= size {
				continue
			}
			p.restore()
			t.Do("truncate", os.Truncate(p.file(name), cut))
			p.verify(fmt.Sprintf("%s of %d bytes cut to %d", name, size, cut))
		}
	}
}

func checkFlipped(t *kit.Trial) {
	p := newDamaged(t)
	if p == nil {
		return
	}
	const seed = 3
	t.Logf("seed %d", seed)
	rnd := rand.New(rand.NewPCG(seed, 0))
	for _, name := range p.files {
		size := p.size(name)
		for range t.Pick(24, 8) {
			if size == 0 {
				break
			}
			p.restore()
			at, bit := rnd.Int64N(min(size, 64<<10)), byte(1)<<rnd.IntN(8)
			t.Do("flip", flipBit(p.file(name), at, bit))
			p.verify(fmt.Sprintf("%s with bits %08b flipped at %d of %d", name, bit, at, size))
		}
	}
}

func flipBit(file string, at int64, bit byte) error {
	f, err := os.OpenFile(file, os.O_RDWR, 0)
	if err != nil {
		return err
	}
	defer f.Close()
	var b [1]byte
	if _, err := f.ReadAt(b[:], at); err != nil {
		return err
	}
	b[0] ^= bit
	_, err = f.WriteAt(b[:], at)
	return err
}

func checkMissingFiles(t *kit.Trial) {
	p := newDamaged(t)
	if p == nil || slices.Equal(p.files, []string{"."}) {
		return
	}
	for _, name := range p.files {
		p.restore()
		t.Do("remove", os.Remove(p.file(name)))
		p.verify(name + " removed")
	}
}
