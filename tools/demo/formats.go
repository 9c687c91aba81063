// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package demo

import (
	"fmt"
	"strings"

	"github.com/guardkv/guardkv/core/values"
	"github.com/guardkv/guardkv/formats/cbor"
)

// format is a value format that the demo can use.
type format struct {
	name string
	open openChars
}

var formats = []format{
	{"cbor", adapted(cbor.New[Char](), decoded)},
	{"json", adapted(values.JSON[Char](), decoded)},
}

// decoded adapts the formats that decode a row into a Char.
var decoded = adapter[Char, Char]{
	pack:     func(c Char) Char { return c },
	name:     func(c Char) string { return c.Name },
	category: func(c Char) string { return c.Category },
	script:   func(c Char) string { return c.Script },
	lower:    func(c Char) CodePoint { return c.Lower },
	char:     func(c Char) Char { return c },
}

// Formats names the formats that can be used, separated by "|".
func Formats() string {
	var names []string
	for _, f := range formats {
		names = append(names, f.name)
	}
	return strings.Join(names, "|")
}

// formatNamed finds a format.
func formatNamed(name string) (format, error) {
	for _, f := range formats {
		if f.name == name {
			return f, nil
		}
	}
	return format{}, fmt.Errorf("no format %q: use %s", name, Formats())
}

// otherThan returns some format that is not f.
func otherThan(f format) format {
	for _, other := range formats {
		if other.name != f.name {
			return other
		}
	}
	return f
}
