// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package compress_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"iter"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/guardkv/guardkv/core"
	"github.com/guardkv/guardkv/core/formattest"
	"github.com/guardkv/guardkv/core/keys"
	"github.com/guardkv/guardkv/core/memory"
	"github.com/guardkv/guardkv/core/values"
	"github.com/guardkv/guardkv/formats/compress"
)

// sentence returns small values that have much in common, and little in themselves. Each variant
// has other words.
func sentence(variant, i int) string {
	r := rand.New(rand.NewPCG(uint64(variant), uint64(i)))
	return fmt.Sprintf(`{"kind-%d":"measurement","station":"NO-%04d","temperature":%.2f,"humidity":%d,"operator-%d":"institute"}`,
		variant, r.IntN(10000), r.Float64()*40-10, r.IntN(100), variant)
}

func sentences(variant, n int) iter.Seq2[string, error] {
	return func(yield func(string, error) bool) {
		for i := range n {
			if !yield(sentence(variant, i), nil) {
				return
			}
		}
	}
}

// trained returns a dictionary for the sentences of a variant.
func trained(t testing.TB, variant int) compress.Dictionary {
	t.Helper()
	d, err := compress.Train(t.Context(),
		compress.Samples(values.String(), sentences(variant, 500)))
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func opened(t *testing.T) *core.Storage {
	t.Helper()
	db, err := core.Open(t.Context(), "db", memory.New())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := db.Close(); err != nil {
			t.Error(err)
		}
	})
	return db
}

func table(t *testing.T, db *core.Storage, opts ...compress.Option) *core.TableOf[int, string] {
	t.Helper()
	tab, err := core.OpenTable(t.Context(), db, "t",
		keys.Int(), compress.New(values.String(), opts...))
	if err != nil {
		t.Fatal(err)
	}
	return tab
}

// fill puts rows of a variant, and returns how many bytes they take.
func fill(
	t *testing.T, db *core.Storage, tab *core.TableOf[int, string], variant, from, to int,
) (size int) {
	t.Helper()
	for i := from; i < to; i++ {
		if err := tab.Put(t.Context(), i, sentence(variant, i)); err != nil {
			t.Fatal(err)
		}
	}
	for b := range storedRows(t, db) {
		size += len(b)
	}
	return size
}

func storedRows(t *testing.T, db *core.Storage) iter.Seq[[]byte] {
	t.Helper()
	raw, err := core.OpenRaw(t.Context(), db, "t")
	if err != nil {
		t.Fatal(err)
	}
	return func(yield func([]byte) bool) {
		for row, err := range raw.Scan().Rows(t.Context()) {
			if err != nil {
				t.Fatal(err)
			}
			if !yield(row.Value) {
				return
			}
		}
	}
}

func metaOf(t *testing.T, db *core.Storage) []byte {
	t.Helper()
	infos, err := db.Tables(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return infos[0].Meta
}

// readAll compares all rows of a table.
func readAll(t *testing.T, tab *core.TableOf[int, string], variants ...int) {
	t.Helper()
	n := 0
	for row, err := range tab.Scan().Rows(t.Context()) {
		if err != nil {
			t.Fatal(err)
		}
		if want := sentence(variants[row.Key/100], row.Key); row.Value != want {
			t.Fatalf("row %d reads as %q, want %q", row.Key, row.Value, want)
		}
		n++
	}
	if n != 100*len(variants) {
		t.Fatalf("there are %d rows", n)
	}
}

// A table gets dictionaries as it goes, and nothing is written anew: each row is read with the
// dictionary that it was written with, by whoever opens the table, and new rows are written with
// the last one.
func TestDictionaries(t *testing.T) {
	db := opened(t)
	tab := table(t, db)
	without := fill(t, db, tab, 1, 0, 100)
	if len(metaOf(t, db)) != 0 {
		t.Errorf("a table without dictionaries keeps %x", metaOf(t, db))
	}
	d, err := compress.TrainTable(t.Context(), db, "t")
	if err != nil {
		t.Fatal(err)
	}
	before := slices.Collect(clones(storedRows(t, db)))
	withOne := table(t, db, compress.WithDictionary(d))
	if after := slices.Collect(clones(storedRows(t, db))); !slices.EqualFunc(before, after,
		bytes.Equal) {
		t.Error("adding a dictionary changes rows")
	}
	readAll(t, withOne, 1)
	first := fill(t, db, withOne, 1, 100, 200) - without
	if first*2 > without {
		t.Errorf("100 rows take %d bytes without a dictionary, and %d with one", without, first)
	}
	one := metaOf(t, db)
	if n := len(one); n < 500 || n > 40<<10 {
		t.Errorf("a dictionary takes %d bytes", n)
	}
	table(t, db, compress.WithDictionary(d))
	reopened := table(t, db)
	if !bytes.Equal(one, metaOf(t, db)) {
		t.Error("opening a table with the dictionary that it has, or without one, changes its metadata")
	}
	total := fill(t, db, reopened, 1, 200, 300)
	if third := total - first - without; third > first*11/10 {
		t.Errorf("without the option rows take %d bytes, with it %d", third, first)
	}
	withTwo := table(t, db, compress.WithDictionary(trained(t, 2)))
	fill(t, db, withTwo, 2, 300, 400)
	readAll(t, withTwo, 1, 1, 1, 2)
	readAll(t, table(t, db), 1, 1, 1, 2)

	// A handle that was opened earlier cannot know the second dictionary, and says so.
	if _, err := reopened.Load(t.Context(), 350); !errors.Is(err,
		core.ErrFormatMismatch) || !strings.Contains(err.Error(), "open it again") {
		t.Errorf("a row with a dictionary that was added later reads as error %v", err)
	}
	fill(t, db, reopened, 1, 300, 400)
	readAll(t, withTwo, 1, 1, 1, 1)
	if err := db.Check(t.Context()); err != nil {
		t.Error(err)
	}

	// The first one again is the third: rows are written with the last one.
	readAll(t, table(t, db, compress.WithDictionary(d)), 1, 1, 1, 1)
	e, err := compress.TrainTable(t.Context(), db, "t", compress.DictionarySize(2000))
	if err != nil || len(e.Bytes()) > 2600 {
		t.Errorf("a dictionary of 2000 bytes is %v, %v", e, err)
	}
}

func clones(rows iter.Seq[[]byte]) iter.Seq[[]byte] {
	return func(yield func([]byte) bool) {
		for b := range rows {
			if !yield(slices.Clone(b)) {
				return
			}
		}
	}
}

// A table keeps so many dictionaries, and says what to do then.
func TestTooManyDictionaries(t *testing.T) {
	db := opened(t)
	var tab *core.TableOf[int, string]
	for i := range compress.MaxDictionaries {
		tab = table(t, db, compress.WithDictionary(trained(t, i)))
	}
	_, err := core.OpenTable(t.Context(), db, "t",
		keys.Int(), compress.New(values.String(), compress.WithDictionary(trained(t, 99))))
	if !errors.Is(err, core.ErrTooLarge) {
		t.Errorf("one dictionary too many: %v", err)
	}
	fill(t, db, tab, compress.MaxDictionaries-1, 0, 100)
	readAll(t, table(t, db), compress.MaxDictionaries-1)
}

func TestFormatsWithDictionaries(t *testing.T) {
	d := trained(t, 1)
	samples := []string{
		"", "a",
		sentence(1, 1), sentence(1, 2), sentence(2, 1), strings.Repeat(sentence(1, 3), 50),
	}
	runBorrowing(t, compress.New(values.String(), compress.WithDictionary(d)), samples...)
	if testing.Short() {
		return // after one level
	}
	t.Run("best", func(t *testing.T) {
		runBorrowing(t, compress.New(values.String(), compress.WithDictionary(d),
			compress.WithLevel(compress.Best)), samples...)
	})
}

func FuzzDictionary(f *testing.F) {
	d := trained(f, 1)
	x := formattest.Extras[string, string]{Borrows: true}
	formattest.FuzzWith(f, compress.New(values.String(), compress.WithDictionary(d)), x, "",
		sentence(1, 1), sentence(2, 1))
}

// The same samples make the same dictionary, whatever else the process does.
func TestTrainIsDeterministic(t *testing.T) {
	a, b := trained(t, 1), trained(t, 1)
	if a != b || a == trained(t, 2) {
		t.Error("the dictionary depends on more than its samples")
	}
	parsed, err := compress.ParseDictionary(a.Bytes())
	if err != nil || parsed != a {
		t.Errorf("it is parsed as %v, %v", parsed, err)
	}
	renumbered := a.Bytes()
	renumbered[5] = 77
	if parsed, err = compress.ParseDictionary(renumbered); err != nil || parsed != a {
		t.Errorf("with another ID it is parsed as %v, %v", parsed, err)
	}
	if text := fmt.Sprintf("%v %+v", a, a); strings.Contains(text, "institute") {
		t.Errorf("it is printed as %s", text)
	}
}

func TestDictionariesThatAreNone(t *testing.T) {
	good := trained(t, 1).Bytes()
	for name, b := range map[string][]byte{
		"nothing": nil, "junk": []byte("junk that is long enough"), "one that is cut": good[:20],
		"one of another kind":  append([]byte{1}, good...),
		"one of another magic": append([]byte{good[0] + 1}, good[1:]...),
		"one of zeros":         append(slices.Clone(good[:8]), make([]byte, 1000)...),
	} {
		if _, err := compress.ParseDictionary(b); !errors.Is(err, core.ErrCorrupt) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := compress.ParseDictionary(append(good,
		make([]byte, compress.MaxDictionarySize)...)); !errors.Is(err, core.ErrTooLarge) {
		t.Errorf("one that is too large: %v", err)
	}
	r := rand.New(rand.NewPCG(1, 2))
	for range 200 { // damaged ones are refused, or used without a panic
		b := slices.Clone(good)
		for range 1 + r.IntN(4) {
			b[8+r.IntN(min(300, len(b)-8))] ^= byte(1 << r.IntN(8))
		}
		d, err := compress.ParseDictionary(b)
		if err != nil {
			continue
		}
		bound, _, err := core.PowersOf(compress.New(values.String(),
			compress.WithDictionary(d))).Bind(nil)
		if err != nil {
			continue
		}
		row, err := bound.Append(nil, sentence(1, 7))
		if err != nil {
			continue
		}
		if v, err := bound.View(row); err == nil && v != sentence(1, 7) {
			t.Fatalf("with a damaged dictionary %q reads as %q", sentence(1, 7), v)
		}
	}
}

// What cannot be a source of samples is an error that says why.
func TestTrainingThatFails(t *testing.T) {
	ctx := t.Context()
	db := opened(t)
	if _, err := compress.TrainTable(ctx, db, "t"); !errors.Is(err, core.ErrNotFound) {
		t.Errorf("no table: %v", err)
	}
	tab := table(t, db)
	if _, err := compress.TrainTable(ctx, db, "t"); err == nil {
		t.Error("a dictionary is made of no rows")
	}
	if err := tab.Put(ctx, 1, noise(10_000)); err != nil {
		t.Fatal(err)
	}
	if _, err := compress.TrainTable(ctx, db, "t"); err == nil {
		t.Error("a dictionary is made of noise")
	}
	failed := errors.New("failed")
	fails := func(yield func(string, error) bool) {
		_ = yield(sentence(1, 1), nil) && yield("", failed)
	}
	if _, err := compress.Train(ctx,
		compress.Samples(values.String(), fails)); !errors.Is(err, failed) {
		t.Errorf("samples that fail: %v", err)
	}
	ended, cancel := context.WithCancelCause(ctx)
	cancel(failed)
	if _, err := compress.Train(ended,
		compress.Samples(values.String(), sentences(1, 500))); !errors.Is(err, failed) {
		t.Errorf("a context that has ended: %v", err)
	}
	if _, err := compress.Train(ctx, compress.Samples(values.JSON[chan int](),
		func(yield func(chan int, error) bool) { yield(nil, nil) })); err == nil {
		t.Error("samples that cannot be encoded are taken")
	}
	if _, err := core.OpenTable(ctx, db, "bound",
		keys.Int(), boundStrings{values.String()}); err != nil {
		t.Fatal(err)
	}
	if _, err := compress.TrainTable(ctx, db, "bound"); !errors.Is(err, errors.ErrUnsupported) {
		t.Errorf("a table whose values are bound to rows: %v", err)
	}
}

// Values that say nothing but what the dictionary says are what it is best for; that was an error
// of the library.
func TestSamplesThatAreTheDictionary(t *testing.T) {
	d, err := compress.Train(t.Context(), func(yield func([]byte, error) bool) {
		for i := range 1000 {
			if !yield([]byte(sentence(1, i%3)), nil) {
				return
			}
		}
	})
	if err != nil {
		t.Fatal(err)
	}
	f, _, err := core.PowersOf(compress.New(values.String(), compress.WithDictionary(d))).Bind(nil)
	if err != nil {
		t.Fatal(err)
	}
	row, err := f.Append(nil, sentence(1, 2))
	if err != nil || len(row) > 30 {
		t.Errorf("a value that is in the dictionary is stored in %d bytes, %v", len(row), err)
	}
	if v, err := f.View(row); err != nil || v != sentence(1, 2) {
		t.Errorf("it reads as %q, %v", v, err)
	}
}

// Of more samples than are kept some are, spread over all: those of a table in the order of its
// keys are not all alike.
func TestSamplesAreSpread(t *testing.T) {
	long := strings.Repeat("x", 30_000)
	d, err := compress.Train(t.Context(), func(yield func([]byte, error) bool) {
		for i := range 400 {
			if !yield([]byte(sentence(i/200, i%50)+long), nil) {
				return
			}
		}
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, part := range []string{`r-0":"i`, `r-1":"i`} {
		if !bytes.Contains(d.Bytes(), []byte(part)) {
			t.Errorf("the dictionary has no %s", part)
		}
	}
}
