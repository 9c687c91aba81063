// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package gob

import (
	"errors"
	"fmt"
	"reflect"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/guardkv/guardkv/core"
)

// cannotDecode classifies the error for a row that cannot be read: a mismatch has to be fixed
// in the program, while the row itself is sound.
func cannotDecode[T any](err error) error {
	advice := "it is damaged: restore it from a backup, or delete it"
	switch {
	case errors.Is(err, core.ErrFormatMismatch):
		return fmt.Errorf("gob of %v: %w", reflect.TypeFor[T](), err)
	case errors.Is(err, errTooMuch):
		advice = "if it is meant to be so big, use WithMaxMemory wherever the table is opened"
	case errors.Is(err, errOwnMethod):
		advice = "if no other version of that type wrote it, " + advice
	}
	return fmt.Errorf("gob of %v: %w: %w; %s", reflect.TypeFor[T](), core.ErrCorrupt, err, advice)
}

func cannotEncode[T any](err error) error {
	switch {
	case errors.Is(err, errTooMuch), errors.Is(err, errTooDeep):
		err = fmt.Errorf("%w: %w", core.ErrTooLarge, err)
	case strings.Contains(err.Error(), "type not registered for interface"):
		err = fmt.Errorf("%w; register it with gob.Register where the program starts", err)
	}
	return fmt.Errorf("gob of %v: %w", reflect.TypeFor[T](), err)
}

// disagreement is the error for a type in an interface, if a zero of it cannot be read into the
// type that is registered under its name. That is not damage: the name and the type are those
// of another program, or of another version of this one. A name that no program would register
// is damage.
func disagreement(name string, err error) error {
	switch classified := refusal(err); {
	case !plausible(name):
		return errMalformed
	case errors.Is(classified, core.ErrFormatMismatch):
		return classified
	}
	return fmt.Errorf("%w: what is in an interface is not the type that is registered as %q now: "+
		"%w; register the type that it was",
		core.ErrFormatMismatch, name, err)
}

// refusal classifies gob's error on a value that was walked over. Only the text of the error
// tells what it is.
func refusal(err error) error {
	switch text := err.Error(); {
	case strings.Contains(text, "name not registered for interface"):
		return fmt.Errorf("%w: %w; register the type under this name, with gob.Register or "+
			"gob.RegisterName, before rows are read",
			core.ErrFormatMismatch, err)
	case strings.Contains(text, "is not assignable to type"):
		return fmt.Errorf("%w: %w; give the type the methods of the interface, or read it into "+
			"an interface that it has",
			core.ErrFormatMismatch, err)
	case strings.Contains(text, "decoding into local type"):
		// of a type that encodes itself, which has no plan
		return fmt.Errorf("%w: %w; register the type that it was under this name",
			core.ErrFormatMismatch, err)
	}
	return fmt.Errorf("%w: %w", errOwnMethod, err)
}

// plausible reports whether a name is one that a type could be registered under.
func plausible(name string) bool {
	return utf8.ValidString(name) && !strings.ContainsFunc(name, unicode.IsControl)
}

const adviceNewer = "if the table was opened with another type since then, here or in another " +
	"program, open it again; " +
	"otherwise the row is damaged"

var (
	errNotBound = errors.New("the format knows no table: use it with core.OpenTable, or use " +
		"what Bind returns")
	errNoEpoch   = errors.New("it does not start with the number of a description")
	errEmpty     = errors.New("there are no bytes")
	errNilInPtr  = errors.New("a pointer to a nil pointer would be read as nil")
	errOwnMethod = errors.New("a type that decodes itself refuses what is stored")
)
