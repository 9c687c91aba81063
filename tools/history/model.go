// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package history

import (
	"fmt"
	"strings"

	"github.com/anishathalye/porcupine"
)

// keys is how many keys there are. Few, so that clients are in each other's way.
const keys = 4

// state is what all rows are; "" stands for no row.
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

// call is one call of a client, without what it returned.
type call struct {
	verb       verb
	key, other int
	value      string
}

// answer is what a call returned.
type answer struct {
	unknown bool   // the write may have happened, now or later, or not
	found   bool   // insert, remove: there was a row
	row     string // get, extend: the row before
	all     state  // swap, fill, look: what was seen
}

// does returns what a call does to a state, and what it returns.
func (c call) does(s state) (state, answer) {
	a := answer{found: s[c.key] != "", row: s[c.key]}
	switch c.verb {
	case put:
		s[c.key], a = c.value, answer{}
	case insert:
		a.row = ""
		if !a.found {
			s[c.key] = c.value
		}
	case remove:
		a.row, s[c.key] = "", ""
	case extend:
		a.found = false
		s[c.key] += c.value
	case swap:
		a = answer{all: s}
		s[c.key], s[c.other] = s[c.other], s[c.key]
	case fill:
		a = answer{all: s}
		if s.rows() < keys {
			s[c.key] = c.value
		}
	case look, look1by1:
		a = answer{all: s}
	case get:
		a.found = false
	}
	return s, a
}

// model is one storage that does one thing at a time.
var model = (&porcupine.NondeterministicModel{
	Init: func() []any { return []any{state{}} },
	Step: func(s, input, output any) []any {
		before, got := s.(state), output.(answer)
		after, want := input.(call).does(before)
		switch {
		case got.unknown:
			return []any{before, after}
		case got == want:
			return []any{after}
		}
		return nil
	},
	Equal: func(a, b any) bool { return a == b },
	DescribeOperation: func(input, output any) string {
		c, a := input.(call), output.(answer)
		return fmt.Sprintf("%s(%d, %d, %q) = %+v", c.verb, c.key, c.other, c.value, a)
	},
	DescribeState: func(s any) string {
		rows := s.(state)
		return strings.Join(rows[:], " | ")
	},
}).ToModel()
