// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package values

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"unicode/utf8"

	"github.com/guardkv/guardkv/core"
	"github.com/guardkv/guardkv/core/explain"
	"github.com/guardkv/guardkv/core/shape"
)

// Explain shows what tables in [JSON], [String] and [Bytes] hold, without the Go type: see
// [core.Explainer]. JSON is shown as it is stored, without spaces between its parts; integers
// of more than 64 bits become strings.
func Explain(t core.TableInfo) (core.Explanation, error) {
	switch t.ValueFormat {
	case "json":
		schema, err := shape.Words(t.Meta)
		if err != nil {
			return core.Explanation{}, fmt.Errorf("json: %w", err)
		}
		return core.Explanation{Schema: schema, AppendJSON: appendJSON}, nil
	case "string":
		return core.Explanation{AppendJSON: func(dst, _, value []byte) ([]byte, error) {
			return explain.AppendString(dst, string(value)), nil
		}}, nil
	case "bytes":
		return core.Explanation{AppendJSON: func(dst, _, value []byte) ([]byte, error) {
			return explain.AppendBytes(dst, value), nil
		}}, nil
	}
	return core.Explanation{}, fmt.Errorf("values in %q are not in a format of package values: %w",
		t.ValueFormat, errors.ErrUnsupported)
}

// appendJSON appends stored JSON. It may hold things that encoding/json reads but other
// programs do not, such as text that is not UTF-8.
func appendJSON(dst, _, value []byte) ([]byte, error) {
	if !json.Valid(value) { // nor is it nested too deeply then
		return nil, fmt.Errorf("%w: the value is not JSON", core.ErrCorrupt)
	}
	if !utf8.Valid(value) {
		value = bytes.ToValidUTF8(value, []byte("\ufffd"))
	}
	out := bytes.NewBuffer(dst)
	if err := json.Compact(out, value); err != nil {
		return nil, fmt.Errorf("%w: %w", core.ErrCorrupt, err)
	}
	return quoteLong(out.Bytes(), len(dst)), nil
}

// quoteLong turns integers, from start on, into strings if they do not fit into 64 bits.
func quoteLong(b []byte, start int) []byte {
	const short = 18 // digits that always fit
	inside, digits := false, start
	var out []byte
	copied := 0
	for i := start; i <= len(b); i++ {
		if i < len(b) && (inside || b[i] == '"') {
			if b[i] == '\\' {
				i++
			} else if b[i] == '"' {
				inside = !inside
			}
			digits = i + 1
			continue
		}
		if i < len(b) && numeric(b[i]) {
			continue
		}
		if n := b[digits:i]; len(n) > short && wide(n) {
			out = append(append(append(append(out, b[copied:digits]...), '"'), n...), '"')
			copied = i
		}
		digits = i + 1
	}
	if out == nil {
		return b
	}
	return append(out, b[copied:]...)
}

func numeric(c byte) bool {
	return '0' <= c && c <= '9' || c == '-' || c == '+' || c == '.' || c == 'e' || c == 'E'
}

// wide reports whether a number is an integer of more than 64 bits.
func wide(n []byte) bool {
	if bytes.ContainsAny(n, ".eE") {
		return false
	}
	_, errSigned := strconv.ParseInt(string(n), 10, 64)
	_, errUnsigned := strconv.ParseUint(string(n), 10, 64)
	return errSigned != nil && errUnsigned != nil
}
