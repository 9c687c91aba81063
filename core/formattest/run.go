// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package formattest

import (
	"testing"

	"github.com/guardkv/guardkv/core"
)

// Extras say about a value format what it cannot show by itself. The zero value says nothing.
type Extras[V, W any] struct {
	// Value reads all of a view into a value. It is needed if V and W are different types. The
	// suite calls it on every view it gets, and counts a panic in it as a panic of View.
	Value func(W) V
	// Same reports whether two values are the same. The default is [reflect.DeepEqual], for
	// which a NaN is not.
	Same func(a, b V) bool
	// Fingerprint shows a value so that two fingerprints differ if Append has changed it in
	// between. The default follows all memory that can be reached from it. It is needed where
	// that leads out of the value, as from generated messages, which refer to a registry of all
	// types, or where the value notes something for itself.
	Fingerprint func(V) string
	// Borrows says that a view refers to the bytes it was made from. The default is that it
	// does not.
	Borrows bool
	// Varies says that a value can have more than one encoding, as gob has for maps. That is no
	// fault, because tables need unique encodings only of keys. By default a value must have one
	// encoding, which makes equal rows equal bytes.
	Varies bool
	// Padded says that there may be bytes behind an encoding that mean nothing, as in
	// FlatBuffers, whose parts are found by their offsets. The default is that what stands
	// behind a value is refused, or read as a part of it.
	Padded bool
}

// KeyExtras say about a key format what it cannot show by itself. The zero value says nothing.
type KeyExtras[K any] struct {
	// Compare is the order of the keys. It is needed if the format is ordered, except for the
	// kinds bool, int, uint, float, string, byte slice and byte array, named types included,
	// and for time.Time.
	Compare func(a, b K) int
	// Same reports whether two keys are the same. The default is that Compare gives zero, and
	// where there is no order [reflect.DeepEqual].
	Same func(a, b K) bool
	// Borrows says that a decoded key refers to the bytes it was decoded from. The default is
	// that it does not.
	Borrows bool
}

// Run tests that a value format keeps its promises, one subtest for each. Two samples at least have
// different encodings.
func Run[V, W any](t *testing.T, f core.ValueFormat[V, W], samples ...V) {
	t.Helper()
	RunWith(t, f, Extras[V, W]{}, samples...)
}

// RunWith is [Run] for a format that needs extras.
func RunWith[V, W any](t *testing.T, f core.ValueFormat[V, W], x Extras[V, W], samples ...V) {
	t.Helper()
	s, err := newSuite(f, x, samples)
	if err != nil {
		t.Fatal(err)
	}
	subtests(t, s.checks())
}

// RunKey tests that a key format keeps its promises, one subtest for each. Two samples at least
// have different encodings.
func RunKey[K any](t *testing.T, f core.KeyFormat[K], samples ...K) {
	t.Helper()
	RunKeyWith(t, f, KeyExtras[K]{}, samples...)
}

// RunKeyWith is [RunKey] for a format that needs extras.
func RunKeyWith[K any](t *testing.T, f core.KeyFormat[K], x KeyExtras[K], samples ...K) {
	t.Helper()
	s, err := newKeySuite(f, x, samples)
	if err != nil {
		t.Fatal(err)
	}
	subtests(t, s.checks())
}

// check is one promise and the way to see it broken.
type check struct {
	name    string
	promise string
	run     func() error
	last    bool // what comes after a failure could take the machine down
}

// subtests runs each check as a subtest of t.
func subtests(t *testing.T, checks []check) {
	t.Helper()
	runAll(checks, func(name string, test func() error) bool {
		return t.Run(name, func(t *testing.T) {
			if err := test(); err != nil {
				t.Error(err)
			}
		})
	})
}

// runAll has run, which reports whether a check passed, run the checks.
func runAll(checks []check, run func(name string, test func() error) bool) {
	for _, c := range checks {
		if !run(c.name, c.test) && c.last {
			return
		}
	}
}

// test returns an error that starts with the promise if it is broken.
func (c check) test() error {
	if err := safely(c.run); err != nil {
		return &broken{c.promise, err}
	}
	return nil
}

type broken struct {
	promise string
	cause   error
}

func (b *broken) Error() string { return "broken promise: " + b.promise + "\n" + b.cause.Error() }
func (b *broken) Unwrap() error { return b.cause }
