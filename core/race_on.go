// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

//go:build race

package core

// raceShadow is a plain field that Value reads and Close writes, so that the race detector
// reports a Close on one goroutine beside a Value on another; the atomic generation alone would
// hide it.
type raceShadow struct{ x, sink int }

func (s *raceShadow) raceRead()  { _ = s.x }
func (s *raceShadow) raceWrite() { s.x++ }
