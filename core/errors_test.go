// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package core

import (
	"errors"
	"fmt"
	"strings"
	"testing"
)

func TestErrorText(t *testing.T) {
	cause := fmt.Errorf("%w: page 7", ErrCorrupt)
	tests := []struct {
		err  Error
		want string
	}{
		{
			Error{Op: "get", Path: "a.db", Table: "chars", Key: 955, Err: ErrNotFound},
			"get chars[955] in a.db: not found",
		},
		{
			Error{Op: "get", Path: "a.db", Table: "t", Key: "x\x00y", Err: cause},
			`get t["x\x00y"] in a.db: corrupt: page 7`,
		},
		{
			Error{Op: "get", Path: "a.db", Table: "t", Key: []byte{0, 255}, Err: cause},
			"get t[00ff] in a.db: corrupt: page 7",
		},
		{Error{Op: "open", Path: "a.db", Err: ErrLocked}, "open in a.db: locked"},
		{Error{Op: "update", Err: ErrClosed}, "update: closed"},
	}
	for _, test := range tests {
		if got := test.err.Error(); got != test.want {
			t.Errorf("%s, want %s", got, test.want)
		}
	}
	if err := error(&tests[1].err); !errors.Is(err, ErrCorrupt) {
		t.Error("the sentinel is not reachable")
	}
}

// An error must stay a line in a log, however long the key is, or the name.
func TestErrorShortensKeys(t *testing.T) {
	if n := len((&Error{
		Op:    "open table",
		Table: strings.Repeat("n", 70_000), Err: ErrTooLarge,
	}).Error()); n > 300 {
		t.Errorf("a long name makes a message of %d bytes", n)
	}
	for _, key := range []any{strings.Repeat("k", 1e6), make([]byte, 1e6), [1000]int{}} {
		err := &Error{Op: "get", Table: "t", Key: key, Err: ErrNotFound}
		if n := len(err.Error()); n > 300 {
			t.Errorf("a key of type %T makes a message of %d bytes", key, n)
		}
	}
}
