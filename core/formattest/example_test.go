// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package formattest_test

import (
	"bytes"
	"fmt"
	"log"
	"testing"

	"github.com/guardkv/guardkv/core"
	"github.com/guardkv/guardkv/core/formattest"
)

// upper is a value format: strings without lower-case letters, as they are.
type upper struct{}

func (upper) ID() string { return "upper/1" }

func (upper) Append(dst []byte, s string) ([]byte, error) {
	return append(dst, bytes.ToUpper([]byte(s))...), nil
}

func (upper) View(b []byte) (string, error) {
	if !bytes.Equal(b, bytes.ToUpper(b)) {
		return "", fmt.Errorf("%w: lower-case letters", core.ErrCorrupt)
	}
	return string(b), nil
}

var _ core.ValueFormat[string, string] = upper{}

// TestUpper is all that the author of the format writes. The samples are values that the format
// returns as they were.
func TestUpper(t *testing.T) {
	formattest.Run(t, upper{}, "", "ADA", "BUY MILK")
}

// A format, and its test in one line, which is go test -run TestUpper.
func Example() {
	stored, err := upper{}.Append(nil, "Ada")
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(upper{}.View(stored))
	_, err = upper{}.View([]byte("Ada"))
	fmt.Println(err)
	// Output:
	// ADA <nil>
	// corrupt: lower-case letters
}
