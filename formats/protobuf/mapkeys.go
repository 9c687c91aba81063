// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package protobuf

import (
	"bytes"
	"math"

	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"
)

// Writers put the key of a map's entry once. In bytes from elsewhere, an entry may hold more
// fields with the number of the key, and such a field may be of another type than the key.
// Decoders skip it. So does the library in generated code, but in messages without it, the
// library then forgets the key that it has seen before, and panics. What it has seen after such a
// field does no harm, so these fields are moved to the front of their entries.

// unmarshal decodes b, which check has accepted, into an empty message.
func (e *estimator) unmarshal(o proto.UnmarshalOptions, b []byte, m proto.Message) error {
	if e.dynamicMaps {
		b = bytes.Clone(b)
		s := scan{left: math.MaxInt64, levels: o.RecursionLimit, keysLast: true}
		s.message(e.plan, b, 0)
	}
	return o.Unmarshal(b, m)
}

// putKeysLast moves fields with the number of the key and another type to the front of an entry,
// in place. It leaves malformed entries alone, since the library refuses them.
func putKeysLast(entry []byte, key protowire.Type) {
	var foreign, rest []byte
	for left := entry; len(left) > 0; {
		number, wire, n := protowire.ConsumeField(left)
		if n < 0 {
			return
		}
		if number == keyNumber && wire != key {
			foreign = append(foreign, left[:n]...)
		} else {
			rest = append(rest, left[:n]...)
		}
		left = left[n:]
	}
	copy(entry[copy(entry, foreign):], rest)
}
