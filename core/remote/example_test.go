// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package remote_test

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/guardkv/guardkv/core"
	"github.com/guardkv/guardkv/core/keys"
	"github.com/guardkv/guardkv/core/remote"
	"github.com/guardkv/guardkv/core/values"
)

// Backend keeps storages on a Server. Several Backends with one Server are several processes.
type Backend struct{ Server *Server }

func (Backend) Name() string                        { return "example" }
func (Backend) Resolve(path string) (string, error) { return path, nil } // paths are mere names

func (Backend) Sharing() core.Sharing {
	return core.Sharing{Writers: 8, Commit: 10 * time.Second}
}

func (b Backend) List(ctx context.Context, prefix string) (paths []string, err error) {
	err = b.Server.Do(ctx, func(storages map[string]*Storage) error {
		for path := range storages {
			if strings.HasPrefix(path, prefix) {
				paths = append(paths, path)
			}
		}
		return nil
	})
	slices.Sort(paths)
	return paths, err
}

// Claim locks nothing.
func (b Backend) Claim(ctx context.Context, path string, readOnly bool) (core.Claim, error) {
	return remote.NewClaim(ctx, &registry{server: b.Server}, path, readOnly), ctx.Err()
}

// registry says which storage is at which path.
type registry struct {
	server *Server
	seen   *Storage // at the last look; nil if there was none
}

// entry returns what is at a path. A mark is replaced, and never changed.
func (r *registry) entry(storages map[string]*Storage, path string) remote.Entry {
	if r.seen = storages[path]; r.seen == nil {
		return remote.Entry{}
	}
	return remote.Entry{ID: r.seen.ID, Mark: r.seen.Mark}
}

func (r *registry) Look(ctx context.Context, path string) (e remote.Entry, err error) {
	err = r.server.Do(ctx, func(storages map[string]*Storage) error {
		e = r.entry(storages, path)
		return nil
	})
	return e, err
}

// change does something with a path, if what was seen is still there: the look and the deed are
// one step of the server.
func (r *registry) change(
	ctx context.Context, path string, seen remote.Entry, deed func(map[string]*Storage) error,
) error {
	return r.server.Do(ctx, func(storages map[string]*Storage) error {
		if !r.entry(storages, path).Is(seen) {
			return remote.Moved(path)
		}
		return deed(storages)
	})
}

func (r *registry) Create(
	ctx context.Context, path string, mark []byte,
) (e remote.Entry, err error) {
	err = r.change(ctx, path, remote.Entry{}, func(storages map[string]*Storage) error {
		storages[path] = &Storage{ID: rand.Text(), Mark: append([]byte{}, mark...)}
		e = r.entry(storages, path)
		return nil
	})
	return e, err
}

// Rename deletes the fence, in the same step: whoever has the storage open finds out.
func (r *registry) Rename(
	ctx context.Context, path string, seen remote.Entry, to string,
) error {
	return r.change(ctx, path, seen, func(storages map[string]*Storage) error {
		if storages[to] != nil {
			return fs.ErrExist
		}
		r.seen.write([]core.Write{{Key: []byte(core.FenceKey), Delete: true}}, nil)
		storages[to] = r.seen
		delete(storages, path)
		return nil
	})
}

// Remove leaves nothing, the fence neither, to those who have the storage open.
func (r *registry) Remove(ctx context.Context, path string, seen remote.Entry) error {
	return r.change(ctx, path, seen, func(storages map[string]*Storage) error {
		r.seen.Rows, r.seen.Removed = nil, true
		delete(storages, path)
		return nil
	})
}

// Purge finds nothing to do: the rows are gone with their storage.
func (r *registry) Purge(context.Context, remote.Entry) error { return nil }

func (r *registry) Open(
	e remote.Entry, readOnly bool, _ core.EngineOptions,
) (core.Engine, error) {
	d := &driver{server: r.server, storage: r.seen, mark: e.Mark, readOnly: readOnly}
	return remote.New(d, remote.Options{
		Powers: core.Powers{Conditions: true},
		Beside: true, // the server takes many requests at once
		Notes:  1000, // and it does not know what was read
	}), nil
}

func (r *registry) Close() error { return nil }

// driver is an open storage.
type driver struct {
	server   *Server
	storage  *Storage
	readOnly bool
	mark     []byte // the one that this process knows; under the server's mutex
}

func (d *driver) Begin(core.Use) remote.State { return &state{driver: d} }

// state is what the storage was at the first read: the server never changes rows.
type state struct {
	driver *driver
	begun  bool
	rows   []remote.Row
}

// do is a trip, in which the server looks at the rows.
func (s *state) do(ctx context.Context, look func()) error {
	return s.driver.server.Do(ctx, func(map[string]*Storage) error {
		if !s.begun {
			s.begun, s.rows = true, s.driver.storage.Rows
		}
		look()
		return nil
	})
}

func (s *state) GetMany(ctx context.Context, keys [][]byte) (rows []remote.Row, err error) {
	err = s.do(ctx, func() { rows = among(s.rows, keys) })
	return rows, err
}

func (s *state) Page(ctx context.Context, q remote.Query) (p remote.Page, err error) {
	err = s.do(ctx, func() {
		rows := within(s.rows, q.Span)
		n := min(len(rows), q.Rows)
		p.More = n < len(rows)
		if q.Reverse {
			p.Rows = slices.Clone(rows[len(rows)-n:])
			slices.Reverse(p.Rows)
		} else {
			p.Rows = rows[:n]
		}
		p.Also = among(s.rows, q.Also)
	})
	return p, err
}

func (s *state) Close() error { return nil }

// Commit looks and writes in one step of the server.
func (d *driver) Commit(ctx context.Context, c remote.Commit) error {
	return d.change(ctx, func() error {
		if !d.storage.holds(c) {
			return core.ErrConflict
		}
		d.storage.write(c.Writes, c.Met)
		return nil
	})
}

// holds reports whether everything that the commit depends on is as it was.
func (s *Storage) holds(c remote.Commit) bool {
	for _, want := range c.Conditions {
		row, found := find(s.Rows, want.Key)
		if found != (want.Value != nil) || !bytes.Equal(row.Value, want.Value) {
			return false
		}
	}
	for _, read := range c.Reads {
		if row, found := find(s.Rows, read.Key); found != read.Found || row.Version != read.Version {
			return false
		}
	}
	for _, span := range c.Ranges {
		was, is := within(c.Base.(*state).rows, span), within(s.Rows, span)
		if !slices.EqualFunc(was, is, sameVersion) {
			return false
		}
	}
	return true
}

func (d *driver) change(ctx context.Context, deed func() error) error {
	if d.readOnly {
		return core.ErrReadOnly
	}
	return d.server.Do(ctx, func(map[string]*Storage) error {
		if d.storage.Removed {
			return fmt.Errorf("%w: the storage was removed", core.ErrClosed)
		}
		return deed()
	})
}

func (d *driver) SetMark(ctx context.Context, mark []byte) error {
	return d.change(ctx, func() error {
		if !bytes.Equal(d.storage.Mark, d.mark) {
			return fmt.Errorf("%w: somebody else has set the mark", core.ErrConflict)
		}
		d.mark = bytes.Clone(mark)
		d.storage.Mark = d.mark
		return nil
	})
}

func (d *driver) Close() error { return nil }

// Two processes have one storage open, and count in one row.
func Example() {
	if err := run(context.Background()); err != nil {
		fmt.Println(err)
	}
	// Output: 200
}

func run(ctx context.Context) error {
	server := new(Server)
	var all sync.WaitGroup
	var failed [2]error
	for i := range failed {
		all.Go(func() { failed[i] = count(ctx, Backend{server}) })
	}
	all.Wait()
	if err := errors.Join(failed[:]...); err != nil {
		return err
	}
	db, err := core.Open(ctx, "numbers", Backend{server})
	if err != nil {
		return err
	}
	defer db.Close()
	numbers, err := core.OpenTable(ctx, db, "numbers", keys.String(), values.JSON[int]())
	if err != nil {
		return err
	}
	n, err := numbers.Load(ctx, "calls")
	fmt.Println(n)
	return err
}

// count is what each of the processes does.
func count(ctx context.Context, b Backend) error {
	db, err := core.Open(ctx, "numbers", b)
	if err != nil {
		return err
	}
	defer db.Close()
	numbers, err := core.OpenTable(ctx, db, "numbers", keys.String(), values.JSON[int]())
	if err != nil {
		return err
	}
	for range 100 {
		err := numbers.Modify(ctx, "calls", func(n int, _ bool) (int, core.Change, error) {
			return n + 1, core.Store, nil
		})
		if err != nil {
			return err
		}
	}
	return nil
}
