// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package pebble

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/guardkv/guardkv/core"
	"github.com/guardkv/guardkv/core/backendtest"
)

// The outcomes of damage, joined by " or " where it depends on the place.
const (
	found = "found" // an error that is ErrCorrupt or ErrNotStorage
	none  = "none"  // everything is there, and right
	// everything of the last clean close is there, and right, but later writes may be missing
	newer = "newer"
	empty = "-" // there is nothing in the file to damage
)

var kindsOfDamage = []string{"flip a bit", "cut the tail", "zero a block", "zero length", "delete"}

// matrix says what damage to one file leads to, in the order of kindsOfDamage. README.md shows it.
var matrix = []struct {
	kind   string // a pattern of file names
	what   string
	closed [5]string // the storage was closed
	// its process ended while it was open, after writes since it was closed before
	crashed [5]string
}{
	{
		"*.sst", "tables",
		[5]string{"found", "found", "found", "found", "found"},
		[5]string{"found", "found", "found", "found", "found"},
	},
	{
		"*.log", "logs",
		[5]string{"none", "none", "none", "none", "none"},
		[5]string{
			"found or newer or none",
			"newer or none", "found or newer or none", "newer or none", "newer or none",
		},
	},
	{
		"MANIFEST-*", "the list of the tables",
		[5]string{"found", "found", "found", "found", "found"},
		[5]string{
			"found or newer or none",
			"found or newer or none", "found or newer or none", "found", "found",
		},
	},
	{
		"OPTIONS-*", "pebble's options",
		[5]string{"found or none", "found or none", "found or none", "none", "none"},
		[5]string{"found or none", "found or none", "found or none", "none", "none"},
	},
	{
		"marker.manifest.*", "which list is valid",
		[5]string{"-", "-", "-", "-", "found"},
		[5]string{"-", "-", "-", "-", "found"},
	},
	{
		"marker.format-version.*", "pebble's version",
		[5]string{"-", "-", "-", "-", "found"},
		[5]string{"-", "-", "-", "-", "found"},
	},
	{
		"guardkv.mark", "what the storage is",
		[5]string{"found", "found", "found", "found", "found"},
		[5]string{"found", "found", "found", "found", "found"},
	},
	{
		"guardkv.witness", "what was durable",
		[5]string{"none", "none", "none", "none", "none"},
		[5]string{"none", "none", "none", "none", "none"},
	},
	{
		"LOCK", "pebble's lock",
		[5]string{"-", "-", "-", "-", "none"},
		[5]string{"-", "-", "-", "-", "none"},
	},
}

// outcomes returns the matrix of storages in a state as README.md has it.
func outcomes(state string) backendtest.Outcomes {
	o := backendtest.Outcomes{
		Name: "damage, " + state, Of: "damage to", Damages: kindsOfDamage,
	}
	for _, m := range matrix {
		cells := m.closed
		if state == "crashed" {
			cells = m.crashed
		}
		var met [][]string
		for _, cell := range cells {
			met = append(met, strings.Split(cell, " or "))
		}
		o.Parts = append(o.Parts, fmt.Sprintf("`%s`: %s", m.kind, m.what))
		o.Met = append(o.Met, met)
	}
	return o
}

func TestReadmeShowsTheMatrix(t *testing.T) {
	for _, state := range []string{"closed", "crashed"} {
		outcomes(state).Compare(t, "README.md", true, false)
	}
}

const (
	baseRows  = 4000 // were there when the storage was last closed
	laterRows = 5000 // were written since
)

// samples are one storage in two states.
type samples struct{ closed, crashed string }

// newSamples makes a storage whose life left tables of all origins: of logs, of large writes,
// of merging.
func newSamples(t *testing.T) samples {
	path := testPath(t)
	e := open(t, Backend{}, path)
	apply(t, e, rows(0, 1000, 120)...)
	apply(t, e, rows(2000, 2600, 8000)...) // at once a table
	if err := e.Compact(t.Context()); err != nil {
		t.Fatal(err)
	}
	closeEngine(t, e)
	e = open(t, Backend{}, path)
	apply(t, e, rows(1000, 2000, 120)...)
	apply(t, e, rows(2600, baseRows, 120)...)
	closeEngine(t, e)
	p := samples{closed: path + ".closed", crashed: path + ".crashed"}
	for i, to := range []string{p.closed, p.crashed} {
		if i == 1 {
			e = open(t, Backend{}, path)
			for n := baseRows; n < laterRows; n += 50 {
				apply(t, e, rows(n, n+50, 120)...)
				// what comes before is in a table, what comes after in the log
				if n == (baseRows+laterRows)/2 {
					if err := e.flush(); err != nil {
						t.Fatal(err)
					}
					quiet(t, e)
				}
			}
		}
		if err := os.CopyFS(to, os.DirFS(path)); err != nil {
			t.Fatal(err)
		}
	}
	closeEngine(t, e)
	return p
}

// quiet waits until pebble merges nothing and no file is left over, so that every file that is
// copied counts.
func quiet(t *testing.T, e *engine) {
	t.Helper()
	for range 10_000 {
		m := e.db.Metrics()
		if m.Compact.NumInProgress == 0 && m.Table.ObsoleteCount == 0 && m.Table.ZombieCount == 0 {
			return
		}
		time.Sleep(time.Millisecond)
	}
	t.Fatal("pebble does not come to rest")
}

// TestDamage damages every file of a storage in every way, each cell of the matrix in a process
// of its own, and proves that what comes of it is what the matrix says.
func TestDamage(t *testing.T) {
	p := newSamples(t)
	trials := 8
	if testing.Short() {
		trials = 1
	}
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	for state, path := range map[string]string{"closed": p.closed, "crashed": p.crashed} {
		for i, m := range matrix {
			want := m.closed
			if state == "crashed" {
				want = matrix[i].crashed
			}
			for d, damage := range kindsOfDamage {
				t.Run(state+"/"+m.kind+"/"+damage, func(t *testing.T) {
					t.Parallel()
					cmd := backendtest.Child(t.Context(), "damage", path, t.TempDir(), m.kind,
						damage, strconv.Itoa(trials), strconv.FormatUint(seed, 10), state)
					var crash strings.Builder
					cmd.Stderr = &crash
					out, err := cmd.Output()
					if err != nil {
						t.Fatalf("the process ended with %v: %.2000s", err, crash.String())
					}
					allowed := strings.Split(want[d], " or ")
					for line := range strings.Lines(string(out)) {
						outcome, how, _ := strings.Cut(strings.TrimSpace(line), " ")
						if !slices.Contains(allowed, outcome) {
							t.Errorf("%s is not %q: %s", outcome, want[d], how)
						}
					}
				})
			}
		}
	}
}

// damageChild does one cell of the matrix. It prints a line for each file and place.
func damageChild(args []string) error {
	sound, dir, kind, damage, state := args[0], args[1], args[2], args[3], args[6]
	trials, _ := strconv.Atoi(args[4])
	seed, _ := strconv.ParseUint(args[5], 10, 64)
	names, err := filepath.Glob(filepath.Join(sound, kind))
	if err != nil || len(names) == 0 {
		return fmt.Errorf("no %s in %s: %w", kind, sound, err)
	}
	rnd := rand.New(rand.NewPCG(seed, uint64(len(kind)+31*len(damage))))
	for _, name := range names {
		if obsolete(sound, name) {
			continue
		}
		for trial := range trials {
			path := filepath.Join(dir, fmt.Sprint("db", trial, filepath.Base(name)))
			if err := os.CopyFS(path, os.DirFS(sound)); err != nil {
				return err
			}
			how, done, err := harm(filepath.Join(path, filepath.Base(name)), damage, trial, rnd)
			if err != nil {
				return err
			}
			outcome := empty
			if done {
				outcome = inspect(path, state)
			}
			fmt.Println(outcome, how)
			os.RemoveAll(path)
			if damage == "zero length" || damage == "delete" || !done {
				break
			}
		}
	}
	return nil
}

// obsolete reports whether pebble has left a file behind that it does not need any more: of the
// numbered files of which only one is valid, every one but the newest.
func obsolete(dir, name string) bool {
	for _, prefix := range []string{"MANIFEST-", "OPTIONS-"} {
		if strings.HasPrefix(filepath.Base(name), prefix) {
			all, _ := filepath.Glob(filepath.Join(dir, prefix+"*"))
			return name != slices.Max(all)
		}
	}
	return false
}

// harm damages a file. done is false if there is nothing in it.
func harm(name, damage string, trial int, rnd *rand.Rand) (how string, done bool, err error) {
	content, err := os.ReadFile(name)
	if err != nil {
		return "", false, err
	}
	base := filepath.Base(name)
	if damage == "delete" {
		return base + " deleted", true, os.Remove(name)
	}
	n := len(content)
	if n == 0 {
		return base, false, nil
	}
	var d backendtest.Damage
	switch damage {
	case "flip a bit":
		at, bit := rnd.IntN(n), rnd.IntN(8)
		d = backendtest.FlipBit(at, bit)
		how = fmt.Sprintf("%s: bit %d of byte %d of %d flipped", base, bit, at, n)
	case "cut the tail":
		keep := n - 1 - rnd.IntN(max(1, n/2))
		if trial == 0 {
			keep = n - 1
		}
		d = backendtest.Cut(keep)
		how = fmt.Sprintf("%s: cut from %d bytes to %d", base, n, keep)
	case "zero a block":
		size := min(n, 512)
		at := rnd.IntN(n - size + 1)
		if !slices.ContainsFunc(content[at:at+size], func(b byte) bool { return b != 0 }) {
			return base + ": zero already", true, nil
		}
		d = backendtest.Zero(at, size)
		how = fmt.Sprintf("%s: %d bytes of %d zeroed at %d", base, size, n, at)
	case "zero length":
		d = backendtest.Cut(0)
		how = fmt.Sprintf("%s: cut from %d bytes to 0", base, n)
	}
	_, err = backendtest.DamageFile(name, d)
	return how, true, err
}

// inspect opens a storage, reads and checks everything, and does so again.
func inspect(path, state string) string {
	first := examineOnce(path, state)
	if first == found { // it must not be believed the second time
		if again := examineOnce(path, state); again != found {
			return "found-once,then-" + again
		}
	}
	return first
}

func examineOnce(path, state string) string {
	opts := testOptions()
	opts.Logger = slog.New(slog.DiscardHandler)
	e, err := tryOpen(Backend{}, path, false, opts)
	if err != nil {
		return outcomeOf(err)
	}
	all, err := dump(e)
	if err == nil {
		err = e.Check(context.Background())
	}
	if failed := e.Close(); err == nil {
		err = failed
	}
	if err != nil {
		return outcomeOf(err)
	}
	return compare(all, state)
}

func outcomeOf(err error) string {
	if errors.Is(err, core.ErrCorrupt) || errors.Is(err, core.ErrNotStorage) {
		return found
	}
	return strings.ReplaceAll(fmt.Sprintf("unclear:%v", err), " ", "_")
}

// compare compares all rows with those that were put.
func compare(all map[string]string, state string) string {
	right := 0
	for i := range laterRows {
		size := 120
		if i >= 2000 && i < 2600 {
			size = 8000
		}
		switch got, ok := all[string(rowKey(i))]; {
		case ok && got != string(rowValue(i, size)):
			return fmt.Sprintf("wrong,row_%d", i)
		case ok:
			right++
		case i < baseRows:
			return fmt.Sprintf("lost,row_%d_of_%d", i, len(all))
		}
	}
	want := baseRows
	if state == "crashed" {
		want = laterRows
	}
	switch {
	case right != len(all):
		return "strange_rows"
	case right < want:
		return newer
	}
	return none
}
