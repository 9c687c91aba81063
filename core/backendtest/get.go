// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package backendtest

import (
	"fmt"
	"strconv"
	"strings"
	"sync"

	"github.com/guardkv/guardkv/core"
)

var getPromises = []promise{
	{
		name: "get/absent", check: checkGetAbsent,
		explanation: "Get returns the value of exactly this key, or ErrNotFound",
	},
	{
		name: "get/fresh", check: checkGetFresh,
		explanation: "every write that was applied before Get is called is seen",
	},
	{
		name: "get/never older", check: checkNeverOlder,
		explanation: "neither Get nor a Snapshot shows an older state than one that was seen before",
	},
	{
		name: "get/held", check: checkHeld,
		explanation: "the bytes are valid until Release: through overwriting, deleting, compacting and growing",
	},
	{
		name: "get/many held", check: checkManyHeld,
		explanation: "any number of Releasers may be open, and be released in any order and on any goroutine",
	},
	{
		name: "get/blocks nothing", check: checkReleaserBlocksNothing, bareOnly: true,
		explanation: "an open Releaser blocks neither Apply nor Compact",
	},
	{
		name: "get/kept", check: checkKept,
		explanation: "bytes whose Releaser is a Keeper that gave them away are the caller's, to keep and to change",
	},
	{
		name: "get/arguments", check: checkGetArguments,
		explanation: "the arguments may be reused when the call returns",
	},
}

func checkGetAbsent(t *trial) {
	s := t.create()
	s.lacks("k")
	s.apply(put("bb", "1"))
	for _, absent := range []string{"b", "bbb", "ba", "bc", "bb\x00", "\x00", "\xff"} {
		s.lacks(absent)
	}
	s.apply(del("bb"))
	s.lacks("bb")
}

func checkGetFresh(t *trial) {
	s := t.create()
	for i := range t.pick(200, 50) {
		v := strconv.Itoa(i)
		s.apply(put("k", v))
		s.wants("k", v)
		snap := s.snapshot()
		if got := t.rows(snap, core.ScanRange{}); len(got) != 1 || got[0].value != v {
			t.Fatalf("after Apply of %s a snapshot holds %v", v, got)
		}
		t.close(snap)
		s.wants("k", v)
	}
	s.apply(del("k"))
	s.lacks("k")
	s.has()
}

// number reads a row that holds a number, by Get or by a snapshot in turn.
func (s *store) number(key string, viaSnapshot bool) (n int) {
	if !viaSnapshot {
		v, _ := s.read(key)
		n, _ = strconv.Atoi(v)
		return n
	}
	snap := s.snapshot()
	defer s.t.close(snap)
	v, r, err := snap.Get(s.t.ctx, []byte(key))
	s.t.do("Get", err)
	n, _ = strconv.Atoi(string(v))
	release(r)
	return n
}

func checkNeverOlder(t *trial) {
	s := t.create()
	s.apply(put("k", "0"))
	last := t.pick(300, 60)
	var readers sync.WaitGroup
	for r := range 4 {
		readers.Go(func() {
			for seen, i := 0, r; seen < last && !t.Failed(); i++ {
				n := s.number("k", i%2 == 0)
				if n < seen {
					t.Errorf("read %d after %d", n, seen)
				}
				seen = n
			}
		})
	}
	for i := range last {
		s.apply(put("k", strconv.Itoa(i+1)))
	}
	readers.Wait()
}

func checkHeld(t *trial) {
	s := t.create()
	long := strings.Repeat("held", 20_000)
	s.apply(put("long", long), put("short", "held"), put("gone", "to be deleted"), put("empty", ""))
	var all []held
	for _, key := range []string{"long", "short", "gone", "empty"} {
		all = append(all, s.hold(key))
	}
	steps := []struct {
		name string
		do   func()
	}{
		{"overwriting", func() { s.apply(put("long", strings.Repeat("new!", 20_000)), put("short", "anew"), del("gone")) }},
		{"many writes", func() { s.churn(t.pick(4<<20, 1<<20)) }},
		{"SetMark", func() { t.do("SetMark", s.SetMark(t.ctx, []byte("mark"))) }},
		{"writing the keys again", func() { s.apply(put("long", "l"), put("short", "s"), put("gone", "g")) }},
		{"Compact", s.compact},
	}
	for _, step := range steps {
		step.do()
		for _, h := range all {
			h.check(t, "after "+step.name)
		}
	}
	for _, h := range all {
		h.releaser.Release()
	}
	s.wants("long", "l")
}

func checkManyHeld(t *trial) {
	s := t.create()
	n := t.pick(2000, 300)
	var all []held
	for i := range n {
		s.apply(put("k", fmt.Sprintf("value %d", i)))
		all = append(all, s.hold("k"))
	}
	var done sync.WaitGroup
	for part := range 4 {
		done.Go(func() {
			for i := part; i < n; i += 4 {
				h := all[(i*7919)%n]
				h.check(t, "after later writes")
				h.releaser.Release()
			}
		})
	}
	done.Wait()
	s.wants("k", fmt.Sprintf("value %d", n-1))
}

func checkReleaserBlocksNothing(t *trial) {
	s := t.create()
	s.apply(put("k", "v"))
	h := s.hold("k")
	s.churn(t.pick(32<<20, 2<<20))
	h.check(t, "after growing")
	h.releaser.Release()
}

func checkKept(t *trial) {
	s := t.create()
	rows := map[string]string{"long": strings.Repeat("kept", 300_000), "short": "kept", "empty": ""}
	for _, compacted := range []bool{false, true} {
		for key, value := range rows {
			s.apply(put(key, value))
		}
		if compacted {
			s.compact()
		}
		var all []held
		for key, value := range rows {
			if h := s.hold(key); h.keep() {
				spoil(h.bytes)
			}
			h := s.hold(key) // what is changed must not be the engine's
			h.check(t, "after bytes that were kept have changed")
			if h.want != value {
				t.Fatalf("bytes that were kept were changed, and the row has changed: %s", brief(h.want))
			}
			if h.keep() {
				all = append(all, h)
			}
		}
		for range 3 { // what is read later must have other memory
			for key, value := range rows {
				s.wants(key, value)
			}
		}
		s.churn(t.pick(2<<20, 256<<10))
		for _, h := range all {
			h.check(t, "after they were kept, and others read and written,")
		}
	}
}

func checkGetArguments(t *trial) {
	s := t.create()
	s.apply(put("key", "value"), put("\xcc\xcc\xcc", "spoilt"))
	key := []byte("key")
	v, r, err := s.Get(t.ctx, key)
	t.do("Get", err)
	if string(key) != "key" {
		t.Errorf("Get changed its key to %q", key)
	}
	spoil(key)
	if string(v) != "value" {
		t.Errorf("the value became %q when the key was reused", v)
	}
	r.Release()
	snap := s.snapshot()
	key = []byte("key")
	v, r, err = snap.Get(t.ctx, key)
	t.do("Get", err)
	spoil(key)
	if string(v) != "value" {
		t.Errorf("the value became %q when the key was reused", v)
	}
	release(r)
	t.close(snap)
}
