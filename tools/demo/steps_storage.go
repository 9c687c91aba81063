// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package demo

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"runtime"
	"sync"
	"sync/atomic"
	"time"

	"github.com/guardkv/guardkv/core"
	"github.com/guardkv/guardkv/core/memory"
	"github.com/guardkv/guardkv/tools/modules"
)

// readers is how many goroutines read beside the writer.
const readers = 4

// readBesideWriter keeps renaming two characters in one transaction while readers look at both
// in one snapshot.
func (s *session) readBesideWriter(ctx context.Context) ([]fact, error) {
	original, err := s.bothNames(ctx)
	if err != nil {
		return nil, err
	}
	began := time.Now()
	deadline := began.Add(cmp.Or(s.cfg.beside, 500*time.Millisecond))
	var seen tally
	errs := make([]error, readers)
	var wg sync.WaitGroup
	for i := range readers {
		wg.Go(func() { errs[i] = s.readUntil(ctx, deadline, uint64(i), &seen) })
	}
	writes, err := s.writeUntil(ctx, deadline)
	wg.Wait()
	took, reads := time.Since(began), int(seen.reads.Load())
	if err := errors.Join(append(errs, err)...); err != nil {
		return nil, err
	}
	s.report.line(line{
		fmt.Sprintf("one writer: %s transactions", grouped(int64(writes))), took,
		writes, "commits",
	})
	s.report.line(line{
		fmt.Sprintf("%d readers: %s reads", readers, grouped(int64(reads))), took,
		reads, "reads",
	})
	last, err := s.bothNames(ctx)
	if err != nil {
		return nil, err
	}
	return []fact{
		stated("%d torn reads", seen.torn.Load()),
		stated("both went on: %t", reads > 0 && writes > 0),
		stated("the last write is seen: %t", last == namesOf(writes)),
	}, s.renameBoth(ctx, original)
}

// tally is what the readers see: torn is how often the two names came from different writes.
type tally struct{ reads, torn atomic.Int64 }

// readUntil reads, in turn, both names in one snapshot and a row at random, at least once and
// until the deadline.
func (s *session) readUntil(
	ctx context.Context, deadline time.Time, seed uint64, seen *tally,
) error {
	random := rand.New(rand.NewPCG(seed, 3))
	for {
		names, err := s.bothNames(ctx)
		if err != nil {
			return err
		}
		if generation(names[0]) != generation(names[1]) {
			seen.torn.Add(1)
		}
		c := s.model.points[random.IntN(len(s.model.points))]
		if _, err := s.readName(ctx, c); err != nil {
			return err
		}
		seen.reads.Add(3)
		if !time.Now().Before(deadline) {
			return nil
		}
	}
}

// writeUntil renames both characters again and again, at least once and until the deadline.
func (s *session) writeUntil(ctx context.Context, deadline time.Time) (writes int, err error) {
	for err == nil && (writes == 0 || time.Now().Before(deadline)) {
		writes++
		err = s.renameBoth(ctx, namesOf(writes))
	}
	return writes, err
}

// namesOf returns the names that a write gives.
func namesOf(write int) [2]string {
	name := fmt.Sprint("GHA ", write)
	return [2]string{name, name}
}

// generation tells which write a name came from. Both names of a write have the same one; that of
// the original names is the empty string.
func generation(name string) string {
	if _, err := fmt.Sscanf(name, "GHA %d", new(int)); err != nil {
		return ""
	}
	return name
}

// bothNames reads two rows in one snapshot.
func (s *session) bothNames(ctx context.Context) (names [2]string, err error) {
	err = s.db.View(ctx, func(tx *core.Tx) error {
		for i, c := range []CodePoint{capitalGha, smallGha} {
			char, err := s.chars.In(tx).Load(ctx, c)
			if err != nil {
				return err
			}
			names[i] = char.Name
			runtime.Gosched() // lets the writer in between, which must not show
		}
		return nil
	})
	return names, err
}

// renameBoth renames two characters in one transaction.
func (s *session) renameBoth(ctx context.Context, names [2]string) error {
	return s.db.Update(ctx, func(tx *core.Tx) error {
		if err := s.renameIn(ctx, tx, capitalGha, names[0]); err != nil {
			return err
		}
		return s.renameIn(ctx, tx, smallGha, names[1])
	})
}

func (m *model) wantBesideWriter() []fact {
	return []fact{
		stated("0 torn reads"), stated("both went on: true"),
		stated("the last write is seen: true"),
	}
}

// compact gives space back to the file system.
func (s *session) compact(ctx context.Context) ([]fact, error) {
	begun := time.Now()
	stats, err := s.db.Compact(ctx)
	if err != nil {
		return nil, err
	}
	text := "nothing on disk"
	if s.server {
		text = "the server does that by itself"
	}
	if s.onDisk || s.server && stats.Before >= 0 {
		text = fmt.Sprintf("%s before, %s after", formatSize(stats.Before), formatSize(stats.After))
	}
	s.report.line(line{text: text, took: time.Since(begun)})
	left, err := s.counted(ctx)
	grew := stats.After > stats.Before+unsorted
	return append([]fact{stated("grew: %t", grew)}, left...), err
}

// unsorted is how much a small storage may grow when it is compacted: some engines keep the newest
// writes in a log until they sort them.
const unsorted = 1 << 20

func (m *model) wantCompacted() []fact {
	return append([]fact{stated("grew: false")}, m.wantLoad()...)
}

// reopen closes the storage and opens it again, once with the wrong format.
func (s *session) reopen(ctx context.Context) ([]fact, error) {
	begun := time.Now()
	if err := s.db.Close(); err != nil {
		return nil, err
	}
	s.report.line(line{text: "closed", took: time.Since(begun)})
	begun = time.Now()
	if err := s.open(ctx); err != nil {
		return nil, err
	}
	s.report.line(line{text: "opened", took: time.Since(begun)})
	wrong := modules.FormatOtherThan(s.format)
	_, mismatch := wrong.Open(ctx, s.db, "chars")
	s.report.line(line{text: fmt.Sprintf("as %s: %v", wrong.Name, cause(mismatch))})
	facts := []fact{stated("the wrong format is refused: %t",
		errors.Is(mismatch, core.ErrFormatMismatch))}
	tables, err := s.db.Tables(ctx)
	for _, t := range tables {
		facts = append(facts, stated("table %s", t.Name))
	}
	return facts, err
}

// cause returns what happened, without where it happened in the storage.
func cause(err error) error {
	if e := (*core.Error)(nil); errors.As(err, &e) {
		return e.Err
	}
	return err
}

func (m *model) wantReopened() []fact {
	return []fact{
		stated("the wrong format is refused: true"), stated("table chars"),
		stated("table names"),
	}
}

// restore makes a backup, restores it into memory while it is being written, and reads all of the
// restored storage.
func (s *session) restore(ctx context.Context) ([]fact, error) {
	begun := time.Now()
	r, w := io.Pipe()
	ended := make(chan error, 1)
	go func() {
		err := s.db.Backup(ctx, w)
		w.CloseWithError(err)
		ended <- err
	}()
	db, err := core.Restore(ctx, "restored", memory.New(), r)
	r.CloseWithError(err) // no one reads on
	if err = errors.Join(err, <-ended); err != nil {
		return nil, err
	}
	defer db.Close()
	restored := *s
	if err := restored.use(ctx, db); err != nil {
		return nil, err
	}
	rows := s.model.count(everything)
	s.report.line(line{
		"backed up, and restored in memory",
		time.Since(begun), rows + len(s.model.named("")), "rows",
	})
	return restored.readAll(ctx)
}

// check lets the storage check itself, then reads all of it.
func (s *session) check(ctx context.Context) ([]fact, error) {
	begun := time.Now()
	if err := s.db.Check(ctx); err != nil {
		return nil, err
	}
	rows := s.model.count(everything)
	s.report.line(line{
		"engine, catalog and every row are sound",
		time.Since(begun), rows + len(s.model.named("")), "rows",
	})
	return s.readAll(ctx)
}
