// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package values

import (
	"unsafe"

	"github.com/guardkv/guardkv/core"
)

// String returns the format of values that are strings. They are stored as they are and may
// hold any bytes.
//
// THE VIEW IS NOT AN ORDINARY STRING: it is the stored bytes themselves. The bytes are owned by
// the engine, must not be modified, and are valid until the guard is closed, the next row of
// the scan is taken, or the transaction ends. Reading the string after that shows other data or
// crashes the process, and Go's promise that strings never change does not hold for it.
// Assigning it, slicing it, or using it as a map key makes no copy:
//
//	name = g.Value()                // wrong: dies with g
//	name = strings.Clone(g.Value()) // right
//
// Table.Load returns a string that may be kept.
func String() core.ValueFormat[string, string] { return stringFormat{} }

type stringFormat struct{}

var _ core.ValueFormat[string, string] = stringFormat{}

// ID returns "string".
func (stringFormat) ID() string { return "string" }

// Append appends the bytes of v.
func (stringFormat) Append(dst []byte, v string) ([]byte, error) { return append(dst, v...), nil }

// View returns b as a string, without copying it. The string is valid while b is valid and
// unchanged.
func (stringFormat) View(b []byte) (string, error) {
	return unsafe.String(unsafe.SliceData(b), len(b)), nil
}
