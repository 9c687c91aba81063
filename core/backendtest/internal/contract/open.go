// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package contract

import (
	"bytes"
	"context"
	"errors"
	"log/slog"

	"github.com/guardkv/guardkv/core"
	"github.com/guardkv/guardkv/core/backendtest/internal/decorate"
	"github.com/guardkv/guardkv/core/backendtest/internal/kit"
)

var openPromises = []kit.Promise{
	{
		Name: "open/mark", Check: checkOpenMark,
		Explanation: "Open records the mark in a storage that it creates, and leaves the mark of " +
			"one that is there",
	},
	{
		Name: "open/race", Check: checkOpenRace,
		Explanation: "if somebody else created a storage at the path after Claim, Open returns " +
			"ErrConflict and the claim stays",
	},
	{
		Name: "open/set mark", Check: checkSetMark,
		Explanation: "SetMark replaces the mark, durably, without touching any row",
	},
	{
		Name: "open/set mark argument", Check: checkSetMarkArgument,
		Explanation: "the arguments may be reused when the call returns",
	},
	{
		Name: "open/read-only", Check: checkReadOnly, BareOnly: true,
		Explanation: "a storage that was claimed to be read is not changed: Rename, Remove, " +
			"Apply and SetMark return ErrReadOnly",
	},
	{
		Name: "open/reopen", Check: checkReopen,
		Explanation: "Close makes everything durable and gives the lock back",
	},
	{
		Name: "open/two storages", Check: checkTwoStorages,
		Explanation: "a backend is safe for concurrent use: storages at different paths know " +
			"nothing of each other",
	},
}

func checkOpenMark(t *kit.Trial) {
	for _, mark := range [][]byte{kit.SomeMark, []byte("m"), bytes.Repeat([]byte{0, 0xff}, 500)} {
		path := t.Path + string('a'+rune(len(mark)%26))
		t.OpenStore(path, core.EngineOptions{Mark: mark}).MustClose()
		if got := t.Mark(path); !bytes.Equal(got, mark) {
			t.Fatalf("Mark = %q; want %q", got, mark)
		}
		t.OpenStore(path, core.EngineOptions{Mark: []byte("other")}).MustClose()
		if got := t.Mark(path); !bytes.Equal(got, mark) {
			t.Fatalf("opening again with another mark made it %q; want %q", got, mark)
		}
	}
}

func checkOpenRace(t *kit.Trial) {
	late := t.Claim(t.Path, false)
	ctx, cancel := context.WithTimeout(t.Ctx, kit.Briefly)
	defer cancel()
	early, err := t.Backend.Claim(ctx, t.Path, false)
	if errors.Is(err, core.ErrLocked) || errors.Is(err, context.DeadlineExceeded) {
		return // the engine can lock a place where nothing is, so there is no race
	}
	t.Do("Claim", err)
	if m, err := late.Mark(); m != nil || err != nil {
		t.Fatalf("Mark = %q, %v; want nil, nil", m, err)
	}
	s := t.OpenClaim(early, t.Path, core.EngineOptions{Mark: kit.SomeMark, NoSync: true})
	s.MustApply(kit.Put("k", "v"))
	s.MustClose()
	e, err := late.Open(t.Ctx,
		core.EngineOptions{Mark: []byte("late"), Logger: slog.New(slog.DiscardHandler)})
	if err == nil {
		e.Close()
		t.Fatalf("Open succeeded on a storage that was created after Claim")
	}
	if !errors.Is(err, core.ErrConflict) {
		t.Fatalf("Open gives %v; want ErrConflict", err)
	}
	t.Release(late)
	t.Create().Has(kit.KV("k", "v"))
}

func checkSetMark(t *kit.Trial) {
	s := t.OpenStore(t.Path, core.EngineOptions{Mark: kit.SomeMark})
	s.MustApply(kit.Put("k", "v"))
	snap := s.MustSnapshot()
	for _, mark := range [][]byte{
		[]byte("second"), bytes.Repeat([]byte("longer"), 40),
		[]byte("x"),
	} {
		t.Do("SetMark", s.SetMark(t.Ctx, mark))
	}
	s.MustApply(kit.Put("l", "w"))
	t.Close(snap)
	s.Has(kit.KV("k", "v"), kit.KV("l", "w"))
	s.MustClose()
	if m := t.Mark(t.Path); string(m) != "x" {
		t.Fatalf("Mark = %q; want %q", m, "x")
	}
	t.Create().Has(kit.KV("k", "v"), kit.KV("l", "w"))
}

func checkSetMarkArgument(t *kit.Trial) {
	created, set := bytes.Clone(kit.SomeMark), []byte("another mark")
	s := t.OpenStore(t.Path, core.EngineOptions{Mark: created})
	decorate.Overwrite(created)
	s.MustClose()
	if m := t.Mark(t.Path); !bytes.Equal(m, kit.SomeMark) {
		t.Fatalf("Mark = %q; want %q", m, kit.SomeMark)
	}
	s = t.Create()
	t.Do("SetMark", s.SetMark(t.Ctx, set))
	decorate.Overwrite(set)
	s.MustApply(kit.Put("k", "v"))
	s.MustClose()
	if m := t.Mark(t.Path); string(m) != "another mark" {
		t.Fatalf("Mark = %q; want %q", m, "another mark")
	}
}

func checkReadOnly(t *kit.Trial) {
	s := t.OpenStore(t.Path, core.EngineOptions{Mark: kit.SomeMark})
	s.MustApply(kit.Put("k", "v"))
	s.MustClose()
	c := t.Claim(t.Path, true)
	refused := func(what string, err error) {
		if !errors.Is(err, core.ErrReadOnly) {
			t.Errorf("%s of a storage that was claimed to be read gives %v; want ErrReadOnly",
				what, err)
		}
	}
	refused("Rename", c.Rename(t.Path+".moved"))
	refused("Remove", c.Remove())
	s = t.OpenClaim(c, t.Path, core.EngineOptions{Mark: kit.SomeMark})
	writes := []core.Write{kit.Put("j", "new"), kit.Del("k")}
	refused("Apply", s.Apply(t.Ctx, core.Batch{Writes: writes}))
	refused("SetMark", s.SetMark(t.Ctx, []byte("another mark")))
	s.Has(kit.KV("k", "v"))
	s.MustClose()
	if m := t.Mark(t.Path); !bytes.Equal(m, kit.SomeMark) {
		t.Errorf("Mark = %q; want %q", m, kit.SomeMark)
	}
	t.Create().Has(kit.KV("k", "v"))
}

func checkReopen(t *kit.Trial) {
	s := t.OpenStore(t.Path, core.EngineOptions{Mark: kit.SomeMark})
	s.MustApply(kit.Put("a", "1"), kit.Put("b", "2"), kit.Put("c", "3"))
	s.MustApply(kit.Del("b"), kit.Put("c", "4"))
	s = s.Reopen()
	s.Has(kit.KV("a", "1"), kit.KV("c", "4"))
	s.MustApply(kit.Put("d", ""))
	s = s.Reopen()
	s.Has(kit.KV("a", "1"), kit.KV("c", "4"), kit.KV("d", ""))
	s.Reopen().Has(kit.KV("a", "1"), kit.KV("c", "4"), kit.KV("d", ""))
}

func checkTwoStorages(t *kit.Trial) {
	one := t.OpenStore(t.Path+"1", core.EngineOptions{Mark: kit.SomeMark, NoSync: true})
	two := t.OpenStore(t.Path+"2", core.EngineOptions{Mark: kit.SomeMark, NoSync: true})
	one.MustApply(kit.Put("k", "one"))
	two.MustApply(kit.Put("k", "two"), kit.Put("l", "two"))
	one.Has(kit.KV("k", "one"))
	one.MustClose()
	two.Has(kit.KV("k", "two"), kit.KV("l", "two"))
}
