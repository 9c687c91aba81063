// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package kit

import (
	"context"
	"fmt"
	"strings"

	"github.com/guardkv/guardkv/core"
)

// Held is bytes that were read, and a copy that they must stay equal to.
type Held struct {
	Bytes    []byte
	Want     string
	Releaser core.Releaser
}

func (s *Store) Hold(key string) Held {
	s.T.TB.Helper()
	v, r, err := s.Get(s.T.Ctx, []byte(key))
	s.T.Do("Get", err)
	return Held{v, string(v), r}
}

// Check complains if the bytes changed.
func (h Held) Check(t *Trial, when string) {
	t.TB.Helper()
	if string(h.Bytes) != h.Want {
		t.Fatalf("%s the bytes are %s; want %s", when, Brief(string(h.Bytes)), Brief(h.Want))
	}
}

// Keep reports whether the bytes were given away, and releases them if not.
func (h Held) Keep() bool {
	if k, ok := h.Releaser.(core.Keeper); ok && k.Keep() {
		return true
	}
	h.Releaser.Release()
	return false
}

// Churn overwrites and deletes everything, grows the storage by about size bytes, and compacts it.
func (s *Store) Churn(size int) {
	s.T.TB.Helper()
	value := strings.Repeat("churn", 3000)
	for i := 0; i < size; i += 10 * len(value) {
		var writes []core.Write
		for j := range 10 {
			writes = append(writes, Put(fmt.Sprintf("churn%09d-%d", i, j), value))
		}
		s.MustApply(writes...)
	}
	for _, r := range s.All() {
		s.MustApply(Del(r.Key))
	}
	s.Compact()
}

// Compact compacts the storage if the engine can.
func (s *Store) Compact() {
	s.T.TB.Helper()
	if c := s.Powers().Compact; c != nil {
		s.T.Do("Compact", c(s.T.Ctx))
	}
}

// Release ends the validity of bytes that Snapshot.Get returned.
func Release(r core.Releaser) {
	if r != nil {
		r.Release()
	}
}

// ValueIn returns a copy of the value that a snapshot has at key.
func ValueIn(snap core.Snapshot, ctx context.Context, key string) (string, error) {
	v, r, err := snap.Get(ctx, []byte(key))
	defer Release(r)
	return string(v), err
}
