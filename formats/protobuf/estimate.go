// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package protobuf

import (
	"errors"

	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/reflect/protoreflect"
)

// estimator estimates what decoding would allocate, before bytes are decoded: the library makes
// a struct for every two bytes that stand for an empty message, and a place in a map for every
// four.
type estimator struct {
	plan        *plan
	worst       int64 // what a byte may cost
	dynamicMaps bool  // messages without generated code have maps in them
}

func newEstimator(t protoreflect.MessageType) *estimator {
	p, root := newPlan(t)
	return &estimator{plan: root, worst: p.worst, dynamicMaps: p.dynamicMaps}
}

var errTooMuch = errors.New("decoding it would take more memory than WithMaxMemory allows")

// check returns an error if b should not be decoded. It skips bytes that are too few to take
// much memory.
func (e *estimator) check(b []byte, l limits) error {
	budget := l.budget(len(b))
	if int64(len(b)) <= budget/e.worst {
		return nil
	}
	s := scan{left: budget, levels: l.nesting}
	s.message(e.plan, b, 0)
	if s.left < 0 {
		return errTooMuch
	}
	return nil
}

// scan passes over bytes and subtracts what decoding them costs. It ends where they are
// malformed or nested too deeply, since the library gets no further either.
type scan struct {
	left     int64
	levels   int  // levels of messages that are left
	keysLast bool // puts the keys of entries last, see mapkeys.go
}

// spend subtracts from what is left. Once that is below zero it stays so, and nothing
// overflows.
func (s *scan) spend(cost int64) bool {
	if cost > s.left {
		s.left = -1
		return false
	}
	s.left -= cost
	return true
}

// message passes over a message, up to the end of b, or of its group if that is not 0. n is
// negative if the scan ends.
func (s *scan) message(p *plan, b []byte, group protowire.Number) (n int) {
	const stop = -1
	if s.levels--; s.levels < 0 {
		return stop
	}
	for n < len(b) {
		number, wire, size := protowire.ConsumeTag(b[n:])
		if size < 0 {
			return stop
		}
		n += size
		if wire == protowire.EndGroupType {
			if number != group {
				return stop
			}
			s.levels++
			return n
		}
		if size = s.value(p.field(number), number, wire, b[n:]); size < 0 {
			return stop
		}
		n += size
	}
	s.levels++
	return n
}

// value passes over the value of a field. f is nil if the field is not known.
func (s *scan) value(f *fieldPlan, number protowire.Number, wire protowire.Type, b []byte) (n int) {
	if f != nil && f.wire == wire && f.sub != nil {
		return s.inside(f, b)
	}
	if n = protowire.ConsumeFieldValue(number, wire, b); n < 0 {
		return n
	}
	cost := growth * int64(n+protowire.SizeTag(number))
	switch {
	case f == nil:
	case f.wire == wire:
		cost = f.cost + int64(n)
	case f.packable && wire == protowire.BytesType:
		cost = product(f.perByte, int64(n))
	}
	if !s.spend(cost) {
		return -1
	}
	return n
}

// inside passes over a message in a field.
func (s *scan) inside(f *fieldPlan, b []byte) (n int) {
	if !s.spend(f.cost) {
		return -1
	}
	if f.wire == protowire.StartGroupType {
		return s.message(f.sub, b, f.number)
	}
	inner, n := protowire.ConsumeBytes(b)
	if s.keysLast && f.entry {
		putKeysLast(inner, f.sub.field(keyNumber).wire)
	}
	if n < 0 || s.message(f.sub, inner, 0) < 0 {
		return -1
	}
	return n
}
