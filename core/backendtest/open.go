// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package backendtest

import (
	"bytes"
	"context"
	"errors"
	"log/slog"

	"github.com/guardkv/guardkv/core"
)

var openPromises = []promise{
	{
		name: "open/mark", check: checkOpenMark,
		explanation: "Open records the mark in a storage that it creates, and leaves the mark of one that is there",
	},
	{
		name: "open/race", check: checkOpenRace,
		explanation: "if somebody else created a storage at the path after Claim, Open gives ErrConflict and the claim stays",
	},
	{
		name: "open/set mark", check: checkSetMark,
		explanation: "SetMark replaces the mark, durably, without touching any row",
	},
	{
		name: "open/set mark argument", check: checkSetMarkArgument,
		explanation: "the arguments may be reused when the call returns",
	},
	{
		name: "open/reopen", check: checkReopen,
		explanation: "Close makes everything durable and gives the lock back",
	},
	{
		name: "open/two storages", check: checkTwoStorages,
		explanation: "a backend is safe for concurrent use: storages at different paths know nothing of each other",
	},
}

func checkOpenMark(t *trial) {
	for _, mark := range [][]byte{aMark, []byte("m"), bytes.Repeat([]byte{0, 0xff}, 500)} {
		path := t.path + string('a'+rune(len(mark)%26))
		t.openStore(path, core.EngineOptions{Mark: mark}).close()
		if got := t.mark(path); !bytes.Equal(got, mark) {
			t.Fatalf("Mark = %q; want %q", got, mark)
		}
		t.openStore(path, core.EngineOptions{Mark: []byte("other")}).close()
		if got := t.mark(path); !bytes.Equal(got, mark) {
			t.Fatalf("opening again with another mark made it %q; want %q", got, mark)
		}
	}
}

func checkOpenRace(t *trial) {
	late := t.claim(t.path, false)
	ctx, cancel := context.WithTimeout(t.ctx, briefly)
	defer cancel()
	early, err := t.backend.Claim(ctx, t.path, false)
	if errors.Is(err, core.ErrLocked) || errors.Is(err, context.DeadlineExceeded) {
		return // the engine can lock a place where nothing is, so there is no race
	}
	t.do("Claim", err)
	if m, err := late.Mark(); m != nil || err != nil {
		t.Fatalf("Mark = %q, %v; want nil, nil", m, err)
	}
	s := t.openClaim(early, t.path, core.EngineOptions{Mark: aMark, NoSync: true})
	s.apply(put("k", "v"))
	s.close()
	e, err := late.Open(t.ctx, core.EngineOptions{Mark: []byte("late"), Logger: slog.New(slog.DiscardHandler)})
	if err == nil {
		e.Close()
		t.Fatalf("Open succeeded on a storage that was created after Claim")
	}
	if !errors.Is(err, core.ErrConflict) {
		t.Fatalf("Open gives %v; want ErrConflict", err)
	}
	t.release(late)
	t.create().has(row{"k", "v"})
}

func checkSetMark(t *trial) {
	s := t.openStore(t.path, core.EngineOptions{Mark: aMark})
	s.apply(put("k", "v"))
	snap := s.snapshot()
	for _, mark := range [][]byte{[]byte("second"), bytes.Repeat([]byte("longer"), 40), []byte("x")} {
		t.do("SetMark", s.SetMark(t.ctx, mark))
	}
	s.apply(put("l", "w"))
	t.close(snap)
	s.has(row{"k", "v"}, row{"l", "w"})
	s.close()
	if m := t.mark(t.path); string(m) != "x" {
		t.Fatalf("Mark = %q; want %q", m, "x")
	}
	t.create().has(row{"k", "v"}, row{"l", "w"})
}

func checkSetMarkArgument(t *trial) {
	created, set := bytes.Clone(aMark), []byte("another mark")
	s := t.openStore(t.path, core.EngineOptions{Mark: created})
	spoil(created)
	s.close()
	if m := t.mark(t.path); !bytes.Equal(m, aMark) {
		t.Fatalf("Mark = %q; want %q", m, aMark)
	}
	s = t.create()
	t.do("SetMark", s.SetMark(t.ctx, set))
	spoil(set)
	s.apply(put("k", "v"))
	s.close()
	if m := t.mark(t.path); string(m) != "another mark" {
		t.Fatalf("Mark = %q; want %q", m, "another mark")
	}
}

func checkReopen(t *trial) {
	s := t.openStore(t.path, core.EngineOptions{Mark: aMark})
	s.apply(put("a", "1"), put("b", "2"), put("c", "3"))
	s.apply(del("b"), put("c", "4"))
	s = s.reopen()
	s.has(row{"a", "1"}, row{"c", "4"})
	s.apply(put("d", ""))
	s = s.reopen()
	s.has(row{"a", "1"}, row{"c", "4"}, row{"d", ""})
	s.reopen().has(row{"a", "1"}, row{"c", "4"}, row{"d", ""})
}

func checkTwoStorages(t *trial) {
	one := t.openStore(t.path+"1", core.EngineOptions{Mark: aMark, NoSync: true})
	two := t.openStore(t.path+"2", core.EngineOptions{Mark: aMark, NoSync: true})
	one.apply(put("k", "one"))
	two.apply(put("k", "two"), put("l", "two"))
	one.has(row{"k", "one"})
	one.close()
	two.has(row{"k", "two"}, row{"l", "two"})
}
