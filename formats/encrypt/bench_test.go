// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package encrypt_test

import (
	"crypto/aes"
	"crypto/cipher"
	"fmt"
	"testing"

	"github.com/guardkv/guardkv/core"
	"github.com/guardkv/guardkv/core/values"
	"github.com/guardkv/guardkv/formats/encrypt"
)

// BenchmarkBesideLibrary compares with AES-GCM of the standard library used by hand, with random
// nonces too.
func BenchmarkBesideLibrary(b *testing.B) {
	block, err := aes.NewCipher(secretOf(1))
	if err != nil {
		b.Fatal(err)
	}
	gcm, err := cipher.NewGCMWithRandomNonce(block)
	if err != nil {
		b.Fatal(err)
	}
	rows, err := core.RowFormatOf(encrypt.New(values.Bytes(), keysOf(b, 1)), core.TableID{1})
	if err != nil {
		b.Fatal(err)
	}
	key := []byte("a key of a row")
	for _, size := range []int{200, 20_000} {
		v := make([]byte, size)
		row, err := rows.Append(nil, key, v)
		if err != nil {
			b.Fatal(err)
		}
		byHand := gcm.Seal(nil, nil, v, key)
		dst := make([]byte, 0, size+100)
		bench := func(name string, run func() error) {
			b.Run(fmt.Sprintf("%d B/%s", size, name), func(b *testing.B) {
				b.ReportAllocs()
				for b.Loop() {
					if err := run(); err != nil {
						b.Fatal(err)
					}
				}
			})
		}
		bench("append", func() error { _, err := rows.Append(dst, key, v); return err })
		bench("append by hand", func() error { gcm.Seal(dst, nil, v, key); return nil })
		bench("view", func() error {
			_, r, err := rows.ViewLent(key, row, false)
			if err == nil {
				r.Release()
			}
			return err
		})
		bench("view by hand",
			func() error { _, err := gcm.Open(dst, nil, byHand, key); return err })
	}
}
