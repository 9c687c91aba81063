// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

//go:build !race

package pebble

// raceEnabled: the race detector lets pools forget, and makes pebble check its invariants.
const raceEnabled = false
