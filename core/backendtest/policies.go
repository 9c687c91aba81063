// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package backendtest

import (
	"context"
	"errors"

	"github.com/guardkv/guardkv/core"
)

// allPolicies are all combinations of flags.
func allPolicies() (all []core.Recreate) {
	for r := range 2 * core.OnFormatChange {
		all = append(all, r)
	}
	return all
}

// stillLocked ends the check if the trial's storage can be opened. It does not wait as long as an engine may.
func (t *trial) stillLocked(opts ...core.Option) {
	t.tb.Helper()
	ctx, cancel := context.WithTimeout(t.ctx, briefly)
	defer cancel()
	s, err := core.Open(ctx, t.path, t.backend, opts...)
	if err == nil {
		t.closeStorage(s)
	}
	if !errors.Is(err, core.ErrLocked) && !errors.Is(err, context.DeadlineExceeded) {
		t.Fatalf("Open of a storage that is open gives %v; want ErrLocked", err)
	}
}
