// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

// Package explain has what the Explain functions of formats are made of: see [core.Explainer].
// It writes the JSON that [core.Explanation] asks for, so that tables of all formats look the
// same.
package explain

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"math"
	"math/big"
	"strconv"
	"unicode/utf8"
)

// AppendString appends text as a JSON string. Text that is not UTF-8 is {"base64":"..."}: a
// string would have to show something else in its place.
func AppendString(dst []byte, text string) []byte {
	if plain(text) {
		return append(append(append(dst, '"'), text...), '"')
	}
	if !utf8.ValidString(text) {
		return append(AppendBytes(append(dst, `{"base64":`...), []byte(text)), '}')
	}
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(text); err != nil { // which no string is
		return append(dst, "null"...)
	}
	return append(dst, bytes.TrimSuffix(b.Bytes(), []byte("\n"))...)
}

// plain reports whether nothing of text is escaped in JSON.
func plain(text string) bool {
	for i := range len(text) {
		if c := text[i]; c < ' ' || c == '"' || c == '\\' || c >= utf8.RuneSelf {
			return false
		}
	}
	return true
}

// AppendBytes appends bytes as a JSON string, in the base64 that encoding/json uses.
func AppendBytes(dst, b []byte) []byte {
	dst = base64.StdEncoding.AppendEncode(append(dst, '"'), b)
	return append(dst, '"')
}

// AppendFloat appends a number of 32 or 64 bits: the shortest one that reads as the same float of
// that many bits. Floats that are not numbers become the strings "NaN", "Infinity" and
// "-Infinity".
func AppendFloat(dst []byte, f float64, bits int) []byte {
	switch {
	case math.IsNaN(f):
		return append(dst, `"NaN"`...)
	case math.IsInf(f, 1):
		return append(dst, `"Infinity"`...)
	case math.IsInf(f, -1):
		return append(dst, `"-Infinity"`...)
	}
	format := byte('f')
	if abs := math.Abs(f); abs != 0 && (abs < 1e-6 || abs >= 1e21) {
		format = 'e'
	}
	return strconv.AppendFloat(dst, f, format, -1, bits)
}

// AppendBigInt appends an integer: a number if it fits an int64 or a uint64, otherwise a string
// of its digits, which readers of JSON would round.
func AppendBigInt(dst []byte, n *big.Int) []byte {
	if n.IsInt64() || n.IsUint64() {
		return n.Append(dst, 10)
	}
	return append(n.Append(append(dst, '"'), 10), '"')
}
