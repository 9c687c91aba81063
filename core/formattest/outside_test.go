// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package formattest_test

import (
	"encoding/hex"
	"fmt"
	"testing"

	"github.com/guardkv/guardkv/core"
	"github.com/guardkv/guardkv/core/formattest"
)

// This is how a format is tested in a repository of its own.

func TestFormat(t *testing.T)      { formattest.Run(t, Hex(), samples...) }
func TestKey(t *testing.T)         { formattest.RunKey(t, HexKey(), samples...) }
func FuzzFormat(f *testing.F)      { formattest.Fuzz(f, Hex(), samples...) }
func FuzzKey(f *testing.F)         { formattest.FuzzKey(f, HexKey(), samples...) }
func BenchmarkFormat(b *testing.B) { formattest.Bench(b, Hex(), samples...) }
func BenchmarkKey(b *testing.B)    { formattest.BenchKey(b, HexKey(), samples...) }

var samples = []string{"", "a", "\x00\xff", "a long sample"}

// And this is the format.

func Hex() core.ValueFormat[string, string] { return hexFormat{} }

func HexKey() core.KeyFormat[string] { return hexFormat{} }

type hexFormat struct{}

func (hexFormat) ID() string { return "hex" }

func (hexFormat) Ordered() bool { return true }

func (hexFormat) Append(dst []byte, v string) ([]byte, error) {
	return hex.AppendEncode(dst, []byte(v)), nil
}

func (hexFormat) View(b []byte) (string, error) {
	v, err := hex.DecodeString(string(b))
	if err != nil {
		return "", fmt.Errorf("hex: %w: %w", core.ErrCorrupt, err)
	}
	return string(v), nil
}

func (f hexFormat) Decode(b []byte) (string, error) {
	k, err := f.View(b)
	if err == nil && hex.EncodeToString([]byte(k)) != string(b) {
		return "", fmt.Errorf("hex: %w: upper case in %q", core.ErrCorrupt, b)
	}
	return k, err
}
