// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package core

import (
	"fmt"
	"testing"
)

// A table was printed with the bytes of its metadata as numbers, of which a schema has hundreds.
func TestTableInfoIsPrinted(t *testing.T) {
	plain := TableInfo{
		Name: "people", KeyFormat: "string", ValueFormat: `pair("a","b")`, Rows: -1, Bytes: -1,
	}
	all := TableInfo{
		Name: "people", KeyFormat: "string", ValueFormat: "cbor/1", Checksums: true,
		Meta: []byte("schema"), ID: []byte{0xab, 0x01}, Rows: 3, Bytes: 90,
	}
	empty := TableInfo{Name: "people", KeyFormat: "string", ValueFormat: "cbor/1"}
	for _, c := range []struct {
		info TableInfo
		want string
	}{
		{plain, `people: keys "string", values "pair(\"a\",\"b\")"`},
		{all, `people: keys "string", values "cbor/1", with checksums, 6 bytes of metadata, ` +
			`bound to table ab01, 3 rows of 90 bytes`},
		{empty, `people: keys "string", values "cbor/1", 0 rows of 0 bytes`},
	} {
		for _, verb := range []string{"%v", "%+v", "%s"} {
			if got := fmt.Sprintf(verb, c.info); got != c.want {
				t.Errorf("%s shows %s; want %s", verb, got, c.want)
			}
		}
	}
}
