// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package demo

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/guardkv/guardkv/core"
	"github.com/guardkv/guardkv/tools/modules"
)

// place is where the storage of a run is.
type place struct {
	backend core.Backend
	path    string // of the storage
	server  bool   // the storage is on one
	onDisk  bool   // the path is that of files
	leave   func() error
}

// newPlace finds the place that cfg names. The function leave removes the storage, unless it is to
// be kept.
func newPlace(cfg Config) (place, error) {
	for _, e := range modules.Engines {
		if e.Name == cfg.Backend {
			return engineAt(e, cfg)
		}
	}
	servers := cfg.servers
	if servers == nil {
		servers = modules.Servers
	}
	for _, s := range servers {
		if s.Name == cfg.Backend {
			return serverAt(s, cfg)
		}
	}
	return place{}, fmt.Errorf("no backend %q: use %s", cfg.Backend, modules.BackendNames())
}

func engineAt(e modules.Engine, cfg Config) (place, error) {
	p := place{backend: e.New(), path: cfg.Keep, onDisk: e.OnDisk, leave: nothing}
	switch {
	case cfg.URL != "":
		return p, fmt.Errorf("the backend %q has no server, so it takes no URL", e.Name)
	case cfg.Keep != "" && !e.OnDisk:
		return p, fmt.Errorf("the backend %q keeps nothing on disk, so there is nothing to keep or "+
			"look at", e.Name)
	case cfg.Keep != "":
		return p, nil
	}
	dir, err := os.MkdirTemp("", "guardkv-demo-")
	p.path = filepath.Join(dir, "unicode.db")
	p.leave = func() error { return os.RemoveAll(dir) }
	return p, err
}

// serverAt is a place on the server at the URL, or on one that is started for the run.
func serverAt(s modules.Server, cfg Config) (place, error) {
	if cfg.URL != "" {
		p := place{backend: s.At(cfg.URL), path: cfg.Keep, server: true, leave: nothing}
		if p.path == "" {
			p.path = fmt.Sprint("guardkv-demo-", time.Now().UnixNano()) // which no other run uses
			p.leave = func() error { return remove(p.backend, p.path) }
		}
		return p, nil
	}
	if cfg.Keep != "" {
		return place{}, errors.New("the server that the demo starts is thrown away, and all that " +
			"it stores: to keep a storage, name a server of your own with -url")
	}
	dir, err := os.MkdirTemp("", "guardkv-demo-")
	if err != nil {
		return place{}, err
	}
	url, stop, err := s.Start(dir)
	if err != nil {
		return place{}, errors.Join(err, os.RemoveAll(dir))
	}
	return place{
		backend: s.At(url), path: "unicode", server: true,
		leave: func() error { return errors.Join(stop(), os.RemoveAll(dir)) },
	}, nil
}

func nothing() error { return nil }

// remove removes a storage from a server that keeps running.
func remove(b core.Backend, path string) error {
	claim, err := b.Claim(context.Background(), path, false)
	if err != nil {
		return err
	}
	return errors.Join(claim.Remove(), claim.Release())
}
