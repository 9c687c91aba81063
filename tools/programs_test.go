// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package tools

import (
	"slices"
	"testing"
)

func TestAppendFlag(t *testing.T) {
	args := appendFlag([]string{"demo"}, "keep", new("there"))
	args = appendFlag(args, "short", new(true))
	args = appendFlag[string](args, "format", nil)
	if want := []string{"demo", "-keep=there", "-short=true"}; !slices.Equal(args, want) {
		t.Errorf("got %q, want %q", args, want)
	}
}
