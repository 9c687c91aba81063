// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package bbolt

import (
	"bytes"
	"flag"
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/guardkv/guardkv/core/backendtest"
)

var update = flag.Bool("update", false, "rewrite the tables of damage in README.md")

// The outcomes of damage. A cell joins them by " or " where it depends on the place.
const (
	found    = "found"    // an error that is ErrCorrupt or ErrNotStorage
	none     = "none"     // every row is there, and right
	previous = "previous" // the state of the commit before the last one
	wrong    = "wrong"    // a row without a checksum is not what was written
	anew     = "new"      // nothing is at the path, and a storage is created
)

// damage is a kind of it, at one of n spots of a place.
type damage struct {
	name string
	at   func(p section, spot, n int) backendtest.Damage
}

var damages = []damage{
	{"flip a bit", func(p section, spot, n int) backendtest.Damage {
		to := p.to
		if spot%2 == 0 && p.structure > 0 {
			to = min(p.to, p.from+p.structure)
		}
		return backendtest.FlipBit(p.from+(to-p.from)*spot/n, spot*5%8)
	}},
	{"cut the file in it", func(p section, spot, n int) backendtest.Damage {
		return backendtest.Cut(p.from + (p.to-p.from)*spot/n)
	}},
	{"zero a block of it", func(p section, spot, n int) backendtest.Damage {
		at := (p.from + (p.to-p.from)*spot/n) &^ 511
		from, to := max(p.from, at), min(p.to, at+512)
		return backendtest.Zero(from, to-from)
	}},
	{"zero all of it", func(p section, _, _ int) backendtest.Damage {
		return backendtest.Zero(p.from, p.to-p.from)
	}},
	{"take it out", func(p section, _, _ int) backendtest.Damage { return p.takenOut }},
}

// takenOut deletes the pages of a section. Of a whole file it leaves nothing, not even a file.
func (p section) takenOut(sound []byte) []byte {
	from, to := p.from&^4095, min((p.to+4095)&^4095, len(sound))
	if from == 0 && to == len(sound) {
		return nil
	}
	return slices.Delete(bytes.Clone(sound), from, to)
}

func damageNames() (names []string) {
	for _, d := range damages {
		names = append(names, d.name)
	}
	return names
}

// TestDamageMatrix damages every part of a file in every way, each part in a process of its
// own, and proves that what comes of it is what README.md says.
func TestDamageMatrix(t *testing.T) {
	if testing.Short() {
		t.Skip("each child has one goroutine, from which the race detector learns nothing")
	}
	for _, state := range []string{"closed", "killed"} {
		t.Run(state, func(t *testing.T) {
			outcomes := backendtest.Outcomes{
				Name: "damage, " + state, Of: "damage to", Damages: damageNames(),
				Parts: parts, Met: make([][][]string, len(parts)),
			}
			var wg sync.WaitGroup
			running := make(chan struct{}, 2)
			for i, part := range parts {
				wg.Go(func() {
					running <- struct{}{}
					defer func() { <-running }()
					outcomes.Met[i] = tryDamages(t, state, part)
				})
			}
			wg.Wait()
			// Which pages lie behind each other is another every time, as bbolt keeps free pages
			// in a map, so not all that may come of damage does each time.
			outcomes.Compare(t, "README.md", false, *update && !t.Failed())
		})
	}
}

// tryDamages damages one part in all ways, in a process of its own. It returns what came of each.
func tryDamages(t *testing.T, state, part string) [][]string {
	cmd := backendtest.Child(t.Context(), "matrix", fastPath(t), state, part)
	var crash strings.Builder
	cmd.Stderr = &crash
	out, err := cmd.Output()
	if err != nil {
		t.Errorf("%s: the process ended: %v\n%.2000s", part, err, crash.String())
	}
	met := make([][]string, len(damages))
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
		in := slices.Index(damageNames(), kind)
		if in < 0 {
			t.Errorf("%s: the child did %q", part, kind)
			continue
		}
		met[in] = append(met[in], outcome)
	}
	return met
}

// possible says what the promises are: after a clean close nothing is lost without a word, and
// only bytes without a checksum are ever wrong. README.md promises no less.
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

// matrixChild damages one part in all ways and prints a line for each time: how, and what comes
// of it.
func matrixChild(args []string) error {
	path, killed, part := args[0], args[1] == "killed", args[2]
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
			err := p.tryDamages(path, places[part], part == "the whole file", in)
			if err != nil {
				return err
			}
		}
	}
	return nil
}

// spots is at how many spots of a part each kind of damage is done.
const spots = 8

func (p target) tryDamages(path string, places []section, whole bool, in damage) error {
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
		at := places[spot*len(places)/n]
		content := in.at(at, spot, n)(p.content)
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
