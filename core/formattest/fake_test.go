// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package formattest

import (
	"encoding/binary"
	"fmt"

	"github.com/guardkv/guardkv/core"
)

// record is what the formats of these tests store: [id] [length of name] [name] [length of
// rest] [rest].
type record struct {
	ID   uint32
	Name string
	Rest []byte
}

var records = []record{
	{},
	{ID: 1, Name: "a"},
	{ID: 0x01020304, Name: "some name", Rest: []byte("some rest")},
	{ID: 7, Rest: []byte{0, 0xCC, 0xFF}},
}

// fake is a format that keeps every promise, except where a test replaces one of its methods.
type fake struct {
	id     func() string
	encode func(dst []byte, v record) ([]byte, error)
	view   func(b []byte) (record, error)
}

func (f fake) ID() string {
	if f.id != nil {
		return f.id()
	}
	return "fake"
}

func (f fake) Append(dst []byte, v record) ([]byte, error) {
	if f.encode != nil {
		return f.encode(dst, v)
	}
	return encodeRecord(dst, v)
}

func (f fake) View(b []byte) (record, error) {
	if f.view != nil {
		return f.view(b)
	}
	return viewRecord(b)
}

func encodeRecord(dst []byte, v record) ([]byte, error) {
	dst = binary.BigEndian.AppendUint32(dst, v.ID)
	dst = binary.BigEndian.AppendUint32(dst, uint32(len(v.Name)))
	dst = append(dst, v.Name...)
	dst = binary.BigEndian.AppendUint32(dst, uint32(len(v.Rest)))
	return append(dst, v.Rest...), nil
}

var errShort = fmt.Errorf("%w: cut or too long", core.ErrCorrupt)

func viewRecord(b []byte) (record, error) {
	v, err := borrowRecord(b)
	v.Rest = append([]byte(nil), v.Rest...)
	return v, err
}

// borrowRecord is viewRecord for a format whose views borrow.
func borrowRecord(b []byte) (v record, err error) {
	if len(b) < 4 {
		return record{}, errShort
	}
	v.ID = binary.BigEndian.Uint32(b)
	name, b, ok := part(b[4:])
	if !ok {
		return record{}, errShort
	}
	rest, b, ok := part(b)
	if !ok || len(b) > 0 {
		return record{}, errShort
	}
	v.Name = string(name)
	if len(rest) > 0 {
		v.Rest = rest
	}
	return v, nil
}

func part(b []byte) (first, after []byte, ok bool) {
	if len(b) < 4 {
		return nil, nil, false
	}
	n := uint64(binary.BigEndian.Uint32(b))
	if n > uint64(len(b)-4) {
		return nil, nil, false
	}
	return b[4 : 4+n], b[4+n:], true
}

// The fakes with optional powers.
type (
	fakeReuser struct {
		fake
		into func(b []byte, w *record) error
	}
	fakeTruster struct {
		fake
		trusted func(b []byte) (record, error)
	}
	fakeLender struct {
		fake
		lent func(b []byte, trusted bool) (record, core.Releaser, error)
	}
	fakeBinder struct {
		fake
		bind func(stored []byte) (core.ValueFormat[record, record], []byte, error)
	}
)

type fakePowers = core.FormatPowers[record, record]

func (f fakeReuser) Powers() fakePowers  { return fakePowers{ViewInto: f.into} }
func (f fakeTruster) Powers() fakePowers { return fakePowers{ViewTrusted: f.trusted} }
func (f fakeBinder) Powers() fakePowers  { return fakePowers{Bind: f.bind} }
func (f fakeLender) Powers() fakePowers  { return fakePowers{ViewLent: f.lent} }

// number is a key; fakeKey stores it as four bytes, big-endian, unless a test replaces a method.
type number uint32

var numbers = []number{0, 1, 255, 256, 1 << 31}

type fakeKey struct {
	encode    func(dst []byte, k number) ([]byte, error)
	decode    func(b []byte) (number, error)
	unordered bool
}

func (f fakeKey) ID() string    { return "fake-key" }
func (f fakeKey) Ordered() bool { return !f.unordered }

func (f fakeKey) Append(dst []byte, k number) ([]byte, error) {
	if f.encode != nil {
		return f.encode(dst, k)
	}
	return binary.BigEndian.AppendUint32(dst, uint32(k)), nil
}

func (f fakeKey) Decode(b []byte) (number, error) {
	if f.decode != nil {
		return f.decode(b)
	}
	if len(b) != 4 {
		return 0, errShort
	}
	return number(binary.BigEndian.Uint32(b)), nil
}

// fakeText is a key format for strings that stores them as they are.
type fakeText struct {
	prefix func(k string) core.KeyRange[string]
}

func (f fakeText) ID() string                                  { return "fake-text" }
func (f fakeText) Ordered() bool                               { return true }
func (f fakeText) Append(dst []byte, k string) ([]byte, error) { return append(dst, k...), nil }
func (f fakeText) Decode(b []byte) (string, error)             { return string(b), nil }
func (f fakeText) Prefix(k string) core.KeyRange[string]       { return f.prefix(k) }
