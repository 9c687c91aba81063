// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package core

import (
	"bytes"
	"context"
	"slices"
)

// Insert and Delete depend on one row. An engine that has Powers.Conditions looks for it when
// it writes, and tells what it found; for another, and where several requests of a group are
// about one key, the row is read before: see request.decide.

// when is what an engine is asked for a condition.
func (c condition) when() When {
	switch c {
	case ifAbsent:
		return IfAbsent
	case ifExists:
		return IfPresent
	}
	return Unconditional
}

// askable are the keys of a group whose conditions can be left to the engine: all, none, or
// those that only one request of the group writes. What later requests of a key find depends on
// the answer to the first.
type askable struct {
	all  bool
	keys map[string]int // how many requests write each; nil if none is askable
}

// askable is called before the requests of the group are decided.
func (t *turn) askable(group []*request) askable {
	if !t.storage.powers.Conditions {
		return askable{}
	}
	if len(group) == 1 {
		return askable{all: true}
	}
	if !slices.ContainsFunc(group,
		func(r *request) bool { return r.when == ifAbsent || r.when == ifExists }) {
		return askable{}
	}
	keys := make(map[string]int)
	for _, r := range group {
		for i := range r.writes {
			keys[string(r.writes[i].Key)]++
		}
	}
	return askable{keys: keys}
}

// askedOf reports whether the condition of the request can be left to the engine.
func (r *request) askedOf(can askable) bool {
	return r.when != byFunction && (can.all || can.keys[string(r.writes[0].Key)] == 1)
}

// ask leaves the condition of the request to the engine, if it can be left to it. Of a group
// that is decided anew, request by request, more can.
func (r *request) ask(can askable) {
	only := &r.writes[0]
	r.asks = r.askedOf(can)
	only.When = Unconditional
	if r.asks {
		only.When = r.when.when()
	}
}

// applyAsking is apply for a group with conditions that are left to the engine. It tells the
// requests the answers.
func (t *turn) applyAsking(ctx context.Context, group []*request, b Batch) error {
	t.met = slices.Grow(t.met[:0], len(b.Writes))[:len(b.Writes)]
	clear(t.met)
	b.Met = t.met
	for _, r := range group {
		if r.asks {
			r.at = indexOf(b.Writes, r.writes[0].Key)
		}
	}
	err := t.apply(ctx, b)
	if err != nil && err != errAnswerLost {
		return err
	}
	for _, r := range group {
		switch {
		case !r.asks || r.err != nil:
		case err != nil: // those that have asked for nothing know what was written
			r.err = err
		default:
			r.answer(b.Met[r.at])
		}
	}
	return nil
}

// answer sets what the request found, and its error if that is not what it demands.
func (r *request) answer(met bool) {
	r.existed = met == (r.when == ifExists)
	if r.when == ifAbsent && r.existed {
		r.err = ErrExists
	}
}

// indexOf returns where a key is that is among the writes.
func indexOf(writes []Write, key []byte) int {
	i, _ := slices.BinarySearchFunc(writes, key,
		func(w Write, key []byte) int { return bytes.Compare(w.Key, key) })
	return i
}
