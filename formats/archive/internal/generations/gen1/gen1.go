// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

// Package gen1 is a program as it was first.
package gen1

//go:generate go run github.com/guardkv/guardkv/formats/archive/cmd/guardkv-archive -type Person

// Person is what a table holds.
type Person struct {
	Name  string
	Born  int32
	Nick  string
	Score float32
	Tags  []string
	Home  Place
	Kids  []Kid
	Pet   Pet
	Last  [2]Place
}

// Place is referred to, so it can grow.
type Place struct{ Street string }

// Kid is an element of a slice, so it can grow.
type Kid struct{ Name string }

// Pet is one of some types.
//
//archive:oneof Cat
type Pet interface{ Legs() int }

// Cat is a Pet.
type Cat struct{ Name string }

// Legs returns how many legs it has.
func (Cat) Legs() int { return 4 }
