// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package core

import "bytes"

// Load returns bytes that are the caller's for good. An engine's own bytes have to go back to
// it, so Load copies them. An engine that has made a copy anyway, because the row lay in a
// compressed block or came from a server, can give that copy away: then there is one copy in
// place of two.

// Keeper is the optional power of a Releaser of [Engine.Get], for engines that copy each value
// anyway: the bytes can be given away, so that [Table.Load] needs no second copy. In a shared
// storage it is that of Snapshot.Get, whose snapshot ends before the bytes do.
type Keeper interface {
	// Keep gives the bytes to the caller forever, who may change them, and is called in place
	// of Release. If it returns false it did nothing, and Release is still to be called: the
	// bytes are others' too, or hold on to memory that is much larger.
	Keep() bool
}

// keep returns the bytes that r releases as the caller's own.
func keep(stored []byte, r Releaser) []byte {
	if k, ok := r.(Keeper); ok && k.Keep() {
		return stored
	}
	defer r.Release()
	return bytes.Clone(stored)
}
