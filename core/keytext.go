// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package core

import (
	"encoding/hex"
	"fmt"
	"reflect"
	"strconv"
	"strings"
	"unicode/utf8"
	"unsafe"
)

// An error outlives the call that made it and may be written to a log. So the key in it owns
// its memory, and its text is one line of bounded length, whatever the type of the key and
// whatever bytes are in it.

const (
	mostText  = 128 // bytes of a key's text, and of a name in a message
	mostBytes = 64  // bytes of one string or slice in it
)

// cut shortens text, at the end of a rune.
func cut(text string, most int) string {
	if len(text) <= most {
		return text
	}
	for most > 0 && !utf8.RuneStart(text[most]) {
		most--
	}
	return text[:most] + "…"
}

// oneLine returns text that cannot be taken for anything else in a log: as it is if all of it
// is printed, else quoted.
func oneLine(text string) string {
	if plain(text) {
		return text
	}
	return strconv.Quote(text)
}

// plain reports whether every rune of the text is printed.
func plain(text string) bool {
	for _, r := range text {
		if r == utf8.RuneError || !strconv.IsPrint(r) {
			return false
		}
	}
	return true
}

// shortName keeps names of any length readable in a log line. Most are printed as they are.
func shortName(name string) string { return oneLine(cut(name, mostText)) }

// shortKey keeps keys of any length and type readable in a log line.
func shortKey(k any) string {
	var t keyText
	t.value(reflect.ValueOf(k), 0)
	return cut(t.String(), mostText)
}

// keyText writes the text of a key. It looks at a bounded part of the key.
type keyText struct{ strings.Builder }

func (t *keyText) full() bool { return t.Len() > mostText }

// maxDepth is how many pointers and composites a key's text goes through: a key may point to
// itself.
const maxDepth = 8

func (t *keyText) value(v reflect.Value, depth int) {
	switch {
	case t.full():
	case !v.IsValid():
		t.WriteString("nil")
	case depth > maxDepth:
		t.WriteString("…")
	case !t.described(v):
		t.kind(v, depth+1)
	}
}

// described writes what a type with a String method, such as a time, says of itself. Of a named
// string or slice the content is written, which is bounded and quoted in any case.
func (t *keyText) described(v reflect.Value) bool {
	switch v.Kind() {
	case reflect.String, reflect.Slice, reflect.Map, reflect.Interface:
		return false
	}
	if !v.CanInterface() {
		return false
	}
	switch v.Interface().(type) {
	case fmt.Stringer, error:
		// which survives a String that panics
		t.WriteString(oneLine(cut(fmt.Sprint(v.Interface()), mostText)))
		return true
	}
	return false
}

func (t *keyText) kind(v reflect.Value, depth int) {
	switch v.Kind() {
	case reflect.String:
		t.quote(v.String())
	case reflect.Struct:
		t.list("{", v.NumField(), func(i int) { t.value(v.Field(i), depth) }, "}")
	case reflect.Slice, reflect.Array:
		if v.Type().Elem().Kind() == reflect.Uint8 {
			t.hex(v)
			return
		}
		t.list("[", v.Len(), func(i int) { t.value(v.Index(i), depth) }, "]")
	case reflect.Pointer:
		if v.IsNil() {
			t.WriteString("nil")
			return
		}
		t.WriteByte('&')
		t.value(v.Elem(), depth)
	case reflect.Interface:
		t.value(v.Elem(), depth)
	case reflect.Map, reflect.Chan, reflect.Func, reflect.UnsafePointer:
		t.WriteString(oneLine(v.Type().String()))
	default: // numbers
		fmt.Fprintf(t, "%v", v)
	}
}

// quote writes the beginning of a string.
func (t *keyText) quote(s string) {
	head := s
	if len(s) > mostBytes {
		head = strings.TrimSuffix(cut(s, mostBytes), "…")
	}
	t.WriteString(strconv.Quote(head))
	if len(head) < len(s) {
		t.WriteString("…")
	}
}

// hex writes the beginning of a slice or array of bytes.
func (t *keyText) hex(v reflect.Value) {
	n := min(v.Len(), mostBytes)
	head := make([]byte, n)
	for i := range head {
		head[i] = byte(v.Index(i).Uint())
	}
	t.WriteString(hex.EncodeToString(head))
	if n < v.Len() {
		t.WriteString("…")
	}
}

func (t *keyText) list(open string, n int, write func(i int), end string) {
	t.WriteString(open)
	for i := range n {
		if i > 0 {
			t.WriteByte(' ')
		}
		if t.full() {
			t.WriteString("…")
			break
		}
		write(i)
	}
	t.WriteString(end)
}

// longKey stands in an error for a key that is too large to be copied into it.
type longKey struct{ text string }

func (k longKey) String() string { return k.text }

// mostKey is how many bytes of a key an error keeps.
const mostKey = 1 << 20

// ownKey returns a key that shares no memory with k, which the caller may use again, and which
// may refer to bytes of the engine.
func ownKey[K any](k K) any {
	switch k := any(k).(type) {
	case string:
		if len(k) <= mostKey {
			return strings.Clone(k)
		}
	case []byte:
		if len(k) <= mostKey && k != nil {
			return append([]byte{}, k...)
		}
	}
	if !refers(reflect.TypeFor[K]()) {
		return k
	}
	return copyKey(k)
}

// copyKey is ownKey for any type.
func copyKey[K any](k K) any {
	c := keyCopy{left: mostKey}
	own := c.copy(reflect.ValueOf(&k).Elem(), 0)
	if c.left < 0 {
		return longKey{shortKey(k)}
	}
	return own.Interface()
}

// refers reports whether a value of the type may share memory that somebody changes.
func refers(t reflect.Type) bool {
	switch t.Kind() {
	case reflect.String, reflect.Slice, reflect.Interface, reflect.Map, reflect.Pointer:
		return true
	case reflect.Array:
		return refers(t.Elem())
	case reflect.Struct:
		for i := range t.NumField() {
			if refers(t.Field(i).Type) {
				return true
			}
		}
	}
	return false
}

// keyCopy makes a deep copy of at most left bytes. What pointers in unexported fields lead to,
// as in a time, belongs to the key's type, for which their identity may count: it is shared.
type keyCopy struct {
	left   int
	hidden bool // inside an unexported field
}

func (c *keyCopy) copy(v reflect.Value, depth int) reflect.Value {
	if depth > 4*maxDepth { // a key that points to itself has no end
		c.left = -1
	}
	if c.left < 0 || !refers(v.Type()) {
		return v
	}
	switch v.Kind() {
	case reflect.String:
		return c.text(v)
	case reflect.Slice:
		return c.slice(v, depth+1)
	case reflect.Array:
		return c.array(v, depth+1)
	case reflect.Struct:
		return c.fields(v, depth+1)
	}
	if c.hidden || v.IsNil() {
		return v
	}
	if v.Kind() == reflect.Map {
		return c.entries(v, depth+1)
	}
	return c.behind(v, depth+1)
}

// spend takes bytes from those that are left.
func (c *keyCopy) spend(n int) bool {
	c.left -= n
	return c.left >= 0
}

func (c *keyCopy) text(v reflect.Value) reflect.Value {
	if !c.spend(v.Len()) {
		return v
	}
	s := reflect.New(v.Type()).Elem()
	s.SetString(strings.Clone(v.String()))
	return s
}

func (c *keyCopy) slice(v reflect.Value, depth int) reflect.Value {
	if v.IsNil() || !c.spend(v.Len()) || !c.spend(v.Len()*int(v.Type().Elem().Size())) {
		return v
	}
	s := reflect.MakeSlice(v.Type(), v.Len(), v.Len())
	reflect.Copy(s, v)
	if refers(v.Type().Elem()) {
		for i := range v.Len() {
			s.Index(i).Set(c.copy(v.Index(i), depth))
		}
	}
	return s
}

func (c *keyCopy) array(v reflect.Value, depth int) reflect.Value {
	a := reflect.New(v.Type()).Elem()
	for i := range v.Len() {
		a.Index(i).Set(c.copy(v.Index(i), depth))
	}
	return a
}

func (c *keyCopy) fields(v reflect.Value, depth int) reflect.Value {
	s := reflect.New(v.Type()).Elem()
	s.Set(v)
	outside := c.hidden
	for i := range s.NumField() {
		f := s.Field(i)
		c.hidden = outside
		if !f.CanSet() {
			c.hidden = true
			// the same field, of a copy that is ours
			f = reflect.NewAt(f.Type(), unsafe.Pointer(f.UnsafeAddr())).Elem()
		}
		f.Set(c.copy(f, depth))
	}
	c.hidden = outside
	return s
}

// behind copies what a pointer or an interface leads to.
func (c *keyCopy) behind(v reflect.Value, depth int) reflect.Value {
	to := c.copy(v.Elem(), depth)
	own := reflect.New(v.Type()).Elem()
	if v.Kind() == reflect.Pointer {
		p := reflect.New(v.Type().Elem())
		p.Elem().Set(to)
		to = p.Convert(v.Type())
	}
	own.Set(to)
	return own
}

func (c *keyCopy) entries(v reflect.Value, depth int) reflect.Value {
	if !c.spend(v.Len()) {
		return v
	}
	m := reflect.MakeMapWithSize(v.Type(), v.Len())
	for e := v.MapRange(); e.Next(); {
		m.SetMapIndex(c.copy(e.Key(), depth), c.copy(e.Value(), depth))
	}
	return m
}
