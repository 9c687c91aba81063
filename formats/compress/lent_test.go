// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package compress_test

import (
	"testing"

	"github.com/guardkv/guardkv/core"
	"github.com/guardkv/guardkv/core/formattest"
	"github.com/guardkv/guardkv/formats/compress"
)

// What the inner format lends is given back with the view, once: the memory that was inflated
// into is free by then, and giving back that instead would lose the other.
func TestWhatIsLentInsideIsGivenBack(t *testing.T) {
	formattest.Around(t,
		func(inner core.ValueFormat[[]byte, []byte]) core.ValueFormat[[]byte, []byte] {
			return compress.New(inner)
		})
}
