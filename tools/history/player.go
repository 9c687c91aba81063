// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package history

import (
	"context"
	"errors"
	"math/rand/v2"
	"strings"

	"github.com/guardkv/guardkv/core"
	corekeys "github.com/guardkv/guardkv/core/keys"
	"github.com/guardkv/guardkv/core/values"
)

// Player makes calls on groups of rows through one handle of a storage. It is safe for
// concurrent use.
type Player struct {
	storage *core.Storage
	table   *core.Table[uint64, string, string]
}

// NewPlayer opens the table that groups are in.
func NewPlayer(ctx context.Context, s *core.Storage) (*Player, error) {
	t, err := core.OpenTable(ctx, s, "history", corekeys.Uint64(), values.String())
	return &Player{s, t}, err
}

// Random returns some call that stores value, if it stores anything.
func Random(rnd *rand.Rand, value string) Call {
	return Call{
		Verb: verb(rnd.IntN(int(verbs))), Key: rnd.IntN(keys), Other: rnd.IntN(keys),
		Value: value,
	}
}

// Writes reports whether the call may write.
func (c Call) Writes() bool { return c.Verb != get && c.Verb != look && c.Verb != look1by1 }

// Do makes a call on a group of rows.
func (p *Player) Do(ctx context.Context, group uint64, c Call) (a Answer, err error) {
	g := rows{p.table, group * keys}
	key, t := g.first+uint64(c.Key), p.table
	switch c.Verb {
	case get:
		a.Row, err = t.Load(ctx, key)
		if errors.Is(err, core.ErrNotFound) {
			err = nil
		}
	case put:
		err = t.Put(ctx, key, c.Value)
	case insert:
		err = t.Insert(ctx, key, c.Value)
		if a.Found = errors.Is(err, core.ErrExists); a.Found {
			err = nil
		}
	case remove:
		a.Found, err = t.Delete(ctx, key)
	case extend:
		err = t.Modify(ctx, key, func(old string, _ bool) (string, core.Change, error) {
			a.Row = strings.Clone(old)
			return old + c.Value, core.Store, nil
		})
	case swap, fill:
		err = p.storage.Update(ctx, func(tx *core.Tx) error {
			var err error
			if a.All, err = g.scanned(ctx, tx); err != nil {
				return err
			}
			return g.change(ctx, tx, c, a.All)
		})
	case look, look1by1:
		err = p.storage.View(ctx, func(tx *core.Tx) (err error) {
			if c.Verb == look {
				a.All, err = g.scanned(ctx, tx)
			} else {
				a.All, err = g.gotten(ctx, tx)
			}
			return err
		})
	}
	return a, err
}

// rows are the rows of one group.
type rows struct {
	table *core.Table[uint64, string, string]
	first uint64
}

// change stores what a call makes of the rows that it saw.
func (g rows) change(ctx context.Context, tx *core.Tx, c Call, seen state) error {
	t := g.table.In(tx)
	after, _ := c.does(seen)
	for k := range after {
		var err error
		switch {
		case after[k] == seen[k]:
		case after[k] == "":
			_, err = t.Delete(ctx, g.first+uint64(k))
		default:
			err = t.Put(ctx, g.first+uint64(k), after[k])
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func (g rows) scanned(ctx context.Context, tx *core.Tx) (s state, err error) {
	for row, err := range g.table.In(tx).Scan().From(g.first).To(g.first + keys).Rows(ctx) {
		if err != nil {
			return s, err
		}
		s[row.Key-g.first] = strings.Clone(row.Value)
	}
	return s, nil
}

func (g rows) gotten(ctx context.Context, tx *core.Tx) (s state, err error) {
	for k := range s {
		s[k], err = g.table.In(tx).Load(ctx, g.first+uint64(k))
		if err != nil && !errors.Is(err, core.ErrNotFound) {
			return s, err
		}
	}
	return s, nil
}
