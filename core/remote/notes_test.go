// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package remote_test

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/guardkv/guardkv/core"
	"github.com/guardkv/guardkv/core/remote"
)

// noted tells what a commit depends on: "key" of a row, "-key" of an absent one, "[low high)" of
// a range. A key with + behind it is the next one.
func noted(c remote.Commit) (all []string) {
	text := func(key []byte) string {
		if before, ok := strings.CutSuffix(string(key), "\x00"); ok {
			return before + "+"
		}
		return string(key)
	}
	for _, r := range c.Reads {
		if r.Found {
			all = append(all, text(r.Key))
		} else {
			all = append(all, "-"+text(r.Key))
		}
	}
	for _, s := range c.Ranges {
		all = append(all, fmt.Sprintf("[%s %s)", text(s.Low), text(s.High)))
	}
	return all
}

// TestNotes: what was read is noted, and nothing else: not what was only fetched, nor what
// others read.
func TestNotes(t *testing.T) {
	get := func(s core.Snapshot, keys ...string) {
		for _, key := range keys {
			_, _, _ = s.Get(t.Context(), []byte(key))
		}
	}
	passed := func(r core.ScanRange, n int, seeks ...string) func(core.Snapshot) {
		return func(s core.Snapshot) {
			c := scan(t, s, r)
			take(t, c, n)
			for _, key := range seeks {
				c.Seek([]byte(key))
				take(t, c, n)
			}
			do(t, c.Close())
		}
	}
	down := core.ScanRange{Low: table.Low, High: table.High, Reverse: true}
	few := core.ScanRange{Low: []byte("k0997")}
	for _, test := range []struct {
		name string
		read func(s core.Snapshot)
		want string
	}{
		{"nothing", func(core.Snapshot) {}, ""},
		{
			"rows", func(s core.Snapshot) { get(s, "k0002", "k0001", "kx", "k0002", "kx") },
			"k0001 k0002 -kx",
		},
		{
			"the fence, if it is asked for", func(s core.Snapshot) { get(s, "k0002"); fence(t, s) },
			core.FenceKey + " k0002",
		},
		{"many rows", func(s core.Snapshot) {
			keys := [][]byte{[]byte("k0003"), []byte("kx"), []byte("k0001"), []byte("k0003")}
			do(t, s.Powers().GetMany(t.Context(), keys, func(int, []byte) error { return nil }))
		}, "k0001 k0003 -kx"},
		{"a scan that nobody asks for rows", passed(table, 0), ""},
		{"two rows of a page", passed(table, 2), "[k k0001+)"},
		{"a row of the second page", passed(table, 65), "[k k0064+)"},
		{"to the end", passed(table, 9999), "[k l)"},
		{"to the last row, and not the end", passed(table, 1000), "[k k0999+)"},
		{"to the end of all", passed(few, 9999), "[k0997 )"},
		{"nothing is there", passed(core.ScanRange{Low: []byte("l"), High: []byte("m")}, 1), "[l m)"},
		{"nothing can be there", passed(core.ScanRange{Low: []byte("m"), High: []byte("l")}, 1), ""},
		{"down", passed(down, 2), "[k0998 l)"},
		{"down to the end", passed(down, 9999), "[k l)"},
		{"seeks", passed(table, 1, "k0500", "k0010x"), "[k k0000+) [k0010x k0011+) [k0500 k0500+)"},
		{"seeks that touch", passed(table, 2, "k0002", "k0001"), "[k k0003+)"},
		{"a seek behind the end", passed(table, 1, "x"), "[k k0000+)"},
		{"a seek in front", passed(table, 1, "a"), "[k k0000+)"},
		{
			"seeks down", passed(down, 1, "k0500", "k0300x"),
			"[k0300 k0300x+) [k0500 k0500+) [k0999 l)",
		},
		{"a seek down behind the end", passed(down, 1, "a"), "[k0999 l)"},
		{"keys in a range that was passed", func(s core.Snapshot) {
			get(s, "k0000", "k0001", "k0005", "jx", "kx")
			passed(table, 3)(s)
			get(s, "k0002", "k0003")
		}, "-jx k0003 k0005 -kx [k k0002+)"},
		{"a cursor that is open still", func(s core.Snapshot) {
			c := scan(t, s, table)
			take(t, c, 2)
			t.Cleanup(func() { do(t, c.Close()) })
		}, "[k k0001+)"},
	} {
		t.Run(test.name, func(t *testing.T) {
			p := newProbe(1000, remote.Options{Beside: true, Notes: 100})
			e := p.open()
			other := begin(t, e, core.ToUpdate)
			get(other, "other")
			s := begin(t, e, core.ToUpdate)
			test.read(s)
			do(t, e.Apply(t.Context(), core.Batch{Base: s}))
			if got := strings.Join(noted(p.commit), " "); got != test.want {
				t.Errorf("noted %q\n want %q", got, test.want)
			}
			for _, r := range p.commit.Reads {
				if row, found := find(p.storage.Rows, r.Key); r.Found != found ||
					string(r.Value) != string(row.Value) || r.Version != row.Version {
					t.Errorf("the row at %q was noted as %q, %d", r.Key, r.Value, r.Version)
				}
			}
		})
	}
}

// TestNothingToNote: snapshots that are read alone note nothing, nor does any if the server
// knows what was read.
func TestNothingToNote(t *testing.T) {
	p := newProbe(10, remote.Options{})
	e := p.open()
	s := begin(t, e, core.ToUpdate)
	_, _, err := s.Get(t.Context(), []byte("k"))
	if !errors.Is(err, core.ErrNotFound) {
		t.Fatal(err)
	}
	c := scan(t, s, table)
	take(t, c, 5)
	do(t, c.Close())
	do(t, e.Apply(t.Context(), core.Batch{Base: s}))
	if got := noted(p.commit); got != nil || p.commit.Base == nil {
		t.Errorf("noted %q through the base %v", got, p.commit.Base)
	}
	do(t, s.Close())
}

// TestManyNotes: what is read is never left out, however much it is, and no range spans two
// tables: writers to the one would conflict with readers of the other.
func TestManyNotes(t *testing.T) {
	const most = 10
	for _, test := range []struct{ tables, keys, most int }{
		{1, 10, most}, {1, 11, most}, {3, 300, most}, {3, 5000, most}, {40, 400, 40},
	} {
		p := newProbe(0, remote.Options{Notes: most})
		e := p.open()
		s := begin(t, e, core.ToUpdate)
		var keys []string
		for i := range test.keys {
			key := fmt.Sprintf("t%03d%05d", i%test.tables, i*7919%10007)
			_, _, _ = s.Get(t.Context(), []byte(key))
			keys = append(keys, key)
		}
		do(t, e.Apply(t.Context(), core.Batch{Base: s}))
		c := p.commit
		if n := len(c.Reads) + len(c.Ranges); n > test.most || test.keys <= most && len(c.Reads) != n {
			t.Errorf("%+v: %d reads and %d ranges", test, len(c.Reads), len(c.Ranges))
		}
		for _, key := range keys {
			if !slices.ContainsFunc(c.Ranges, func(s remote.Span) bool {
				return key >= string(s.Low) && key < string(s.High)
			}) && !slices.ContainsFunc(c.Reads, func(r remote.Read) bool {
				return key == string(r.Key)
			}) {
				t.Fatalf("%+v: %q was forgotten", test, key)
			}
		}
		for _, s := range c.Ranges {
			if string(s.Low[:4]) != string(s.High[:4]) {
				t.Errorf("%+v: a range spans tables, from %q to %q", test, s.Low, s.High)
			}
		}
		do(t, s.Close())
	}
}

// TestConflicts: two processes, and what one reads while the other writes.
func TestConflicts(t *testing.T) {
	del := func(key string) core.Write { return core.Write{Key: []byte(key), Delete: true} }
	two := func(e *testing.T, s core.Snapshot) { // passes k0000 and k0001
		c := scan(e, s, table)
		take(e, c, 2)
		do(e, c.Close())
	}
	one := func(e *testing.T, s core.Snapshot) {
		if _, _, err := s.Get(e.Context(), []byte("k0005")); err != nil {
			e.Error(err)
		}
	}
	none := func(e *testing.T, s core.Snapshot) {
		if _, _, err := s.Get(e.Context(), []byte("k0005x")); !errors.Is(err, core.ErrNotFound) {
			e.Error(err)
		}
	}
	for _, test := range []struct {
		name     string
		read     func(*testing.T, core.Snapshot)
		write    core.Write
		conflict bool
	}{
		{"a lost update", one, put("k0005", "x"), true},
		{"the same value again", one, put("k0005", "5"), true},
		{"a row deleted", one, del("k0005"), true},
		{"another row", one, put("k0006", "x"), false},
		{"an absent row appears", none, put("k0005x", "x"), true},
		{"a row beside an absent one", none, put("k0005y", "x"), false},
		{"a row in the range", two, put("k0001", "x"), true},
		{"a phantom in the range", two, put("k0000x", "x"), true},
		{"a phantom in front", two, put("k", "x"), true},
		{"a row in the range deleted", two, del("k0000"), true},
		{"a row behind, which was fetched", two, put("k0002", "x"), false},
		{"a phantom behind", two, put("k0001x", "x"), false},
		{"the fence, which nobody asked for", one, put(core.FenceKey, "new"), false},
	} {
		t.Run(test.name, func(t *testing.T) {
			p := newProbe(100, remote.Options{Notes: 100})
			e, other := p.open(), p.second().open()
			s := begin(t, e, core.ToUpdate)
			test.read(t, s)
			do(t, other.Apply(t.Context(), core.Batch{Writes: []core.Write{test.write}}))
			err := e.Apply(t.Context(),
				core.Batch{Base: s, Writes: []core.Write{put("result", "x")}})
			if errors.Is(err, core.ErrConflict) != test.conflict || err != nil && !test.conflict {
				t.Errorf("Apply gives %v; want a conflict: %v", err, test.conflict)
			}
			_, _, err = other.Get(t.Context(), []byte("result"))
			if errors.Is(err, core.ErrNotFound) != test.conflict {
				t.Errorf("Get of the result gives %v", err)
			}
			do(t, s.Close())
		})
	}
}

// TestCursorModel compares cursors with a slice, whatever the pages are.
func TestCursorModel(t *testing.T) {
	for seed := range uint64(300) {
		checkCursor(t, seed, rand.New(rand.NewPCG(seed, 1)).IntN)
	}
}

// FuzzCursor takes each decision from the bytes.
func FuzzCursor(f *testing.F) {
	f.Add([]byte("a few decisions to begin with"))
	f.Add([]byte("\x01\x00\x01\x02\x03\x01\x01\x01\x05\x01\x02\x00"))
	f.Fuzz(func(t *testing.T, decisions []byte) {
		checkCursor(t, 0, func(n int) int {
			if len(decisions) == 0 {
				return 0
			}
			d := decisions[0]
			decisions = decisions[1:]
			return int(d) % n
		})
	})
}

// checkCursor makes a storage and a cursor of it, moves that, and looks at the rows, and at
// what is noted of them.
func checkCursor(t *testing.T, seed uint64, intN func(n int) int) {
	opts := remote.Options{Beside: intN(2) == 0, Notes: 1000}
	pages := rand.New(rand.NewPCG(seed, uint64(intN(256)))) // a goroutine asks for them too
	p := newProbe(0, opts)
	most := 1 + intN(9)
	p.rows = func() int { p.mu.Lock(); defer p.mu.Unlock(); return 1 + pages.IntN(most) }
	var writes []core.Write
	for i := range intN(40) {
		writes = append(writes, put(name(2*i+1), fmt.Sprint(i)))
	}
	p.storage.write(writes, nil)

	e := p.open()
	s := begin(t, e, core.ToUpdate)
	m := modelOf(p.storage.Rows, intN)
	c := scan(t, s, m.r)
	for range intN(30) {
		if intN(4) > 0 {
			for range 1 + intN(12) {
				key, value, ok := c.Next()
				want, there := m.next()
				if ok != there || string(key) != string(want.Key) ||
					!m.r.KeysOnly && string(value) != string(want.Value) {
					t.Fatalf("seed %d: Next = %q, %q, %v; want %q, %q, %v",
						seed, key, value, ok, want.Key, want.Value, there)
				}
			}
			continue
		}
		key := aKey(intN)
		c.Seek(key)
		m.seek(string(key))
		clear(key)
	}
	do(t, c.Err())
	do(t, c.Close())
	do(t, e.Apply(t.Context(), core.Batch{Base: s}))
	do(t, s.Close())
	m.check(t, seed, p.commit)
}

// model is a cursor over a slice.
type model struct {
	r      core.ScanRange
	rows   []remote.Row // of the range, in its direction
	at     int
	from   string   // which cannot be passed over again; all keys of the model are longer
	passed []string // keys, there or not, that were passed
}

// universe are all keys that a model looks at: those of rows, and those between.
var universe = func() (all []string) {
	for i := range 90 {
		all = append(all, name(i))
	}
	return all
}()

func aKey(intN func(int) int) []byte { return []byte(universe[intN(len(universe))]) }

func modelOf(rows []remote.Row, intN func(int) int) *model {
	m := &model{r: core.ScanRange{
		Reverse: intN(2) == 0, KeysOnly: intN(4) == 0,
		Limit: max(0, intN(20)-10),
	}}
	if intN(3) > 0 {
		m.r.Low = aKey(intN)
	}
	if intN(3) > 0 {
		m.r.High = aKey(intN)
	}
	for _, row := range rows {
		if m.inside(string(row.Key)) {
			m.rows = append(m.rows, row)
		}
	}
	if m.r.Reverse {
		slices.Reverse(m.rows)
	}
	m.r.Low, m.r.High = slices.Clone(m.r.Low), slices.Clone(m.r.High)
	return m
}

func (m *model) inside(key string) bool {
	return key >= string(m.r.Low) && (m.r.High == nil || key < string(m.r.High))
}

// before reports whether a is passed before b.
func (m *model) before(a, b string) bool {
	if m.r.Reverse {
		return a > b
	}
	return a < b
}

func (m *model) next() (row remote.Row, ok bool) {
	to := ""
	if ok = m.at < len(m.rows); ok {
		row = m.rows[m.at]
		to = string(row.Key)
		m.at++
	}
	for _, key := range universe {
		if m.inside(key) && (m.from == "" || !m.before(key, m.from)) && (!ok || !m.before(to, key)) {
			m.passed = append(m.passed, key)
		}
	}
	return row, ok
}

func (m *model) seek(key string) {
	m.from = key
	m.at, _ = slices.BinarySearchFunc(m.rows, key, func(r remote.Row, key string) int {
		if m.before(string(r.Key), key) {
			return -1
		}
		return 1
	})
}

// check compares what was noted with what was passed.
func (m *model) check(t *testing.T, seed uint64, c remote.Commit) {
	if len(c.Reads) > 0 {
		t.Errorf("seed %d: rows were noted that nobody read: %q", seed, noted(c))
	}
	for _, key := range universe {
		is := slices.ContainsFunc(c.Ranges, func(s remote.Span) bool {
			return key >= string(s.Low) && (s.High == nil || key < string(s.High))
		})
		if was := slices.Contains(m.passed, key); is != was {
			t.Fatalf("seed %d: %q was passed: %v; noted %q", seed, key, was, noted(c))
		}
	}
}
