// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package values

import "github.com/guardkv/guardkv/core"

// Bytes returns the format of values that are already bytes. They are stored as they are, and
// nil reads as empty.
//
// The view is the stored bytes themselves. The bytes are owned by the engine, must not be
// modified, and are valid until the guard is closed, the next row of the scan is taken, or the
// transaction ends. Writing to them can corrupt the storage, or crash the process where the
// engine maps its file read-only.
func Bytes() core.ValueFormat[[]byte, []byte] { return bytesFormat{} }

type bytesFormat struct{}

var _ core.ValueFormat[[]byte, []byte] = bytesFormat{}

// ID returns "bytes".
func (bytesFormat) ID() string { return "bytes" }

// Append appends v itself. The arguments may be reused when the call returns.
func (bytesFormat) Append(dst []byte, v []byte) ([]byte, error) { return append(dst, v...), nil }

// View returns b. Its capacity ends with it, so appending to the view makes a copy.
func (bytesFormat) View(b []byte) ([]byte, error) { return b[:len(b):len(b)], nil }
