// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package kit

// Promise is one sentence of the specification and the check that proves it.
type Promise struct {
	Name        string // names the subtest
	Explanation string // is printed when the check fails
	Check       func(*Trial)
	BareOnly    bool // spoiled buffers would prove nothing more
}
