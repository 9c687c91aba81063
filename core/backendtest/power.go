// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package backendtest

import (
	"fmt"

	"github.com/guardkv/guardkv/core"
)

var powerPromises = []promise{
	{
		name: "powers/scan", check: checkScanPower,
		explanation: "Powers.Scan passes over the state after the last applied write, as a scan of a Snapshot does, whatever is written meanwhile",
	},
	{
		name: "powers/count", check: checkCounter,
		explanation: "Count agrees with a scan, in rows and in bytes of keys and values, for every range",
	},
	{
		name: "powers/compact", check: checkCompact,
		explanation: "Compact returns space to the file system, changes no row, and may be called with guards and snapshots open",
	},
	{
		name: "powers/size", check: checkSize, bareOnly: true,
		explanation: "Size tells how many bytes the storage takes on its medium",
	},
	{
		name: "powers/check", check: checkCheck, bareOnly: true,
		explanation: "Check finds nothing in a sound storage",
	},
	{
		name: "powers/as", check: checkAs, bareOnly: true,
		explanation: "As reports whether target is a pointer to the engine's own handle, and touches nothing else",
	},
}

func checkScanPower(t *trial) {
	s := t.create()
	scan := s.Powers().Scan
	if scan == nil {
		return
	}
	rows := fillOdd(s)
	for _, r := range []core.ScanRange{
		{}, {Reverse: true}, {KeysOnly: true}, {Low: []byte("a"), High: []byte("b\x00")}, {Low: []byte("b"), High: []byte("a")},
	} {
		c, err := scan(t.ctx, r)
		t.do("Scan", err)
		s.apply(put("aa written later", "v"), put(rows[0].key, "changed"))
		if got, want := rest(c), between(rows, r); !sameRowKeys(got, want) || c.Err() != nil {
			t.Errorf("%+v: the rows are %v, %v; want %v", r, got, c.Err(), want)
		}
		t.close(c)
		s.apply(del("aa written later"), put(rows[0].key, rows[0].value))
	}
	for i := range t.pick(100, 20) {
		v := fmt.Sprint(i)
		s.apply(put("fresh", v))
		c, err := scan(t.ctx, core.ScanRange{Low: []byte("fresh"), High: []byte("fresh\x00")})
		t.do("Scan", err)
		if got := rest(c); len(got) != 1 || got[0].value != v {
			t.Fatalf("after Apply of %s a scan shows %v", v, got)
		}
		t.close(c)
	}
	if c, err := scan(cancelled(), core.ScanRange{}); err == nil {
		if got := rest(c); len(got) > 0 || !isCancelled(c.Err()) {
			t.Errorf("a cancelled scan shows %d rows and %v", len(got), c.Err())
		}
		t.close(c)
	}
}

func checkCounter(t *trial) {
	s := t.create()
	rows := fillOdd(s)
	snap := s.snapshot()
	defer t.close(snap)
	count := snap.Powers().Count
	if count == nil {
		return
	}
	s.apply(put("later", "not counted"))
	for _, low := range bounds() {
		for _, high := range bounds() {
			var wantBytes int64
			want := between(rows, core.ScanRange{Low: low, High: high})
			for _, r := range want {
				wantBytes += int64(len(r.key) + len(r.value))
			}
			n, size, err := count(t.ctx, low, high)
			if err != nil || n != int64(len(want)) || size != wantBytes {
				t.Fatalf("from %q to %q Count = %d rows, %d bytes, %v; want %d, %d", low, high, n, size, err, len(want), wantBytes)
			}
		}
	}
}

func checkCompact(t *trial) {
	s := t.create()
	if s.Powers().Compact == nil {
		return
	}
	s.compact()
	s.apply(put("k", "v"))
	h := s.hold("k")
	snap := s.snapshot()
	s.churn(t.pick(8<<20, 2<<20))
	s.apply(put("k", "v"), put("l", "w"))
	s.compact()
	h.check(t, "after Compact")
	if got := t.rows(snap, core.ScanRange{}); len(got) != 1 {
		t.Errorf("after Compact the snapshot holds %v", got)
	}
	h.releaser.Release()
	t.close(snap)
	s.compact()
	s.has(row{"k", "v"}, row{"l", "w"})
	s.apply(put("m", "x"))
	s.reopen().has(row{"k", "v"}, row{"l", "w"}, row{"m", "x"})
}

func checkSize(t *trial) {
	s := t.create()
	sizeOf := s.Powers().Size
	if sizeOf == nil {
		return
	}
	size := func() int64 {
		n, err := sizeOf()
		t.do("Size", err)
		return n
	}
	value, rows := noise(1<<12), t.pick(2000, 500)
	for i := range rows {
		s.apply(put(fmt.Sprintf("%05d", i), value))
	}
	full := size()
	if full < int64(rows) {
		t.Errorf("Size = %d with %d rows of %d bytes", full, rows, len(value))
	}
	for i := range rows {
		s.apply(del(fmt.Sprintf("%05d", i)))
	}
	if s.Powers().Compact != nil {
		s.compact()
		if after := size(); after > full+full/4+1<<20 {
			t.Errorf("Size = %d after everything was deleted and compacted; it was %d", after, full)
		}
	}
}

func checkCheck(t *trial) {
	s := t.create()
	check := s.Powers().Check
	if check == nil {
		return
	}
	t.do("Check of an empty storage", check(t.ctx))
	fillOdd(s)
	snap := s.snapshot()
	t.do("Check", check(t.ctx))
	s.churn(t.pick(2<<20, 1<<19))
	fillOdd(s)
	t.do("Check after many writes", check(t.ctx))
	t.close(snap)
	s = s.reopen()
	t.do("Check after opening again", s.Powers().Check(t.ctx))
	if err := s.Powers().Check(cancelled()); err != nil && !isCancelled(err) {
		t.Errorf("a cancelled Check gives %v", err)
	}
}

func checkAs(t *trial) {
	s := t.create()
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
