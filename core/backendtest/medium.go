// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package backendtest

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/guardkv/guardkv/core"
)

// What only the medium shows: what was synced, what was read, and what is left behind by a Close that fails.
var mediumPromises = []promise{
	{
		name: "medium/synced", check: checkSynced, bareOnly: true,
		explanation: "Apply makes the writes durable before it returns: what was written is synced to the medium, not left to the system",
	},
	{
		name: "medium/sync", check: checkSyncedLater, bareOnly: true,
		explanation: "Powers.Sync makes durable what was written with NoSync",
	},
	{
		name: "medium/quick open", check: checkQuickOpen, bareOnly: true,
		explanation: "ValidateQuick costs no full read of a storage that was closed cleanly",
	},
	{
		name: "medium/lock after a failed close", check: checkFailedClose, bareOnly: true,
		explanation: "Close gives the lock back, also if it fails",
	},
}

// tellsPages reports whether the medium of the trial tells what is not synced. A disk of the machine does, one in memory
// does not.
func (t *trial) tellsPages() bool {
	t.tb.Helper()
	if !pagesAreKnown || !t.onDisk() {
		return false
	}
	const size = 1 << 16
	probe := t.path + "-probe"
	f, err := os.Create(probe)
	t.do("create", err)
	defer os.Remove(probe)
	defer f.Close()
	_, err = f.Write(make([]byte, size))
	t.do("write", err)
	before, ok := pagesOf(probe)
	t.do("sync", f.Sync())
	after, _ := pagesOf(probe)
	return ok && before.dirty >= size && after.dirty == 0 && after.cached >= size
}

func checkSynced(t *trial) {
	if !t.tellsPages() {
		return
	}
	s := t.openStore(t.path, core.EngineOptions{Mark: aMark})
	written := int64(0)
	for i := range 8 {
		value := noise(fits(fits(1<<16, s.Limits().Value), s.Limits().BatchBytes/2))
		s.apply(put(fmt.Sprintf("%d", i), value))
		written += int64(len(value))
	}
	// An engine may leave a second copy of what it has synced to the system, so what is not synced alone proves nothing.
	p, ok := pagesOf(t.path)
	if ok && p.dirty >= written && p.cached-p.dirty < written {
		t.Errorf("%d bytes were written durably; %d bytes of the storage's files are not synced, %d are", written, p.dirty, p.cached-p.dirty)
	}
}

func checkSyncedLater(t *trial) {
	s := t.openStore(t.path, core.EngineOptions{Mark: aMark, NoSync: true})
	sync := s.Powers().Sync
	if sync == nil {
		return
	}
	written := int64(0)
	for i := range 8 {
		value := noise(fits(fits(1<<16, s.Limits().Value), s.Limits().BatchBytes/2))
		s.apply(put(fmt.Sprintf("%d", i), value))
		written += int64(len(value))
	}
	t.do("Sync", sync(t.ctx))
	s.apply(put("later", "v"))
	t.do("Sync", sync(t.ctx))
	if !t.tellsPages() {
		return
	}
	p, ok := pagesOf(t.path)
	if ok && p.dirty >= written && p.cached-p.dirty < written {
		t.Errorf("after Sync of %d bytes, %d bytes of the storage's files are not synced, %d are", written, p.dirty, p.cached-p.dirty)
	}
}

// checkQuickOpen reports and does not fail: an engine that keeps its rows in memory has to read them.
func checkQuickOpen(t *trial) {
	if !t.tellsPages() {
		return
	}
	s := t.create()
	value, size := noise(4000), int64(0)
	for i := range t.pick(2000, 500) {
		s.apply(put(fmt.Sprintf("%06d", i), value))
		size += int64(len(value))
	}
	s.close()
	t.do("dropping what is cached", dropPages(t.path))
	before, ok := pagesOf(t.path)
	t.openStore(t.path, core.EngineOptions{Mark: aMark, NoSync: true})
	after, ok2 := pagesOf(t.path)
	if read := after.cached - before.cached; ok && ok2 && read >= size {
		t.Logf("NOTE: Open at ValidateQuick of a storage with rows of %d bytes, which was closed cleanly, read %d bytes: all of it.\n"+
			"\tUnless the engine keeps its rows in memory, leave that to ValidateFull.", size, read)
	}
}

// checkFailedClose moves the storage away while it is open: whoever closes by path fails.
func checkFailedClose(t *trial) {
	s := t.create()
	s.apply(put("k", "v"))
	away := t.path + "-away"
	moved := t.onDisk() && os.Rename(t.path, away) == nil
	s.closed = true
	err := s.Engine.Close()
	if moved {
		t.do("rename", os.Rename(away, t.path))
	}
	if err != nil {
		t.Logf("Close of a storage that was moved away: %v", err)
	}
	if !moved {
		t.do("Close", err)
	}
	ctx, cancel := context.WithTimeout(t.ctx, min(soon, t.wait/2))
	defer cancel()
	for {
		c, claimed := t.backend.Claim(ctx, t.path, false)
		if claimed == nil {
			t.release(c)
			return
		}
		if !errors.Is(claimed, core.ErrLocked) || ctx.Err() != nil {
			t.Fatalf("after a Close that gave %v, Claim gives %v", err, claimed)
		}
		time.Sleep(10 * time.Millisecond)
	}
}
