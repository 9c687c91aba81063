// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package flatbuffers

import (
	"errors"
	"fmt"
)

// problem says what is wrong with a record.
type problem uint8

const (
	none problem = iota
	badSize
	badIdentifier
	outside
	badOffset
	badVtable
	missing
	badVector
	unterminated
	badUnion
	unknownField
	unknownMember
	tooDeep
	tooMuch
)

func (p problem) String() string {
	return [...]string{
		none:          "nothing",
		badSize:       "its size is not that of a record",
		badIdentifier: "its file identifier is not that of the schema",
		outside:       "it is outside the record, or not aligned",
		badOffset:     "its offset leads out of the record",
		badVtable:     "its vtable is not inside the record",
		missing:       "it is required, and missing",
		badVector:     "it is a vector that is too long for the record, or not aligned",
		unterminated:  "it is a string without a zero byte behind it",
		badUnion:      "a union has a type without a value, or a value without a type",
		unknownField:  "it has a field that the schema does not have",
		unknownMember: "it is a member that the schema's union does not have",
		tooDeep:       "tables are nested too deeply",
		tooMuch:       "its parts refer to each other too often",
	}[p]
}

func (p problem) advice() string {
	switch p {
	case tooDeep:
		return "if they are meant to be, use WithMaxDepth wherever the table is opened"
	case tooMuch:
		return "if they are meant to, use WithMaxWork wherever the table is opened"
	case badIdentifier:
		return "it was not made for this type"
	case unknownField, unknownMember:
		return "it was made with a newer schema: use that one here"
	}
	return ""
}

// invalid is the error for a record that did not pass verification.
type invalid struct {
	problem problem
	where   string
	at      uint64
	size    int
}

func (e *invalid) Error() string {
	s := fmt.Sprintf("%s, at byte %d of %d: %v", e.where, e.at, e.size, e.problem)
	if a := e.problem.advice(); a != "" {
		s += "; " + a
	}
	return s
}

// err returns what the verifier found.
func (v *verifier) err() error {
	where := "the record"
	if v.table != nil {
		where = v.table.name
	}
	if v.field != nil {
		where += "." + v.field.name
	}
	return &invalid{v.problem, where, v.at, len(v.b)}
}

func tooBig(err error) bool {
	e, ok := errors.AsType[*invalid](err)
	return ok && (e.problem == tooDeep || e.problem == tooMuch)
}
