// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package spanner

import (
	"bytes"
	"context"
	"errors"
	"fmt"

	cloud "cloud.google.com/go/spanner"

	"github.com/guardkv/guardkv/core"
	"github.com/guardkv/guardkv/core/remote"
)

// Commit is a transaction that reads again what the commit depends on, which locks it, and
// writes if none of it has changed.
func (d *driver) Commit(ctx context.Context, c remote.Commit) error {
	if d.readOnly {
		return core.ErrReadOnly
	}
	before, err := d.countBefore(ctx, c)
	if err != nil {
		return err
	}
	return unwritten(d.client.transact(ctx,
		func(ctx context.Context, tx *transaction) ([]*cloud.Mutation, error) {
			if err := d.conditions(ctx, tx, c.Conditions); err != nil {
				return nil, err
			}
			there, err := d.versions(ctx, tx, c)
			if err != nil {
				return nil, err
			}
			if err := d.ranges(ctx, tx, c, before); err != nil {
				return nil, err
			}
			return d.mutations(c, there), nil
		}))
}

// unwritten returns the error of a transaction. It adds a sentinel if there is none: without
// one the outcome would count as unknown.
func unwritten(err error) error {
	if err == nil || known(err) && !onlyEnded(err) {
		return err
	}
	return fmt.Errorf("%w: %w", core.ErrUnavailable, err)
}

// onlyEnded reports whether an error says that a context has ended, and says nothing of a
// write.
func onlyEnded(err error) bool {
	return (errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded)) &&
		!errors.Is(err, core.ErrUnavailable) && !errors.Is(err, core.ErrMaybe) &&
		!errors.Is(err, core.ErrConflict)
}

func changed(what string) error {
	return fmt.Errorf("%w: somebody else has written %s that the commit depends on",
		core.ErrConflict, what)
}

// conditions checks that the storage exists, and that the rows which must have a certain value
// have it.
func (d *driver) conditions(
	ctx context.Context, tx *transaction, all []core.Condition,
) error {
	rows := []cloud.KeySet{at(partMarks, d.id)}
	for _, c := range all {
		rows = append(rows, cloud.Key{d.id, filled(c.Key)})
	}
	removed, found := true, make(map[string][]byte, len(all))
	err := d.client.backend.read(ctx, tx, cloud.KeySets(rows...), columns[:3], 0,
		func(got row) bool {
			if got.part == partMarks {
				removed = false
			} else {
				found[string(got.name)] = filled(got.value)
			}
			return true
		})
	switch {
	case err != nil:
		return err
	case removed:
		return errRemoved
	}
	for _, c := range all {
		value, there := found[string(c.Key)]
		if there != (c.Value != nil) || !bytes.Equal(value, c.Value) {
			return changed("a row")
		}
	}
	return nil
}

// versions checks that the rows that were read have not changed. Of the rows that a write has a
// condition about, it returns those that exist.
func (d *driver) versions(
	ctx context.Context, tx *transaction, c remote.Commit,
) (map[string]uint64, error) {
	var keys [][]byte
	for i := range c.Reads {
		keys = append(keys, c.Reads[i].Key)
	}
	for i := range c.Writes {
		if c.Writes[i].When != core.Unconditional {
			keys = append(keys, c.Writes[i].Key)
		}
	}
	if len(keys) == 0 {
		return nil, nil
	}
	there := make(map[string]uint64, len(keys))
	err := d.client.backend.read(ctx, tx, d.places(keys), []string{columnName, columnWritten}, 0,
		func(got row) bool {
			there[string(got.name)] = version(got.written)
			return true
		})
	if err != nil {
		return nil, err
	}
	for i := range c.Reads {
		r := &c.Reads[i]
		if v, found := there[string(r.Key)]; found != r.Found || v != r.Version {
			return nil, changed("a row")
		}
	}
	return there, nil
}

// mutations returns what is to be written, and records which conditions of writes were met. All
// deletions are one mutation. No key is written twice, so their order does not matter, and for
// many deletions the emulator takes a time that is quadratic in their number.
func (d *driver) mutations(c remote.Commit, there map[string]uint64) []*cloud.Mutation {
	b := d.client.backend
	all := make([]*cloud.Mutation, 0, len(c.Writes)+1)
	var gone []cloud.KeySet
	for i := range c.Writes {
		w := &c.Writes[i]
		if w.When != core.Unconditional {
			_, found := there[string(w.Key)]
			met := w.When.Met(found)
			if c.Met[i] = met; !met {
				continue
			}
		}
		place := cloud.Key{d.id, filled(w.Key)}
		switch {
		case w.End != nil:
			gone = append(gone, within(d.id, w.Key, w.End))
		case w.Delete:
			gone = append(gone, place)
		default:
			all = append(all, b.put(place, w.Value))
		}
	}
	if len(gone) > 0 {
		all = append(all, b.remove(cloud.KeySets(gone...)))
	}
	return all
}
