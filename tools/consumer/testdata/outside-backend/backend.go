// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

// Package counting is a backend by an outside author: the memory backend, and a count of the writes it applied. Its
// engine has none of the optional powers.
package counting

import (
	"context"
	"sync/atomic"

	"github.com/guardkv/guardkv/core"
	"github.com/guardkv/guardkv/core/memory"
)

// Backend counts the writes of all its storages.
type Backend struct {
	core.Backend
	Writes atomic.Int64
}

// New returns an empty Backend.
func New() *Backend { return &Backend{Backend: memory.New()} }

// Name returns "counting".
func (b *Backend) Name() string { return "counting" }

// Claim takes the lock on a storage.
func (b *Backend) Claim(ctx context.Context, path string, readOnly bool) (core.Claim, error) {
	c, err := b.Backend.Claim(ctx, path, readOnly)
	if err != nil {
		return nil, err
	}
	return &claim{c, b}, nil
}

type claim struct {
	core.Claim
	backend *Backend
}

func (c *claim) Open(ctx context.Context, opts core.EngineOptions) (core.Engine, error) {
	e, err := c.Claim.Open(ctx, opts)
	if err != nil {
		return nil, err
	}
	return &engine{e, c.backend}, nil
}

type engine struct {
	core.Engine
	backend *Backend
}

func (e *engine) Apply(ctx context.Context, base core.Snapshot, writes []core.Write) error {
	err := e.Engine.Apply(ctx, base, writes)
	if err == nil {
		e.backend.Writes.Add(int64(len(writes)))
	}
	return err
}
