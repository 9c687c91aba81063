// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package bench

import (
	"context"
	"errors"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"
)

// spinning is a work whose sides all do the same.
func spinning() (work, []side) {
	run := func(n int) error { spin(1000 * n); return nil }
	w := work{name: "spin", unit: "op"}
	return w, []side{{name: "native", run: run, native: true}, {name: "guarded", run: run}}
}

// spinRatio compares two sides of 1000 spins an operation, one of them slowed down by extra spins.
func spinRatio(t *testing.T, extra int) float64 {
	t.Helper()
	w, sides := spinning()
	// short turns are seldom disturbed
	results, err := harness{rounds: 100}.takeTurns(w, sides, []int{500, 500}, extra)
	if err != nil {
		t.Fatal(err)
	}
	return results[1].ratio(results[0])
}

// expectRatio measures up to three times: a busy machine spoils a measurement now and then, a
// wrong harness spoils all.
func expectRatio(t *testing.T, extra int, low, high float64) {
	t.Helper()
	var ratios []float64
	for range 3 {
		ratio := spinRatio(t, extra)
		if low <= ratio && ratio <= high {
			return
		}
		ratios = append(ratios, ratio)
	}
	t.Errorf("%d extra spins for 1000 make the ratio %.3f, not %.1f to %.1f",
		extra, ratios, low, high)
}

func TestEqualWorkHasRatioOne(t *testing.T) { expectRatio(t, 0, 0.9, 1.1) }

func TestSlowdownShows(t *testing.T) { expectRatio(t, 200, 1.1, 1.3) }

// It is measured several times, because a busy machine spoils a measurement now and then.
func TestSlowdownIsAPartOfTheBaseline(t *testing.T) {
	_, sides := spinning()
	var got []int
	for range 10 {
		extra, err := harness{slowdown: 0.2}.extraSpins(sides[0], 500)
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, extra)
		if extra >= 100 && extra <= 400 {
			break
		}
	}
	if extra := got[len(got)-1]; extra < 100 || extra > 400 {
		t.Errorf("20 %% of an operation of 1000 spins are %d spins", got)
	}
	if extra, err := (harness{}).extraSpins(sides[0], 500); extra != 0 || err != nil {
		t.Errorf("no slowdown is %d spins, %v", extra, err)
	}
}

func TestAllocationsAreCounted(t *testing.T) {
	var kept []byte
	s := side{name: "allocates", run: func(n int) error {
		for range n {
			kept = make([]byte, 4096)
		}
		return nil
	}}
	got, err := takeTurn(s, 1000, 0, false)
	if err != nil || len(kept) == 0 {
		t.Fatal(err)
	}
	if got.allocs < 1 || got.allocs > 1.1 || got.bytes < 4096 || got.bytes > 4600 {
		t.Errorf("1 allocation of 4096 B counts as %.2f of %.0f B", got.allocs, got.bytes)
	}
}

func TestFailingSideEndsTheWork(t *testing.T) {
	broken := errors.New("broken")
	w, sides := spinning()
	for _, failAt := range []int{1, 8} { // while operations are counted, and in a round
		calls := 0
		sides[1].run = func(n int) error {
			if calls++; calls >= failAt {
				return broken
			}
			time.Sleep(time.Millisecond)
			return nil
		}
		_, err := harness{rounds: 30, turn: time.Millisecond}.measure(w, sides)
		if !errors.Is(err, broken) || !strings.Contains(err.Error(), "spin: guarded") {
			t.Errorf("failing at call %d gives %v", failAt, err)
		}
	}
}

func TestMedian(t *testing.T) {
	for _, c := range []struct {
		values []float64
		want   float64
	}{
		{nil, 0},
		{[]float64{3}, 3},
		{[]float64{9, 1}, 5},
		{[]float64{100, 1, 2}, 2},
	} {
		if got := median(c.values); got != c.want {
			t.Errorf("median(%v) = %v, not %v", c.values, got, c.want)
		}
	}
}

func seriesOf(allocated float64, times ...float64) series {
	var s series
	for _, t := range times {
		s.turns = append(s.turns, turn{nanos: t, allocs: allocated})
	}
	return s
}

func TestClaims(t *testing.T) {
	for _, c := range []struct {
		name    string
		claim   claim
		s, base series
		figure  string
		met     bool
	}{
		{
			"ratio met",
			claim{limit: 0.75},
			seriesOf(0, 75, 70, 700), seriesOf(0, 100, 110, 100), "0.7", true,
		},
		{"ratio missed", claim{limit: 0.75}, seriesOf(0, 80), seriesOf(0, 100), "0.8", false},
		{
			"allocates",
			claim{limit: 0.75, noAlloc: true},
			seriesOf(1, 50), seriesOf(9, 100), "0.5", false,
		},
		{
			"does not allocate",
			claim{limit: 0.75, noAlloc: true},
			seriesOf(0.001, 50), seriesOf(9, 100), "0.5", true,
		},
		{
			"faster",
			claim{kind: timesFaster, limit: 8},
			seriesOf(0, 10), seriesOf(0, 90),
			"9.0 x faster", true,
		},
		{
			"not fast enough",
			claim{kind: timesFaster, limit: 8},
			seriesOf(0, 10), seriesOf(0, 70),
			"7.0 x faster", false,
		},
		{
			"excess met",
			claim{kind: excessNanos, limit: 25},
			seriesOf(0, 120, 500),
			seriesOf(0, 100, 480), "+20 ns", true,
		},
		{
			"excess allocates",
			claim{kind: excessNanos, limit: 25, noAlloc: true},
			seriesOf(10, 120),
			seriesOf(9, 100), "+20 ns", false,
		},
		{
			"only the baseline allocates",
			claim{kind: excessNanos, limit: 25, noAlloc: true},
			seriesOf(9, 120), seriesOf(9, 100), "+20 ns", true,
		},
		{
			"excess missed",
			claim{kind: excessNanos, limit: 25},
			seriesOf(0, 140), seriesOf(0, 100),
			"+40 ns", false,
		},
	} {
		v := c.claim.judge(c.s, c.base)
		if v.figure != c.figure || v.met != c.met || v.none {
			t.Errorf("%s: got %+v, want %s, %t", c.name, v, c.figure, c.met)
		}
	}
	waiting := func(times ...float64) series {
		s := seriesOf(0, times...)
		s.waits = true
		return s
	}
	if v := (claim{limit: 1}).judge(waiting(1, 90, 95), waiting(99, 100, 101)); v.figure != "0.9" {
		t.Errorf("one lucky turn of a disk makes the ratio %s", v.figure)
	}
	if v := (claim{}).judge(seriesOf(0, 1), seriesOf(0, 1)); !v.none {
		t.Errorf("a claim without a limit has a target: %+v", v)
	}
}

func TestMemoryClaim(t *testing.T) {
	at := func(mib int64) series { return series{turns: []turn{{peak: mib << 20}, {peak: 1}}} }
	c := claim{kind: memoryTimes, limit: 1.25}
	if v := c.judge(at(70), at(60)); !v.met {
		t.Errorf("60 to 70 MiB is not flat: %+v", v)
	}
	if v := c.judge(at(300), at(60)); v.met {
		t.Errorf("60 to 300 MiB is flat: %+v", v)
	}
}

func TestSpreadIsOfRounds(t *testing.T) {
	// Both sides were disturbed in the third round: their ratio was not.
	low, high := seriesOf(0, 10, 12, 100, 11, 10).spread(seriesOf(0, 10, 10, 100, 10, 10))
	if low != 1 || high != 1.1 {
		t.Errorf("half of the rounds lie from %v to %v", low, high)
	}
}

// tinySizes is just enough data for every work to run.
var tinySizes = sizes{
	small: shape{2000, 128}, middle: shape{200, 1024}, large: shape{20, 16 << 10},
	change: shape{2000, 128}, load: shape{2000, 128},
	scale: []shape{{1000, 100}}, flat: [2]int{1000, 2000}, writes: 128,
}

// TestEveryWorkRuns does all works with little data: each must end without an error, and every
// comparison must be reported.
func TestEveryWorkRuns(t *testing.T) {
	for _, yours := range []Yours{{}, {Rows: 1000, Size: 300, Reads: 50}} {
		var out, page, file strings.Builder
		cfg := Config{
			Short: true, Dir: t.TempDir(), Yours: yours, Out: &out, Progress: &out,
			JSON: &file, HTML: &page,
		}
		e, err := newEnv(cfg)
		if err != nil {
			t.Fatal(err)
		}
		e.sizes, e.harness = tinySizes, harness{rounds: 1, turn: time.Millisecond}
		works := e.works()
		if testing.Short() { // the others open and sync many files
			works = slices.DeleteFunc(works,
				func(w work) bool { return w.engine != "bbolt" && w.engine != "memory" })
		}
		if err := e.run(context.Background(), works); err != nil {
			t.Fatal(err)
		}
		for _, w := range works {
			if !strings.Contains(out.String(), "\n"+w.name+": "+w.title+"\n") {
				t.Errorf("%s has no headline", w.name)
			}
		}
		if left, err := os.ReadDir(cfg.Dir); err != nil || len(left) != 0 {
			t.Errorf("%v is left behind, %v", left, err)
		}
		r, err := ReadReport(strings.NewReader(file.String()))
		if err != nil || len(r.Results) != len(works) {
			t.Errorf("the file has %d results of %d, %v", len(r.Results), len(works), err)
		}
	}
}

func TestRunChoosesByName(t *testing.T) {
	var out strings.Builder
	cfg := Config{
		Run: regexp.MustCompile("^memory/guard/string$"), Short: true,
		Dir: t.TempDir(), Out: &out,
	}
	if err := Run(context.Background(), cfg); err != nil {
		t.Fatal(err)
	}
	if got := out.String(); strings.Count(got, "\n\n") != 2 || !strings.Contains(got,
		"Get and Close of a string") {
		t.Errorf("got %s", got)
	}
	cfg.Run = regexp.MustCompile("^no such work$")
	if err := Run(context.Background(), cfg); err == nil {
		t.Error("a name that nothing has is no error")
	}
}

// A claim whose baseline cannot be found is not printed at all, neither as met nor as missed. That
// once happened to the claims of the formats.
func TestFormatsClaimsAreCompared(t *testing.T) {
	for name, sidesOf := range map[string]func(int) ([]side, error){
		"reads": formatReads, "writes": formatWrites,
	} {
		sides, err := sidesOf(20_000)
		if err != nil {
			t.Fatal(err)
		}
		var measured []series
		claims, targets := 0, 0
		for _, s := range sides {
			measured = append(measured, series{side: s, turns: make([]turn, 3)})
			claims += len(s.claims)
			for _, c := range s.claims {
				if c.limit > 0 { // of a format that goes around no other
					targets++
				}
			}
		}
		compared := newResult(work{}, measured).Compared
		found := 0
		for _, c := range compared {
			if c.Target != "" {
				found++
			}
		}
		if len(compared) != claims || found != targets || targets < 5 {
			t.Errorf("%s: %d claims with %d targets, compared: %+v", name, claims, targets, compared)
		}
	}
}

// Both ways of a format do the same work: each side runs.
func TestFormatsSides(t *testing.T) {
	for name, sidesOf := range map[string]func(int) ([]side, error){
		"reads": formatReads, "writes": formatWrites,
	} {
		for _, size := range recordSizes {
			sides, err := sidesOf(size)
			if err != nil {
				t.Fatal(err)
			}
			for _, s := range sides {
				if err := s.run(2); err != nil {
					t.Errorf("%s, %d bytes, %s: %v", name, size, s.name, err)
				}
			}
		}
	}
}
