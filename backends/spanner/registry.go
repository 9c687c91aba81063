// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package spanner

import (
	"bytes"
	"context"
	"fmt"

	cloud "cloud.google.com/go/spanner"

	"github.com/guardkv/guardkv/core"
	"github.com/guardkv/guardkv/core/remote"
)

// registry knows which storages there are.
type registry struct{ client *client }

var _ remote.Registry = registry{}

// Look returns what is at a path now.
func (r registry) Look(ctx context.Context, path string) (e remote.Entry, err error) {
	when, err := r.client.reading(ctx, nil,
		func(ctx context.Context, in *cloud.ReadOnlyTransaction) error {
			e, _, err = r.name(ctx, in, path)
			return err
		})
	if noTable(err) {
		return remote.Entry{}, nil
	}
	if err != nil || !e.Found() {
		return e, err
	}
	_, err = r.client.reading(ctx, &when,
		func(ctx context.Context, in *cloud.ReadOnlyTransaction) error {
			return r.mark(ctx, in, path, &e)
		})
	return e, err
}

// find returns what is at a path, and whether the registry exists. It reads within a
// transaction, so that nobody changes it meanwhile.
func (r registry) find(
	ctx context.Context, in where, path string,
) (e remote.Entry, known bool, err error) {
	e, known, err = r.name(ctx, in, path)
	if err == nil && e.Found() {
		err = r.mark(ctx, in, path, &e)
	}
	return e, known, err
}

// name looks up which storage is at a path, and whether the registry exists.
func (r registry) name(
	ctx context.Context, in where, path string,
) (e remote.Entry, known bool, err error) {
	var version, id []byte
	err = r.client.backend.read(ctx, in,
		cloud.KeySets(at(partRegistry, ""), at(partNames, path)), columns, 0,
		func(got row) bool {
			if got.part == partRegistry {
				version, known = got.value, true
			} else {
				id = filled(got.value)
			}
			return true
		})
	switch {
	case err != nil:
		return e, known, err
	case known && string(version) != layout:
		return e, known, unknown(version)
	case id == nil:
		return e, known, nil
	case !isID(id) || !known:
		return e, known, fmt.Errorf("%w: what is at %q was not written by this package",
			core.ErrNotStorage, path)
	}
	e.ID = string(id)
	return e, known, nil
}

func unknown(version []byte) error {
	return fmt.Errorf("%w: the registry in Spanner has the layout %q, and this program knows "+
		"only %q: a newer program has made it", core.ErrVersionMismatch, version, layout)
}

// mark looks up the mark of a storage that was found at a path.
func (r registry) mark(ctx context.Context, in where, path string, e *remote.Entry) error {
	err := r.client.backend.read(ctx, in, at(partMarks, e.ID), columns, 0, func(got row) bool {
		e.Mark = filled(got.value)
		return true
	})
	if err == nil && e.Mark == nil {
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

// Open returns the engine of a storage.
func (r registry) Open(
	e remote.Entry, readOnly bool, _ core.EngineOptions,
) (core.Engine, error) {
	d := &driver{client: r.client, id: e.ID, mark: e.Mark, readOnly: readOnly}
	return d.engine(), nil
}

// Close closes the connection.
func (r registry) Close() error { return r.client.Close() }
