// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package archive

import "github.com/guardkv/guardkv/core"

// Exact returns an error unless b is what this generation of a program writes.
func Exact[T, W any](f core.ValueFormat[T, W], b []byte) error {
	return f.(interface{ exact(b []byte) error }).exact(b)
}

func (f *format[T, W]) exact(b []byte) error { return f.program.exact(b) }

// Limited returns the format with another limit of the bytes of a record.
func Limited[T any, W Archived[T, W]](most int) core.ValueFormat[T, W] {
	f := newFormat[T, W]()
	f.most = most
	return f
}
