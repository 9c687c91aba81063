// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package history

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/anishathalye/porcupine"

	"github.com/guardkv/guardkv/core"
	corekeys "github.com/guardkv/guardkv/core/keys"
	"github.com/guardkv/guardkv/core/values"
)

const (
	processes = 2
	clients   = 3 // of each process
	calls     = 8 // of each client
)

// patience is how long Porcupine may think about one history.
const patience = 20 * time.Second

// Result tells what a round showed.
type Result struct {
	Calls   int
	Unknown int  // calls whose outcome their client does not know
	Decided bool // whether Porcupine came to an end
}

// ErrNotLinearizable is of a history that no storage shows that does one thing at a time.
var ErrNotLinearizable = errors.New("not linearizable")

// Round runs random clients on a new storage of a shared backend, and checks what they saw.
func Round(b core.Backend, seed uint64) (Result, error) {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	net := &network{Backend: b}
	defer net.late.Wait()
	r := &recorder{began: time.Now()}
	var all sync.WaitGroup
	for p := range processes {
		c, err := newProcess(ctx, net, fmt.Sprint("history-", seed))
		if err != nil {
			return Result{}, fmt.Errorf("seed %d: %w", seed, err)
		}
		defer c.storage.Close()
		for n := range clients {
			id := p*clients + n
			all.Go(func() { c.run(ctx, r, id, rand.New(rand.NewPCG(seed, uint64(id)))) })
		}
	}
	all.Wait()
	return r.judge(seed)
}

// process is one process that has the storage open.
type process struct {
	storage *core.Storage
	table   *core.Table[uint8, string, string]
}

func newProcess(ctx context.Context, b core.Backend, path string) (p *process, err error) {
	p = new(process)
	for range 100 { // the network does what it likes with Open as well
		p.storage, err = core.Open(ctx, path, b, core.WithLogger(slog.New(slog.DiscardHandler)))
		if err == nil {
			p.table, err = core.OpenTable(ctx, p.storage, "t", corekeys.Uint8(), values.String())
			if err == nil {
				return p, nil
			}
			p.storage.Close()
		}
	}
	return nil, err
}

// run makes the calls of one client.
func (p *process) run(ctx context.Context, r *recorder, client int, rnd *rand.Rand) {
	for i := range calls {
		c := call{
			verb: verb(rnd.IntN(int(verbs))), key: rnd.IntN(keys), other: rnd.IntN(keys),
			value: fmt.Sprintf("%d.%d,", client, i),
		}
		r.record(client, c, func() (answer, error) { return p.call(ctx, c) })
	}
}

func (p *process) call(ctx context.Context, c call) (a answer, err error) {
	key, t := uint8(c.key), p.table
	switch c.verb {
	case get:
		a.row, err = t.Load(ctx, key)
		if errors.Is(err, core.ErrNotFound) {
			err = nil
		}
	case put:
		err = t.Put(ctx, key, c.value)
	case insert:
		err = t.Insert(ctx, key, c.value)
		if a.found = errors.Is(err, core.ErrExists); a.found {
			err = nil
		}
	case remove:
		a.found, err = t.Delete(ctx, key)
	case extend:
		err = t.Modify(ctx, key, func(old string, _ bool) (string, core.Change, error) {
			a.row = strings.Clone(old)
			return old + c.value, core.Store, nil
		})
	case swap, fill:
		err = p.storage.Update(ctx, func(tx *core.Tx) error {
			var err error
			if a.all, err = scanned(ctx, t.In(tx)); err != nil {
				return err
			}
			return change(ctx, t.In(tx), c, a.all)
		})
	case look, look1by1:
		err = p.storage.View(ctx, func(tx *core.Tx) (err error) {
			if c.verb == look {
				a.all, err = scanned(ctx, t.In(tx))
			} else {
				a.all, err = gotten(ctx, t.In(tx))
			}
			return err
		})
	}
	return a, err
}

// change stores what a call makes of the rows that were seen.
func change(ctx context.Context, t core.TxTable[uint8, string, string], c call, seen state) error {
	after, _ := c.does(seen)
	for k := range after {
		var err error
		switch {
		case after[k] == seen[k]:
		case after[k] == "":
			_, err = t.Delete(ctx, uint8(k))
		default:
			err = t.Put(ctx, uint8(k), after[k])
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func scanned(ctx context.Context, t core.TxTable[uint8, string, string]) (s state, err error) {
	for row, err := range t.Scan().Rows(ctx) {
		if err != nil {
			return s, err
		}
		s[row.Key] = strings.Clone(row.Value)
	}
	return s, nil
}

func gotten(ctx context.Context, t core.TxTable[uint8, string, string]) (s state, err error) {
	for k := range s {
		s[k], err = t.Load(ctx, uint8(k))
		if err != nil && !errors.Is(err, core.ErrNotFound) {
			return s, err
		}
	}
	return s, nil
}

// recorder notes what clients call and see, and when.
type recorder struct {
	began   time.Time
	mu      sync.Mutex
	history []porcupine.Operation
	failed  error
}

func (r *recorder) now() int64 { return time.Since(r.began).Nanoseconds() }

// record runs a call. One that says that it did nothing is left out, and one whose outcome
// nobody knows may happen until the end of time.
func (r *recorder) record(client int, c call, do func() (answer, error)) {
	began := r.now()
	a, err := do()
	ended := r.now()
	r.mu.Lock()
	defer r.mu.Unlock()
	switch {
	case errors.Is(err, core.ErrMaybe):
		a = answer{unknown: true}
	case errors.Is(err, core.ErrUnavailable):
		return
	case err != nil:
		r.failed = errors.Join(r.failed, err)
		return
	}
	r.history = append(r.history, porcupine.Operation{
		ClientId: client, Input: c, Call: began, Output: a, Return: ended,
	})
}

// judge asks Porcupine.
func (r *recorder) judge(seed uint64) (Result, error) {
	if r.failed != nil {
		return Result{}, fmt.Errorf("seed %d: %w", seed, r.failed)
	}
	end, result := r.now(), Result{Calls: len(r.history)}
	for i := range r.history {
		if o := &r.history[i]; o.Output.(answer).unknown {
			o.Return, o.ClientId = end+1, 1000+i // its client has gone on
			result.Unknown++
		}
	}
	verdict := porcupine.CheckOperationsTimeout(model, r.history, patience)
	result.Decided = verdict != porcupine.Unknown
	if verdict == porcupine.Illegal {
		return result, fmt.Errorf("seed %d: %w:\n%s", seed, ErrNotLinearizable, r)
	}
	return result, nil
}

// String shows the history in the order of the calls.
func (r *recorder) String() string {
	slices.SortFunc(r.history, func(a, b porcupine.Operation) int { return int(a.Call - b.Call) })
	text := ""
	for _, o := range r.history {
		text += fmt.Sprintf("%9d to %9d ns, client %d: %s\n", o.Call, o.Return, o.ClientId,
			model.DescribeOperation(o.Input, o.Output))
	}
	return text
}
