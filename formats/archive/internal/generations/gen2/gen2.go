// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

// Package gen2 is the program of gen1, grown: fields were added anywhere, and some removed.
package gen2

import "time"

//go:generate go run github.com/guardkv/guardkv/formats/archive/cmd/guardkv-archive -type Person

// Person is what a table holds.
type Person struct {
	Email   *string // new, in front
	Name    string
	Born    int32
	Tags    []string
	Home    Place
	Visited []Place // new
	Kids    []Kid
	Pet     Pet
	Seen    time.Time // new
	// Nick, Score and Last are gone.
}

// Place is referred to, so it can grow.
type Place struct {
	City   string // new
	Street string
}

// Kid is an element of a slice, so it can grow.
type Kid struct {
	Name string
	Age  uint8    // new
	Toys []string // new
}

// Pet is one of some types.
//
//archive:oneof Dog Cat
type Pet interface{ Legs() int }

// Cat is a Pet.
type Cat struct {
	Name  string
	Lives int // new
}

// Dog is a Pet, and new.
type Dog struct{ Owner *Place }

// Legs returns how many legs it has.
func (Cat) Legs() int { return 4 }

// Legs returns how many legs it has.
func (Dog) Legs() int { return 4 }
