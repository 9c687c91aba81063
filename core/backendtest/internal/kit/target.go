// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package kit

import "github.com/guardkv/guardkv/core"

// Target is backendtest.Target, which explains its fields.
type Target struct {
	Backend   core.Backend
	Path      string
	OneReader bool
	Second    core.Backend
}
