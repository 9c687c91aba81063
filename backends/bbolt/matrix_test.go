// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package bbolt

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"flag"
	"fmt"
	"log/slog"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/guardkv/guardkv/core"
	"github.com/guardkv/guardkv/core/backendtest"
	"github.com/guardkv/guardkv/core/keys"
	"github.com/guardkv/guardkv/core/values"
)

var update = flag.Bool("update", false, "rewrite the tables of damage in README.md")

// The outcomes of damage. A cell joins them by " or " where it depends on the place.
const (
	found    = "found"    // an error that is ErrCorrupt or ErrNotStorage
	none     = "none"     // every row is there, and right
	previous = "previous" // the state of the commit before the last one
	wrong    = "wrong"    // a row without a checksum is not what was written
	anew     = "new"      // nothing is at the path, and a storage is created
	empty    = "-"        // there is nothing of the kind
)

// A target is a storage to damage copies of. The first commits are made before it is closed;
// if it was killed, the rest after that, and then its file is copied as the end of the process
// would leave it.
const (
	sampleRows    = 420 // in each of its two tables
	commitsClosed = 6
	commitsKilled = 3
)

// patientKey is long, so that few rows make a tree of three levels.
func patientKey(i int) string { return fmt.Sprintf("%06d %s", i, strings.Repeat("key", 50)) }

// sampleValue is the value that a commit gives to row i. Every fortieth has pages of its own.
func sampleValue(i, commit int) string {
	n := 60
	if i%40 == 7 {
		n = 10_000
	}
	return string(rowValue(i*1000+commit, n))
}

// patientCommit says what a commit after the first does to both tables.
func patientCommit(commit int) (put []int, deleted int) {
	return []int{
		commit * 53 % sampleRows, 7 + 40*(commit%10),
		sampleRows + commit,
	}, commit*97%sampleRows + 1
}

// patientState returns what each table holds after a number of commits.
func patientState(commits int) map[string]string {
	rows := map[string]string{}
	for i := range sampleRows {
		rows[patientKey(i)] = sampleValue(i, 1)
	}
	for c := 2; c <= commits; c++ {
		put, deleted := patientCommit(c)
		for _, i := range put {
			rows[patientKey(i)] = sampleValue(i, c)
		}
		delete(rows, patientKey(deleted))
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

func openPatient(path string) (s targetStorage, err error) {
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
	put, deleted := patientCommit(commit)
	if commit == 1 {
		put, deleted = make([]int, sampleRows), -1
		for i := range put {
			put[i] = i
		}
	}
	for _, i := range put {
		if err := t.Put(ctx, patientKey(i), []byte(sampleValue(i, commit))); err != nil {
			return err
		}
	}
	_, err := t.Delete(ctx, patientKey(deleted))
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
	s, err := openPatient(path)
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
	if s, err = openPatient(path); err != nil {
		return p, err
	}
	err = s.commit(p.commits+1, p.commits+commitsKilled)
	p.commits += commitsKilled
	p.content, _ = os.ReadFile(path)
	return p, errors.Join(err, s.Close())
}

// section is bytes of the file that belong to one part of it. The first of them are structure.
type section struct{ from, to, structure int }

// The parts of the file, in the order of the table.
var parts = []string{
	"the whole file",
	"the newer meta page",
	"the older meta page",
	"root page, with the mark",
	"branch pages",
	"leaf page with the list of tables",
	"leaf pages, rows with checksums",
	"leaf pages, rows without",
	"overflow pages, rows with checksums",
	"overflow pages, rows without",
	"list of free pages",
	"free pages",
	"behind the last page",
}

// partList finds the parts of a file.
type partList struct {
	pages  *filePages
	places map[string][]section
	reach  bitmap
}

func dissect(content []byte) (map[string][]section, error) {
	m, err := readMetas(bytes.NewReader(content))
	if err != nil {
		return nil, err
	}
	size := int(m.pageSize)
	newer := int(m.txid%2) * size
	older := size - newer
	a := partList{
		&filePages{bytes.NewReader(content), m.pageSize, m.pages},
		map[string][]section{},
		newBitmap(m.pages),
	}
	a.places["the whole file"] = []section{{0, len(content), 0}}
	a.places["the newer meta page"] = []section{{
		newer + headerSize,
		newer + headerSize + metaSize, metaSize,
	}}
	a.places["the older meta page"] = []section{{
		older + headerSize,
		older + headerSize + metaSize, metaSize,
	}}
	if end := int(m.pages) * size; end < len(content) {
		a.places["behind the last page"] = []section{{end, len(content), 0}}
	}
	if err := a.storage(m.root); err != nil {
		return nil, err
	}
	return a.places, a.rest(m.meta)
}

func (a *partList) storage(root uint64) error {
	var buf []byte
	p, extent, err := a.pages.page(root, &buf)
	if err != nil {
		return err
	}
	a.add("root page, with the mark", p, extent)
	header, err := bucketIn(p, rowsBucket)
	if err != nil {
		return err
	}
	return a.node(native.Uint64(header))
}

// add adds the first page of p to a part, and marks all as reached. It returns where its
// content ends.
func (a *partList) add(part string, p page, extent uint64) (end int) {
	size := a.pages.pageSize
	for i := range extent / size {
		a.reach.add(p.id() + i)
	}
	from := int(p.id() * size)
	end = from + int(p.startAfter(p.count()-1))
	a.places[part] = append(a.places[part],
		section{from, min(end, from+int(size)), int(p.elementsEnd())})
	return end
}

func (a *partList) node(id uint64) error {
	var buf []byte
	p, extent, err := a.pages.page(id, &buf)
	if err != nil {
		return err
	}
	if p.isLeaf() {
		return a.leaf(p, extent)
	}
	a.add("branch pages", p, extent)
	for i := range p.count() {
		if err := a.node(p.child(i)); err != nil {
			return err
		}
	}
	return nil
}

// leaf adds a leaf to the part of its rows; one with rows of two tables is of neither.
func (a *partList) leaf(p page, extent uint64) error {
	first, err := p.key(0)
	if err != nil {
		return err
	}
	last, err := p.key(p.count() - 1)
	if err != nil {
		return err
	}
	rows, of := "", [2]byte{first[3], last[3]} // the numbers of the tables
	switch of {
	case [2]byte{1, 1}:
		rows = " pages, rows with checksums"
	case [2]byte{2, 2}:
		rows = " pages, rows without"
	}
	part := "leaf" + rows
	if of[0] == 0 {
		part = "leaf page with the list of tables"
	}
	end := a.add(part, p, extent)
	if second := int((p.id() + 1) * a.pages.pageSize); end > second {
		a.places["overflow"+rows] = append(a.places["overflow"+rows], section{second, end, 0})
	}
	return nil
}

// rest adds what no row needs.
func (a *partList) rest(m meta) error {
	size := int(m.pageSize)
	if m.freelist != noFreelist {
		free := 0
		each := func(uint64) error { free++; return nil }
		own := func(id uint64) error { a.reach.add(id); return nil }
		if err := readFreelist(a.pages, m.freelist, each, own); err != nil {
			return err
		}
		from := int(m.freelist) * size
		a.places["list of free pages"] = []section{{from, from + headerSize + 8*free, headerSize}}
	}
	for id := uint64(firstPage); id < m.pages; id++ {
		if !a.reach.has(id) {
			a.places["free pages"] = append(a.places["free pages"],
				section{int(id) * size, int(id+1) * size, 0})
		}
	}
	return nil
}

// damage is a kind of it. do damages content at one of n spots of a place, or returns nil.
type damage struct {
	name string
	do   func(content []byte, p section, spot, n int) []byte
}

var damages = []damage{
	{"flip a bit", func(content []byte, p section, spot, n int) []byte {
		to := p.to
		if spot%2 == 0 && p.structure > 0 {
			to = min(p.to, p.from+p.structure)
		}
		content[p.from+(to-p.from)*spot/n] ^= 1 << (spot * 5 % 8)
		return content
	}},
	{"cut the file in it", func(content []byte, p section, spot, n int) []byte {
		return content[:p.from+(p.to-p.from)*spot/n]
	}},
	{"zero a block of it", func(content []byte, p section, spot, n int) []byte {
		at := (p.from + (p.to-p.from)*spot/n) &^ 511
		clear(content[max(p.from, at):min(p.to, at+512)])
		return content
	}},
	{"zero all of it", func(content []byte, p section, _, _ int) []byte {
		clear(content[p.from:p.to])
		return content
	}},
	{"take it out", func(content []byte, p section, _, _ int) []byte {
		from, to := p.from&^4095, min((p.to+4095)&^4095, len(content))
		if from == 0 && to == len(content) {
			return nil
		}
		return slices.Delete(content, from, to)
	}},
}

// cells maps the kinds of damage to one part to the outcomes that were met.
type cells map[string][]string

func (c cells) String() string {
	var s strings.Builder
	for _, in := range damages {
		outcomes := slices.Compact(slices.Sorted(slices.Values(c[in.name])))
		fmt.Fprintf(&s, " %s |", cmp.Or(strings.Join(outcomes, " or "), empty))
	}
	return s.String()
}

// TestDamageMatrix damages every part of a file in every way, each part in a process of its
// own, and proves that what comes of it is what README.md says.
func TestDamageMatrix(t *testing.T) {
	for _, state := range []string{"closed", "killed"} {
		t.Run(state, func(t *testing.T) {
			outcomes := make([]cells, len(parts))
			var wg sync.WaitGroup
			running := make(chan struct{}, 2)
			for i, part := range parts {
				wg.Go(func() {
					running <- struct{}{}
					defer func() { <-running }()
					outcomes[i] = tryDamages(t, state, part)
				})
			}
			wg.Wait()
			compareTable(t, state, outcomes)
		})
	}
}

// tryDamages damages one part in all ways, in a process of its own.
func tryDamages(t *testing.T, state, part string) cells {
	cmd := backendtest.Child(t.Context(), "matrix",
		fastPath(t), state, part, strconv.FormatBool(testing.Short()))
	var crash strings.Builder
	cmd.Stderr = &crash
	out, err := cmd.Output()
	if err != nil {
		t.Errorf("%s: the process ended: %v\n%.2000s", part, err, crash.String())
	}
	c := cells{}
	for line := range strings.Lines(string(out)) {
		f := strings.Split(strings.TrimSpace(line), "\t")
		if len(f) != 3 {
			t.Errorf("%s: the child says %q", part, line)
			continue
		}
		kind, outcome, how := f[0], f[1], f[2]
		if !possible(state, part, outcome) {
			t.Errorf("%s, %s, %s: %s", part, kind, how, outcome)
		}
		c[kind] = append(c[kind], outcome)
	}
	return c
}

// possible says what the promises are: after a clean close nothing is lost without a word, and
// nothing but what has no checksum is ever wrong. What README.md says is within that.
func possible(state, part, outcome string) bool {
	switch outcome {
	case found, none:
		return true
	case previous:
		return state == "killed" && strings.HasSuffix(part, "meta page")
	case wrong:
		return strings.HasSuffix(part, "rows without")
	case anew:
		return part == "the whole file"
	}
	return false
}

// compareTable compares the outcomes with those in README.md. Which pages lie behind each other
// is another every time, as bbolt keeps free pages in a map, so not all that may come of it
// does each time.
func compareTable(t *testing.T, state string, outcomes []cells) {
	readme, err := os.ReadFile("README.md")
	if err != nil {
		t.Fatal(err)
	}
	begin, end := "<!-- damage, "+state+" -->\n", "<!-- end of damage, "+state+" -->"
	before, rest, ok := strings.Cut(string(readme), begin)
	documented, after, ok2 := strings.Cut(rest, end)
	if !ok || !ok2 {
		t.Fatalf("README.md has no table between %s and %s", begin, end)
	}
	if *update && !t.Failed() {
		if err := os.WriteFile("README.md",
			[]byte(before+begin+table(outcomes)+end+after), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	lines := strings.Split(documented, "\n")
	for i, want := range strings.Split(table(outcomes), "\n") {
		if i >= len(lines) || !covers(lines[i], want) {
			t.Errorf("README.md lacks what this line says; if that is right, run the test with -update\n%s", want)
		}
	}
}

// table returns the outcomes as Markdown.
func table(outcomes []cells) string {
	var s strings.Builder
	s.WriteString("| damage to |")
	for _, in := range damages {
		s.WriteString(" " + in.name + " |")
	}
	s.WriteString("\n|---|" + strings.Repeat("---|", len(damages)) + "\n")
	for i, part := range parts {
		fmt.Fprintf(&s, "| %s |%s\n", part, outcomes[i])
	}
	return s.String()
}

// covers reports whether each outcome in a line is in the documented line too.
func covers(documented, line string) bool {
	d, l := strings.Split(documented, "|"), strings.Split(line, "|")
	for i := range min(len(d), len(l)) {
		for outcome := range strings.SplitSeq(l[i], " or ") {
			if !slices.Contains(strings.Split(strings.TrimSpace(d[i]), " or "),
				strings.TrimSpace(outcome)) {
				return false
			}
		}
	}
	return len(d) == len(l)
}

// matrixChild damages one part in all ways and prints a line for each time: how, and what comes
// of it.
func matrixChild(args []string) error {
	path, killed, part, short := args[0], args[1] == "killed", args[2], args[3] == "true"
	for more := range 2 {
		p, err := makeTarget(path+strconv.Itoa(more), killed, more)
		if err != nil {
			return err
		}
		places, err := dissect(p.content)
		if err != nil {
			return err
		}
		for _, in := range damages {
			if err := p.tryDamages(path, places[part], part == "the whole file",
				in, short); err != nil {
				return err
			}
		}
	}
	return nil
}

// spots is at how many spots of a part each kind of damage is done.
const spots = 8

func (p target) tryDamages(path string, places []section, whole bool, in damage, short bool) error {
	if len(places) == 0 || whole && slices.Contains([]string{"flip a bit", "zero a block of it"},
		in.name) {
		return nil
	}
	n := spots
	switch {
	case whole:
		n = 1
	case strings.HasSuffix(in.name,
		"of it") && in.name != "zero a block of it", in.name == "take it out":
		n = min(n, len(places))
	}
	for spot := 0; spot < n; spot++ {
		if short && spot != n/3 {
			continue
		}
		at := places[spot*len(places)/n]
		content := in.do(bytes.Clone(p.content), at, spot, n)
		if content == nil {
			os.Remove(path)
		} else if err := os.WriteFile(path, content, 0o600); err != nil {
			return err
		}
		fmt.Printf("%s\t%s\tspot %d of %d in bytes %d to %d\n",
			in.name, p.inspect(path), spot, n, at.from, at.to)
	}
	return nil
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
	s, err := openPatient(path)
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

// worse returns the worse of what comes of two tables. Nothing excuses that they are of
// different commits.
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
	case maps.Equal(rows, patientState(p.commits)):
		return none
	case maps.Equal(rows, patientState(p.commits-1)):
		return previous
	case len(rows) == 0:
		return anew
	}
	return wrong
}

// gets reads row by row what a scan found to be as outcome says. After a scan that met damage a
// row may be damaged, or absent if the damage is to its key, but must not be another.
func (p target) gets(t *targetTable, outcome string) string {
	state := patientState(p.commits)
	if outcome == previous {
		state = patientState(p.commits - 1)
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

// The parts that a target should have, it has: no line of the table is empty by accident.
func TestPatientsAreComplete(t *testing.T) {
	for _, killed := range []bool{false, true} {
		newer := [2]int{}
		for more := range newer {
			p, err := makeTarget(filepath.Join(filepath.Dir(fastPath(t)), "db"), killed, more)
			if err != nil {
				t.Fatal(err)
			}
			places, err := dissect(p.content)
			if err != nil {
				t.Fatal(err)
			}
			for _, part := range parts {
				switch n := len(places[part]); {
				case n == 0 && !(part == "list of free pages" && killed):
					t.Errorf("killed %t: no %s", killed, part)
				case n < 2 && strings.HasPrefix(part, "branch"), n < 8 && strings.HasPrefix(part,
					"leaf pages"):
					t.Errorf("killed %t: %d %s", killed, n, part)
				}
			}
			newer[more] = places["the newer meta page"][0].from
		}
		if newer[0] == newer[1] {
			t.Errorf("killed %t: the newer meta page is always the same", killed)
		}
	}
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
	s, err := openPatient(path)
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
