// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package core_test

import (
	"context"
	"errors"
	"testing"

	"github.com/guardkv/guardkv/core"
	"github.com/guardkv/guardkv/core/keys"
	"github.com/guardkv/guardkv/core/memory"
	"github.com/guardkv/guardkv/core/values"
)

// checking is a backend whose engine calls a function when it is to check itself, which is
// after Check has taken its snapshot.
type checking struct {
	core.Backend
	check *func() error
}

type checkingClaim struct {
	core.Claim
	check *func() error
}

type checkingEngine struct {
	core.Engine
	check *func() error
}

func (b checking) Claim(ctx context.Context, path string, readOnly bool) (core.Claim, error) {
	c, err := b.Backend.Claim(ctx, path, readOnly)
	return checkingClaim{c, b.check}, err
}

func (c checkingClaim) Open(ctx context.Context, opts core.EngineOptions) (core.Engine, error) {
	e, err := c.Claim.Open(ctx, opts)
	return checkingEngine{e, c.check}, err
}

func (e checkingEngine) Powers() core.Powers {
	p := e.Engine.Powers()
	p.Check = func(context.Context) error { return (*e.check)() }
	return p
}

// Check looked for the handles of a table under the name that it had in the snapshot: if the
// table was renamed meanwhile, its rows were not validated, and damage passed.
func TestCheckValidatesATableThatIsRenamedMeanwhile(t *testing.T) {
	rename := func() error { return nil }
	s, err := core.Open(t.Context(), "db", checking{memory.New(), &rename})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	tb, err := core.OpenTable(t.Context(), s, "t", keys.Int(), trusting{values.String()})
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(s.Check(t.Context()), tb.Put(t.Context(), 1, "forged")); err != nil {
		t.Fatal(err)
	}
	rename = func() error { return s.RenameTable(t.Context(), "t", "u") }
	if err := s.Check(t.Context()); !errors.Is(err, core.ErrCorrupt) {
		t.Errorf("%v, want ErrCorrupt", err)
	}
}
