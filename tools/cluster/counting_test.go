// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package cluster

import (
	"context"
	"errors"
	"fmt"
	"testing"

	"github.com/guardkv/guardkv/core"
)

// Commits that took too long counted as settled though calls were told ErrMaybe: core hides the
// errors of its own contexts.
func TestUnansweredCommitsAreRecognized(t *testing.T) {
	lost := &unanswered{12, context.DeadlineExceeded}
	for _, c := range []struct {
		err  error
		want string
	}{
		{fmt.Errorf("put: %w: %w", core.ErrMaybe, lost), "12"},
		{fmt.Errorf("put: %w: %w", core.ErrMaybe, errors.New(lost.Error())), "12"},
		{core.ErrMaybe, ""},
	} {
		if got := unansweredIn(c.err); got != c.want {
			t.Errorf("%v tells of commit %q; want %q", c.err, got, c.want)
		}
	}
}
