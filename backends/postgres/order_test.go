// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package postgres

import (
	"bytes"
	"errors"
	"fmt"
	"math/rand/v2"
	neturl "net/url"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/guardkv/guardkv/backends/postgres/postgrestest"
	"github.com/guardkv/guardkv/core"
)

// TestOrder: commits that put and delete the same rows, in whatever mixture, never wait for each
// other in a circle. Puts that went in front of all deletions did: one had locked a row that it
// put and waited for one that it deleted, the other one the other way round, until the server
// ended one of them after a second.
func TestOrder(t *testing.T) {
	s := postgrestest.Shared(t)
	url, err := s.Database(t.Context())
	do(t, err)
	path := place()
	const rounds, rows = 40, 250
	var all sync.WaitGroup
	for g := range 4 {
		e := openEngine(t, Backend{URL: url}, path)
		all.Go(func() {
			rnd := rand.New(rand.NewPCG(uint64(g), 1))
			for round := range rounds {
				var writes []core.Write
				for i := range []int{rows, 20}[round%2] { // two statements, or one for each run
					switch key := fmt.Sprintf("%03d", i); rnd.IntN(3) {
					case 0:
						writes = append(writes, del(key))
					case 1:
						writes = append(writes, put(key, "v"))
					}
				}
				if err := apply(t, e, writes...); code(err) == "40P01" {
					t.Errorf("a deadlock: %v", err)
				} else if err != nil && !errors.Is(err, core.ErrConflict) {
					t.Errorf("Apply: %v", err)
				}
			}
		})
	}
	all.Wait()
	u, err := neturl.Parse(url)
	do(t, err)
	got, err := s.Exec(t.Context(), "select deadlocks::text from pg_stat_database "+
		"where datname = '"+strings.TrimPrefix(u.Path, "/")+"'")
	if err != nil || len(got) != 1 || got[0] != "0" {
		t.Errorf("the server has seen %v deadlocks, %v; want 0", got, err)
	}
}

// TestMixtures: many writes of all kinds do what they say, whichever statements they become.
func TestMixtures(t *testing.T) {
	e := openEngine(t, Backend{URL: postgrestest.Shared(t).URL()}, place())
	rnd := rand.New(rand.NewPCG(3, 1))
	model := map[string]string{}
	for round := range 60 {
		conditional := round%3 == 0
		var b core.Batch
		next := map[string]string{}
		for k, v := range model {
			next[k] = v
		}
		for i := range 1 + rnd.IntN(300) {
			w := put(fmt.Sprintf("%03d", i), strconv.Itoa(round))
			w.Delete = rnd.IntN(2) == 0
			if conditional {
				w.When = core.When(rnd.IntN(3))
			}
			b.Writes = append(b.Writes, w)
		}
		if conditional {
			b.Met = make([]bool, len(b.Writes))
		}
		do(t, e.Apply(t.Context(), b))
		for i, w := range b.Writes {
			_, found := model[string(w.Key)]
			met := w.When.Met(found)
			if conditional && b.Met[i] != (met && w.When != core.Unconditional) {
				t.Fatalf("round %d: Met of %+v is %v where a row is there: %v",
					round, w, b.Met[i], found)
			}
			switch {
			case !met:
			case w.Delete:
				delete(next, string(w.Key))
			default:
				next[string(w.Key)] = string(w.Value)
			}
		}
		model = next
		matches(t, e, model)
	}
}

// matches ends the test unless the engine has these rows.
func matches(t *testing.T, e core.Engine, model map[string]string) {
	t.Helper()
	s, err := e.Powers().Begin(t.Context(), core.ToRead)
	do(t, err)
	defer s.Close()
	c, err := s.Scan(t.Context(), core.ScanRange{})
	do(t, err)
	defer c.Close()
	n := 0
	for k, v, ok := c.Next(); ok; k, v, ok = c.Next() {
		n++
		if want, found := model[string(k)]; !found || want != string(v) {
			t.Fatalf("the row %q is %q; want %q, there: %v", k, v, want, found)
		}
	}
	do(t, c.Err())
	if n != len(model) {
		t.Fatalf("there are %d rows; want %d", n, len(model))
	}
}

// TestFenceRace: a commit that demands the old fence races with one that changes it. Whoever has
// seen the new fence, and no row of the first commit, must never see one. A check of the fence
// that is not part of a serializable transaction lets the row appear later, in what may be
// another table by then.
func TestFenceRace(t *testing.T) {
	b := Backend{URL: postgrestest.Shared(t).URL()}
	path := place()
	one, two := openEngine(t, b, path), openEngine(t, b, path)
	fence := func(n int) core.Write { return put(core.FenceKey, strconv.Itoa(n)) }
	do(t, apply(t, one, fence(0)))
	rounds := 300
	if testing.Short() {
		rounds = 60
	}
	late := 0
	for i := range rounds {
		old := []core.Condition{{Key: []byte(core.FenceKey), Value: []byte(strconv.Itoa(i))}}
		row := fmt.Sprintf("row %d", i)
		var written error
		var racing sync.WaitGroup
		racing.Go(func() {
			written = one.Apply(t.Context(), core.Batch{
				Conditions: old, Writes: []core.Write{put(row, "v"), put(row+"'", "v")},
			})
		})
		changed := core.ErrConflict
		for errors.Is(changed, core.ErrConflict) {
			changed = two.Apply(t.Context(), core.Batch{
				Conditions: old, Writes: []core.Write{fence(i + 1)},
			})
		}
		do(t, changed)
		seen := present(t, two, row)
		racing.Wait()
		if written != nil && !errors.Is(written, core.ErrConflict) {
			t.Fatalf("round %d: %v", i, written)
		}
		if !seen && present(t, two, row) {
			t.Fatalf("round %d: a row that demands the old fence appears after the new one was "+
				"seen without it", i)
		}
		if written != nil {
			late++
		}
	}
	t.Logf("of %d commits %d were too late", rounds, late)
}

// present reports whether there is a row, in the state that has the fence of now.
func present(t *testing.T, e core.Engine, key string) bool {
	t.Helper()
	for {
		s, err := e.Powers().Begin(t.Context(), core.ToReadOnce)
		do(t, err)
		found := false
		err = s.Powers().GetMany(t.Context(), [][]byte{[]byte(key)}, func(int, []byte) error {
			found = true
			return nil
		})
		do(t, s.Close())
		if !errors.Is(err, core.ErrConflict) {
			do(t, err)
			return found
		}
	}
}

// TestRuns: the order of keys stays, whatever the writes are cut into.
func TestRuns(t *testing.T) {
	var writes []core.Write
	for i := range 200 {
		w := put(fmt.Sprintf("%03d", i), "v")
		w.Delete = i%2 == 0 || i > 100
		writes = append(writes, w)
	}
	runs := runsOf(writes)
	if len(runs) != 101 {
		t.Errorf("%d runs; want 101", len(runs))
	}
	var back []core.Write
	for _, r := range runs {
		back = append(back, r.writes...)
	}
	same := func(a, b core.Write) bool { return bytes.Equal(a.Key, b.Key) && a.Delete == b.Delete }
	if !slices.EqualFunc(back, writes, same) {
		t.Error("the runs are not the writes, in their order")
	}
	both := separate(writes, runs)
	if len(both) != 2 || len(both[0].writes) != len(writes) || len(both[1].writes) != 150 {
		t.Errorf("many runs become %d", len(both))
	}
	if writes[0].Delete == both[0].writes[0].Delete {
		t.Error("the writes of the caller were changed, or a deletion was not put first")
	}
}
