// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package lockstep

import "slices"

// Shrink returns a program that fails as p does, and from which no operation can be left out. It
// leaves out large parts first, then smaller ones, and in the end single operations, those inside
// transactions too, and transactions around operations.
func (p Program) Shrink(fails func(Program) bool) Program {
	for {
		before := p.size()
		p = shrinkList(p, fails)
		for i := range p {
			p[i].Ops = shrinkList(p[i].Ops, func(ops Program) bool {
				q := slices.Clone(p)
				q[i].Ops = ops
				return fails(q)
			})
		}
		p = unwrap(p, fails)
		if p.size() == before {
			return p
		}
	}
}

// unwrap puts operations in the place of the transactions around them as long as the program still
// fails.
func unwrap(p Program, fails func(Program) bool) Program {
	for i := 0; i < len(p); i++ {
		if len(p[i].Ops) == 0 {
			continue
		}
		if q := slices.Concat(p[:i], p[i].Ops, p[i+1:]); fails(q) {
			p = q
		}
	}
	return p
}

// size counts all operations.
func (p Program) size() int {
	n := len(p)
	for _, o := range p {
		n += len(o.Ops)
	}
	return n
}

// shrinkList leaves out parts of a list as long as the program still fails.
func shrinkList(p Program, fails func(Program) bool) Program {
	p = slices.Clone(p)
	for part := (len(p) + 1) / 2; part > 0; part /= 2 {
		for i := 0; i < len(p); {
			shorter := slices.Delete(slices.Clone(p), i, min(i+part, len(p)))
			if fails(shorter) {
				p = shorter
			} else {
				i += part
			}
		}
	}
	return p
}
