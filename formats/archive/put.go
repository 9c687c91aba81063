// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package archive

import (
	"math"
	"time"
)

// PutBool writes a bool.
func PutBool(b []byte, v bool) {
	if v {
		b[0] = 1
	}
}

// PutUint8 writes 8 bits.
func PutUint8(b []byte, v uint8) { b[0] = v }

// PutUint16 writes 16 bits.
func PutUint16(b []byte, v uint16) { le.PutUint16(b, v) }

// PutUint32 writes 32 bits.
func PutUint32(b []byte, v uint32) { le.PutUint32(b, v) }

// PutUint64 writes 64 bits.
func PutUint64(b []byte, v uint64) { le.PutUint64(b, v) }

// PutFloat32 writes a float32.
func PutFloat32(b []byte, v float32) { le.PutUint32(b, math.Float32bits(v)) }

// PutFloat64 writes a float64.
func PutFloat64(b []byte, v float64) { le.PutUint64(b, math.Float64bits(v)) }

// PutComplex64 writes a complex64.
func PutComplex64(b []byte, v complex64) {
	PutFloat32(b, real(v))
	PutFloat32(b[4:], imag(v))
}

// PutComplex128 writes a complex128.
func PutComplex128(b []byte, v complex128) {
	PutFloat64(b, real(v))
	PutFloat64(b[8:], imag(v))
}

// PutTime writes a time, without its zone and its monotonic reading.
func PutTime(b []byte, v time.Time) {
	le.PutUint64(b, uint64(v.Unix()-yearOne))
	le.PutUint32(b[8:], uint32(v.Nanosecond()))
}
