// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package core_test

import (
	"bytes"
	"context"
	"slices"
	"strings"
	"testing"

	"github.com/guardkv/guardkv/core"
	"github.com/guardkv/guardkv/core/keys"
	"github.com/guardkv/guardkv/core/memory"
	"github.com/guardkv/guardkv/core/values"
)

// What stands beside a storage has a name that begins with the storage's: behind a separator it
// would be inside.
func TestPathThatEndsInASeparator(t *testing.T) {
	ctx, b := context.Background(), memory.New()
	for i, path := range []string{"db/", "db", "db//"} {
		s, err := core.Open(ctx, path, b, core.WithRecreate(core.Always))
		if err != nil {
			t.Fatal(path, err)
		}
		if r, replaced := s.Recreated(); replaced != (i > 0) ||
			replaced && !strings.HasPrefix(r.Path, "db.replaced-") {
			t.Errorf("Open(%q) replaced %v: %+v", path, replaced, r)
		}
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	}
	if _, err := core.Open(ctx, "", b); err == nil ||
		!strings.Contains(err.Error(), "path is empty") {
		t.Errorf("Open without a path gives %v", err)
	}
	if _, err := core.Restore(ctx, "", b, bytes.NewReader(nil)); err == nil ||
		!strings.Contains(err.Error(), "path is empty") {
		t.Errorf("Restore without a path gives %v", err)
	}
}

// A policy that no constant stands for was taken for IfMissing.
func TestUnknownPoliciesAreRefused(t *testing.T) {
	b := memory.New()
	for want, opt := range map[string]core.Option{
		"WithRecreate(48)":  core.WithRecreate(48),
		"WithRecreate(17)":  core.WithRecreate(core.Always | 16),
		"WithValidation(2)": core.WithValidation(2),
	} {
		if _, err := core.Open(t.Context(), "db", b, opt); err == nil ||
			!strings.Contains(err.Error(), want) {
			t.Errorf("Open gives %v, want an error about %s", err, want)
		}
		if _, err := core.Restore(t.Context(), "db", b, bytes.NewReader(nil), opt); err == nil ||
			!strings.Contains(err.Error(), want) {
			t.Errorf("Restore gives %v, want an error about %s", err, want)
		}
	}
	if names, err := b.List(t.Context(), "db"); len(names) > 0 || err != nil {
		t.Errorf("%q were created, error %v", names, err)
	}
}

func TestNoLoggerIsTheDefaultOne(t *testing.T) {
	s, err := core.Open(context.Background(), "db", memory.New(), core.WithLogger(nil))
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Close(); err != nil {
		t.Error(err)
	}
}

func TestTheLowestLimitCounts(t *testing.T) {
	ctx := context.Background()
	s, err := core.Open(ctx, "db", memory.New())
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	tab, err := core.OpenTable(ctx, s, "numbers", keys.Int(), values.String())
	if err != nil {
		t.Fatal(err)
	}
	for i := range 9 {
		if err := tab.Put(ctx, i, ""); err != nil {
			t.Fatal(err)
		}
	}
	for _, test := range []struct {
		scan core.Scan[int, string, string]
		want int
	}{
		{tab.Scan().Limit(3).Limit(5), 3},
		{tab.Scan().Limit(5).Limit(3), 3},
		{tab.Scan().Limit(3).Limit(-1), 3},
		{tab.Scan().Limit(-1), 9},
		{tab.Scan().Limit(0), 0},
	} {
		if n, err := test.scan.Count(ctx); n != test.want || err != nil {
			t.Errorf("Count = %d, %v; want %d", n, err, test.want)
		}
	}
}

// links is a backend whose paths lead elsewhere, as they do when the working directory or a
// link changes.
type links struct {
	*memory.Backend
	to map[string]string
}

func (b *links) Resolve(path string) (string, error) {
	if to, ok := b.to[path]; ok {
		return to, nil
	}
	return path, nil
}

// Where a path leads was an interface that core looked for on the Backend: behind a decorator
// that embeds a Backend, as all do, nothing was looked up, and what was set aside or restored
// lay where the path had led later.
func TestDecoratorKeepsResolve(t *testing.T) {
	b := &links{memory.New(), map[string]string{"link": "place"}}
	decorated := struct{ core.Backend }{b}
	db, err := core.Open(t.Context(), "link", decorated)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	if got, err := b.List(t.Context(), ""); err != nil || !slices.Equal(got, []string{"place"}) {
		t.Errorf("storages are at %q, %v; want place", got, err)
	}
}
