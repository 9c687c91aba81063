// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package cluster

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/guardkv/guardkv/core"
	"github.com/guardkv/guardkv/core/keys"
	"github.com/guardkv/guardkv/core/values"
	"github.com/guardkv/guardkv/tools/history"
)

// Prepare creates the storage that sessions use.
func Prepare(ctx context.Context, b core.Backend, path string) error {
	return persist(ctx, func() error { return prepare(ctx, b, path) })
}

func prepare(ctx context.Context, b core.Backend, path string) error {
	s, err := core.Open(ctx, path, b, discard)
	if err != nil {
		return err
	}
	defer s.Close()
	t, err := openTables(ctx, s)
	if err != nil {
		return err
	}
	if _, err := history.NewPlayer(ctx, s); err != nil {
		return err
	}
	return t.fillBank(ctx)
}

// persist calls fn until it succeeds, or fails for another reason than a server that is busy or
// away for a while. Calling fn twice must do no harm.
func persist(ctx context.Context, fn func() error) error {
	ctx, cancel := context.WithTimeout(ctx, workingTime)
	defer cancel()
	for {
		err := fn()
		if err == nil || !refused(err) && !errors.Is(err, core.ErrMaybe) ||
			wait(ctx, 50*time.Millisecond) != nil {
			return err
		}
	}
}

// Plan says what the clients of one process do.
type Plan struct {
	Path    string // of the storage
	First   int    // the number of the first client
	Clients int
	All     int // the clients of all processes
	Seed    uint64
	Timeout time.Duration // of the context of each call
	Commits time.Duration // how long a write may take beyond its context
	Slack   time.Duration // how much longer calls take because the machine is busy
	Pause   time.Duration // of a client between two calls
}

// Log is what the clients of one process did and saw.
type Log struct {
	Records []Record
	Faults  []string

	Acked   int     // calls that wrote and were acknowledged
	Unknown int     // calls that returned ErrMaybe
	Lost    int     // commits to which no answer came
	Told    int     // lost commits that calls were told of
	Times   []int64 // when something was acknowledged, in units of tick of now
	Slowest time.Duration
}

// tick is the unit of the times in a Log.
const tick = int64(10 * time.Millisecond)

// Record is what one client did.
type Record struct {
	Client    int
	Rows      [][]string // what each row may be
	Whole     outcomes
	Transfers outcomes
	Counts    [counters]Count
	Played    []Played
}

type (
	texts   = *core.Table[string, string, string]
	numbers = *core.Table[uint64, string, string]
)

// tables are what the workloads write to.
type tables struct {
	rows, wholes, others, ledger texts
	bank, counts                 numbers
}

func openTables(ctx context.Context, s *core.Storage) (t tables, err error) {
	for name, table := range map[string]*texts{
		"rows": &t.rows, "wholes": &t.wholes, "others": &t.others, "ledger": &t.ledger,
	} {
		if *table, err = core.OpenTable(ctx, s, name, keys.String(), values.String()); err != nil {
			return t, err
		}
	}
	for name, table := range map[string]*numbers{"bank": &t.bank, "counters": &t.counts} {
		if *table, err = core.OpenTable(ctx, s, name, keys.Uint64(), values.String()); err != nil {
			return t, err
		}
	}
	return t, nil
}

// Session is the clients of one process, which use one handle of the storage.
type Session struct {
	plan    Plan
	storage *core.Storage
	tables
	player  *history.Player
	clients []*client
	running sync.WaitGroup
	stopped chan struct{}
	serials atomic.Int64
	lost    atomic.Int64

	mu    sync.Mutex
	log   Log
	times map[int64]bool
	told  map[string]bool
}

// discard is where storages log: failures are intended here.
var discard = core.WithLogger(slog.New(slog.DiscardHandler))

// NewSession opens the storage, and the clients begin.
func NewSession(ctx context.Context, b core.Backend, p Plan) (*Session, error) {
	s := &Session{
		plan: p, stopped: make(chan struct{}),
		times: map[int64]bool{}, told: map[string]bool{},
	}
	if err := persist(ctx, func() error { return s.open(ctx, b) }); err != nil {
		return nil, err
	}
	for i := range p.Clients {
		n := p.First + i
		c := &client{Session: s, rnd: rand.New(rand.NewPCG(p.Seed, uint64(n)))}
		c.record.Client = n
		s.clients = append(s.clients, c)
		s.running.Go(c.run)
	}
	return s, nil
}

func (s *Session) open(ctx context.Context, b core.Backend) (err error) {
	s.storage, err = core.Open(ctx, s.plan.Path, counting{b, &s.lost}, discard)
	if err != nil {
		return err
	}
	if s.tables, err = openTables(ctx, s.storage); err == nil {
		s.player, err = history.NewPlayer(ctx, s.storage)
	}
	if err != nil {
		return errors.Join(err, s.storage.Close())
	}
	return nil
}

// Working returns when every client has a write acknowledged that began after this call.
func (s *Session) Working(ctx context.Context) error {
	began := now()
	for {
		idle := slices.IndexFunc(s.clients, func(c *client) bool { return c.lastAck.Load() < began })
		if idle < 0 {
			return nil
		}
		select {
		case <-time.After(10 * time.Millisecond):
		case <-ctx.Done():
			return fmt.Errorf("nothing that client %d writes is acknowledged: %w",
				s.clients[idle].record.Client, ctx.Err())
		}
	}
}

// Stop lets the clients finish their calls, closes the storage, and returns what they saw.
func (s *Session) Stop() (Log, error) {
	close(s.stopped)
	s.running.Wait()
	err := s.storage.Close()
	for _, c := range s.clients {
		s.log.Records = append(s.log.Records, c.record)
	}
	for at := range s.times {
		s.log.Times = append(s.log.Times, at)
	}
	s.log.Lost, s.log.Told = int(s.lost.Load()), len(s.told)
	return s.log, err
}

// serial numbers what the session writes.
func (s *Session) serial() int64 { return s.serials.Add(1) }

func (s *Session) acknowledged() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.log.Acked++
	s.times[now()/tick] = true
}

func (s *Session) unknown(err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.log.Unknown++
	if number := unansweredIn(err); number != "" {
		s.told[number] = true
	}
}

func (s *Session) took(d time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.log.Slowest = max(s.log.Slowest, d)
}

// mostFaults is how many faults a session remembers: the first ones say enough.
const mostFaults = 20

func (s *Session) fault(text string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.log.Faults) < mostFaults {
		s.log.Faults = append(s.log.Faults, text)
	}
}
