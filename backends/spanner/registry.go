// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package spanner

import (
	"bytes"
	"context"
	"fmt"

	cloud "cloud.google.com/go/spanner"

	"github.com/guardkv/guardkv/core"
)

// registry knows which storages there are.
type registry struct{ client *client }

// entry is what a path leads to.
type entry struct {
	known bool   // the registry exists, in a layout that is known
	id    string // of the storage; "" if none is there
	mark  []byte
}

func (e entry) found() bool { return e.id != "" }

// same reports whether both entries are the same storage with the same mark, or both are none.
func (e entry) same(o entry) bool { return e.id == o.id && string(e.mark) == string(o.mark) }

// look returns what is at a path now.
func (r registry) look(ctx context.Context, path string) (e entry, err error) {
	when, err := r.client.reading(ctx, nil,
		func(ctx context.Context, in *cloud.ReadOnlyTransaction) error {
			e, err = r.name(ctx, in, path)
			return err
		})
	if noTable(err) {
		return entry{}, nil
	}
	if err != nil || !e.found() {
		return e, err
	}
	_, err = r.client.reading(ctx, &when,
		func(ctx context.Context, in *cloud.ReadOnlyTransaction) error {
			return r.mark(ctx, in, path, &e)
		})
	return e, err
}

// find returns what is at a path. It reads within a transaction, so that nobody changes it
// meanwhile.
func (r registry) find(ctx context.Context, in where, path string) (entry, error) {
	e, err := r.name(ctx, in, path)
	if err == nil && e.found() {
		err = r.mark(ctx, in, path, &e)
	}
	return e, err
}

// name looks up which storage is at a path.
func (r registry) name(ctx context.Context, in where, path string) (e entry, err error) {
	var version, id []byte
	err = r.client.backend.read(ctx, in,
		cloud.KeySets(at(partRegistry, ""), at(partNames, path)), columns, 0,
		func(got row) bool {
			if got.part == partRegistry {
				version, e.known = got.value, true
			} else {
				id = filled(got.value)
			}
			return true
		})
	switch {
	case err != nil:
		return entry{}, err
	case e.known && string(version) != layout:
		return entry{}, unknown(version)
	case id == nil:
		return e, nil
	case !isID(id) || !e.known:
		return entry{}, fmt.Errorf("%w: what is at %q was not written by this package",
			core.ErrNotStorage, path)
	}
	e.id = string(id)
	return e, nil
}

func unknown(version []byte) error {
	return fmt.Errorf("%w: the registry in Spanner has the layout %q, and this program knows "+
		"only %q: a newer program has made it", core.ErrVersionMismatch, version, layout)
}

// mark looks up the mark of a storage that was found at a path.
func (r registry) mark(ctx context.Context, in where, path string, e *entry) error {
	err := r.client.backend.read(ctx, in, at(partMarks, e.id), columns, 0, func(got row) bool {
		e.mark = filled(got.value)
		return true
	})
	if err == nil && e.mark == nil {
		err = fmt.Errorf("%w: %q leads to a storage without a mark", core.ErrNotStorage, path)
	}
	return err
}

// list returns the paths that start with prefix.
func (r registry) list(ctx context.Context, prefix string) (paths []string, err error) {
	_, err = r.client.reading(ctx, nil,
		func(ctx context.Context, in *cloud.ReadOnlyTransaction) error {
			var version []byte
			paths = nil
			err := r.client.backend.read(ctx, in,
				cloud.KeySets(at(partRegistry, ""), within(partNames, []byte(prefix), nil)),
				columns, 0, func(got row) bool {
					switch {
					case got.part == partRegistry:
						version = filled(got.value)
					case bytes.HasPrefix(got.name, []byte(prefix)):
						paths = append(paths, string(got.name))
					default: // the registry, whose part comes later, is still to be seen
					}
					return true
				})
			if err == nil && version != nil && string(version) != layout {
				return unknown(version)
			}
			return err
		})
	if noTable(err) {
		return nil, nil
	}
	return paths, err
}
