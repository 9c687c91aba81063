// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package bbolt

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/guardkv/guardkv/core"
	"github.com/guardkv/guardkv/core/keys"
	"github.com/guardkv/guardkv/core/values"
)

// A target is a storage to damage copies of. The first commits are made before it is closed;
// if it was killed, the rest after that, and then its file is copied as the end of the process
// would leave it.
const (
	sampleRows    = 420 // in each of its two tables
	commitsClosed = 6
	commitsKilled = 3
)

// targetKey is long, so that few rows make a tree of three levels.
func targetKey(i int) string { return fmt.Sprintf("%06d %s", i, strings.Repeat("key", 50)) }

// sampleValue is the value that a commit gives to row i. Every fortieth has pages of its own.
func sampleValue(i, commit int) string {
	n := 60
	if i%40 == 7 {
		n = 10_000
	}
	return string(rowValue(i*1000+commit, n))
}

// targetCommit says what a commit after the first does to both tables.
func targetCommit(commit int) (put []int, deleted int) {
	return []int{
		commit * 53 % sampleRows, 7 + 40*(commit%10),
		sampleRows + commit,
	}, commit*97%sampleRows + 1
}

// targetState returns what each table holds after a number of commits.
func targetState(commits int) map[string]string {
	rows := map[string]string{}
	for i := range sampleRows {
		rows[targetKey(i)] = sampleValue(i, 1)
	}
	for c := 2; c <= commits; c++ {
		put, deleted := targetCommit(c)
		for _, i := range put {
			rows[targetKey(i)] = sampleValue(i, c)
		}
		delete(rows, targetKey(deleted))
	}
	return rows
}

type targetTable = core.Table[string, []byte, []byte]

// targetStorage is a storage with its two tables, with checksums and without.
type targetStorage struct {
	*core.Storage
	sums, plain *targetTable
}

func (s targetStorage) tables() []*targetTable { return []*targetTable{s.sums, s.plain} }

func openTarget(path string) (s targetStorage, err error) {
	ctx := context.Background()
	s.Storage, err = core.Open(ctx, path, Backend{}, core.WithoutSync(),
		core.WithLogger(slog.New(slog.DiscardHandler)))
	if err != nil {
		return s, err
	}
	s.sums, err = core.OpenTable(ctx, s.Storage, "sums",
		keys.String(), values.Bytes(), core.WithChecksums())
	if err == nil {
		s.plain, err = core.OpenTable(ctx, s.Storage, "plain", keys.String(), values.Bytes())
	}
	if err != nil {
		return s, errors.Join(err, s.Close())
	}
	return s, nil
}

// commit makes commits from up to and including to.
func (s targetStorage) commit(from, to int) error {
	ctx := context.Background()
	for c := from; c <= to; c++ {
		err := s.Update(ctx, func(tx *core.Tx) error {
			for _, t := range s.tables() {
				if err := commitTo(ctx, t.In(tx), c); err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			return err
		}
	}
	return nil
}

func commitTo(ctx context.Context, t core.TxTable[string, []byte, []byte], commit int) error {
	put, deleted := targetCommit(commit)
	if commit == 1 {
		put, deleted = make([]int, sampleRows), -1
		for i := range put {
			put[i] = i
		}
	}
	for _, i := range put {
		if err := t.Put(ctx, targetKey(i), []byte(sampleValue(i, commit))); err != nil {
			return err
		}
	}
	_, err := t.Delete(ctx, targetKey(deleted))
	return err
}

// target is the file of a storage and how many commits it holds.
type target struct {
	content []byte
	commits int
	killed  bool
}

// makeTarget makes a target. One more commit swaps the places of the newer and the older meta
// page.
func makeTarget(path string, killed bool, more int) (p target, err error) {
	p = target{commits: commitsClosed + more, killed: killed}
	s, err := openTarget(path)
	if err != nil {
		return p, err
	}
	if err := errors.Join(s.commit(1, p.commits), s.Close()); err != nil {
		return p, err
	}
	if !killed {
		p.content, err = os.ReadFile(path)
		return p, err
	}
	if s, err = openTarget(path); err != nil {
		return p, err
	}
	err = s.commit(p.commits+1, p.commits+commitsKilled)
	p.commits += commitsKilled
	p.content, _ = os.ReadFile(path)
	return p, errors.Join(err, s.Close())
}

// inspect opens a storage, reads and checks everything, and does so again: what was found must
// be found the next time.
func (p target) inspect(path string) string {
	first := p.inspectOnce(path)
	if first == found {
		if again := p.inspectOnce(path); again != found {
			return "found once, then " + again
		}
	}
	return first
}

func (p target) inspectOnce(path string) string {
	s, err := openTarget(path)
	if err != nil {
		return outcomeOf(err)
	}
	outcome := p.read(s)
	if err := s.Check(context.Background()); err != nil && (outcome == none ||
		outcome == previous) {
		outcome = outcomeOf(err)
	}
	if err := s.Close(); err != nil && outcome != found {
		return outcomeOf(err)
	}
	return outcome
}

func outcomeOf(err error) string {
	if errors.Is(err, core.ErrCorrupt) || errors.Is(err, core.ErrNotStorage) {
		return found
	}
	return fmt.Sprintf("unclear: %v", err)
}

// read reads all rows in a scan and one by one. Both tables must be of the same commit.
func (p target) read(s targetStorage) string {
	outcomes := make([]string, 0, 2)
	for i, t := range s.tables() {
		got, err := scanned(t)
		outcome := p.compare(got)
		if err != nil {
			outcome = outcomeOf(err)
		}
		if bad := p.gets(t, outcome); bad != "" {
			outcome = bad
		}
		if outcome == wrong && i == 0 {
			outcome = "wrong in spite of checksums"
		}
		outcomes = append(outcomes, outcome)
	}
	return worse(outcomes[0], outcomes[1])
}

// worse returns the worse outcome of two tables. Nothing excuses that they come from different
// commits.
func worse(a, b string) string {
	order := []string{none, found, wrong}
	i, j := slices.Index(order, a), slices.Index(order, b)
	switch {
	case a == b:
		return a
	case i >= 0 && j >= 0:
		return order[max(i, j)]
	}
	return a + " and " + b
}

func scanned(t *targetTable) (map[string]string, error) {
	rows := map[string]string{}
	for row, err := range t.Scan().Rows(context.Background()) {
		if err != nil {
			return nil, err
		}
		rows[row.Key] = string(row.Value)
	}
	return rows, nil
}

// compare compares all rows with those that there should be.
func (p target) compare(rows map[string]string) string {
	switch {
	case maps.Equal(rows, targetState(p.commits)):
		return none
	case maps.Equal(rows, targetState(p.commits-1)):
		return previous
	case len(rows) == 0:
		return anew
	}
	return wrong
}

// gets reads row by row what a scan found to be as outcome says. After a scan that met damage a
// row may be damaged, or absent if the damage is to its key, but must not be another.
func (p target) gets(t *targetTable, outcome string) string {
	state := targetState(p.commits)
	if outcome == previous {
		state = targetState(p.commits - 1)
	}
	if outcome == anew || outcome == wrong {
		return ""
	}
	for key, want := range state {
		got, err := t.Load(context.Background(), key)
		switch {
		case err == nil && string(got) == want, outcome == found &&
			(errors.Is(err, core.ErrCorrupt) || errors.Is(err, core.ErrNotFound)):
		case err == nil:
			return wrong
		default:
			return fmt.Sprintf("a scan says %s, getting %.6s gives: %v", outcome, key, err)
		}
	}
	return ""
}

// A quick opening does not see a page in the list of free pages that is in use. When it has
// been overwritten, what it held must be found to be damaged: in the table with checksums no
// row is wrong, and none is missing without a word.
func TestPageThatIsWronglyFree(t *testing.T) {
	path := fastPath(t)
	p, err := makeTarget(path, false, 0)
	if err != nil {
		t.Fatal(err)
	}
	m, err := readMetas(bytes.NewReader(p.content))
	if err != nil {
		t.Fatal(err)
	}
	places, err := dissect(p.content)
	if err != nil {
		t.Fatal(err)
	}
	outcomes := map[string]int{}
	for _, part := range []string{
		"branch pages", "leaf pages, rows with checksums",
		"overflow pages, rows with checksums", "overflow pages, rows without",
	} {
		for i, at := range places[part] {
			if testing.Short() && i%8 > 0 {
				continue
			}
			content := bytes.Clone(p.content)
			list := content[m.freelist*m.pageSize:]
			setFree(list, uint64(at.from)/m.pageSize)
			if err := os.WriteFile(path, content, 0o600); err != nil {
				t.Fatal(err)
			}
			outcome := p.writeAndRead(path)
			outcomes[outcome]++
			// The commit that overwrites the page frees it once more, with the value that it was
			// part of, and the next one that takes it overwrites what is there by then. So a page
			// of one table costs pages of the other, in which nothing finds a wrong value.
			if outcome != wrong && !possible("closed", part, outcome) {
				t.Errorf("%s, page %d: %s", part, uint64(at.from)/m.pageSize, outcome)
			}
		}
	}
	if outcomes[found] == 0 {
		t.Errorf("no page was overwritten: %v", outcomes)
	}
	t.Log(outcomes)
}

// setFree puts a page into a list of free pages, in place of the one that is next to it.
func setFree(list []byte, id uint64) {
	for i := range page(list).count() {
		at := list[headerSize+8*i:]
		if native.Uint64(at) > id || i == page(list).count()-1 {
			native.PutUint64(at, id)
			return
		}
	}
}

// writeAndRead makes commits in a storage and says what it holds then.
func (p target) writeAndRead(path string) string {
	s, err := openTarget(path)
	if err != nil {
		return outcomeOf(err)
	}
	for last := p.commits + 30; p.commits < last && err == nil; {
		if err = s.commit(p.commits+1, p.commits+1); err == nil {
			p.commits++
		}
	}
	outcome := p.read(s)
	if err != nil && outcome == none {
		outcome = outcomeOf(err)
	}
	s.Close()
	return outcome
}
