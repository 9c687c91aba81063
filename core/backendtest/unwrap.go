// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package backendtest

import "github.com/guardkv/guardkv/core"

// unwrapped returns b with the Base that a wrapper of this package made its snapshot from, because an engine is to
// see its own.
func unwrapped(b core.Batch) core.Batch {
	if w, ok := b.Base.(interface{ inner() core.Snapshot }); ok {
		b.Base = w.inner()
	}
	return b
}
