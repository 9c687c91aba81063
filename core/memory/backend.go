// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

// Package memory keeps storages in memory. It is the reference backend: the others must behave
// like it.
//
//	b := memory.New()
//	db, err := core.Open(ctx, "users", b)
//
// The storages belong to the Backend value: a closed storage can be opened again at the same
// path for as long as the program keeps the value. Nothing survives the process, so a returned
// write is as durable as it will get, and core.WithoutSync changes nothing.
//
// Reads and snapshots take no lock and never wait. A snapshot costs nothing to open. While it
// is open it keeps the rows that it sees alive, replaced ones too; a guard does the same for
// its one row.
//
// [NewShared] makes storages of another kind, which stand in for those of a server: they can be
// open any number of times, and all handles write at once. So a test in one process, without a
// server, can show what several processes do to each other.
package memory

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/guardkv/guardkv/core"
)

// lockWait is how long Claim waits for others to close a storage.
const lockWait = time.Second

// Backend is a set of storages, each at a path. Paths are only names: "a/b" is not under "a",
// and "./a" is not "a". The zero value is empty and ready to use. A Backend must not be copied.
type Backend struct {
	mu     sync.Mutex
	places map[string]*place
	shared bool // several write to a storage at once, and claims lock nothing
}

var _ core.Backend = (*Backend)(nil)

// place is a path where a storage is, or that somebody has claimed.
type place struct {
	storage *storage      // nil if nothing is there
	writer  bool          // claimed by a writer, alone
	readers int           // claimed by that many readers
	freed   chan struct{} // closed when a claim ends; nil if no one waits for that
}

func (p *place) claimed() bool { return p.writer || p.readers > 0 }

// New returns an empty Backend.
func New() *Backend { return new(Backend) }

// NewShared returns an empty Backend whose storages are shared: each may be open any number of
// times, every time as if in another process, and all of them write.
func NewShared() *Backend { return &Backend{shared: true} }

// Name returns "memory".
func (b *Backend) Name() string { return "memory" }

// Sharing returns the zero Sharing, because a claim keeps other writers out, unless [NewShared]
// made b.
func (b *Backend) Sharing() core.Sharing {
	if !b.shared {
		return core.Sharing{}
	}
	return core.Sharing{Writers: sharedWriters, Commit: sharedCommit}
}

// Resolve returns path: it is a name, and always leads to the same place.
func (b *Backend) Resolve(path string) (string, error) { return path, nil }

// Claim locks a path, whether or not there is a storage: as many readers or one writer hold it
// at a time. It waits up to one second for others to give it back. If storages are shared it
// neither locks nor waits.
func (b *Backend) Claim(ctx context.Context, path string, readOnly bool) (core.Claim, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	if b.shared {
		return &sharedClaim{lock: &lock{b, path, readOnly}}, nil
	}
	timeout := time.NewTimer(lockWait)
	defer timeout.Stop()
	for {
		freed := b.take(path, readOnly)
		if freed == nil {
			return &claim{lock: &lock{b, path, readOnly}}, nil
		}
		select {
		case <-freed:
		case <-ctx.Done():
			return nil, fmt.Errorf("waiting until others close the storage: %w", ctx.Err())
		case <-timeout.C:
			return nil, fmt.Errorf("%w: open in this program, and not closed within %v",
				core.ErrLocked, lockWait)
		}
	}
}

// List returns the paths of the storages whose paths start with prefix, in lexical order.
func (b *Backend) List(_ context.Context, prefix string) ([]string, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	var paths []string
	for path, p := range b.places {
		if p.storage != nil && strings.HasPrefix(path, prefix) {
			paths = append(paths, path)
		}
	}
	slices.Sort(paths)
	return paths, nil
}

// take locks path, or returns a channel that is closed when it is worth trying again.
func (b *Backend) take(path string, readOnly bool) (freed <-chan struct{}) {
	b.mu.Lock()
	defer b.mu.Unlock()
	p := b.place(path)
	switch {
	case p.writer, p.claimed() && !readOnly:
		if p.freed == nil {
			p.freed = make(chan struct{})
		}
		return p.freed
	case readOnly:
		p.readers++
	default:
		p.writer = true
	}
	return nil
}

// give undoes take.
func (b *Backend) give(path string, readOnly bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	p := b.places[path]
	if readOnly {
		p.readers--
	} else {
		p.writer = false
	}
	if p.freed != nil {
		close(p.freed)
		p.freed = nil
	}
	if p.storage == nil && !p.claimed() {
		delete(b.places, path)
	}
}

// place returns what is known about path. The caller has the mutex.
func (b *Backend) place(path string) *place {
	p := b.places[path]
	if p == nil {
		p = new(place)
		if b.places == nil {
			b.places = make(map[string]*place)
		}
		b.places[path] = p
	}
	return p
}
