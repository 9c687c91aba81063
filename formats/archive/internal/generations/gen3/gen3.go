// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

// Package gen3 is the program of gen2 with new names, and with a field that was gone and has
// come back.
package gen3

import "time"

//go:generate go run github.com/guardkv/guardkv/formats/archive/cmd/guardkv-archive -type Person

// Person is what a table holds.
type Person struct {
	FullName string `archive:"was=Name"`
	Born     int32
	Nick     string // is back
	Tags     []string
	Home     Address
	Visited  []Address
	Kids     []Kid
	Pet      Pet
	Seen     time.Time
	Email    *string
	Last     [2]Address        // is back
	Notes    map[string]string // new
}

// Address was Place.
//
//archive:was Place
type Address struct {
	Street string
	City   string
	Zip    string // new
}

// Kid is an element of a slice, so it can grow.
type Kid struct {
	Name string
	Age  uint8
	Toys []string
}

// Pet is one of some types.
//
//archive:oneof Cat Dog Fish
type Pet interface{ Legs() int }

// Cat is a Pet.
type Cat struct {
	Name  string
	Lives int
}

// Dog is a Pet.
type Dog struct{ Owner *Address }

// Fish is a Pet, and new.
type Fish struct{ Friends []string }

// Legs returns how many legs it has.
func (Cat) Legs() int { return 4 }

// Legs returns how many legs it has.
func (Dog) Legs() int { return 4 }

// Legs returns how many legs it has.
func (Fish) Legs() int { return 0 }
