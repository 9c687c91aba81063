// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package gob

import (
	"encoding"
	"encoding/gob"
	"fmt"
	"reflect"
)

// survey looks through a Go type for parts that gob cannot store, or silently loses.
type survey struct {
	seen map[visit]bool
	// dynamic says that values hold interfaces. Gob describes the content of interfaces inside the
	// values.
	dynamic bool
}

type visit struct {
	t           reflect.Type
	addressable bool
}

// surveyType returns an error that names the part of t that gob cannot store.
func surveyType(t reflect.Type) (dynamic bool, err error) {
	s := survey{seen: map[visit]bool{}}
	if err := s.look(t.String(), t, true); err != nil {
		return false, fmt.Errorf("gob cannot store %v: %w", t, err)
	}
	return s.dynamic, nil
}

// look checks the type of the part that path names. Values in a map are not addressable, while
// those behind a pointer or in a slice are.
func (s *survey) look(path string, t reflect.Type, addressable bool) error {
	base, ok := indirect(t)
	if !ok {
		return fmt.Errorf("%s is a pointer to itself", path)
	}
	addressable = addressable || t.Kind() == reflect.Pointer
	at := visit{t, addressable}
	if s.seen[at] {
		return nil
	}
	s.seen[at] = true
	encodes, decodes := encodesItself(t), decodesItself(t)
	if encodes != 0 || decodes != 0 {
		if err := checkMethods(path, base, encodes, decodes, addressable ||
			t.Implements(encodes.encoder())); err != nil {
			return err
		}
		return checkPromoted(path, base, encodes, decodes)
	}
	switch base.Kind() {
	case reflect.Chan, reflect.Func, reflect.UnsafePointer:
		return fmt.Errorf("%s is a %v; leave it out, or keep it in an unexported field, which is "+
			"not stored", path, base.Kind())
	case reflect.Interface:
		s.dynamic = true
	case reflect.Struct:
		return s.lookAtFields(path, base, addressable)
	case reflect.Map:
		if err := s.look(path+"'s key", base.Key(), false); err != nil {
			return err
		}
		return s.look(path+"[]", base.Elem(), false)
	case reflect.Slice:
		if base.Elem().Kind() != reflect.Uint8 {
			return s.look(path+"[]", base.Elem(), true)
		}
	case reflect.Array:
		return s.look(path+"[]", base.Elem(), addressable)
	}
	return nil
}

func (s *survey) lookAtFields(path string, t reflect.Type, addressable bool) error {
	stored := 0
	for f := range t.Fields() {
		if inner := hides(f); inner != "" {
			return fmt.Errorf("%s.%s would be lost: it is embedded in %s, whose type %v is not "+
				"exported, and which is not stored for that; "+
				"export the type, or give the field %s an exported name",
				path, inner, f.Name, f.Type, f.Name)
		}
		if !f.IsExported() {
			continue
		}
		stored++
		if err := s.look(path+"."+f.Name, f.Type, addressable); err != nil {
			return err
		}
	}
	if t.NumField() > 0 && stored == 0 {
		return fmt.Errorf("%s, a %v, has no exported fields, and nothing else is stored", path, t)
	}
	return nil
}

// checkMethods returns an error if a type that encodes itself cannot do so, or cannot be read
// again.
func checkMethods(path string, base reflect.Type, encodes, decodes method, reachable bool) error {
	switch {
	case encodes != decodes:
		return fmt.Errorf("%s, a %v, has %s, and to read it %s: gob needs both methods of a "+
			"pair, or none",
			path, base, encodes.encoderName(), decodes.decoderName())
	case base.Kind() == reflect.Interface:
		return fmt.Errorf("%s is an interface, %v, and gob would call its method to read before "+
			"there is a value in it", path, base)
	case !reachable:
		return fmt.Errorf("%s is a %v in a map, whose method %s needs a pointer; store pointers "+
			"to it", path, base, encodes.encoderName())
	}
	return nil
}

// indirect follows pointers to what they lead to. ok is false if they never end.
func indirect(t reflect.Type) (base reflect.Type, ok bool) {
	for range 100 {
		if t.Kind() != reflect.Pointer {
			return t, true
		}
		t = t.Elem()
	}
	return t, false
}

// method is the pair of methods by which a type encodes itself, or 0 for none. Gob does not use
// the methods for text.
type method uint8

const (
	byGob method = 1 + iota
	byBinary
)

var (
	encodeMethods = [...]reflect.Type{
		byGob:    reflect.TypeFor[gob.GobEncoder](),
		byBinary: reflect.TypeFor[encoding.BinaryMarshaler](),
	}
	decodeMethods = [...]reflect.Type{
		byGob:    reflect.TypeFor[gob.GobDecoder](),
		byBinary: reflect.TypeFor[encoding.BinaryUnmarshaler](),
	}
)

func encodesItself(t reflect.Type) method { return methodOf(t, encodeMethods[:]) }
func decodesItself(t reflect.Type) method { return methodOf(t, decodeMethods[:]) }

func methodOf(t reflect.Type, interfaces []reflect.Type) method {
	for m := byGob; m <= byBinary; m++ {
		if hasMethod(t, interfaces[m]) {
			return m
		}
	}
	return 0
}

// hasMethod reports whether gob finds the methods: those of t, of what t points to, or, if t is
// not a pointer, of a pointer to t.
func hasMethod(t, methods reflect.Type) bool {
	for u := t; ; u = u.Elem() {
		if u.Implements(methods) {
			return true
		}
		if u.Kind() != reflect.Pointer {
			break
		}
	}
	return t.Kind() != reflect.Pointer && reflect.PointerTo(t).Implements(methods)
}

// encoder returns the interface of the method that encodes.
func (m method) encoder() reflect.Type {
	if m == 0 {
		return reflect.TypeFor[any]()
	}
	return encodeMethods[m]
}

func (m method) encoderName() string {
	return [...]string{
		0: "nothing to encode itself", byGob: "GobEncode",
		byBinary: "MarshalBinary",
	}[m]
}

func (m method) decoderName() string {
	return [...]string{0: "nothing", byGob: "GobDecode", byBinary: "UnmarshalBinary"}[m]
}

// form returns how a type that encodes itself is described.
func (m method) form() form {
	if m == byGob {
		return formGobEncoder
	}
	return formBinaryMarshaler
}
