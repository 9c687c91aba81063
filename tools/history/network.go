// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package history

import (
	"bytes"
	"context"
	"math/rand/v2"
	"sync"
	"time"

	"github.com/guardkv/guardkv/core"
)

// network is a backend whose commits go over an unreliable network.
type network struct {
	core.Backend
	late sync.WaitGroup // commits under way for which no one waits
}

// Unreliable returns b with commits that go over an unreliable network, and a function that waits
// until no commit is under way any more.
func Unreliable(b core.Backend) (_ core.Backend, wait func()) {
	n := &network{Backend: b}
	return n, n.late.Wait
}

func (n *network) Claim(ctx context.Context, path string, readOnly bool) (core.Claim, error) {
	c, err := n.Backend.Claim(ctx, path, readOnly)
	return networkClaim{c, n}, err
}

type networkClaim struct {
	core.Claim
	n *network
}

func (c networkClaim) Open(ctx context.Context, o core.EngineOptions) (core.Engine, error) {
	e, err := c.Claim.Open(ctx, o)
	if err != nil {
		return nil, err
	}
	return networkEngine{e, c.n}, nil
}

type networkEngine struct {
	core.Engine
	n *network
}

// Apply now and then loses the batch, loses its answer, delivers it late, or refuses it.
func (e networkEngine) Apply(ctx context.Context, b core.Batch) error {
	pauseSome()
	switch rand.IntN(12) {
	case 0:
		return core.ErrMaybe
	case 1:
		if err := e.Engine.Apply(ctx, b); err != nil {
			return err
		}
		return core.ErrMaybe
	case 2:
		e.later(b)
		return core.ErrMaybe
	case 3:
		return core.ErrConflict
	case 4:
		return core.ErrUnavailable
	}
	err := e.Engine.Apply(ctx, b)
	pauseSome()
	return err
}

// later applies a copy of the batch, which belongs to the caller, when no one expects it any more.
// Its base, if it has one, stays what it is now.
func (e networkEngine) later(b core.Batch) {
	c := core.Batch{Base: b.Base, Met: make([]bool, len(b.Met))}
	for _, w := range b.Writes {
		w.Key, w.Value, w.End = bytes.Clone(w.Key), bytes.Clone(w.Value), bytes.Clone(w.End)
		c.Writes = append(c.Writes, w)
	}
	for _, x := range b.Conditions {
		x.Key, x.Value = bytes.Clone(x.Key), bytes.Clone(x.Value)
		c.Conditions = append(c.Conditions, x)
	}
	if b.Met == nil {
		c.Met = nil
	}
	e.n.late.Add(1)
	go func() {
		defer e.n.late.Done()
		time.Sleep(time.Duration(rand.IntN(3000)) * time.Microsecond)
		e.Engine.Apply(context.Background(), c)
	}()
}

// pauseSome gives other clients time to come in between.
func pauseSome() { time.Sleep(time.Duration(rand.IntN(200)) * time.Microsecond) }
