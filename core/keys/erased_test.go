// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package keys_test

import (
	"math/rand/v2"

	"github.com/guardkv/guardkv/core/keys"
)

// erased is a part whose key type is hidden, so that the formats around all parts are the same
// types: each one more is compiled with all its methods, which for the formats of this package
// took minutes.
type erased struct {
	id             string
	ordered, owned bool
	alone, inside  func(dst []byte, k any) ([]byte, error)
	decode         func(b []byte) (any, error)
	take           func(b []byte) (any, []byte, error)
}

func erase[K any](p keys.Part[K]) keys.Part[any] {
	o, ok := p.(keys.Owner)
	return erased{
		id: p.ID(), ordered: p.Ordered(), owned: ok && o.Owned(),
		alone:  func(dst []byte, k any) ([]byte, error) { return p.Append(dst, k.(K)) },
		inside: func(dst []byte, k any) ([]byte, error) { return p.AppendPart(dst, k.(K)) },
		decode: func(b []byte) (any, error) { return p.Decode(b) },
		take:   func(b []byte) (any, []byte, error) { return p.TakePart(b) },
	}
}

func (f erased) ID() string                                   { return f.id }
func (f erased) Ordered() bool                                { return f.ordered }
func (f erased) Owned() bool                                  { return f.owned }
func (f erased) Append(dst []byte, k any) ([]byte, error)     { return f.alone(dst, k) }
func (f erased) AppendPart(dst []byte, k any) ([]byte, error) { return f.inside(dst, k) }
func (f erased) Decode(b []byte) (any, error)                 { return f.decode(b) }
func (f erased) TakePart(b []byte) (any, []byte, error)       { return f.take(b) }

// hide is m with its key type hidden.
func hide[K any](m model[K]) model[any] {
	n := model[any]{
		part:    erase(m.part),
		random:  func(r *rand.Rand) any { return m.random(r) },
		compare: func(a, b any) int { return m.compare(a.(K), b.(K)) },
		view:    m.view,
	}
	for _, k := range m.edges {
		n.edges = append(n.edges, k)
	}
	return n
}
