// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

// Package keyed has types that can be keys, and some that cannot.
package keyed

import (
	"net/netip"
	"time"
)

//go:generate go run github.com/guardkv/guardkv/formats/archive/cmd/guardkv-archive -type Key,Float,Slice,Pointer,Left,Addr,Deep

// Key can be a key.
type Key struct {
	Name string
	Year int16
	At   time.Time
	For  time.Duration
	Hash [4]byte
	Good bool
	Part Part
	Ids  [2]ID `archive:",fixed"`
}

// Part is a struct in a key.
type Part struct{ City, Street string }

// ID is a fixed struct in a key.
type ID struct{ N uint32 }

// Float cannot be a key.
type Float struct{ X float64 }

// Slice cannot be a key.
type Slice struct{ X []byte }

// Pointer cannot be a key.
type Pointer struct{ X *int }

// Left cannot be a key.
type Left struct {
	X int
	//lint:ignore U1000 a field that no key has
	y int `archive:"-"`
}

// Addr cannot be a key.
type Addr struct{ X netip.Addr }

// Deep cannot be a key.
type Deep struct{ X [2]Float }
