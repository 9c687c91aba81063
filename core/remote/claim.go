// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package remote

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"

	"github.com/guardkv/guardkv/core"
)

// Registry says which storage is at which path of a server. It belongs to one claim, which calls
// one method at a time.
//
// Others may do anything between two calls. So Create, Rename and Remove look at the path again, in
// the transaction that writes, and return [Moved] and change nothing unless what was seen is still
// there with the same mark.
type Registry interface {
	// Look returns what is at a path.
	Look(ctx context.Context, path string) (Entry, error)

	// Create makes a storage with a mark at a path where nothing was seen, and returns it.
	Create(ctx context.Context, path string, mark []byte) (Entry, error)

	// Rename moves a storage that was seen, and deletes its fence. It returns fs.ErrExist if
	// something is at the new path.
	Rename(ctx context.Context, path string, seen Entry, to string) error

	// Remove takes a storage that was seen from its path, and deletes its mark and its fence: then
	// nobody finds it, and whoever has it open reads and writes no more.
	Remove(ctx context.Context, path string, seen Entry) error

	// Purge deletes the rows of a storage that was removed.
	Purge(ctx context.Context, removed Entry) error

	// Open returns the engine of a storage that was seen, or created. From then on the engine
	// has the connection.
	Open(e Entry, readOnly bool, opts core.EngineOptions) (core.Engine, error)

	// Close closes the connection. It is not called after Open has succeeded.
	Close() error
}

// Entry is what a path leads to. The zero Entry is nothing.
type Entry struct {
	ID   string // of the storage, never the same for two; "" if none is there
	Mark []byte // not nil if a storage is there
}

// Found reports whether a storage is there.
func (e Entry) Found() bool { return e.ID != "" }

// Is reports whether both are the same storage with the same mark, or both are none.
func (e Entry) Is(o Entry) bool { return e.ID == o.ID && bytes.Equal(e.Mark, o.Mark) }

// Moved returns the ErrConflict of a path that no longer leads to what was seen there.
func Moved(path string) error {
	return fmt.Errorf("%w: somebody else was at %q meanwhile", core.ErrConflict, path)
}

// claim locks nothing: it is a connection, and remembers what was seen at a path.
type claim struct {
	ctx      context.Context // Claim's: Mark is the first to wait for a server, and has none
	registry Registry
	path     string
	readOnly bool

	looked bool
	seen   Entry // what was at the path
	closed bool  // or the engine has the connection
}

// NewClaim returns a claim on a path of a server, as Backend.Claim does, which sends nothing yet.
// The context is that of the call.
func NewClaim(ctx context.Context, r Registry, path string, readOnly bool) core.Claim {
	return &claim{ctx: ctx, registry: r, path: path, readOnly: readOnly}
}

// Mark remembers what it sees.
func (c *claim) Mark() ([]byte, error) {
	if err := c.look(c.ctx); err != nil {
		return nil, err
	}
	return bytes.Clone(c.seen.Mark), nil
}

func (c *claim) look(ctx context.Context) error {
	e, err := c.registry.Look(ctx, c.path)
	if err != nil {
		return err
	}
	c.seen, c.looked = e, true
	return nil
}

// lookOnce looks at the path, unless that was done before.
func (c *claim) lookOnce(ctx context.Context) error {
	if c.looked {
		return nil
	}
	return c.look(ctx)
}

// verify returns ErrConflict unless what was seen is still there.
func (c *claim) verify(ctx context.Context) error {
	now, err := c.registry.Look(ctx, c.path)
	if err == nil && !now.Is(c.seen) {
		err = Moved(c.path)
	}
	return err
}

// begin returns an error unless there is a storage at the path that may be changed.
func (c *claim) begin(ctx context.Context, what string) error {
	if c.readOnly {
		return core.ErrReadOnly
	}
	if err := c.lookOnce(ctx); err != nil || c.seen.Found() {
		return err
	}
	if err := c.verify(ctx); err != nil {
		return err
	}
	return fmt.Errorf("%s %q: %w", what, c.path, fs.ErrNotExist)
}

// Rename moves what was seen.
func (c *claim) Rename(to string) error {
	ctx := context.Background()
	if err := c.begin(ctx, "rename"); err != nil {
		return err
	}
	err := c.registry.Rename(ctx, c.path, c.seen, to)
	if errors.Is(err, fs.ErrExist) {
		return fmt.Errorf("rename %q to %q: %w", c.path, to, err)
	}
	if err == nil {
		c.seen = Entry{}
	}
	return err
}

// Remove makes sure that nobody can find or use what was seen, and then deletes its rows.
func (c *claim) Remove() error {
	ctx := context.Background()
	if err := c.begin(ctx, "remove"); errors.Is(err, fs.ErrNotExist) {
		return nil
	} else if err != nil {
		return err
	}
	removed := c.seen
	if err := c.registry.Remove(ctx, c.path, removed); err != nil {
		return err
	}
	c.seen = Entry{}
	if err := c.registry.Purge(ctx, removed); err != nil {
		return fmt.Errorf("%q was removed, and not all of its rows are deleted: %w", c.path, err)
	}
	return nil
}

// Open opens what was seen, or creates it if nothing was.
func (c *claim) Open(ctx context.Context, opts core.EngineOptions) (core.Engine, error) {
	err := c.lookOnce(ctx)
	switch {
	case err != nil:
	case !c.seen.Found() && !c.readOnly:
		err = c.create(ctx, opts.Mark)
	default:
		err = c.verify(ctx)
	}
	if err == nil && !c.seen.Found() {
		err = fmt.Errorf("open %q: %w", c.path, fs.ErrNotExist)
	}
	if err != nil {
		return nil, err
	}
	e, err := c.registry.Open(c.seen, c.readOnly, opts)
	c.closed = err == nil
	return e, err
}

func (c *claim) create(ctx context.Context, mark []byte) error {
	made, err := c.registry.Create(ctx, c.path, mark)
	if err == nil {
		c.seen = made
	}
	return err
}

// Release closes the connection, unless an engine has it.
func (c *claim) Release() error {
	if c.closed {
		return nil
	}
	c.closed = true
	return c.registry.Close()
}
