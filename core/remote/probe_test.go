// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package remote_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/guardkv/guardkv/core"
	"github.com/guardkv/guardkv/core/remote"
)

// probe is the driver of a server that several may have, which writes down what it is asked.
type probe struct {
	driver
	opts remote.Options

	mu     sync.Mutex
	calls  []string         // "many 2", "page 64", ...
	commit remote.Commit    // the last one
	fail   map[string]error // by the first word of a call
	rows   func() int       // of a page at most; nil is as many as were asked for
	during func(ctx context.Context, call string) error
	active int // calls of states under way
	worst  int // the most of them at a time
}

// newProbe returns a probe of a storage with rows "k0000", "k0001", and so on, beside a table
// in front and one behind.
func newProbe(rows int, opts remote.Options) *probe {
	s := &Storage{Mark: []byte("mark")}
	writes := []core.Write{put(core.FenceKey, "fence"), put("a", "in front")}
	for i := range rows {
		writes = append(writes, put(name(i), fmt.Sprint(i)))
	}
	s.write(append(writes, put("z", "behind")), nil)
	return &probe{driver: driver{server: new(Server), storage: s, mark: s.Mark}, opts: opts}
}

// second returns a probe of the same storage.
func (p *probe) second() *probe {
	return &probe{driver: driver{server: p.server, storage: p.storage, mark: p.mark}, opts: p.opts}
}

func name(i int) string { return fmt.Sprintf("k%04d", i) }

func put(key, value string) core.Write {
	return core.Write{Key: []byte(key), Value: []byte(value)}
}

func (p *probe) open() core.Engine { return remote.New(p, p.opts) }

// called returns the calls since it was last asked, and forgets them.
func (p *probe) called() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	calls := strings.Join(p.calls, ", ")
	p.calls = nil
	return calls
}

func (p *probe) enter(ctx context.Context, call string) error {
	p.mu.Lock()
	p.calls = append(p.calls, call)
	p.active++
	p.worst = max(p.worst, p.active)
	word, _, _ := strings.Cut(call, " ")
	err, during := p.fail[word], p.during
	p.mu.Unlock()
	if during != nil {
		err = errors.Join(err, during(ctx, call))
	}
	return err
}

func (p *probe) leave() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.active--
}

func (p *probe) Begin(use core.Use) remote.State {
	return &probedState{p.driver.Begin(use), p}
}

func (p *probe) Commit(ctx context.Context, c remote.Commit) error {
	if base, ok := c.Base.(*probedState); ok {
		c.Base = base.State
	}
	p.mu.Lock()
	p.calls = append(p.calls, "commit")
	p.commit = c
	err := p.fail["commit"]
	p.mu.Unlock()
	if err != nil {
		return err
	}
	return p.driver.Commit(ctx, c)
}

func (p *probe) SetMark(ctx context.Context, mark []byte) error {
	if err := p.fail["mark"]; err != nil {
		return err
	}
	return p.driver.SetMark(ctx, mark)
}

// probedState shows values only where they were asked for, and none that its caller lent it.
type probedState struct {
	remote.State
	probe *probe
}

func (s *probedState) GetMany(ctx context.Context, keys [][]byte) ([]remote.Row, error) {
	defer s.probe.leave()
	if err := s.probe.enter(ctx, fmt.Sprintf("many %d", len(keys))); err != nil {
		return nil, err
	}
	if !slices.IsSortedFunc(keys, func(a, b []byte) int {
		if slices.Compare(a, b) < 0 {
			return -1
		}
		return 1
	}) {
		return nil, fmt.Errorf("keys are not strictly increasing: %q", keys)
	}
	rows, err := s.State.GetMany(ctx, keys)
	slices.Reverse(rows) // any order will do
	return rows, err
}

func (s *probedState) Page(ctx context.Context, q remote.Query) (remote.Page, error) {
	defer s.probe.leave()
	if err := s.probe.enter(ctx, fmt.Sprintf("page %d", q.Rows)); err != nil {
		return remote.Page{}, err
	}
	if q.Rows < 1 || q.High != nil && string(q.Low) >= string(q.High) {
		return remote.Page{}, fmt.Errorf("a query for nothing: %+v", q)
	}
	if s.probe.rows != nil {
		q.Rows = min(q.Rows, s.probe.rows())
	}
	p, err := s.State.Page(ctx, q)
	if q.KeysOnly {
		p.Rows = slices.Clone(p.Rows)
		for i := range p.Rows {
			p.Rows[i].Value = nil
		}
	}
	return p, err
}

func (s *probedState) Close() error {
	s.probe.mu.Lock()
	defer s.probe.mu.Unlock()
	s.probe.calls = append(s.probe.calls, "close")
	if s.probe.active > 0 {
		return fmt.Errorf("closed beside %d calls", s.probe.active)
	}
	return s.State.Close()
}

// begin begins a snapshot.
func begin(t *testing.T, e core.Engine, use core.Use) core.Snapshot {
	t.Helper()
	s, err := e.Powers().Begin(t.Context(), use)
	do(t, err)
	return s
}

func do(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func scan(t *testing.T, s core.Snapshot, r core.ScanRange) core.RowCursor {
	t.Helper()
	c, err := s.Scan(t.Context(), r)
	do(t, err)
	return c
}

// table is the range of the rows that newProbe numbers.
var table = core.ScanRange{Low: []byte("k"), High: []byte("l")}

// take calls Next n times, or to the end, and returns how many rows there were.
func take(t *testing.T, c core.RowCursor, n int) (rows int) {
	t.Helper()
	for rows < n {
		if _, _, ok := c.Next(); !ok {
			do(t, c.Err())
			break
		}
		rows++
	}
	return rows
}

func fence(t *testing.T, s core.Snapshot) {
	t.Helper()
	if f, err := s.Powers().Fence(t.Context()); string(f) != "fence" || err != nil {
		t.Errorf("Fence = %q, %v", f, err)
	}
}
