// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package archive

import (
	"encoding"
	"fmt"
	"reflect"
	"strings"
	"time"
)

var (
	timeType    = reflect.TypeFor[time.Time]()
	marshalType = reflect.TypeFor[encoding.BinaryMarshaler]()
)

// checkKeyType returns an error unless every value of a type is one key, and every key one value.
func checkKeyType(t reflect.Type, path string) error {
	if t == timeType {
		return nil
	}
	if reflect.PointerTo(t).Implements(marshalType) {
		return fmt.Errorf("%s encodes itself, and could do so in two ways", path)
	}
	switch t.Kind() {
	case reflect.Bool, reflect.String, reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64,
		reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64:
		return nil
	case reflect.Array:
		return checkKeyType(t.Elem(), path+"[]")
	case reflect.Struct:
		if t.ConvertibleTo(timeType) {
			return nil
		}
		for i := range t.NumField() {
			f := t.Field(i)
			if strings.HasPrefix(f.Tag.Get("archive"), "-") || f.Name == "_" {
				return fmt.Errorf("%s.%s is left out", path, f.Name)
			}
			if err := checkKeyType(f.Type, path+"."+f.Name); err != nil {
				return err
			}
		}
		return nil
	case reflect.Float32, reflect.Float64, reflect.Complex64, reflect.Complex128:
		return fmt.Errorf("%s is a %v, in which -0 and 0 are equal and stored in two ways", path, t)
	case reflect.Slice, reflect.Map:
		return fmt.Errorf("%s is a %v, which can be nil or empty: use an array or a string",
			path, t)
	}
	return fmt.Errorf("%s is a %v", path, t)
}
