// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package core

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"reflect"
)

// An argument that is missing is an error that says which one, and not a nil pointer somewhere
// below.

var (
	errNoContext  = errors.New("the context is nil; pass context.Background() or the caller's")
	errNoFunction = errors.New("the function is nil")
	errNoRows     = errors.New("the source of the rows is nil")
	errNoKeys     = errors.New("the source of the keys is nil")
	errNoTx       = errors.New("the transaction is nil")
)

// live returns why nothing can be done under ctx, if nothing can. It is small enough to be inlined.
func live(ctx context.Context) error {
	if ctx == nil {
		return errNoContext
	}
	return ctx.Err()
}

// missing returns an error if an argument is nil, or a pointer that is.
func missing(what string, arg any) error {
	v := reflect.ValueOf(arg)
	if !v.IsValid() {
		return fmt.Errorf("the %s is nil", what)
	}
	if v.Kind() == reflect.Pointer && v.IsNil() {
		return fmt.Errorf("the %s is a nil %T", what, arg)
	}
	return nil
}

// nilOption is the error of an option that is nil, counted from 0.
func nilOption(i int) error { return fmt.Errorf("option %d is nil", i+1) }

// adviseFolder names the folder that a path lies in, if that is what is missing. Engines say so
// of some file in it.
func adviseFolder(path string, err error) error {
	folder := filepath.Dir(path)
	if _, missing := os.Stat(folder); path == "" || !errors.Is(err, fs.ErrNotExist) ||
		!errors.Is(missing, fs.ErrNotExist) {
		return err
	}
	return fmt.Errorf("the folder %q does not exist; make it with os.MkdirAll: %w", folder, err)
}
