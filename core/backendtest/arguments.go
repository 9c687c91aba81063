// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package backendtest

import (
	"fmt"

	"github.com/guardkv/guardkv/core"
	"github.com/guardkv/guardkv/core/keys"
	"github.com/guardkv/guardkv/core/values"
)

var argumentPromises = []promise{
	{
		name: "arguments/free", check: checkArguments,
		explanation: "arguments are free when the call returns: callers may reuse every slice they passed",
	},
	{
		name: "arguments/iterators", check: checkIteratorArguments,
		explanation: "a row of PutAll and PutStream may be reused when the iterator is asked for the next one",
	},
	{
		name: "arguments/scans", check: checkScanArguments,
		explanation: "the bounds of a scan may be reused when the method returns",
	},
}

// blobs is a table of bytes.
type blobs = *core.Table[[]byte, []byte, []byte]

// scratch is a key and a value that are spoilt after each use.
type scratch struct{ k, v []byte }

// fill sets the key and value number i.
func (s *scratch) fill(i int) ([]byte, []byte) {
	s.k, s.v = fmt.Appendf(s.k[:0], "key %04d", i), fmt.Appendf(s.v[:0], "value %04d", i)
	return s.k, s.v
}

func (s *scratch) spoil() {
	spoil(s.k)
	spoil(s.v)
}

// holdsBlobs ends the check unless a table has exactly the rows 0 to n-1.
func holdsBlobs(t *trial, tab blobs, n int) {
	t.tb.Helper()
	var s scratch
	i := 0
	for r, err := range tab.Scan().Rows(t.ctx) {
		t.do("Rows", err)
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

func checkArguments(t *trial) {
	s := t.open()
	tab := table(t, s, "blobs", keys.Bytes(), values.Bytes())
	var a scratch
	for i := range 40 {
		k, v := a.fill(i)
		switch i % 2 {
		case 0:
			t.do("Put", tab.Put(t.ctx, k, v))
		case 1:
			t.do("Insert", tab.Insert(t.ctx, k, v))
		}
		a.spoil()
	}
	update(t, s, func(tx *core.Tx) error {
		in := tab.In(tx)
		for i := 40; i < 80; i++ {
			k, v := a.fill(i)
			t.do("Put", in.Put(t.ctx, k, v))
			a.spoil()
			k, v = a.fill(1000)
			t.do("Insert", in.Insert(t.ctx, k, v))
			_, err := in.Delete(t.ctx, k)
			t.do("Delete", err)
			a.spoil()
		}
		return nil
	})
	holdsBlobs(t, tab, 80)
	k, _ := a.fill(79)
	existed, err := tab.Delete(t.ctx, k)
	if !existed || err != nil {
		t.Errorf("Delete = %v, %v; want true", existed, err)
	}
	k, _ = a.fill(5)
	g := guard(t, tab, k)
	a.spoil()
	if string(g.Value()) != "value 0005" {
		t.Errorf("the guard's value became %q when the key was reused", g.Value())
	}
	t.close(g)
	t.closeStorage(s)
	holdsBlobs(t, table(t, t.open(), "blobs", keys.Bytes(), values.Bytes()), 79)
}

func checkIteratorArguments(t *trial) {
	s := t.open()
	all, stream := table(t, s, "all", keys.Bytes(), values.Bytes()), table(t, s, "stream", keys.Bytes(), values.Bytes())
	rows := func(yield func(k, v []byte) bool) {
		var a scratch
		for i := range 500 {
			if !yield(a.fill(i)) {
				return
			}
			a.spoil()
		}
	}
	t.do("PutAll", all.PutAll(t.ctx, rows))
	_, err := stream.PutStream(t.ctx, rows, core.WithChunkBytes(1<<10))
	t.do("PutStream", err)
	holdsBlobs(t, all, 500)
	holdsBlobs(t, stream, 500)
}

func checkScanArguments(t *trial) {
	s := t.open()
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
	spoil(prefix)
	if n, err := scan.Count(t.ctx); n != 10 || err != nil {
		t.Errorf("Count = %d, %v; want 10", n, err)
	}
	for r, err := range scan.Rows(t.ctx) {
		t.do("Rows", err)
		spoil(r.Key) // keys belong to the caller
	}
	if n, err := tab.Count(t.ctx); n != 50 || err != nil {
		t.Errorf("Count = %d, %v; want 50", n, err)
	}
}
