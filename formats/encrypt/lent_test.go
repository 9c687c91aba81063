// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package encrypt

import (
	"bytes"
	"testing"

	"github.com/guardkv/guardkv/core"
	"github.com/guardkv/guardkv/core/formattest"
)

// What the inner format lends is given back with the view, once: the memory that was decrypted
// into is free by then, and giving back that instead would lose the other.
func TestWhatIsLentInsideIsGivenBack(t *testing.T) {
	k, err := NewKey(3, bytes.Repeat([]byte{33}, KeySize))
	if err != nil {
		t.Fatal(err)
	}
	ks, err := NewKeys(k)
	if err != nil {
		t.Fatal(err)
	}
	formattest.Around(t,
		func(inner core.ValueFormat[[]byte, []byte]) core.ValueFormat[[]byte, []byte] {
			return New(inner, ks)
		})
}
