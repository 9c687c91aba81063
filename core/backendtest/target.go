// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package backendtest

import "github.com/guardkv/guardkv/core"

// Target is a fresh place where one subtest may keep storages.
type Target struct {
	// Backend is the backend under test.
	Backend core.Backend

	// Path is where the subtest keeps its storage. Nothing is there yet, nor at any path that
	// starts with it; storages that are set aside are put beside it.
	Path string

	// OneReader says that the engine cannot be opened twice, not even to read.
	OneReader bool

	// Second is Backend as another process would have it: it finds the same storages at the
	// same paths, but shares nothing with Backend that a process has to itself, such as
	// connections. It is needed if Backend.Sharing says that several processes write, and used
	// only then.
	Second core.Backend
}
