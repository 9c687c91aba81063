// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package badger

import (
	"errors"
	"fmt"
	"math/bits"
	"runtime"
)

// wordSize is the number of bits of an int, and of an address.
const wordSize = bits.UintSize

// checkWord refuses 32-bit systems: there badger itself loses rows, without an error.
func checkWord(size int) error {
	if size >= 64 {
		return nil
	}
	return fmt.Errorf("badger loses rows on systems of %d bits, such as %s: build the program "+
		"for 64 bits, "+
		"or use another engine: %w", size, runtime.GOARCH, errors.ErrUnsupported)
}
