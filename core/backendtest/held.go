// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package backendtest

import (
	"context"
	"fmt"
	"strings"

	"github.com/guardkv/guardkv/core"
)

// held is bytes that were read, and what they must stay.
type held struct {
	bytes    []byte
	want     string
	releaser core.Releaser
}

func (s *store) hold(key string) held {
	s.t.tb.Helper()
	v, r, err := s.Get(s.t.ctx, []byte(key))
	s.t.do("Get", err)
	return held{v, string(v), r}
}

// check complains if the bytes changed.
func (h held) check(t *trial, when string) {
	t.tb.Helper()
	if string(h.bytes) != h.want {
		t.Fatalf("%s the bytes are %s; want %s", when, brief(string(h.bytes)), brief(h.want))
	}
}

// keep reports whether the bytes were given away, and releases them if not.
func (h held) keep() bool {
	if k, ok := h.releaser.(core.Keeper); ok && k.Keep() {
		return true
	}
	h.releaser.Release()
	return false
}

// churn overwrites and deletes everything, grows the storage by about size bytes, and compacts it.
func (s *store) churn(size int) {
	s.t.tb.Helper()
	value := strings.Repeat("churn", 3000)
	for i := 0; i < size; i += 10 * len(value) {
		var writes []core.Write
		for j := range 10 {
			writes = append(writes, put(fmt.Sprintf("churn%09d-%d", i, j), value))
		}
		s.apply(writes...)
	}
	for _, r := range s.all() {
		s.apply(del(r.key))
	}
	s.compact()
}

// compact compacts the storage if the engine can.
func (s *store) compact() {
	s.t.tb.Helper()
	if c := s.Powers().Compact; c != nil {
		s.t.do("Compact", c(s.t.ctx))
	}
}

// release ends the validity of what Snapshot.Get returned.
func release(r core.Releaser) {
	if r != nil {
		r.Release()
	}
}

// valueIn returns a copy of what a snapshot has at key.
func valueIn(snap core.Snapshot, ctx context.Context, key string) (string, error) {
	v, r, err := snap.Get(ctx, []byte(key))
	defer release(r)
	return string(v), err
}
