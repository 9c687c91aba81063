// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package badger

import (
	"bytes"
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/guardkv/guardkv/core"
)

var update = flag.Bool("update", false, "rewrite the table of damages in README.md")

// A patient is a storage that was closed, one that was killed since, or one of either with a file that may be damaged.
const (
	patientRows  = 3000 // that were there when it was closed
	patientLater = 1000 // that were written since, in batches, if it was killed
	patientBatch = 100
)

// patientValue is the value of row i: most are short, every thousandth is in the value log.
func patientValue(i int) []byte {
	if i%1000 == 7 {
		return rowValue(i, inlineBelow+100)
	}
	return rowValue(i, 100)
}

func patientWrites(from, to int) []core.Write {
	w := rows(from, to, 0)
	for i := range w {
		w[i].Value = patientValue(from + i)
	}
	return w
}

// admit makes the storages that are damaged copies of: one that was closed, and one that was killed.
func admit(t *testing.T, dir string) (closed, killed string) {
	t.Helper()
	closed, killed = filepath.Join(dir, "closed"), filepath.Join(dir, "killed")
	for from := 0; from < patientRows; from += patientRows / 3 { // a file of the value log each
		e := open(t, small, closed)
		apply(t, e, patientWrites(from, from+patientRows/3)...)
		if from == 0 {
			compact(t, e)
		}
		closeEngine(t, e)
	}
	copyDir(t, closed, killed+"-open")
	e := open(t, small, killed+"-open")
	for from := patientRows; from < patientRows+patientLater; from += patientBatch {
		apply(t, e, patientWrites(from, from+patientBatch)...)
	}
	copyDir(t, killed+"-open", killed)
	closeEngine(t, e)
	return closed, killed
}

// file finds the file of a storage, the newest of its kind.
func (o organ) file(dir string) string {
	found, _ := filepath.Glob(filepath.Join(dir, o.pattern))
	slices.Sort(found)
	if len(found) == 0 {
		return filepath.Join(dir, o.pattern)
	}
	if o.older {
		return found[len(found)-2]
	}
	return found[len(found)-1]
}

// organ is a kind of file.
type organ struct {
	name    string
	pattern string
	older   bool // the newest but one
	killed  bool // of a storage that was killed
}

var organs = []organ{
	{name: "table", pattern: "*.sst"},
	{name: "table, killed", pattern: "*.sst", killed: true},
	{name: "value log, newest", pattern: "*.vlog"},
	{name: "value log, older", pattern: "*.vlog", older: true},
	{name: "value log, newest, killed", pattern: "*.vlog", killed: true},
	{name: "log of the memtable, killed", pattern: "*.mem", killed: true},
	{name: "`MANIFEST`", pattern: "MANIFEST"},
	{name: "`MANIFEST`, killed", pattern: "MANIFEST", killed: true},
	{name: "`DISCARD`", pattern: "DISCARD"},
	{name: "`KEYREGISTRY`", pattern: "KEYREGISTRY"},
	{name: "`LOCK`", pattern: "LOCK"},
	{name: "`guardkv.mark`", pattern: "guardkv.mark"},
	{name: "`guardkv.witness`", pattern: "guardkv.witness"},
}

// injury is a kind of damage. Each is done at some places, one at a time.
type injury struct {
	name   string
	places int
	do     func(b []byte, place, of int) []byte // nil: the file is deleted
}

var injuries = []injury{
	{"a bit flipped", 12, func(b []byte, place, of int) []byte {
		if len(b) > 0 {
			b[used(b)*place/of] ^= 1 << (place % 8)
		}
		return b
	}},
	{"its tail cut", 5, func(b []byte, place, of int) []byte {
		if place == 0 {
			return b[:max(0, used(b)-1)]
		}
		return b[:used(b)*place/of]
	}},
	{"a block zeroed", 4, func(b []byte, place, of int) []byte {
		n := used(b)
		at := n * place / of
		clear(b[at:min(n, at+max(1, min(4096, n/of)))])
		return b
	}},
	{"zero length", 1, func(b []byte, _, _ int) []byte { return b[:0] }},
	{"deleted", 1, func([]byte, int, int) []byte { return nil }},
}

// used is the length of b without the zeroes at its end.
func used(b []byte) int { return len(bytes.TrimRight(b, "\x00")) }

// TestDamage damages each kind of file in each way. A child process opens what is left, so that none can end this one.
// README.md has the outcomes.
func TestDamage(t *testing.T) {
	dir := filepath.Dir(fastPath(t))
	closed, killed := admit(t, dir)
	var table strings.Builder
	table.WriteString("| file |")
	for _, in := range injuries {
		table.WriteString(" " + in.name + " |")
	}
	table.WriteString("\n|---|" + strings.Repeat("---|", len(injuries)) + "\n")
	for _, o := range organs {
		from := closed
		if o.killed {
			from = killed
		}
		table.WriteString("| " + o.name + " |")
		for _, in := range injuries {
			fmt.Fprintf(&table, " %s |", outcomes(t, from, filepath.Join(dir, "patient"), o, in))
		}
		table.WriteString("\n")
	}
	compareTable(t, table.String())
}

// outcomes returns what can become of a kind of file that is damaged in one way.
func outcomes(t *testing.T, from, to string, o organ, in injury) string {
	t.Helper()
	first, places := 0, in.places
	if testing.Short() {
		first, places = in.places/2, in.places/2+1
	}
	args := []string{strconv.FormatBool(o.killed)}
	for p := first; p < places; p++ {
		path := to + strconv.Itoa(p)
		copyDir(t, from, path)
		file := o.file(path)
		b, err := os.ReadFile(file)
		if err != nil && o.pattern != "LOCK" {
			t.Fatal(err)
		}
		if b == nil {
			b = []byte("1234567\n") // a number that badger left there
		}
		if b = in.do(b, p, in.places); b == nil {
			os.Remove(file)
		} else if err := os.WriteFile(file, b, 0o600); err != nil {
			t.Fatal(err)
		}
		args = append(args, path)
	}
	cmd := child(t.Context(), "damage", args...)
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Errorf("%s, %s: the process ended: %v\n%s%s", o.name, in.name, err, out, stderr.String())
	}
	lines := strings.Split(strings.TrimSpace(string(out)), "\n")
	if len(lines) != places-first {
		t.Errorf("%s, %s: %d outcomes of %d", o.name, in.name, len(lines), places-first)
	}
	for i, line := range lines {
		if strings.Contains(line, "WRONG") {
			t.Errorf("%s, %s, place %d: %s", o.name, in.name, i, line)
		}
	}
	slices.Sort(lines)
	return strings.Join(slices.Compact(lines), " or ")
}

// compareTable compares the outcomes with those in README.md. In short tests there are fewer.
func compareTable(t *testing.T, table string) {
	t.Helper()
	const begin, end = "<!-- damage -->\n", "<!-- end of damage -->"
	readme, err := os.ReadFile("README.md")
	if err != nil {
		t.Fatal(err)
	}
	before, rest, ok := strings.Cut(string(readme), begin)
	documented, after, ok2 := strings.Cut(rest, end)
	if !ok || !ok2 {
		t.Fatal("README.md has no table of damages")
	}
	if *update {
		if err := os.WriteFile("README.md", []byte(before+begin+table+end+after), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	got, want := strings.Split(table, "\n"), strings.Split(documented, "\n")
	if len(got) != len(want) {
		t.Fatalf("README.md has %d lines of %d; run the test with -update", len(want), len(got))
	}
	for i := range got {
		g, w := strings.Split(got[i], " | "), strings.Split(want[i], " | ")
		for j := range g {
			if j >= len(w) || !documentedOutcome(g[j], w[j]) {
				t.Errorf("README.md says\n%s\nand the outcome is\n%s\nIf that is right, run the test with -update", want[i], got[i])
				break
			}
		}
	}
}

func documentedOutcome(got, want string) bool {
	if !testing.Short() {
		return got == want
	}
	for _, g := range strings.Split(strings.Trim(got, " |"), " or ") {
		if !slices.Contains(strings.Split(strings.Trim(want, " |"), " or "), g) {
			return false
		}
	}
	return true
}

// damageChild prints what becomes of each of some damaged storages.
func damageChild(args []string) error {
	for _, path := range args[1:] {
		fmt.Println(outcome(path, args[0] == "true"))
	}
	return nil
}

func outcome(path string, killed bool) string {
	e, err := openDamaged(path)
	if err != nil {
		return "opening: " + sentinel(err)
	}
	defer e.Close()
	all, err := dump(e)
	if err != nil {
		if wrong := reread(e, killed); wrong != "" {
			return wrong
		}
		return "reading: " + sentinel(err)
	}
	result := judge(all, killed)
	if err := e.Check(context.Background()); err != nil {
		return result + ", checking: " + sentinel(err)
	}
	return result
}

func openDamaged(path string) (*engine, error) {
	c, err := small.Claim(context.Background(), path, false)
	if err != nil {
		return nil, err
	}
	defer c.Release()
	if _, err := c.Mark(); err != nil {
		return nil, err
	}
	e, err := c.Open(context.Background(), testOptions())
	if err != nil {
		return nil, err
	}
	return e.(*engine), nil
}

func sentinel(err error) string {
	switch {
	case errors.Is(err, core.ErrNotStorage):
		return "`ErrNotStorage`"
	case errors.Is(err, core.ErrCorrupt):
		return "`ErrCorrupt`"
	}
	return "WRONG: " + err.Error()
}

// judge compares what was read without an error with what was written. A storage that was killed may lack its last batches.
func judge(all map[string]string, killed bool) string {
	least, most := patientRows, patientRows
	if killed {
		most += patientLater
	}
	if len(all) < least || len(all) > most || len(all)%patientBatch != 0 {
		return fmt.Sprintf("WRONG: %d rows", len(all))
	}
	for i := range len(all) {
		if all[string(rowKey(i))] != string(patientValue(i)) {
			return fmt.Sprintf("WRONG: row %d of %d", i, len(all))
		}
	}
	if len(all) < most {
		return "commits since the last close are missing"
	}
	return "sound"
}

// reread gets every row, after a scan has met damage: each must be right, or damaged.
func reread(e *engine, killed bool) string {
	damaged := 0
	for i := range patientRows {
		v, r, err := e.Get(context.Background(), rowKey(i))
		switch {
		case errors.Is(err, core.ErrCorrupt):
			damaged++
		case err != nil:
			return fmt.Sprintf("WRONG: Get of row %d: %v", i, err)
		default:
			if !bytes.Equal(v, patientValue(i)) {
				return fmt.Sprintf("WRONG: Get of row %d", i)
			}
			r.Release()
		}
	}
	if damaged == 0 && !killed {
		return "WRONG: the scan met damage and Get did not"
	}
	return ""
}
