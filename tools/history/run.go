// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package history

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"sync"
	"time"

	"github.com/guardkv/guardkv/core"
)

const (
	processes = 2
	clients   = 3 // of each process
	calls     = 8 // of each client
)

// Round runs random clients on a new storage of a shared backend, and checks what they saw.
func Round(b core.Backend, seed uint64) (Result, error) {
	result, err := round(b, seed)
	if err != nil {
		err = fmt.Errorf("seed %d: %w", seed, err)
	}
	return result, err
}

func round(b core.Backend, seed uint64) (Result, error) {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	net, wait := Unreliable(b)
	defer wait()
	r := &recorder{began: time.Now()}
	var all sync.WaitGroup
	for p := range processes {
		player, err := open(ctx, net, fmt.Sprint("history-", seed))
		if err != nil {
			return Result{}, err
		}
		defer player.storage.Close()
		for n := range clients {
			id := p*clients + n
			all.Go(func() { r.run(ctx, player, id, rand.New(rand.NewPCG(seed, uint64(id)))) })
		}
	}
	all.Wait()
	if r.failed != nil {
		return Result{}, r.failed
	}
	return Check(r.history)
}

// open opens the storage for one process.
func open(ctx context.Context, b core.Backend, path string) (p *Player, err error) {
	for range 100 { // the network can fail Open as well
		var s *core.Storage
		s, err = core.Open(ctx, path, b, core.WithLogger(slog.New(slog.DiscardHandler)))
		if err == nil {
			if p, err = NewPlayer(ctx, s); err == nil {
				return p, nil
			}
			s.Close()
		}
	}
	return nil, err
}

// recorder notes what clients call and see, and when.
type recorder struct {
	began   time.Time
	mu      sync.Mutex
	history []Operation
	failed  error
}

func (r *recorder) now() int64 { return time.Since(r.began).Nanoseconds() }

// run makes the calls of one client. A call that returns that it did nothing is left out.
func (r *recorder) run(ctx context.Context, p *Player, client int, rnd *rand.Rand) {
	for i := range calls {
		o := Operation{Client: client, Call: Random(rnd, fmt.Sprintf("%d.%d,", client, i))}
		o.Began = r.now()
		var err error
		o.Answer, err = p.Do(ctx, 0, o.Call)
		o.Ended = r.now()
		switch {
		case errors.Is(err, core.ErrMaybe):
			o.Answer, err = Answer{Unknown: true}, nil
		case errors.Is(err, core.ErrUnavailable):
			continue
		}
		r.note(o, err)
	}
}

func (r *recorder) note(o Operation, err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if err != nil {
		r.failed = errors.Join(r.failed, err)
		return
	}
	r.history = append(r.history, o)
}
