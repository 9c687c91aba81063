// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package remote_test

import (
	"bytes"
	"context"
	"errors"
	"io/fs"
	"log/slog"
	"strings"
	"testing"

	"github.com/guardkv/guardkv/core"
	"github.com/guardkv/guardkv/core/remote"
)

// spied is the registry of the example, which counts what is closed, and fails where it is told to.
type spied struct {
	*registry
	looks, closed int
	failing       map[string]error
}

func (s *spied) Look(ctx context.Context, path string) (remote.Entry, error) {
	s.looks++
	e, err := s.registry.Look(ctx, path)
	return e, errors.Join(err, s.failing["look"])
}

func (s *spied) Purge(context.Context, remote.Entry) error { return s.failing["purge"] }

func (s *spied) Open(
	e remote.Entry, readOnly bool, opts core.EngineOptions,
) (core.Engine, error) {
	if err := s.failing["open"]; err != nil {
		return nil, err
	}
	return s.registry.Open(e, readOnly, opts)
}

func (s *spied) Close() error {
	s.closed++
	return nil
}

var errFails = errors.New("it fails")

// claimed returns a claim on the path "storage".
func claimed(t *testing.T, server *Server, readOnly bool) (core.Claim, *spied) {
	t.Helper()
	s := &spied{registry: &registry{server: server}, failing: map[string]error{}}
	return remote.NewClaim(t.Context(), s, "storage", readOnly), s
}

var withMark = core.EngineOptions{Mark: []byte("mark"), Logger: slog.New(slog.DiscardHandler)}

// create creates the storage.
func create(t *testing.T, server *Server) {
	t.Helper()
	c, _ := claimed(t, server, false)
	e, err := c.Open(t.Context(), withMark)
	do(t, err)
	do(t, e.Close())
}

// TestClaimsRememberWhatTheySaw: others do something between two calls of a claim, which then
// changes nothing, until it has looked again.
func TestClaimsRememberWhatTheySaw(t *testing.T) {
	remove := func(t *testing.T, server *Server) {
		c, _ := claimed(t, server, false)
		do(t, c.Remove())
	}
	calls := map[string]func(core.Claim) error{
		"Rename": func(c core.Claim) error { return c.Rename("other") },
		"Remove": core.Claim.Remove,
		"Open": func(c core.Claim) error {
			_, err := c.Open(context.Background(), withMark)
			return err
		},
	}
	for name, call := range calls {
		for _, test := range []struct {
			name           string
			before, change func(*testing.T, *Server)
			readOnly       bool
		}{
			{"of a storage that was removed", create, remove, false},
			{"of a storage that was replaced", create, func(t *testing.T, server *Server) {
				remove(t, server)
				create(t, server)
			}, false},
			{"of a storage whose mark has changed", create, func(t *testing.T, server *Server) {
				do(t, server.Do(t.Context(), func(storages map[string]*Storage) error {
					storages["storage"].Mark = []byte("another")
					return nil
				}))
			}, false},
			{"of nothing, where a storage is by now", func(*testing.T, *Server) {}, create, false},
			{"of nothing, to read", func(*testing.T, *Server) {}, create, true},
		} {
			if test.readOnly && name != "Open" {
				continue
			}
			server := new(Server)
			test.before(t, server)
			c, _ := claimed(t, server, test.readOnly)
			_, err := c.Mark()
			do(t, err)
			test.change(t, server)
			was, _ := claimed(t, server, true)
			now, err := was.Mark()
			do(t, err)
			for range 2 { // not even if it is asked again
				if err := call(c); !errors.Is(err, core.ErrConflict) {
					t.Errorf("%s %s returns %v; want ErrConflict", name, test.name, err)
				}
			}
			if left, err := was.Mark(); !bytes.Equal(left, now) || err != nil {
				t.Errorf("%s %s leaves the mark %q, %v; want %q", name, test.name, left, err, now)
			}
			if _, err := c.Mark(); err != nil {
				t.Errorf("%s %s: Mark returns %v", name, test.name, err)
			}
			if err := call(c); errors.Is(err, core.ErrConflict) {
				t.Errorf("%s %s returns %v after another Mark", name, test.name, err)
			}
		}
	}
}

// TestClaimsOfNothing: what was not found is not there, unless it is created.
func TestClaimsOfNothing(t *testing.T) {
	server := new(Server)
	c, s := claimed(t, server, false)
	if err := c.Rename("other"); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("Rename returns %v; want fs.ErrNotExist", err)
	}
	if err := c.Remove(); err != nil {
		t.Errorf("Remove returns %v", err)
	}
	toRead, _ := claimed(t, server, true)
	if _, err := toRead.Open(t.Context(), withMark); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("Open to read returns %v; want fs.ErrNotExist", err)
	}
	create(t, server)
	if err := toRead.Rename("other"); !errors.Is(err, core.ErrReadOnly) {
		t.Errorf("Rename of what was claimed to be read returns %v; want ErrReadOnly", err)
	}
	if err := toRead.Remove(); !errors.Is(err, core.ErrReadOnly) {
		t.Errorf("Remove of what was claimed to be read returns %v; want ErrReadOnly", err)
	}
	s.failing["look"] = errFails
	for _, err := range []error{c.Rename("other"), c.Remove()} {
		if !errors.Is(err, errFails) || errors.Is(err, core.ErrConflict) {
			t.Errorf("where nothing can be looked at, a claim returns %v; want that alone", err)
		}
	}
}

// TestClaimsAfterAChange: what a claim has moved or removed is not there any more for itself.
func TestClaimsAfterAChange(t *testing.T) {
	server := new(Server)
	create(t, server)
	c, s := claimed(t, server, false)
	do(t, c.Rename("other"))
	if s.looks != 1 {
		t.Errorf("a Rename without a Mark looks %d times", s.looks)
	}
	e, err := c.Open(t.Context(), withMark)
	do(t, err)
	do(t, e.Close())

	c, s = claimed(t, server, false)
	if err := c.Rename("other"); !errors.Is(err, fs.ErrExist) ||
		!strings.Contains(err.Error(), `"storage" to "other"`) {
		t.Errorf("Rename to a path where something is returns %v; want fs.ErrExist, and both", err)
	}
	s.failing["purge"] = errFails
	if err := c.Remove(); !errors.Is(err, errFails) || !strings.Contains(err.Error(), "removed") {
		t.Errorf("Remove that leaves rows returns %v; want it to say that", err)
	}
	if e, err = c.Open(t.Context(), withMark); err != nil {
		t.Fatalf("Open where the storage was removed returns %v", err)
	}
	do(t, e.Close())
}

// TestClaimsCloseTheirConnection: once, and not if the engine has it. PostgreSQL's kept it open
// when the engine could not be made.
func TestClaimsCloseTheirConnection(t *testing.T) {
	for name, test := range map[string]struct {
		failing string
		want    int
	}{"opened": {"", 0}, "not opened": {"open", 1}, "not looked at": {"look", 1}} {
		c, s := claimed(t, new(Server), false)
		s.failing[test.failing] = errFails
		if e, err := c.Open(t.Context(), withMark); (err == nil) != (test.failing == "") {
			t.Errorf("%s: Open returns %v, %v", name, e, err)
		}
		for range 2 {
			do(t, c.Release())
		}
		if s.closed != test.want {
			t.Errorf("%s: the connection is closed %d times; want %d", name, s.closed, test.want)
		}
	}
}

// TestMarkBelongsToTheCaller: what it does with the bytes changes nothing that was seen.
func TestMarkBelongsToTheCaller(t *testing.T) {
	server := new(Server)
	create(t, server)
	c, _ := claimed(t, server, false)
	mark, err := c.Mark()
	do(t, err)
	mark[0]++
	if err := c.Rename("other"); err != nil {
		t.Errorf("Rename returns %v", err)
	}
}
