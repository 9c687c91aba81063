//go:build !race

// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package core

const raceEnabled = false
