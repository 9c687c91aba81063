// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package badger

import (
	"bytes"
	"context"
	"errors"
	"flag"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/guardkv/guardkv/core"
	"github.com/guardkv/guardkv/core/backendtest"
)

var update = flag.Bool("update", false, "rewrite the table of damages in README.md")

// A sample is a storage that was closed, one that was killed since, or one of either with a
// file that is damaged.
const (
	sampleRows  = 3000 // that were there when it was closed
	sampleLater = 1000 // that were written since, in batches, if it was killed
	sampleBatch = 100
)

// sampleValue is the value of row i: most are short, every thousandth is in the value log.
func sampleValue(i int) []byte {
	if i%1000 == 7 {
		return rowValue(i, inlineBelow+100)
	}
	return rowValue(i, 100)
}

func sampleWrites(from, to int) []core.Write {
	w := rows(from, to, 0)
	for i := range w {
		w[i].Value = sampleValue(from + i)
	}
	return w
}

// makeSamples makes the storages that are damaged copies of: one that was closed, and one that was
// killed.
func makeSamples(t *testing.T, dir string) (closed, killed sample) {
	t.Helper()
	path := filepath.Join(dir, "sample")
	for from := 0; from < sampleRows; from += sampleRows / 3 { // a file of the value log each
		e := open(t, small, path)
		apply(t, e, sampleWrites(from, from+sampleRows/3)...)
		if from == 0 {
			compact(t, e)
		}
		closeEngine(t, e)
	}
	closed = inspect(t, path)
	e := open(t, small, path)
	for from := sampleRows; from < sampleRows+sampleLater; from += sampleBatch {
		apply(t, e, sampleWrites(from, from+sampleBatch)...)
	}
	killed = inspect(t, path)
	closeEngine(t, e)
	return closed, killed
}

// sample is what is in the files of a storage, by name.
type sample map[string]sampleFile

// sampleFile is a file: most of the long ones are zeroes, which are not kept.
type sampleFile struct {
	used []byte // without the zeroes at its end
	size int64
}

// inspect reads a storage, as it is.
func inspect(t *testing.T, dir string) sample {
	t.Helper()
	p := sample{}
	for name, content := range contents(t, dir) {
		p[name] = sampleFile{[]byte(strings.TrimRight(content, "\x00")), int64(len(content))}
	}
	if _, ok := p["LOCK"]; !ok {
		const left = "1234567\n" // a number that badger left there
		p["LOCK"] = sampleFile{[]byte(left), int64(len(left))}
	}
	return p
}

// write makes a storage of a sample.
func (p sample) write(t *testing.T, dir string) {
	t.Helper()
	if err := os.MkdirAll(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	for name, f := range p {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, f.used, 0o600); err != nil {
			t.Fatal(err)
		}
		if err := os.Truncate(path, f.size); err != nil {
			t.Fatal(err)
		}
	}
}

// damaged returns the sample with one damage in one part.
func (p sample) damaged(t *testing.T, o part, in damage, place int) sample {
	t.Helper()
	name := o.file(p)
	f, ok := p[name]
	if !ok {
		t.Fatalf("there is no %s", o.name)
	}
	p = maps.Clone(p)
	if in.at == nil {
		delete(p, name)
		return p
	}
	f.used = in.at(len(f.used), place, in.places)(f.used)
	if in.cuts {
		f.size = int64(len(f.used))
	}
	p[name] = f
	return p
}

// file finds the file of a sample, the newest of its kind.
func (o part) file(p sample) string {
	var found []string
	for name := range p {
		if ok, _ := filepath.Match(o.pattern, name); ok {
			found = append(found, name)
		}
	}
	slices.Sort(found)
	if len(found) == 0 {
		return ""
	}
	if o.older && len(found) > 1 {
		return found[len(found)-2]
	}
	return found[len(found)-1]
}

// part is a kind of file.
type part struct {
	name    string
	pattern string
	older   bool // the newest but one
	killed  bool // of a storage that was killed
}

var parts = []part{
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

// damage is a kind of it. Each is done at some places, one at a time. at is about the part of a
// file of n bytes that is in use; it is nil for the damage that no file is left.
type damage struct {
	name   string
	places int
	cuts   bool // the file ends with the part that is in use
	at     func(n, place, of int) backendtest.Damage
}

var damages = []damage{
	{"a bit flipped", 12, false, func(n, place, of int) backendtest.Damage {
		return backendtest.FlipBit(n*place/of, place%8)
	}},
	{"its tail cut", 5, true, func(n, place, of int) backendtest.Damage {
		if place == 0 {
			return backendtest.Cut(n - 1)
		}
		return backendtest.Cut(n * place / of)
	}},
	{"a block zeroed", 4, false, func(n, place, of int) backendtest.Damage {
		return backendtest.Zero(n*place/of, max(1, min(4096, n/of)))
	}},
	{"zero length", 1, true, func(int, int, int) backendtest.Damage {
		return backendtest.Cut(0)
	}},
	{"deleted", 1, false, nil},
}

func damageNames() (names []string) {
	for _, in := range damages {
		names = append(names, in.name)
	}
	return names
}

// TestDamage damages each kind of file in each way. A child process opens what is left, so that
// none can end this one. README.md has the outcomes.
func TestDamage(t *testing.T) {
	if testing.Short() {
		t.Skip("each child has one goroutine beside badger's own, which opens hundreds of storages")
	}
	dir := filepath.Dir(fastPath(t))
	closed, killed := makeSamples(t, dir)
	met := backendtest.Outcomes{
		Name: "damage", Of: "file", Damages: damageNames(), Met: make([][][]string, len(parts)),
	}
	t.Run("parts", func(t *testing.T) {
		for i, o := range parts {
			p := closed
			if o.killed {
				p = killed
			}
			met.Parts = append(met.Parts, o.name)
			t.Run(o.name, func(t *testing.T) {
				t.Parallel()
				at := filepath.Join(dir, strconv.Itoa(i))
				defer os.RemoveAll(at)
				met.Met[i] = outcomes(t, p, at, o)
			})
		}
	})
	met.Compare(t, "README.md", true, *update)
}

// outcomes returns what can become of a kind of file that is damaged, in each way.
func outcomes(t *testing.T, p sample, dir string, o part) (met [][]string) {
	t.Helper()
	args := []string{strconv.FormatBool(o.killed)}
	for _, in := range damages {
		for place := range in.places {
			path := filepath.Join(dir, strconv.Itoa(len(args)))
			p.damaged(t, o, in, place).write(t, path)
			args = append(args, path)
		}
	}
	cmd := backendtest.Child(t.Context(), "damage", args...)
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	all := strings.Split(strings.TrimSpace(string(out)), "\n")
	if err != nil || len(all) != len(args)-1 {
		t.Fatalf("the process ended after %d of %d outcomes: %v\n%s%s",
			len(all), len(args)-1, err, out, stderr.String())
	}
	for _, in := range damages {
		lines := all[:in.places]
		all = all[in.places:]
		for i, line := range lines {
			if strings.Contains(line, "WRONG") {
				t.Errorf("%s, place %d: %s", in.name, i, line)
			}
		}
		met = append(met, lines)
	}
	return met
}

// damageChild prints what becomes of each of some damaged storages.
func damageChild(args []string) error {
	for _, path := range args[1:] {
		fmt.Println(outcome(path, args[0] == "true"))
		if err := os.RemoveAll(path); err != nil {
			return err
		}
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

// judge compares what was read without an error with what was written. A storage that was
// killed may lack its last batches.
func judge(all map[string]string, killed bool) string {
	least, most := sampleRows, sampleRows
	if killed {
		most += sampleLater
	}
	if len(all) < least || len(all) > most || len(all)%sampleBatch != 0 {
		return fmt.Sprintf("WRONG: %d rows", len(all))
	}
	for i := range len(all) {
		if all[string(rowKey(i))] != string(sampleValue(i)) {
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
	for i := range sampleRows {
		v, r, err := e.Get(context.Background(), rowKey(i))
		switch {
		case errors.Is(err, core.ErrCorrupt):
			damaged++
		case err != nil:
			return fmt.Sprintf("WRONG: Get of row %d: %v", i, err)
		default:
			if !bytes.Equal(v, sampleValue(i)) {
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

// used is the length of b without the zeroes at its end.
func used(b []byte) int { return len(bytes.TrimRight(b, "\x00")) }
