// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

// Package broken provides a backend that breaks its promises on purpose. The tools that look for
// broken promises are tested with it: they must find them.
package broken

import (
	"context"

	"github.com/guardkv/guardkv/core"
)

// Backend is a backend of shared storages whose engines call Apply for each batch. Apply gets the
// engine inside, which it may call.
type Backend struct {
	core.Backend
	Apply func(ctx context.Context, e core.Engine, b core.Batch) error
}

// Claim claims a storage of the backend inside.
func (b Backend) Claim(ctx context.Context, path string, readOnly bool) (core.Claim, error) {
	c, err := b.Backend.Claim(ctx, path, readOnly)
	if err != nil {
		return nil, err
	}
	return claim{c, b}, nil
}

type claim struct {
	core.Claim
	b Backend
}

func (c claim) Open(ctx context.Context, o core.EngineOptions) (core.Engine, error) {
	e, err := c.Claim.Open(ctx, o)
	if err != nil {
		return nil, err
	}
	return engine{e, c.b}, nil
}

type engine struct {
	core.Engine
	b Backend
}

func (e engine) Apply(ctx context.Context, b core.Batch) error {
	return e.b.Apply(ctx, e.Engine, b)
}

// Powers leaves out Conditions: Apply would have to renumber their answers when it drops a write.
func (e engine) Powers() core.Powers {
	p := e.Engine.Powers()
	p.Conditions = false
	return p
}
