// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

//go:build !linux

package bbolt

var limitedChildren map[string]func(args []string) error
