// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package backendtest

import (
	"errors"
	"iter"
	"strings"
	"sync"

	"github.com/guardkv/guardkv/core"
)

var closePromises = []promise{
	{
		name: "close/guards open", check: checkGuardsOpen,
		explanation: "Close returns ErrGuardsOpen with their number while guards remain; the last one releases the engine and its lock; Close again returns ErrGuardsOpen until then and nil after",
	},
	{
		name: "close/scan and transaction open", check: checkScanOpenAtClose,
		explanation: "scans and transactions that are open at Close may finish",
	},
	{
		name: "close/tracking", check: checkTracking,
		explanation: "ErrGuardsOpen says where guards, scans and transactions were opened, when tracked",
	},
	{
		name: "close/every call", check: checkClosed,
		explanation: "after Close every other call gives ErrClosed; nothing panics",
	},
	{
		name: "close/racing readers", check: checkCloseRace,
		explanation: "Close may come at any moment: readers either finish or get ErrClosed",
	},
	{
		name: "close/early break", check: checkEarlyBreak,
		explanation: "leaving a range loop early, by break, return or panic, frees everything",
	},
	{
		name: "close/failing engine", check: checkCloseFails,
		explanation: "an error of the engine at Close is returned, and the storage is closed",
	},
}

func checkGuardsOpen(t *trial) {
	s, tab := t.one()
	put1(t, tab, "k", "v")
	g, h := guard(t, tab, "k"), guard(t, tab, "k")
	err := s.Close()
	t.is("Close", err, core.ErrGuardsOpen)
	if !strings.Contains(err.Error(), "2") {
		t.Errorf("Close gives %q, without the number of 2", err)
	}
	t.close(g)
	t.is("Close again", s.Close(), core.ErrGuardsOpen)
	t.stillLocked()
	if h.Value() != "v" {
		t.Errorf("after Close the guard holds %q", h.Value())
	}
	t.close(h)
	s2 := t.open()
	t.closeStorage(s)
	reads(t, t.words(s2, "words"), "k", "v")
	t.closeStorage(s)
}

func checkScanOpenAtClose(t *trial) {
	s, tab := t.one()
	load(t, tab, 10)
	n := 0
	for r, err := range tab.Scan().Rows(t.ctx) {
		t.do("Rows", err)
		if n == 3 {
			t.is("Close within a scan", s.Close(), core.ErrGuardsOpen)
		}
		if r.Value == "" {
			t.Errorf("an empty value")
		}
		n++
	}
	if n != 10 {
		t.Errorf("a scan that was open at Close gave %d rows of 10", n)
	}
	s, tab = t.one()
	t.do("Update", s.Update(t.ctx, func(tx *core.Tx) error {
		t.is("Close within an Update", s.Close(), core.ErrGuardsOpen)
		return tab.In(tx).Put(t.ctx, "committed after", "Close")
	}))
	_, tab = t.one()
	reads(t, tab, "committed after", "Close")
}

func checkTracking(t *trial) {
	s, tab := t.one(core.WithTracking())
	put1(t, tab, "k", "v")
	g := guard(t, tab, "k")
	err := s.Close()
	t.is("Close", err, core.ErrGuardsOpen)
	if !strings.Contains(err.Error(), "checkTracking") {
		t.Errorf("Close gives %q, without the place where the guard was opened", err)
	}
	t.close(g)
}

func checkClosed(t *trial) {
	s, tab := t.one()
	put1(t, tab, "k", "v")
	t.closeStorage(s)
	for name, call := range byName(calls(t, s, tab)) {
		t.is(name, call(), core.ErrClosed)
	}
	for name, call := range byName(storageCalls(t, s)) {
		t.is(name, call(), core.ErrClosed)
	}
	if s.As(new(int)) {
		t.Errorf("As is true")
	}
	s.Recreated()
	t.closeStorage(s)
}

func checkCloseRace(t *trial) {
	for range t.pick(20, 5) {
		s, tab := t.one()
		put1(t, tab, "k", "v")
		var users sync.WaitGroup
		for name, call := range byName(calls(t, s, tab)) {
			users.Go(func() {
				for {
					err := call()
					if errors.Is(err, core.ErrClosed) {
						return
					}
					if err != nil && !errors.Is(err, core.ErrExists) && !errors.Is(err, core.ErrNotFound) {
						t.Errorf("%s: %v", name, err)
						return
					}
				}
			})
		}
		for err := s.Close(); err != nil; err = s.Close() {
			if !errors.Is(err, core.ErrGuardsOpen) {
				t.Fatalf("Close: %v", err)
			}
		}
		users.Wait()
		if t.Failed() {
			return
		}
	}
}

func checkEarlyBreak(t *trial) {
	s, tab := t.one()
	load(t, tab, 10)
	for range tab.Scan().Rows(t.ctx) {
		break
	}
	for range tab.Scan().Keys(t.ctx) {
		break
	}
	func() {
		for range tab.Scan().Reverse().Rows(t.ctx) {
			return
		}
	}()
	func() {
		defer func() { recover() }()
		for range tab.Scan().Rows(t.ctx) {
			panic("of the loop's body")
		}
	}()
	func() {
		defer func() { recover() }()
		tab.View(t.ctx, "some000001", func(string) error { panic("of View's function") })
	}()
	t.do("Stream", tab.Scan().Stream(t.ctx, func(rows iter.Seq2[string, string]) error {
		for range rows {
			return nil
		}
		return nil
	}))
	next, stop := iter.Pull2(tab.Scan().Rows(t.ctx))
	next()
	stop()
	t.closeStorage(s)
}

func checkCloseFails(t *trial) {
	failure := errors.New("the medium is gone")
	b := Fault(t.backend)
	s, err := t.tryOpen(b)
	t.do("Open", err)
	t.words(s, "words")
	b.Fail(Failure{Op: OpClose, N: 1, Err: failure})
	t.is("Close", s.Close(), failure)
	t.is("View", s.View(t.ctx, func(*core.Tx) error { return nil }), core.ErrClosed)
	t.words(t.open(), "words")
}
