// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package values

import (
	"bytes"
	"encoding/json"
	"errors"
	"strings"
)

// sameJSON reports whether two encodings mean the same. They need not be the same bytes: a
// struct in an interface becomes an object with sorted names when it is encoded again.
func sameJSON(a, b []byte) bool {
	if bytes.Equal(a, b) {
		return true
	}
	x, one := jsonTree(a)
	y, other := jsonTree(b)
	return one && other && sameTree(x, y)
}

// jsonTree decodes JSON as encoding/json does into an interface. It refuses objects in which a
// name appears twice, of which encoding/json silently drops one.
func jsonTree(b []byte) (tree any, ok bool) {
	d := json.NewDecoder(bytes.NewReader(b))
	d.UseNumber()
	tree, err := treeOf(d)
	return tree, err == nil
}

var errTwice = errors.New("a name appears twice")

func treeOf(d *json.Decoder) (any, error) {
	token, err := d.Token()
	if err != nil {
		return nil, err
	}
	switch token {
	case json.Delim('['):
		list := []any{}
		for d.More() {
			part, err := treeOf(d)
			if err != nil {
				return nil, err
			}
			list = append(list, part)
		}
		_, err = d.Token()
		return list, err
	case json.Delim('{'):
		return objectOf(d)
	}
	return token, nil
}

func objectOf(d *json.Decoder) (any, error) {
	object := map[string]any{}
	for d.More() {
		token, err := d.Token()
		if err != nil {
			return nil, err
		}
		name, _ := token.(string)
		if _, twice := object[name]; twice {
			return nil, errTwice
		}
		if object[name], err = treeOf(d); err != nil {
			return nil, err
		}
	}
	_, err := d.Token()
	return object, err
}

func sameTree(a, b any) bool {
	switch a := a.(type) {
	case []any:
		b, ok := b.([]any)
		if !ok || len(a) != len(b) {
			return false
		}
		for i := range a {
			if !sameTree(a[i], b[i]) {
				return false
			}
		}
		return true
	case map[string]any:
		b, ok := b.(map[string]any)
		if !ok || len(a) != len(b) {
			return false
		}
		for name, part := range a {
			if other, ok := b[name]; !ok || !sameTree(part, other) {
				return false
			}
		}
		return true
	case json.Number:
		b, ok := b.(json.Number)
		return ok && sameNumber(a, b)
	}
	return a == b
}

// sameNumber compares integers by all of their digits. It compares fractions as float64, since
// they may be written in several ways.
func sameNumber(a, b json.Number) bool {
	if a == b {
		return true
	}
	if !strings.ContainsAny(a.String()+b.String(), ".eE") {
		return false
	}
	x, one := a.Float64()
	y, other := b.Float64()
	return one == nil && other == nil && x == y
}
