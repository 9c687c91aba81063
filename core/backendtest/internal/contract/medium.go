// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package contract

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/guardkv/guardkv/core"
	"github.com/guardkv/guardkv/core/backendtest/internal/kit"
)

// Only the medium shows these: which bytes were synced, which were read, and what a failed Close
// leaves behind.
var mediumPromises = []kit.Promise{
	{
		Name: "medium/synced", Check: checkSynced, BareOnly: true,
		Explanation: "Apply makes the writes durable before it returns: what was written is " +
			"synced to the medium, not left to the system",
	},
	{
		Name: "medium/sync", Check: checkSyncedLater, BareOnly: true,
		Explanation: "Powers.Sync makes durable what was written with NoSync",
	},
	{
		Name: "medium/quick open", Check: checkQuickOpen, BareOnly: true,
		Explanation: "ValidateQuick costs no full read of a storage that was closed cleanly",
	},
	{
		Name: "medium/lock after a failed close", Check: checkFailedClose, BareOnly: true,
		Explanation: "Close gives the lock back, also if it fails",
	},
}

// TellsPages reports whether the medium of the trial tells what has not been synced. A disk of the
// machine does; one in memory does not.
func TellsPages(t *kit.Trial) bool {
	t.TB.Helper()
	if !pagesAreKnown || !t.OnDisk() {
		return false
	}
	const size = 1 << 16
	probe := t.Path + "-probe"
	f, err := os.Create(probe)
	t.Do("create", err)
	defer os.Remove(probe)
	defer f.Close()
	_, err = f.Write(make([]byte, size))
	t.Do("write", err)
	before, ok := pagesOf(probe)
	t.Do("sync", f.Sync())
	after, _ := pagesOf(probe)
	return ok && before.dirty >= size && after.dirty == 0 && after.cached >= size
}

func checkSynced(t *kit.Trial) {
	if !TellsPages(t) {
		return
	}
	s := t.OpenStore(t.Path, core.EngineOptions{Mark: kit.SomeMark})
	written := int64(0)
	for i := range 8 {
		value := kit.Incompressible(kit.Fits(kit.Fits(1<<16, s.Limits().Value),
			s.Limits().BatchBytes/2))
		s.MustApply(kit.Put(fmt.Sprintf("%d", i), value))
		written += int64(len(value))
	}
	// An engine may leave a second copy of what it has synced to the system, so unsynced pages
	// alone prove nothing.
	p, ok := pagesOf(t.Path)
	if ok && p.dirty >= written && p.cached-p.dirty < written {
		t.Errorf("%d bytes were written durably; %d bytes of the storage's files are not synced, "+
			"%d are", written, p.dirty, p.cached-p.dirty)
	}
}

func checkSyncedLater(t *kit.Trial) {
	s := t.OpenStore(t.Path, core.EngineOptions{Mark: kit.SomeMark, NoSync: true})
	sync := s.Powers().Sync
	if sync == nil {
		return
	}
	written := int64(0)
	for i := range 8 {
		value := kit.Incompressible(kit.Fits(kit.Fits(1<<16, s.Limits().Value),
			s.Limits().BatchBytes/2))
		s.MustApply(kit.Put(fmt.Sprintf("%d", i), value))
		written += int64(len(value))
	}
	t.Do("Sync", sync(t.Ctx))
	s.MustApply(kit.Put("later", "v"))
	t.Do("Sync", sync(t.Ctx))
	if !TellsPages(t) {
		return
	}
	p, ok := pagesOf(t.Path)
	if ok && p.dirty >= written && p.cached-p.dirty < written {
		t.Errorf("after Sync of %d bytes, %d bytes of the storage's files are not synced, %d are",
			written, p.dirty, p.cached-p.dirty)
	}
}

// checkQuickOpen reports its finding and does not fail, because an engine that keeps its rows in
// memory has to read them.
func checkQuickOpen(t *kit.Trial) {
	if !TellsPages(t) {
		return
	}
	s := t.Create()
	value, size := kit.Incompressible(4000), int64(0)
	for i := range t.Pick(2000, 500) {
		s.MustApply(kit.Put(fmt.Sprintf("%06d", i), value))
		size += int64(len(value))
	}
	s.MustClose()
	t.Do("dropping what is cached", dropPages(t.Path))
	before, ok := pagesOf(t.Path)
	t.OpenStore(t.Path, core.EngineOptions{Mark: kit.SomeMark, NoSync: true})
	after, ok2 := pagesOf(t.Path)
	if read := after.cached - before.cached; ok && ok2 && read >= size {
		t.Logf("NOTE: Open at ValidateQuick of a storage with rows of %d bytes, which was closed "+
			"cleanly, read %d bytes: all of it.\n"+
			"\tUnless the engine keeps its rows in memory, leave that to ValidateFull.", size, read)
	}
}

// checkFailedClose moves the storage away while it is open: an engine that closes by path
// fails.
func checkFailedClose(t *kit.Trial) {
	s := t.Create()
	s.MustApply(kit.Put("k", "v"))
	away := t.Path + "-away"
	moved := t.OnDisk() && os.Rename(t.Path, away) == nil
	s.Closed = true
	err := s.Engine.Close()
	if moved {
		t.Do("rename", os.Rename(away, t.Path))
	}
	if err != nil {
		t.Logf("Close of a storage that was moved away: %v", err)
	}
	if !moved {
		t.Do("Close", err)
	}
	ctx, cancel := context.WithTimeout(t.Ctx, min(kit.Soon, t.Wait/2))
	defer cancel()
	for {
		c, claimed := t.Backend.Claim(ctx, t.Path, false)
		if claimed == nil {
			t.Release(c)
			return
		}
		if !errors.Is(claimed, core.ErrLocked) || ctx.Err() != nil {
			t.Fatalf("after a Close that gave %v, Claim gives %v", err, claimed)
		}
		time.Sleep(10 * time.Millisecond)
	}
}
