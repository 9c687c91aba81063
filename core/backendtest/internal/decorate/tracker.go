// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package decorate

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"maps"
	"runtime"
	"slices"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/guardkv/guardkv/core"
)

// Tracker is a backend that keeps track of everything that is opened, and complains when its
// caller breaks the rules that core/backend.go sets for callers.
type Tracker struct {
	core.Backend

	mu         sync.Mutex
	open       map[*resource]bool
	count      int
	complaints []string

	Applies  atomic.Int64 // calls of Apply that wrote
	MaxBatch atomic.Int64 // bytes of the largest of them
}

// resource stands for one thing that was opened and must be closed once, after all that was
// opened from it.
type resource struct {
	number   int // in the order of opening
	kind     string
	parent   *resource
	children int
	closed   bool
	where    [16]uintptr
}

func NewTracker(b core.Backend) *Tracker { return &Tracker{Backend: b, open: map[*resource]bool{}} }

func (a *Tracker) opened(kind string, parent *resource) *resource {
	t := &resource{kind: kind, parent: parent}
	runtime.Callers(3, t.where[:])
	a.mu.Lock()
	defer a.mu.Unlock()
	a.count++
	t.number = a.count
	a.open[t] = true
	if parent != nil {
		parent.children++
	}
	return t
}

func (a *Tracker) closed(t *resource) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if t.closed {
		a.complain(t, "closed twice")
		return
	}
	if t.children > 0 {
		a.complain(t, fmt.Sprintf("closed before %d things that were opened from it", t.children))
	}
	t.closed = true
	delete(a.open, t)
	if t.parent != nil {
		t.parent.children--
	}
}

// used complains about use after the end.
func (a *Tracker) used(t *resource, what string) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if t.closed {
		a.complain(t, what+" after it was closed")
	}
}

// isOpen reports false for claims that were handed to an engine or given back.
func (a *Tracker) isOpen(t *resource) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	return !t.closed
}

func (a *Tracker) complain(t *resource, what string) {
	a.complaints = append(a.complaints,
		fmt.Sprintf("%s: %s; it was opened\n%s", t.kind, what, t.stack()))
}

// Problems returns the broken rules, and everything that is still open, in order: the first may
// be the cause of the others.
func (a *Tracker) Problems() []string {
	a.mu.Lock()
	defer a.mu.Unlock()
	found := append([]string(nil), a.complaints...)
	for _, t := range slices.SortedFunc(maps.Keys(a.open),
		func(x, y *resource) int { return x.number - y.number }) {
		found = append(found, fmt.Sprintf("%s: never closed; it was opened\n%s", t.kind, t.stack()))
	}
	return found
}

func (t *resource) stack() string {
	var b strings.Builder
	frames := runtime.CallersFrames(t.where[:])
	for {
		f, more := frames.Next()
		if f.Function != "" {
			fmt.Fprintf(&b, "\t%s\n\t\t%s:%d\n", f.Function, f.File, f.Line)
		}
		if !more {
			return b.String()
		}
	}
}

func (a *Tracker) Claim(ctx context.Context, path string, readOnly bool) (core.Claim, error) {
	c, err := a.Backend.Claim(ctx, path, readOnly)
	if err != nil {
		return nil, err
	}
	return &trackedClaim{Claim: c, a: a, resource: a.opened("claim", nil)}, nil
}

type trackedClaim struct {
	core.Claim
	a        *Tracker
	resource *resource
}

func (c *trackedClaim) Mark() ([]byte, error) {
	c.a.used(c.resource, "Mark")
	return c.Claim.Mark()
}

func (c *trackedClaim) Open(ctx context.Context, opts core.EngineOptions) (core.Engine, error) {
	c.a.used(c.resource, "Open")
	if opts.Logger == nil {
		c.a.mu.Lock()
		c.a.complain(c.resource, "Open without a Logger")
		c.a.mu.Unlock()
	}
	e, err := c.Claim.Open(ctx, opts)
	if err != nil {
		return nil, err
	}
	c.a.closed(c.resource)
	return &trackedEngine{
		Engine: e, a: c.a, resource: c.a.opened("engine", nil), sharing: c.a.Sharing(),
	}, nil
}

// Release may be called any number of times.
func (c *trackedClaim) Release() error {
	if c.a.isOpen(c.resource) {
		c.a.closed(c.resource)
	}
	return c.Claim.Release()
}

type trackedEngine struct {
	core.Engine
	a        *Tracker
	resource *resource
	sharing  core.Sharing
	writers  atomic.Int32
	broken   atomic.Bool // an Apply ended in an error that leaves the outcome unknown
}

func (e *trackedEngine) Get(ctx context.Context, key []byte) ([]byte, core.Releaser, error) {
	e.a.used(e.resource, "Get")
	v, r, err := e.Engine.Get(ctx, key)
	if err != nil {
		return nil, nil, err
	}
	return v, &trackedReleaser{r, e.a, e.a.opened("releaser", e.resource)}, nil
}

type trackedReleaser struct {
	core.Releaser
	a        *Tracker
	resource *resource
}

func (r *trackedReleaser) Release() {
	r.a.closed(r.resource)
	r.Releaser.Release()
}

// Keep is part of core.Keeper.
func (r *trackedReleaser) Keep() bool {
	k, ok := r.Releaser.(core.Keeper)
	if !ok || !k.Keep() {
		return false
	}
	r.a.closed(r.resource)
	return true
}

func (e *trackedEngine) Snapshot(ctx context.Context) (core.Snapshot, error) {
	e.a.used(e.resource, "Snapshot")
	s, err := e.Engine.Snapshot(ctx)
	if err != nil {
		return nil, err
	}
	return &trackedSnapshot{Snapshot: s, a: e.a, resource: e.a.opened("snapshot", e.resource)}, nil
}

// alone complains if two of Apply, SetMark and Compact run at once, or more than there may be if
// the storage is shared.
func (e *trackedEngine) alone(what string) (leave func()) {
	e.a.used(e.resource, what)
	most := max(1, e.sharing.Writers)
	if n := e.writers.Add(1); int(n) > most && most == 1 {
		e.rule(what + " beside another writer")
	} else if int(n) > most {
		e.rule(fmt.Sprintf("%s beside %d others that may write", what, n-1))
	}
	return func() { e.writers.Add(-1) }
}

func (e *trackedEngine) rule(broken string) {
	e.a.mu.Lock()
	defer e.a.mu.Unlock()
	e.a.complain(e.resource, broken)
}

func (e *trackedEngine) Apply(ctx context.Context, b core.Batch) error {
	if base, ok := b.Base.(*trackedSnapshot); ok && base.counted {
		e.a.used(e.resource, "Apply") // it ends its base: both are one transaction
		defer base.leave()
	} else {
		defer e.alone("Apply")()
	}
	if e.broken.Load() {
		e.rule("Apply after an Apply that failed")
	}
	size := e.look(b.Writes)
	e.lookAtRanges(b.Writes)
	e.lookAtConditions(b)
	e.lookAtRows(b.Conditions)
	err := e.Engine.Apply(ctx, b.Unwrapped())
	if err == nil {
		e.a.Applies.Add(1)
		e.a.MaxBatch.Store(max(e.a.MaxBatch.Load(), int64(size)))
	}
	if err != nil && ctx.Err() == nil && !e.sharing.Shared() && !slices.ContainsFunc(goesOn,
		func(g error) bool { return errors.Is(err, g) }) {
		e.broken.Store(true)
	}
	return err
}

// goesOn are the errors of Apply after which it may be called again.
var goesOn = []error{
	core.ErrConflict, core.ErrTooLarge, core.ErrNoRoom, core.ErrUnavailable, core.ErrMaybe,
	core.ErrSnapshotExpired,
}

// look checks the order of the keys and returns the bytes of all rows.
func (e *trackedEngine) look(writes []core.Write) (size int) {
	for i, w := range writes {
		if len(w.Key) == 0 {
			e.rule("Apply with an empty key")
		}
		if i > 0 && bytes.Compare(writes[i-1].Key, w.Key) >= 0 {
			e.rule(fmt.Sprintf("Apply with keys out of order: %.60q before %.60q",
				writes[i-1].Key, w.Key))
		}
		size += len(w.Key) + len(w.Value) + len(w.End)
	}
	return size
}

// lookAtRanges checks the ranges that are to be deleted.
func (e *trackedEngine) lookAtRanges(writes []core.Write) {
	for i, w := range writes {
		switch {
		case w.End == nil:
		case !e.Powers().DeleteRange:
			e.rule("Apply with a range, which the engine cannot delete")
		case !w.Delete:
			e.rule("Apply with a range that is not to be deleted")
		case bytes.Compare(w.Key, w.End) >= 0:
			e.rule(fmt.Sprintf("Apply with a range from %.60q to %.60q", w.Key, w.End))
		case i+1 < len(writes) && bytes.Compare(w.End, writes[i+1].Key) > 0:
			e.rule(fmt.Sprintf("Apply with a range up to %.60q, behind the key %.60q",
				w.End, writes[i+1].Key))
		}
	}
}

// lookAtConditions checks that conditions are given only to engines that check them, and with
// room for the answers.
func (e *trackedEngine) lookAtConditions(b core.Batch) {
	room := 0
	for _, w := range b.Writes {
		if w.When == core.Unconditional {
			continue
		}
		room = len(b.Writes)
		if !e.Powers().Conditions {
			e.rule("Apply with a condition, at which the engine does not look")
		}
		if w.End != nil || w.When > core.IfPresent {
			e.rule(fmt.Sprintf("Apply with the condition %d of the range from %.60q to %.60q",
				w.When, w.Key, w.End))
		}
	}
	if len(b.Met) != room || slices.Contains(b.Met, true) {
		e.rule(fmt.Sprintf("Apply with room for %d answers, not %d, or with some in it",
			len(b.Met), room))
	}
}

// lookAtRows checks the conditions that are rows.
func (e *trackedEngine) lookAtRows(conditions []core.Condition) {
	if len(conditions) > 0 && !e.sharing.Shared() {
		e.rule("Apply with conditions, which only shared storages get")
	}
	for _, c := range conditions {
		if len(c.Key) == 0 {
			e.rule("Apply with a condition without a key")
		}
	}
}

func (e *trackedEngine) SetMark(ctx context.Context, mark []byte) error {
	defer e.alone("SetMark")()
	return e.Engine.SetMark(ctx, mark)
}

func (e *trackedEngine) Close() error {
	e.a.closed(e.resource)
	return e.Engine.Close()
}

func (e *trackedEngine) Powers() core.Powers {
	p := e.Engine.Powers()
	if compact := p.Compact; compact != nil {
		p.Compact = func(ctx context.Context) error {
			defer e.alone("Compact")()
			return compact(ctx)
		}
	}
	if scan := p.Scan; scan != nil {
		p.Scan = func(ctx context.Context, r core.ScanRange) (core.RowCursor, error) {
			e.a.used(e.resource, "Scan")
			c, err := scan(ctx, r)
			if err != nil {
				return nil, err
			}
			return &trackedCursor{c, e.a, e.a.opened("cursor", e.resource)}, nil
		}
	}
	if begin := p.Begin; begin != nil {
		p.Begin = func(ctx context.Context, use core.Use) (core.Snapshot, error) {
			return e.begin(ctx, use, begin)
		}
	}
	return p
}

// begin makes a snapshot that counts as a writer if it is one.
func (e *trackedEngine) begin(ctx context.Context, use core.Use,
	begin func(context.Context, core.Use) (core.Snapshot, error),
) (core.Snapshot, error) {
	e.a.used(e.resource, "Begin")
	leave := func() {}
	if use == core.ToUpdate {
		leave = e.alone("Begin")
	}
	s, err := begin(ctx, use)
	if err != nil {
		leave()
		return nil, err
	}
	return &trackedSnapshot{
		Snapshot: s, a: e.a, resource: e.a.opened("snapshot", e.resource),
		once: use == core.ToReadOnce, counted: use == core.ToUpdate, leave: sync.OnceFunc(leave),
	}, nil
}

type trackedSnapshot struct {
	core.Snapshot
	a        *Tracker
	resource *resource
	once     bool   // it is for one read
	counted  bool   // it is one of the writers
	leave    func() // nil if it was not begun
	reads    atomic.Int32
}

// read complains about use after the end, and about a second read if only one was announced.
func (s *trackedSnapshot) read(what string) {
	s.a.used(s.resource, what)
	if s.once && s.reads.Add(1) == 2 {
		s.a.mu.Lock()
		defer s.a.mu.Unlock()
		s.a.complain(s.resource, what+" of a snapshot that was for one read, and had it")
	}
}

func (s *trackedSnapshot) Powers() core.SnapshotPowers {
	p := s.Snapshot.Powers()
	if many := p.GetMany; many != nil {
		p.GetMany = func(ctx context.Context, keys [][]byte, fn func(int, []byte) error) error {
			s.read("GetMany")
			return many(ctx, keys, fn)
		}
	}
	if count := p.Count; count != nil {
		p.Count = func(ctx context.Context, low, high []byte) (rows, bytes int64, err error) {
			s.read("Count")
			return count(ctx, low, high)
		}
	}
	if fence := p.Fence; fence != nil {
		p.Fence = func(ctx context.Context) ([]byte, error) {
			s.a.used(s.resource, "Fence")
			return fence(ctx)
		}
	}
	return p
}

func (s *trackedSnapshot) Unwrap() core.Snapshot { return s.Snapshot }

func (s *trackedSnapshot) Get(ctx context.Context, key []byte) ([]byte, core.Releaser, error) {
	s.read("Get")
	v, r, err := s.Snapshot.Get(ctx, key)
	if err != nil || r == nil {
		return v, nil, err
	}
	return v, &trackedReleaser{r, s.a, s.a.opened("releaser", s.resource)}, nil
}

func (s *trackedSnapshot) Scan(ctx context.Context, r core.ScanRange) (core.RowCursor, error) {
	s.read("Scan")
	c, err := s.Snapshot.Scan(ctx, r)
	if err != nil {
		return nil, err
	}
	return &trackedCursor{c, s.a, s.a.opened("cursor", s.resource)}, nil
}

func (s *trackedSnapshot) Close() error {
	s.a.closed(s.resource)
	if s.leave != nil {
		defer s.leave()
	}
	return s.Snapshot.Close()
}

type trackedCursor struct {
	core.RowCursor
	a        *Tracker
	resource *resource
}

func (c *trackedCursor) Next() (key, value []byte, ok bool) {
	c.a.used(c.resource, "Next")
	return c.RowCursor.Next()
}

func (c *trackedCursor) Seek(key []byte) {
	c.a.used(c.resource, "Seek")
	c.RowCursor.Seek(key)
}

func (c *trackedCursor) Close() error {
	c.a.closed(c.resource)
	return c.RowCursor.Close()
}
