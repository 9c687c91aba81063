// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package tools

import (
	"slices"
	"strings"
	"testing"
)

// If what a module is built of were not found, all modules would seem to be built of the same,
// and none would be tested.
func TestSelected(t *testing.T) {
	got, err := selected("../formats/cbor", "GOWORK=off")
	if err != nil {
		t.Fatal(err)
	}
	if !slices.IsSorted(got) || !slices.ContainsFunc(got, func(line string) bool {
		return strings.HasPrefix(line, "github.com/fxamacker/cbor/v2 v2.")
	}) {
		t.Errorf("formats/cbor is built of %q, want the encoder among them", got)
	}
	for _, line := range got {
		if strings.HasPrefix(line, "github.com/guardkv/") {
			t.Errorf("%q is of this repository", line)
		}
	}
}
