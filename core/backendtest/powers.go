// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package backendtest

import "github.com/guardkv/guardkv/core"

// powers are the optional powers of an engine; nil is one that it lacks.
type powers struct {
	compactor core.Compactor
	sizer     core.Sizer
	checker   core.Checker
	unwrapper core.Unwrapper
}

func powersOf(e core.Engine) powers {
	var p powers
	p.compactor, _ = e.(core.Compactor)
	p.sizer, _ = e.(core.Sizer)
	p.checker, _ = e.(core.Checker)
	p.unwrapper, _ = e.(core.Unwrapper)
	return p
}

// with gives e exactly these powers. A wrapper must neither hide a power of the engine in it nor claim one that the
// engine lacks, and Go has no shorter way to say so.
func (p powers) with(e core.Engine) core.Engine {
	type (
		E = core.Engine
		C = core.Compactor
		S = core.Sizer
		K = core.Checker
		U = core.Unwrapper
	)
	c, s, k, u := p.compactor, p.sizer, p.checker, p.unwrapper
	switch [4]bool{c != nil, s != nil, k != nil, u != nil} {
	case [4]bool{true, false, false, false}:
		return struct {
			E
			C
		}{e, c}
	case [4]bool{false, true, false, false}:
		return struct {
			E
			S
		}{e, s}
	case [4]bool{true, true, false, false}:
		return struct {
			E
			C
			S
		}{e, c, s}
	case [4]bool{false, false, true, false}:
		return struct {
			E
			K
		}{e, k}
	case [4]bool{true, false, true, false}:
		return struct {
			E
			C
			K
		}{e, c, k}
	case [4]bool{false, true, true, false}:
		return struct {
			E
			S
			K
		}{e, s, k}
	case [4]bool{true, true, true, false}:
		return struct {
			E
			C
			S
			K
		}{e, c, s, k}
	case [4]bool{false, false, false, true}:
		return struct {
			E
			U
		}{e, u}
	case [4]bool{true, false, false, true}:
		return struct {
			E
			C
			U
		}{e, c, u}
	case [4]bool{false, true, false, true}:
		return struct {
			E
			S
			U
		}{e, s, u}
	case [4]bool{true, true, false, true}:
		return struct {
			E
			C
			S
			U
		}{e, c, s, u}
	case [4]bool{false, false, true, true}:
		return struct {
			E
			K
			U
		}{e, k, u}
	case [4]bool{true, false, true, true}:
		return struct {
			E
			C
			K
			U
		}{e, c, k, u}
	case [4]bool{false, true, true, true}:
		return struct {
			E
			S
			K
			U
		}{e, s, k, u}
	case [4]bool{true, true, true, true}:
		return struct {
			E
			C
			S
			K
			U
		}{e, c, s, k, u}
	}
	return e
}

// countedSnapshot is a wrapped snapshot of an engine that can count.
type countedSnapshot struct {
	core.Snapshot
	core.Counter
}

// countable gives s the power to count if counter is not nil.
func countable(s core.Snapshot, counter core.Counter) core.Snapshot {
	if counter == nil {
		return s
	}
	return countedSnapshot{s, counter}
}

// unwrap returns what a wrapper of this package made its snapshot from, because an engine is to see its own. nil
// stays nil.
func unwrap(s core.Snapshot) core.Snapshot {
	if c, ok := s.(countedSnapshot); ok {
		s = c.Snapshot
	}
	if w, ok := s.(interface{ inner() core.Snapshot }); ok {
		return w.inner()
	}
	return s
}
