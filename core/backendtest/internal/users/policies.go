// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package users

import (
	"context"
	"errors"

	"github.com/guardkv/guardkv/core"
	"github.com/guardkv/guardkv/core/backendtest/internal/kit"
)

// allPolicies are all combinations of flags.
func allPolicies() (all []core.Recreate) {
	for r := range 2 * core.OnFormatChange {
		all = append(all, r)
	}
	return all
}

// stillLocked ends the check if the trial's storage can be opened. It does not wait as long as
// an engine may.
func stillLocked(t *kit.Trial, opts ...core.Option) {
	t.TB.Helper()
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
