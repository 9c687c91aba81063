// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package cbor

import (
	"reflect"
	"strings"
	"testing"
)

// A tag with a blank too many is no tag: the field was stored under its Go name. (Such a type
// cannot be written here, because go vet finds it too.)
func TestMalformedTags(t *testing.T) {
	for tag, bad := range map[reflect.StructTag]bool{
		`cbor: "1,keyasint"`:               true,
		`json:"a" cbor: "1,keyasint"`:      true,
		`cbor="1,keyasint"`:                true,
		`json:"a"`:                         false,
		`json:"a" cbor:"1,keyasint"`:       false,
		`doc:"as in cbor:\"a\"" json:"a"`:  false,
		`xcbor:"1"`:                        false,
		`cbor:""`:                          false,
		`cbor:"1,keyasint,omitempty" x:""`: false,
	} {
		l := layoutOf(reflect.StructOf([]reflect.StructField{{
			Name: "A",
			Type: reflect.TypeFor[int](), Tag: tag,
		}}))
		if got := l.lost != nil && strings.Contains(l.lost.Error(),
			"the field A has a malformed tag"); got != bad {
			t.Errorf("%s: %v", tag, l.lost)
		}
	}
}
