// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package backendtest

import (
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"

	"github.com/guardkv/guardkv/core"
	"github.com/guardkv/guardkv/core/keys"
	"github.com/guardkv/guardkv/core/values"
)

var damagePromises = []promise{
	{
		name: "damage/truncated", check: checkTruncated, bareOnly: true,
		explanation: "a truncated or zero-length file is an error, and never wrong data or silent loss: what was there at the last clean close is found missing",
	},
	{
		name: "damage/flipped bits", check: checkFlipped, bareOnly: true,
		explanation: "a flipped bit is an error or harmless, and never a panic, wrong data or silent loss",
	},
	{
		name: "damage/missing files", check: checkMissingFiles, bareOnly: true,
		explanation: "a missing file is an error or harmless, and never wrong data or silent loss",
	},
}

// patient is a storage on disk that is damaged again and again.
type patient struct {
	t     *trial
	files []string // relative to the path; "." if it is a file
	rows  []row
}

// admit makes a storage with checksums and keeps it safe beside. It is nil if storages are not in files.
func admit(t *trial) *patient {
	t.tb.Helper()
	if !t.onDisk() {
		return nil
	}
	s, err := core.Open(t.ctx, t.path, t.backend)
	t.do("Open", err)
	tab := t.words(s, "words", core.WithChecksums())
	load(t, tab, 300)
	put1(t, tab, "some000001x", noise(20_000))
	_, err = tab.Scan().Prefix("some00005").Delete(t.ctx)
	t.do("Delete", err)
	p := &patient{t: t, rows: scanned(t, tab.Scan())}
	_, err = s.Compact(t.ctx)
	t.do("Compact", err)
	t.closeStorage(s)
	t.do("rename", os.Rename(t.path, p.safe()))
	t.do("walk", filepath.WalkDir(p.safe(), func(path string, d fs.DirEntry, err error) error {
		if err == nil && !d.IsDir() {
			name, _ := filepath.Rel(p.safe(), path)
			p.files = append(p.files, name)
		}
		return err
	}))
	return p
}

func (p *patient) safe() string { return p.t.path + "-safe" }

// file returns the path of one of the files of the copy.
func (p *patient) file(name string) string {
	if name == "." {
		return p.t.path
	}
	return filepath.Join(p.t.path, name)
}

// renew replaces what is at the path by a copy of the sound storage.
func (p *patient) renew() {
	p.t.tb.Helper()
	p.t.do("remove", os.RemoveAll(p.t.path))
	if slices.Equal(p.files, []string{"."}) {
		b, err := os.ReadFile(p.safe())
		p.t.do("read", err)
		p.t.do("write", os.WriteFile(p.t.path, b, 0o644))
		return
	}
	p.t.do("copy", os.CopyFS(p.t.path, os.DirFS(p.safe())))
}

// examine opens the storage and reads everything. It ends the check if what is read is wrong and nothing says so.
func (p *patient) examine(what string) {
	p.t.tb.Helper()
	got, err := p.read()
	if err != nil {
		if !errors.Is(err, core.ErrCorrupt) && !errors.Is(err, core.ErrNotStorage) {
			p.t.Errorf("%s: %v; want ErrCorrupt or ErrNotStorage", what, err)
		}
		return
	}
	if !slices.Equal(got, p.rows) {
		p.t.Errorf("%s: no error, and %d rows that differ from the %d that were stored: %s", what, len(got), len(p.rows), firstDifference(got, p.rows))
	}
}

func firstDifference(got, want []row) string {
	for i := range min(len(got), len(want)) {
		if got[i] != want[i] {
			return fmt.Sprintf("%v instead of %v", got[i], want[i])
		}
	}
	return "some are missing"
}

func (p *patient) read() (rows []row, err error) {
	t := p.t
	s, err := t.tryOpen(t.backend)
	if err != nil {
		return nil, err
	}
	defer s.Close()
	infos, err := s.Tables(t.ctx)
	if err != nil || len(infos) == 0 {
		return nil, err
	}
	tab, err := core.OpenTable(t.ctx, s, "words", keys.String(), values.String())
	if err != nil {
		return nil, err
	}
	for r, err := range tab.Scan().Rows(t.ctx) {
		if err != nil {
			return nil, err
		}
		rows = append(rows, row{r.Key, copyOf(r.Value)})
	}
	return rows, s.Check(t.ctx)
}

// size returns the size of a file of the sound storage.
func (p *patient) size(name string) int64 {
	p.t.tb.Helper()
	info, err := os.Stat(filepath.Join(p.safe(), name))
	p.t.do("stat", err)
	return info.Size()
}

func checkTruncated(t *trial) {
	p := admit(t)
	if p == nil {
		return
	}
	for _, name := range p.files {
		size := p.size(name)
		for _, cut := range []int64{0, 1, size / 4, size / 2, size - size/8, size - 4096, size - 1} {
			if cut < 0 || cut >= size {
				continue
			}
			p.renew()
			t.do("truncate", os.Truncate(p.file(name), cut))
			p.examine(fmt.Sprintf("%s of %d bytes cut to %d", name, size, cut))
		}
	}
}

func checkFlipped(t *trial) {
	p := admit(t)
	if p == nil {
		return
	}
	const seed = 3
	t.Logf("seed %d", seed)
	rnd := rand.New(rand.NewPCG(seed, 0))
	for _, name := range p.files {
		size := p.size(name)
		for range t.pick(24, 8) {
			if size == 0 {
				break
			}
			p.renew()
			at, bit := rnd.Int64N(min(size, 64<<10)), byte(1)<<rnd.IntN(8)
			t.do("flip", flipBit(p.file(name), at, bit))
			p.examine(fmt.Sprintf("%s with bits %08b flipped at %d of %d", name, bit, at, size))
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

func checkMissingFiles(t *trial) {
	p := admit(t)
	if p == nil || slices.Equal(p.files, []string{"."}) {
		return
	}
	for _, name := range p.files {
		p.renew()
		t.do("remove", os.Remove(p.file(name)))
		p.examine(name + " removed")
	}
}
