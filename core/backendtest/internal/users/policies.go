// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package users

import (
	"context"
	"errors"

	"github.com/guardkv/guardkv/core"
	"github.com/guardkv/guardkv/core/backendtest/internal/kit"
)

// allPolicies are all combinations of the flags that the backend allows.
func allPolicies(t *kit.Trial) (all []core.Recreate) {
	for r := range 2 * core.OnFormatChange {
		if allowed(t, r) == r {
			all = append(all, r)
		}
	}
	return all
}

// allowed returns the flags of a policy that the backend allows.
func allowed(t *kit.Trial, r core.Recreate) core.Recreate {
	if t.Shared() {
		return r & (core.OnVersionBump | core.OnFormatChange)
	}
	return r
}

// stillLocked ends the check if the trial's storage can be opened. It does not wait as long as
// an engine may. Shared storages are not locked.
func stillLocked(t *kit.Trial, opts ...core.Option) {
	t.TB.Helper()
	if t.Shared() {
		return
	}
	ctx, cancel := context.WithTimeout(t.Ctx, kit.Briefly)
	defer cancel()
	s, err := core.Open(ctx, t.Path, t.Backend, opts...)
	if err == nil {
		closeStorage(t, s)
	}
	if !errors.Is(err, core.ErrLocked) && !errors.Is(err, context.DeadlineExceeded) {
		t.Fatalf("Open of a storage that is open gives %v; want ErrLocked", err)
	}
}
