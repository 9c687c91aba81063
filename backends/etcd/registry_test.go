// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package etcd

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	clientv3 "go.etcd.io/etcd/client/v3"

	"github.com/guardkv/guardkv/core"
)

// TestUnknownLayout: a registry that a newer program has made is refused, whatever is asked for,
// and left as it is.
func TestUnknownLayout(t *testing.T) {
	b := here(t)
	b.Prefix = "newer/"
	client := open(t, here(t), place()).driver.client.etcd
	_, err := client.Put(t.Context(), "newer/"+registryKey, "2")
	do(t, err)
	_, err = core.Open(t.Context(), "x", b)
	is(t, "Open", err, core.ErrVersionMismatch)
	_, err = b.List(t.Context(), "")
	is(t, "List", err, core.ErrVersionMismatch)
	c, err := b.Claim(t.Context(), "x", false)
	do(t, err)
	defer c.Release()
	_, err = c.Mark()
	is(t, "Mark", err, core.ErrVersionMismatch)
	is(t, "Rename", c.Rename("y"), core.ErrVersionMismatch)
	is(t, "Remove", c.Remove(), core.ErrVersionMismatch)
	if err == nil || !strings.Contains(err.Error(), "newer program") {
		t.Errorf("the error does not say what to do: %v", err)
	}
	r, err := client.Get(t.Context(), "newer/", clientv3.WithPrefix())
	do(t, err)
	if len(r.Kvs) != 1 {
		t.Errorf("there are %d keys; want the one that was there", len(r.Kvs))
	}
}

// TestLayoutChangedMeanwhile: who has looked, and changes something after a newer program has
// taken over, is told.
func TestLayoutChangedMeanwhile(t *testing.T) {
	b := here(t)
	b.Prefix = "taken over/"
	s := open(t, b, "storage")
	c, err := b.Claim(t.Context(), "storage", false)
	do(t, err)
	defer c.Release()
	_, err = c.Mark()
	do(t, err)
	_, err = s.driver.client.etcd.Put(t.Context(), b.Prefix+registryKey, "2")
	do(t, err)
	is(t, "Rename", c.Rename("other"), core.ErrVersionMismatch)
	is(t, "Remove", c.Remove(), core.ErrVersionMismatch)
	_, err = s.driver.client.etcd.Put(t.Context(), b.Prefix+registryKey, layout)
	do(t, err)
	do(t, c.Remove())
}

// TestForeignName: what leads to no storage is none.
func TestForeignName(t *testing.T) {
	b := here(t)
	b.Prefix = "foreign/"
	client := open(t, b, "mine").driver.client.etcd
	for name, id := range map[string]string{"short": "x", "no mark": strings.Repeat("X", idLength)} {
		_, err := client.Put(t.Context(), b.Prefix+namePrefix+name, id)
		do(t, err)
		_, err = core.Open(t.Context(), name, b)
		is(t, "opening "+name, err, core.ErrNotStorage)
	}
}

// TestPrefixes: storages under other prefixes, and names that begin like others, are apart.
func TestPrefixes(t *testing.T) {
	one, two := here(t), here(t)
	one.Prefix, two.Prefix = "one/", "two/"
	names := []string{"a", "a/b", "a\xff", "a\xff\xff", "b"}
	for i, name := range names {
		do(t, open(t, one, name).apply(t, nil, put("k", fmt.Sprint(i))))
	}
	do(t, open(t, two, "a").apply(t, nil, put("k", "other")))
	for i, name := range names {
		if v, err := open(t, one, name).value(t, "k"); v != fmt.Sprint(i) || err != nil {
			t.Errorf("%q has the row %q, %v", name, v, err)
		}
	}
	for prefix, want := range map[string][]string{
		"": names, "a": names[:4], "a/": names[1:2], "a\xff": names[2:4], "c": nil,
	} {
		if got, err := one.List(t.Context(), prefix); !slices.Equal(got, want) || err != nil {
			t.Errorf("List(%q) gives %q, %v; want %q", prefix, got, err, want)
		}
	}
}

// TestRemoved: nothing is left of a storage that was removed, nor of one whose removal was not
// completed when the next storage is created.
func TestRemoved(t *testing.T) {
	b := here(t)
	b.Prefix = "removed/"
	client := open(t, here(t), place()).driver.client.etcd
	left := func() (keys []string) {
		r, err := client.Get(t.Context(), b.Prefix, clientv3.WithPrefix())
		do(t, err)
		for _, kv := range r.Kvs {
			keys = append(keys, string(kv.Key))
		}
		return keys
	}
	for _, killed := range []bool{false, true} {
		s := open(t, b, "storage")
		s.fill(t, "tab1", purgeRows+500, "v")
		do(t, s.apply(t, nil, del("tab1x")))
		c, err := b.Claim(t.Context(), "storage", false)
		do(t, err)
		if killed { // after the step that nobody finds the storage from
			_, err := client.Put(t.Context(), string(s.driver.places.gone), "")
			do(t, err)
			_, err = client.Delete(t.Context(), b.Prefix+namePrefix+"storage")
			do(t, err)
			_, err = client.Delete(t.Context(), string(s.driver.places.mark))
			do(t, err)
			_, err = s.value(t, row("tab1", 1))
			do(t, err)
		} else {
			do(t, c.Remove())
			_, err = s.value(t, row("tab1", 1))
			is(t, "reading a row of a removed storage", err, core.ErrNotFound)
		}
		is(t, "writing to a removed storage", s.apply(t, nil, put("k", "v")), core.ErrClosed)
		is(t, "SetMark", s.SetMark(t.Context(), []byte("new")), core.ErrClosed)
		if killed {
			open(t, b, "next")
			_, err = s.value(t, row("tab1", 1))
			is(t, "reading a row that was swept", err, core.ErrNotFound)
			next, err := b.Claim(t.Context(), "next", false)
			do(t, err)
			do(t, errors.Join(next.Remove(), next.Release()))
		}
		if keys := left(); len(keys) != 1 || keys[0] != b.Prefix+registryKey {
			t.Errorf("there are left %.20q", keys)
		}
		do(t, c.Release())
	}
}
