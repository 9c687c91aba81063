// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package users

import (
	"errors"
	"iter"
	"strings"
	"sync"

	"github.com/guardkv/guardkv/core"
	"github.com/guardkv/guardkv/core/backendtest/internal/decorate"
	"github.com/guardkv/guardkv/core/backendtest/internal/kit"
)

var closePromises = []kit.Promise{
	{
		Name: "close/guards open", Check: checkGuardsOpen,
		Explanation: "Close returns ErrGuardsOpen with their number while guards remain; the " +
			"last one releases the engine and its lock; Close again returns ErrGuardsOpen until " +
			"then and nil after",
	},
	{
		Name: "close/scan and transaction open", Check: checkScanOpenAtClose,
		Explanation: "scans and transactions that are open at Close may finish",
	},
	{
		Name: "close/tracking", Check: checkTracking,
		Explanation: "ErrGuardsOpen says where guards, scans and transactions were opened, when " +
			"tracked",
	},
	{
		Name: "close/every call", Check: checkClosed,
		Explanation: "after Close every other call returns ErrClosed; nothing panics",
	},
	{
		Name: "close/racing readers", Check: checkCloseRace,
		Explanation: "Close may come at any moment: readers either finish or get ErrClosed",
	},
	{
		Name: "close/early break", Check: checkEarlyBreak,
		Explanation: "leaving a range loop early, by break, return or panic, frees everything",
	},
	{
		Name: "close/failing engine", Check: checkCloseFails,
		Explanation: "an error of the engine at Close is returned, and the storage is closed",
	},
}

func checkGuardsOpen(t *kit.Trial) {
	s, tab := openOne(t)
	put1(t, tab, "k", "v")
	g, h := guard(t, tab, "k"), guard(t, tab, "k")
	err := s.Close()
	t.Is("Close", err, core.ErrGuardsOpen)
	if !strings.Contains(err.Error(), "2") {
		t.Errorf("Close gives %q, without the number of 2", err)
	}
	t.Close(g)
	t.Is("Close again", s.Close(), core.ErrGuardsOpen)
	stillLocked(t)
	if h.Value() != "v" {
		t.Errorf("after Close the guard holds %q", h.Value())
	}
	t.Close(h)
	s2 := open(t)
	closeStorage(t, s)
	reads(t, openWords(t, s2, "words"), "k", "v")
	closeStorage(t, s)
}

func checkScanOpenAtClose(t *kit.Trial) {
	s, tab := openOne(t)
	load(t, tab, 10)
	n := 0
	for r, err := range tab.Scan().Rows(t.Ctx) {
		t.Do("Rows", err)
		if n == 3 {
			t.Is("Close within a scan", s.Close(), core.ErrGuardsOpen)
		}
		if r.Value == "" {
			t.Errorf("an empty value")
		}
		n++
	}
	if n != 10 {
		t.Errorf("a scan that was open at Close gave %d rows of 10", n)
	}
	s, tab = openOne(t)
	t.Do("Update", s.Update(t.Ctx, func(tx *core.Tx) error {
		t.Is("Close within an Update", s.Close(), core.ErrGuardsOpen)
		return tab.In(tx).Put(t.Ctx, "committed after", "Close")
	}))
	_, tab = openOne(t)
	reads(t, tab, "committed after", "Close")
}

func checkTracking(t *kit.Trial) {
	s, tab := openOne(t, core.WithTracking())
	put1(t, tab, "k", "v")
	g := guard(t, tab, "k")
	err := s.Close()
	t.Is("Close", err, core.ErrGuardsOpen)
	if !strings.Contains(err.Error(), "checkTracking") {
		t.Errorf("Close gives %q, without the place where the guard was opened", err)
	}
	t.Close(g)
}

func checkClosed(t *kit.Trial) {
	s, tab := openOne(t)
	put1(t, tab, "k", "v")
	closeStorage(t, s)
	for name, call := range kit.ByName(calls(t, s, tab)) {
		t.Is(name, call(), core.ErrClosed)
	}
	for name, call := range kit.ByName(storageCalls(t, s)) {
		t.Is(name, call(), core.ErrClosed)
	}
	if s.As(new(int)) {
		t.Errorf("As is true")
	}
	s.Recreated()
	closeStorage(t, s)
}

func checkCloseRace(t *kit.Trial) {
	for range t.Pick(20, 5) {
		s, tab := openOne(t)
		put1(t, tab, "k", "v")
		var users sync.WaitGroup
		for name, call := range kit.ByName(calls(t, s, tab)) {
			users.Go(func() {
				for {
					err := call()
					if errors.Is(err, core.ErrClosed) {
						return
					}
					if err != nil && !errors.Is(err, core.ErrExists) && !errors.Is(err,
						core.ErrNotFound) {
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

func checkEarlyBreak(t *kit.Trial) {
	s, tab := openOne(t)
	load(t, tab, 10)
	for range tab.Scan().Rows(t.Ctx) {
		break
	}
	for range tab.Scan().Keys(t.Ctx) {
		break
	}
	func() {
		for range tab.Scan().Reverse().Rows(t.Ctx) {
			return
		}
	}()
	func() {
		defer func() { recover() }()
		for range tab.Scan().Rows(t.Ctx) {
			panic("of the loop's body")
		}
	}()
	func() {
		defer func() { recover() }()
		tab.View(t.Ctx, "some000001", func(string) error { panic("of View's function") })
	}()
	t.Do("Stream", tab.Scan().Stream(t.Ctx, func(rows iter.Seq2[string, string]) error {
		for range rows {
			return nil
		}
		return nil
	}))
	next, stop := iter.Pull2(tab.Scan().Rows(t.Ctx))
	next()
	stop()
	closeStorage(t, s)
}

func checkCloseFails(t *kit.Trial) {
	failure := errors.New("the medium is gone")
	b := decorate.Fault(t.Backend)
	s, err := tryOpen(t, b)
	t.Do("Open", err)
	openWords(t, s, "words")
	b.Fail(decorate.Failure{Op: decorate.OpClose, N: 1, Err: failure})
	t.Is("Close", s.Close(), failure)
	t.Is("View", s.View(t.Ctx, func(*core.Tx) error { return nil }), core.ErrClosed)
	openWords(t, open(t), "words")
}
