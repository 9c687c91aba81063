// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package contract

import (
	"fmt"

	"github.com/guardkv/guardkv/core"
	"github.com/guardkv/guardkv/core/backendtest/internal/kit"
)

var powerPromises = []kit.Promise{
	{
		Name: "powers/scan", Check: checkScanPower,
		Explanation: "Powers.Scan passes over the state after the last applied write, as a scan " +
			"of a Snapshot does, whatever is written meanwhile",
	},
	{
		Name: "powers/count", Check: checkCounter,
		Explanation: "Count agrees with a scan, in rows and in bytes of keys and values, for " +
			"every range",
	},
	{
		Name: "powers/compact", Check: checkCompact,
		Explanation: "Compact returns space to the file system, changes no row, and may be " +
			"called with guards and snapshots open",
	},
	{
		Name: "powers/size", Check: checkSize, BareOnly: true,
		Explanation: "Size tells how many bytes the storage takes on its medium; without " +
			"Compact, room for what was replaced or deleted is used again, by a server later",
	},
	{
		Name: "powers/check", Check: checkCheck, BareOnly: true,
		Explanation: "Check finds nothing in a sound storage",
	},
	{
		Name: "powers/as", Check: checkAs, BareOnly: true,
		Explanation: "As reports whether target is a pointer to the engine's own handle, and " +
			"touches nothing else",
	},
}

func checkScanPower(t *kit.Trial) {
	s := t.Create()
	scan := s.Powers().Scan
	if scan == nil {
		return
	}
	rows := kit.FillOdd(s)
	for _, r := range []core.ScanRange{
		{},
		{Reverse: true},
		{KeysOnly: true},
		{Low: []byte("a"), High: []byte("b\x00")},
		{Low: []byte("b"), High: []byte("a")},
	} {
		c, err := scan(t.Ctx, r)
		t.Do("Scan", err)
		s.MustApply(kit.Put("aa written later", "v"), kit.Put(rows[0].Key, "changed"))
		if got, want := kit.Rest(c), kit.Between(rows, r); !kit.SameRowKeys(got,
			want) || c.Err() != nil {
			t.Errorf("%+v: the rows are %v, %v; want %v", r, got, c.Err(), want)
		}
		t.Close(c)
		s.MustApply(kit.Del("aa written later"), kit.Put(rows[0].Key, rows[0].Value))
	}
	for i := range t.Pick(100, 20) {
		v := fmt.Sprint(i)
		s.MustApply(kit.Put("fresh", v))
		c, err := scan(t.Ctx, core.ScanRange{Low: []byte("fresh"), High: []byte("fresh\x00")})
		t.Do("Scan", err)
		if got := kit.Rest(c); len(got) != 1 || got[0].Value != v {
			t.Fatalf("after Apply of %s a scan shows %v", v, got)
		}
		t.Close(c)
	}
	if c, err := scan(kit.Cancelled(), core.ScanRange{}); err == nil {
		if got := kit.Rest(c); len(got) > 0 || !kit.IsCancelled(c.Err()) {
			t.Errorf("a cancelled scan shows %d rows and %v", len(got), c.Err())
		}
		t.Close(c)
	}
}

func checkCounter(t *kit.Trial) {
	s := t.Create()
	rows := kit.FillOdd(s)
	snap := s.MustSnapshot()
	defer t.Close(snap)
	count := snap.Powers().Count
	if count == nil {
		return
	}
	s.MustApply(kit.Put("later", "not counted"))
	for _, low := range kit.Bounds() {
		for _, high := range kit.Bounds() {
			var wantBytes int64
			want := kit.Between(rows, core.ScanRange{Low: low, High: high})
			for _, r := range want {
				wantBytes += int64(len(r.Key) + len(r.Value))
			}
			n, size, err := count(t.Ctx, low, high)
			if err != nil || n != int64(len(want)) || size != wantBytes {
				t.Fatalf("from %q to %q Count = %d rows, %d bytes, %v; want %d, %d",
					low, high, n, size, err, len(want), wantBytes)
			}
		}
	}
}

func checkCompact(t *kit.Trial) {
	s := t.Create()
	if s.Powers().Compact == nil {
		return
	}
	s.Compact()
	s.MustApply(kit.Put("k", "v"))
	h := s.Hold("k")
	snap := s.MustSnapshot()
	s.Churn(t.Pick(8<<20, 2<<20))
	s.MustApply(kit.Put("k", "v"), kit.Put("l", "w"))
	s.Compact()
	h.Check(t, "after Compact")
	if got := t.Rows(snap, core.ScanRange{}); len(got) != 1 {
		t.Errorf("after Compact the snapshot holds %v", got)
	}
	h.Releaser.Release()
	t.Close(snap)
	s.Compact()
	s.Has(kit.KV("k", "v"), kit.KV("l", "w"))
	s.MustApply(kit.Put("m", "x"))
	s.Reopen().Has(kit.KV("k", "v"), kit.KV("l", "w"), kit.KV("m", "x"))
}

func checkSize(t *kit.Trial) {
	s := t.Create()
	sizeOf := s.Powers().Size
	if sizeOf == nil {
		return
	}
	size := func() int64 {
		n, err := sizeOf()
		t.Do("Size", err)
		return n
	}
	value, rows := kit.Incompressible(1<<12), t.Pick(2000, 500)
	key := func(i int) string { return fmt.Sprintf("%05d", i) }
	for i := range rows {
		s.MustApply(kit.Put(key(i), value))
	}
	full := size()
	if full < int64(rows) {
		t.Errorf("Size = %d with %d rows of %d bytes", full, rows, len(value))
	}
	if s.Powers().Compact == nil && t.Backend.Sharing().Shared() {
		return // a server gives room back when it has time
	}
	write := func(what string, write func(i int) core.Write) {
		for i := range rows {
			s.MustApply(write(i))
		}
		if s.Powers().Compact != nil {
			s.Compact()
		}
		if after := size(); after > full+full/4+1<<20 {
			t.Errorf("Size = %d after everything was %s; it was %d", after, what, full)
		}
	}
	if s.Powers().Compact == nil { // otherwise old bytes may stay for a while
		write("replaced", func(i int) core.Write { return kit.Put(key(i), value) })
	}
	write("deleted", func(i int) core.Write { return kit.Del(key(i)) })
}

func checkCheck(t *kit.Trial) {
	s := t.Create()
	check := s.Powers().Check
	if check == nil {
		return
	}
	t.Do("Check of an empty storage", check(t.Ctx))
	kit.FillOdd(s)
	snap := s.MustSnapshot()
	t.Do("Check", check(t.Ctx))
	s.Churn(t.Pick(2<<20, 1<<19))
	kit.FillOdd(s)
	t.Do("Check after many writes", check(t.Ctx))
	t.Close(snap)
	s = s.Reopen()
	t.Do("Check after opening again", s.Powers().Check(t.Ctx))
	if err := s.Powers().Check(kit.Cancelled()); err != nil && !kit.IsCancelled(err) {
		t.Errorf("a cancelled Check gives %v", err)
	}
}

func checkAs(t *kit.Trial) {
	s := t.Create()
	as := s.Powers().As
	if as == nil {
		return
	}
	stranger := struct{ n int }{7}
	for _, target := range []any{nil, &stranger, stranger, (*int)(nil), "text"} {
		if as(target) {
			t.Errorf("As(%T) is true", target)
		}
	}
	if stranger.n != 7 {
		t.Errorf("As changed a target that is not its own")
	}
}
