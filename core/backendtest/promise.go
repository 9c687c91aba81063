// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package backendtest

// promise is one sentence of the specification and the check that proves it.
type promise struct {
	name        string // names the subtest
	explanation string // is printed when the check fails
	check       func(*trial)
	bareOnly    bool // spoiled buffers would prove nothing more
}
