// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package gob

import (
	"errors"
	"fmt"
	"reflect"

	"github.com/guardkv/guardkv/core"
)

func cannotDecode[T any](err error) error {
	advice := "it is damaged: restore it from a backup, or delete it"
	switch {
	case errors.Is(err, errTooMuch):
		advice = "if it is meant to be so big, use WithMaxMemory wherever the table is opened"
	case errors.Is(err, errNilInside):
		return fmt.Errorf("gob of %v: %w: %w", reflect.TypeFor[T](), core.ErrFormatMismatch, err)
	}
	return fmt.Errorf("gob of %v: %w: %w; %s", reflect.TypeFor[T](), core.ErrCorrupt, err, advice)
}

func cannotEncode[T any](err error) error {
	if errors.Is(err, errTooMuch) || errors.Is(err, errTooDeep) {
		err = fmt.Errorf("%w: %w", core.ErrTooLarge, err)
	}
	return fmt.Errorf("gob of %v: %w", reflect.TypeFor[T](), err)
}

var (
	errNotBound = errors.New("the format knows no table: use it with core.OpenTable, or use what Bind returns")
	errNewer    = errors.New("it follows a description of the type that the table did not have when it was opened; " +
		"if it was written by another program since then, open the table again")
	errNoEpoch  = errors.New("it does not start with the number of a description")
	errEmpty    = errors.New("there are no bytes")
	errNilInPtr = errors.New("a pointer to a nil pointer would be read as nil")
)
