// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package bbolt

import (
	"bytes"
	"errors"
	"math/rand/v2"
	"testing"

	bolt "go.etcd.io/bbolt"

	"github.com/guardkv/guardkv/core"
)

// mixed returns writes of n rows out of 2,000, from bulk on, that change pages everywhere.
func mixed(random *rand.Rand, n int) []core.Write {
	at := random.Perm(2000)[:n]
	var all []core.Write
	for i := range 2000 {
		for _, j := range at {
			if i == j {
				all = append(all, core.Write{
					Key:   rowKey(i),
					Value: bytes.Repeat([]byte{byte(random.Uint32())}, 100+random.IntN(200)),
				})
			}
		}
	}
	return all
}

// copyOf returns what a state holds, as bytes of its own.
func copyOf(t *testing.T, s *state) map[string]string {
	t.Helper()
	all := make(map[string]string)
	c, err := s.Scan(t.Context(), core.ScanRange{})
	if err != nil {
		t.Fatal(err)
	}
	for k, v, ok := c.Next(); ok; k, v, ok = c.Next() {
		all[string(k)] = string(v)
	}
	if err := c.Err(); err != nil {
		t.Fatal(err)
	}
	return all
}

// A load took the room of one commit more than by hand, because the newest state kept what the
// last commit had freed. Now it lets go of that, and whoever begins to read it meanwhile must
// see it unchanged for as long as he likes.
func TestReadersOfALooseState(t *testing.T) {
	e := open(t, Backend{}, testPath(t))
	defer closeEngine(t, e)
	m := e.reads.(*mapped)
	random := rand.New(rand.NewPCG(1, 1))
	put := func() { apply(t, e, mixed(random, bulk)...) }
	for range 10 {
		put()
	}
	before := m.newest.Load()
	if !m.loosen() || before.tx != nil || m.loosen() {
		t.Fatal("the state is not loose")
	}
	s := m.acquire()
	want, sample := copyOf(t, s), make(map[string][]byte)
	for k := range want {
		v, _, err := s.Get(t.Context(), []byte(k))
		if err != nil {
			t.Fatal(err)
		}
		sample[k] = v
	}
	f := e.file.Load()
	if err := f.update(func(tx *bolt.Tx) error {
		return e.put(tx, mixed(random, bulk))
	}); err != nil {
		t.Fatal(err)
	}
	if err := m.refresh(f); err != nil {
		t.Fatal(err)
	}
	for range 30 {
		put()
	}
	for k, v := range sample {
		if string(v) != want[k] {
			t.Fatalf("the value of %x has changed under its reader", k)
		}
	}
	if got := copyOf(t, s); len(got) != len(want) {
		t.Errorf("%d rows, not %d", len(got), len(want))
	}
	keeper := s.keeper
	if keeper == nil || keeper.refs.Load() != 1 {
		t.Fatal("nothing keeps the state")
	}
	s.Release()
	if keeper.refs.Load() != 0 {
		t.Error("the state is kept when nobody reads it")
	}
}

// A commit that fails leaves the newest state as it was, which is kept again.
func TestLooseStateAfterAFailure(t *testing.T) {
	e := open(t, Backend{}, testPath(t))
	defer closeEngine(t, e)
	random := rand.New(rand.NewPCG(2, 2))
	apply(t, e, mixed(random, bulk)...)
	broken := errors.New("broken")
	if err := e.commit(true, func(*bolt.Tx) error { return broken }); !errors.Is(err, broken) {
		t.Error(err)
	}
	m := e.reads.(*mapped)
	if m.newest.Load().tx == nil {
		t.Error("the state is loose")
	}
	apply(t, e, mixed(random, bulk)...)
}

// untight are reads that cannot be kept again.
type untight struct {
	reads
	refreshing bool
}

var errUntight = errors.New("there is no transaction")

func (u untight) tighten(*file) error { return errUntight }

func (u untight) refresh(f *file) error {
	if u.refreshing {
		return errUntight
	}
	return u.reads.refresh(f)
}

// Nothing keeps what readers see, and one more commit would overwrite it, so there must not be
// one.
func TestNoCommitAfterAStateThatNothingKeeps(t *testing.T) {
	for _, refreshing := range []bool{false, true} {
		e := open(t, Backend{}, testPath(t))
		random := rand.New(rand.NewPCG(3, 3))
		apply(t, e, mixed(random, bulk)...)
		e.reads = untight{e.reads, refreshing}
		err := e.commit(true, func(tx *bolt.Tx) error {
			if refreshing {
				return e.put(tx, mixed(random, bulk))
			}
			return errors.New("broken")
		})
		if !errors.Is(err, errUntight) {
			t.Error(err)
		}
		err = e.Apply(t.Context(), core.Batch{Writes: mixed(random, bulk)})
		if !errors.Is(err, core.ErrCorrupt) {
			t.Errorf("refreshing %v: one more commit: %v", refreshing, err)
		}
		if err := e.Close(); err != nil {
			t.Error(err)
		}
	}
}
