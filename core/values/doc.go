// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

// Package values provides the value formats that need only the standard library: raw bytes,
// strings, and JSON.
//
//	values.Bytes()      []byte, the view is the stored bytes themselves
//	values.String()     string, the view is the stored bytes themselves
//	values.JSON[User]() any type, decoded
//
// The views of Bytes and String cost nothing and live no longer than the guard, row or
// transaction they came from. Use Table.Load, [bytes.Clone] or [strings.Clone] to keep one.
package values
