// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package core

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"hash/crc32"
)

// Before a storage is opened, let alone replaced, it must be certain what is there: a storage
// of this engine and this program, one of a newer GuardKV, or somebody else's file. The mark
// answers that. It is a line of text that backends store where they can read it without opening
// the engine, and it has a checksum of its own. Everything that decides whether something may
// be renamed or removed is in it.

// mark is what makes a storage recognizable before its engine is opened. A backend keeps it as
// the text
//
//	GUARDKV crc32c {"layout":1,"backend":"bbolt","id":"...","version":3}
//
// where crc32c is the checksum of the JSON in eight hexadecimal digits.
type mark struct {
	Layout  int    `json:"layout"`  // of what this package stores; see layout
	Backend string `json:"backend"` // the backend's name
	ID      string `json:"id"`      // random, of this storage; its copies share it
	Version uint64 `json:"version"` // the application's
	State   string `json:"state,omitempty"`

	// Needs are the features without which the storage cannot be read; see checkFeatures. There
	// are none in layout 1.
	Needs []string `json:"needs,omitempty"`
}

// The states of a storage that Restore makes. One that is being built is none yet, so Open
// refuses it. One that is built waits to be moved to its place, where Open takes it and clears
// the state: so whatever has one at a temporary path was left by a crash.
const (
	markBuilding = "building"
	markBuilt    = "built"
)

// The layouts are versions of what this package stores: marks, catalog, rows. A storage has the
// second one from the first use of a feature on, because a GuardKV that knew the first one only
// did not look for features.
const (
	layout             = 1
	layoutWithFeatures = 2
)

const markHead = "GUARDKV "

func newMark(backend string, version uint64) mark {
	return mark{Layout: layout, Backend: backend, ID: rand.Text(), Version: version}
}

func (m mark) encode() []byte {
	if len(m.Needs) > 0 {
		m.Layout = layoutWithFeatures
	}
	b, err := json.Marshal(m)
	if err != nil {
		panic(err) // a struct of strings and numbers
	}
	return fmt.Appendf(nil, "%s%08x %s", markHead, crc32.Checksum(b, castagnoli), b)
}

// changeMark changes the stored mark. The caller has the turn.
func (s *Storage) changeMark(ctx context.Context, change func(m *mark)) error {
	m := s.mark
	change(&m)
	if err := s.engine.SetMark(ctx, m.encode()); err != nil {
		return err
	}
	s.mark = m
	return nil
}

// need records in the mark that the storage needs these features, before anything is stored
// with one: so a GuardKV that looks for features in the mark alone is refused from the first
// use on. A feature stays there when what used it is gone. The caller has the turn.
func (s *Storage) need(ctx context.Context, features []string) error {
	all := union(s.mark.Needs, features)
	if len(all) == len(s.mark.Needs) {
		return nil
	}
	change := func(m *mark) { m.Needs = all }
	if s.sharing.Shared() {
		return s.setMark(ctx, change)
	}
	return s.changeMark(ctx, change)
}

// decodeMark reads a mark of the backend.
func decodeMark(text []byte, backend string) (m mark, err error) {
	var sum uint32
	rest, ok := bytes.CutPrefix(text, []byte(markHead))
	if !ok || len(rest) < 9 || rest[8] != ' ' {
		return m, fmt.Errorf("%w: its mark cannot be read", ErrNotStorage)
	}
	body := rest[9:]
	if _, err := fmt.Sscanf(string(rest[:8]), "%08x", &sum); err != nil ||
		sum != crc32.Checksum(body, castagnoli) {
		return m, fmt.Errorf("%w: %w: its mark has a wrong checksum", ErrNotStorage, ErrCorrupt)
	}
	var first struct { // what every layout has; the rest of a newer one may be anything
		Layout int `json:"layout"`
	}
	if err := json.Unmarshal(body, &first); err != nil {
		return m, errors.Join(ErrNotStorage, err)
	}
	if first.Layout != layout && first.Layout != layoutWithFeatures {
		return m,
			fmt.Errorf("%w: the storage has layout %d, this GuardKV knows layouts %d and %d; "+
				"open it with the version of GuardKV that wrote it, or a later one",
				ErrVersionMismatch, first.Layout, layout, layoutWithFeatures)
	}
	if err := decodeRecord("the mark", body, &m); errors.Is(err, ErrVersionMismatch) {
		return m, err
	} else if err != nil {
		return m, errors.Join(ErrNotStorage, err)
	}
	if err := checkFeatures("the storage", m.Needs); err != nil {
		return m, err
	}
	if m.Backend != backend {
		return m, fmt.Errorf("%w of this backend: it was written by backend %q, not %q",
			ErrNotStorage, m.Backend, backend)
	}
	return m, nil
}
