// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package gob

import (
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/guardkv/guardkv/core"
)

// ExplainKey shows keys of [Key], using the description that is part of the ID: see
// [core.KeyExplainer]. The JSON is that of [Explain]. It cannot be turned back into a key.
func ExplainKey(id string) (core.KeyExplanation, error) {
	text, found := strings.CutPrefix(id, keyID+" ")
	if !found {
		return core.KeyExplanation{}, fmt.Errorf("keys in %q are not in gob: %w",
			id[:min(len(id), inMessages)], errors.ErrUnsupported)
	}
	types, err := parseDescription(text)
	if err != nil {
		return core.KeyExplanation{}, fmt.Errorf("keys in %q are in none of gob's types: %w: %w",
			id[:min(len(id), inMessages)], err, errors.ErrUnsupported)
	}
	return core.KeyExplanation{AppendJSON: func(dst, key []byte) ([]byte, error) {
		s := newShower(dst, key, types)
		return s.whole()
	}}, nil
}

// parseDescription reads what describe writes.
func parseDescription(text string) (*description, error) {
	p := describedParser{text: text, to: &description{types: map[typeID]*wireType{}}}
	p.to.root = p.typ(0)
	if p.bad || p.text != "" || len(text) > maxKeyID {
		return nil, errDescription
	}
	return p.to, p.to.check(maxWork)
}

type describedParser struct {
	text   string
	bad    bool
	to     *description
	around []typeID
}

// maxAround is how deeply the types that are read may be nested.
const maxAround = 1000

func (p *describedParser) take(word string) bool {
	rest, ok := strings.CutPrefix(p.text, word)
	if ok {
		p.text = rest
	}
	return ok
}

func (p *describedParser) want(word string) { p.bad = p.bad || !p.take(word) }

// until reads the text before a word, and the word.
func (p *describedParser) until(word string) string {
	text, rest, ok := strings.Cut(p.text, word)
	p.bad, p.text = p.bad || !ok, rest
	return text
}

func (p *describedParser) typ(depth int) typeID {
	if p.bad = p.bad || depth > maxAround; p.bad {
		return idBool
	}
	if p.take("^") {
		return p.outer()
	}
	for id, name := range builtinNames {
		if name != "" && p.take(name) {
			return typeID(id)
		}
	}
	id := canonicalID + typeID(len(p.to.types))
	t := &wireType{}
	p.to.types[id] = t
	p.around = append(p.around, id)
	p.parts(t, depth+1)
	p.around = p.around[:len(p.around)-1]
	return id
}

// outer reads the number of a type around this one.
func (p *describedParser) outer() typeID {
	end := 0
	for end < len(p.text) && p.text[end] >= '0' && p.text[end] <= '9' {
		end++
	}
	n, err := strconv.Atoi(p.text[:end])
	p.text = p.text[end:]
	if err != nil || n < 1 || n > len(p.around) {
		p.bad = true
		return idBool
	}
	return p.around[len(p.around)-n]
}

func (p *describedParser) parts(t *wireType, depth int) {
	switch {
	case p.take("[]"):
		t.form, t.elem = formSlice, p.typ(depth)
	case p.take("["):
		n, err := strconv.ParseUint(p.until("]"), 10, 63)
		p.bad = p.bad || err != nil
		t.form, t.length, t.elem = formArray, n, p.typ(depth)
	case p.take("map["):
		t.form, t.key = formMap, p.typ(depth)
		p.want("]")
		t.elem = p.typ(depth)
	case p.take("struct{"):
		t.form = formStruct
		p.fields(t, depth)
	case p.take(ownNames[formGobEncoder]):
		t.form = formGobEncoder
	case p.take(ownNames[formBinaryMarshaler]):
		t.form = formBinaryMarshaler
	default:
		p.bad = true
	}
}

func (p *describedParser) fields(t *wireType, depth int) {
	for !p.bad && !p.take("}") {
		if len(t.fields) > 0 {
			p.want("; ")
		}
		f := wireField{name: p.until(" ")}
		f.id = p.typ(depth)
		t.fields = append(t.fields, f)
	}
}
