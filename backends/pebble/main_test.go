// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package pebble

import (
	"os"
	"testing"

	"github.com/guardkv/guardkv/core/backendtest"
)

// children are what the test binary does instead of running tests, when a test starts it as another
// process.
var children = map[string]func(args []string) error{
	"damage": damageChild,
	"write":  writeChild,
	"lock":   lockChild,
	"few":    fewChild,
	"memory": memoryChild,
	"stock":  stockChild,
}

func TestMain(m *testing.M) {
	backendtest.RunChild(children)
	os.Exit(m.Run())
}
