// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package history

import (
	"fmt"
	"strings"

	"github.com/anishathalye/porcupine"
)

// keys is how many rows a group has: few, so that clients get in each other's way.
const keys = 4

// state holds all rows of a group; "" stands for no row.
type state [keys]string

func (s state) rows() (n int) {
	for _, v := range s {
		if v != "" {
			n++
		}
	}
	return n
}

// verb is what a client does.
type verb int

const (
	get      verb = iota
	put           // Put value at key
	insert        // Insert value at key
	remove        // Delete the row at key
	extend        // Modify: append value to the row at key
	swap          // Update: the rows at key and other change places
	fill          // Update: if a scan finds fewer rows than there are keys, put value at key
	look          // View: a scan of everything
	look1by1      // View: a Get of each key
	verbs
)

func (v verb) String() string {
	return [...]string{
		"get", "put", "insert", "remove", "extend", "swap", "fill", "look",
		"look1by1",
	}[v]
}

// Call is one call of a client, without what it returned.
type Call struct {
	Verb       verb
	Key, Other int
	Value      string `json:",omitempty"`
}

// Answer is what a call returned.
type Answer struct {
	Unknown bool   `json:",omitempty"` // the write may have happened, now or later, or not
	Found   bool   `json:",omitempty"` // insert, remove: there was a row
	Row     string `json:",omitempty"` // get, extend: the row before
	All     state  // swap, fill, look: what was seen
}

// Operation is what one client called, when, and what it saw. Times are nanoseconds of a clock
// that all clients of a group share.
type Operation struct {
	Client       int
	Call         Call
	Answer       Answer
	Began, Ended int64
}

// does returns what a call does to a state, and what it returns.
func (c Call) does(s state) (state, Answer) {
	a := Answer{Found: s[c.Key] != "", Row: s[c.Key]}
	switch c.Verb {
	case put:
		s[c.Key], a = c.Value, Answer{}
	case insert:
		a.Row = ""
		if !a.Found {
			s[c.Key] = c.Value
		}
	case remove:
		a.Row, s[c.Key] = "", ""
	case extend:
		a.Found = false
		s[c.Key] += c.Value
	case swap:
		a = Answer{All: s}
		s[c.Key], s[c.Other] = s[c.Other], s[c.Key]
	case fill:
		a = Answer{All: s}
		if s.rows() < keys {
			s[c.Key] = c.Value
		}
	case look, look1by1:
		a = Answer{All: s}
	case get:
		a.Found = false
	}
	return s, a
}

// model is a storage that does one thing at a time.
var model = (&porcupine.NondeterministicModel{
	Init: func() []any { return []any{state{}} },
	Step: func(s, input, output any) []any {
		before, got := s.(state), output.(Answer)
		after, want := input.(Call).does(before)
		switch {
		case got.Unknown:
			return []any{before, after}
		case got == want:
			return []any{after}
		}
		return nil
	},
	Equal: func(a, b any) bool { return a == b },
	DescribeOperation: func(input, output any) string {
		c, a := input.(Call), output.(Answer)
		return fmt.Sprintf("%s(%d, %d, %q) = %+v", c.Verb, c.Key, c.Other, c.Value, a)
	},
	DescribeState: func(s any) string {
		rows := s.(state)
		return strings.Join(rows[:], " | ")
	},
}).ToModel()
