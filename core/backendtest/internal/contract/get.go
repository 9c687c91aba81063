// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package contract

import (
	"fmt"
	"strconv"
	"strings"
	"sync"

	"github.com/guardkv/guardkv/core"
	"github.com/guardkv/guardkv/core/backendtest/internal/decorate"
	"github.com/guardkv/guardkv/core/backendtest/internal/kit"
)

var getPromises = []kit.Promise{
	{
		Name: "get/absent", Check: checkGetAbsent,
		Explanation: "Get returns the value of exactly this key, or ErrNotFound",
	},
	{
		Name: "get/fresh", Check: checkGetFresh,
		Explanation: "every write that was applied before Get is called is seen",
	},
	{
		Name: "get/never older", Check: checkNeverOlder,
		Explanation: "neither Get nor a Snapshot shows an older state than one that was seen " +
			"before",
	},
	{
		Name: "get/held", Check: checkHeld,
		Explanation: "the bytes are valid until Release: through overwriting, deleting, " +
			"compacting and growing",
	},
	{
		Name: "get/many held", Check: checkManyHeld,
		Explanation: "any number of Releasers may be open, and be released in any order and on " +
			"any goroutine",
	},
	{
		Name: "get/blocks nothing", Check: checkReleaserBlocksNothing, BareOnly: true,
		Explanation: "an open Releaser blocks neither Apply nor Compact",
	},
	{
		Name: "get/kept", Check: checkKept,
		Explanation: "bytes whose Releaser is a Keeper that gave them away are the caller's, to " +
			"keep and to change",
	},
	{
		Name: "get/arguments", Check: checkGetArguments,
		Explanation: "the arguments may be reused when the call returns",
	},
}

func checkGetAbsent(t *kit.Trial) {
	s := t.Create()
	s.Lacks("k")
	s.MustApply(kit.Put("bb", "1"))
	for _, absent := range []string{"b", "bbb", "ba", "bc", "bb\x00", "\x00", "\xff"} {
		s.Lacks(absent)
	}
	s.MustApply(kit.Del("bb"))
	s.Lacks("bb")
}

func checkGetFresh(t *kit.Trial) {
	s := t.Create()
	for i := range t.Pick(200, 50) {
		v := strconv.Itoa(i)
		s.MustApply(kit.Put("k", v))
		s.Wants("k", v)
		snap := s.MustSnapshot()
		if got := t.Rows(snap, core.ScanRange{}); len(got) != 1 || got[0].Value != v {
			t.Fatalf("after Apply of %s a snapshot holds %v", v, got)
		}
		t.Close(snap)
		s.Wants("k", v)
	}
	s.MustApply(kit.Del("k"))
	s.Lacks("k")
	s.Has()
}

// number reads a row that holds a number, by Get or by a snapshot in turn.
func number(s *kit.Store, key string, viaSnapshot bool) (n int) {
	if !viaSnapshot {
		v, _ := s.Read(key)
		n, _ = strconv.Atoi(v)
		return n
	}
	snap := s.MustSnapshot()
	defer s.T.Close(snap)
	v, r, err := snap.Get(s.T.Ctx, []byte(key))
	s.T.Do("Get", err)
	n, _ = strconv.Atoi(string(v))
	kit.Release(r)
	return n
}

func checkNeverOlder(t *kit.Trial) {
	s := t.Create()
	s.MustApply(kit.Put("k", "0"))
	last := t.Pick(300, 60)
	var readers sync.WaitGroup
	for r := range 4 {
		readers.Go(func() {
			for seen, i := 0, r; seen < last && !t.Failed(); i++ {
				n := number(s, "k", i%2 == 0)
				if n < seen {
					t.Errorf("read %d after %d", n, seen)
				}
				seen = n
			}
		})
	}
	for i := range last {
		s.MustApply(kit.Put("k", strconv.Itoa(i+1)))
	}
	readers.Wait()
}

func checkHeld(t *kit.Trial) {
	s := t.Create()
	long := strings.Repeat("held", 20_000)
	s.MustApply(kit.Put("long", long), kit.Put("short", "held"), kit.Put("gone", "to be deleted"),
		kit.Put("empty", ""))
	var all []kit.Held
	for _, key := range []string{"long", "short", "gone", "empty"} {
		all = append(all, s.Hold(key))
	}
	steps := []struct {
		name string
		do   func()
	}{
		{"overwriting", func() {
			s.MustApply(kit.Put("long", strings.Repeat("new!", 20_000)), kit.Put("short", "anew"),
				kit.Del("gone"))
		}},
		{"many writes", func() { s.Churn(t.Pick(4<<20, 1<<20)) }},
		{"SetMark", func() { t.Do("SetMark", s.SetMark(t.Ctx, []byte("mark"))) }},
		{"writing the keys again", func() {
			s.MustApply(kit.Put("long", "l"), kit.Put("short", "s"), kit.Put("gone", "g"))
		}},
		{"Compact", s.Compact},
	}
	for _, step := range steps {
		step.do()
		for _, h := range all {
			h.Check(t, "after "+step.name)
		}
	}
	for _, h := range all {
		h.Releaser.Release()
	}
	s.Wants("long", "l")
}

func checkManyHeld(t *kit.Trial) {
	s := t.Create()
	n := t.Pick(2000, 300)
	var all []kit.Held
	for i := range n {
		s.MustApply(kit.Put("k", fmt.Sprintf("value %d", i)))
		all = append(all, s.Hold("k"))
	}
	var done sync.WaitGroup
	for part := range 4 {
		done.Go(func() {
			for i := part; i < n; i += 4 {
				h := all[(i*7919)%n]
				h.Check(t, "after later writes")
				h.Releaser.Release()
			}
		})
	}
	done.Wait()
	s.Wants("k", fmt.Sprintf("value %d", n-1))
}

func checkReleaserBlocksNothing(t *kit.Trial) {
	s := t.Create()
	s.MustApply(kit.Put("k", "v"))
	h := s.Hold("k")
	s.Churn(t.Pick(32<<20, 2<<20))
	h.Check(t, "after growing")
	h.Releaser.Release()
}

func checkKept(t *kit.Trial) {
	s := t.Create()
	rows := map[string]string{"long": strings.Repeat("kept", 300_000), "short": "kept", "empty": ""}
	for _, compacted := range []bool{false, true} {
		for key, value := range rows {
			s.MustApply(kit.Put(key, value))
		}
		if compacted {
			s.Compact()
		}
		var all []kit.Held
		for key, value := range rows {
			if h := s.Hold(key); h.Keep() {
				decorate.Overwrite(h.Bytes)
			}
			h := s.Hold(key) // the bytes that are changed must not be the engine's
			h.Check(t, "after bytes that were kept have changed")
			if h.Want != value {
				t.Fatalf("bytes that were kept were changed, and the row has changed: %s",
					kit.Brief(h.Want))
			}
			if h.Keep() {
				all = append(all, h)
			}
		}
		for range 3 { // later reads must return other memory
			for key, value := range rows {
				s.Wants(key, value)
			}
		}
		s.Churn(t.Pick(2<<20, 256<<10))
		for _, h := range all {
			h.Check(t, "after they were kept, and others read and written,")
		}
	}
}

func checkGetArguments(t *kit.Trial) {
	s := t.Create()
	s.MustApply(kit.Put("key", "value"), kit.Put("\xcc\xcc\xcc", "spoilt"))
	key := []byte("key")
	v, r, err := s.Get(t.Ctx, key)
	t.Do("Get", err)
	if string(key) != "key" {
		t.Errorf("Get changed its key to %q", key)
	}
	decorate.Overwrite(key)
	if string(v) != "value" {
		t.Errorf("the value became %q when the key was reused", v)
	}
	r.Release()
	snap := s.MustSnapshot()
	key = []byte("key")
	v, r, err = snap.Get(t.Ctx, key)
	t.Do("Get", err)
	decorate.Overwrite(key)
	if string(v) != "value" {
		t.Errorf("the value became %q when the key was reused", v)
	}
	kit.Release(r)
	t.Close(snap)
}
