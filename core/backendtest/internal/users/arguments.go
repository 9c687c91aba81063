// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package users

import (
	"fmt"

	"github.com/guardkv/guardkv/core"
	"github.com/guardkv/guardkv/core/backendtest/internal/decorate"
	"github.com/guardkv/guardkv/core/backendtest/internal/kit"
	"github.com/guardkv/guardkv/core/keys"
	"github.com/guardkv/guardkv/core/values"
)

var argumentPromises = []kit.Promise{
	{
		Name: "arguments/free", Check: checkArguments,
		Explanation: "arguments are free when the call returns: callers may reuse every slice " +
			"they passed",
	},
	{
		Name: "arguments/iterators", Check: checkIteratorArguments,
		Explanation: "a row of PutAll and PutStream may be reused when the iterator is asked for " +
			"the next one",
	},
	{
		Name: "arguments/scans", Check: checkScanArguments,
		Explanation: "the bounds of a scan may be reused when the method returns",
	},
}

// blobs is a table of bytes.
type blobs = *core.Table[[]byte, []byte, []byte]

// scratch is a key and a value that are spoiled after each use.
type scratch struct{ k, v []byte }

// fill sets the key and value number i.
func (s *scratch) fill(i int) ([]byte, []byte) {
	s.k, s.v = fmt.Appendf(s.k[:0], "key %04d", i), fmt.Appendf(s.v[:0], "value %04d", i)
	return s.k, s.v
}

func (s *scratch) spoil() {
	decorate.Overwrite(s.k)
	decorate.Overwrite(s.v)
}

// holdsBlobs ends the check unless a table has exactly the rows 0 to n-1.
func holdsBlobs(t *kit.Trial, tab blobs, n int) {
	t.TB.Helper()
	var s scratch
	i := 0
	for r, err := range tab.Scan().Rows(t.Ctx) {
		t.Do("Rows", err)
		k, v := s.fill(i)
		if string(r.Key) != string(k) || string(r.Value) != string(v) {
			t.Fatalf("row %d is %q, %q; want %q, %q", i, r.Key, r.Value, k, v)
		}
		i++
	}
	if i != n {
		t.Fatalf("there are %d rows; want %d", i, n)
	}
}

func checkArguments(t *kit.Trial) {
	s := open(t)
	tab := table(t, s, "blobs", keys.Bytes(), values.Bytes())
	var a scratch
	for i := range 40 {
		k, v := a.fill(i)
		switch i % 2 {
		case 0:
			t.Do("Put", tab.Put(t.Ctx, k, v))
		case 1:
			t.Do("Insert", tab.Insert(t.Ctx, k, v))
		}
		a.spoil()
	}
	update(t, s, func(tx *core.Tx) error {
		in := tab.In(tx)
		for i := 40; i < 80; i++ {
			k, v := a.fill(i)
			t.Do("Put", in.Put(t.Ctx, k, v))
			a.spoil()
			k, v = a.fill(1000)
			t.Do("Insert", in.Insert(t.Ctx, k, v))
			_, err := in.Delete(t.Ctx, k)
			t.Do("Delete", err)
			a.spoil()
		}
		return nil
	})
	holdsBlobs(t, tab, 80)
	k, _ := a.fill(79)
	existed, err := tab.Delete(t.Ctx, k)
	if !existed || err != nil {
		t.Errorf("Delete = %v, %v; want true", existed, err)
	}
	k, _ = a.fill(5)
	g := guard(t, tab, k)
	a.spoil()
	if string(g.Value()) != "value 0005" {
		t.Errorf("the guard's value became %q when the key was reused", g.Value())
	}
	t.Close(g)
	closeStorage(t, s)
	holdsBlobs(t, table(t, open(t), "blobs", keys.Bytes(), values.Bytes()), 79)
}

func checkIteratorArguments(t *kit.Trial) {
	s := open(t)
	all, stream := table(t, s, "all", keys.Bytes(), values.Bytes()), table(t, s, "stream",
		keys.Bytes(), values.Bytes())
	n := kit.Fits(500, limitsOf(t).BatchRows/2)
	rows := func(yield func(k, v []byte) bool) {
		var a scratch
		for i := range n {
			if !yield(a.fill(i)) {
				return
			}
			a.spoil()
		}
	}
	t.Do("PutAll", all.PutAll(t.Ctx, rows))
	_, err := stream.PutStream(t.Ctx, rows, core.WithChunkBytes(1<<10))
	t.Do("PutStream", err)
	holdsBlobs(t, all, n)
	holdsBlobs(t, stream, n)
}

func checkScanArguments(t *kit.Trial) {
	s := open(t)
	tab := table(t, s, "blobs", keys.Bytes(), values.Bytes())
	var a scratch
	for i := range 50 {
		k, v := a.fill(i)
		put1(t, tab, k, v)
	}
	from, _ := a.fill(10)
	scan := tab.Scan().From(from)
	a.spoil()
	to, _ := a.fill(20)
	scan = scan.To(to)
	a.spoil()
	prefix := []byte("key 001")
	scan = scan.Prefix(prefix)
	decorate.Overwrite(prefix)
	if n, err := scan.Count(t.Ctx); n != 10 || err != nil {
		t.Errorf("Count = %d, %v; want 10", n, err)
	}
	for r, err := range scan.Rows(t.Ctx) {
		t.Do("Rows", err)
		decorate.Overwrite(r.Key) // keys belong to the caller
	}
	if n, err := tab.Count(t.Ctx); n != 50 || err != nil {
		t.Errorf("Count = %d, %v; want 50", n, err)
	}
}
