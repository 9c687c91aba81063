// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package badger

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
	"files":  filesChild,
	"few":    fewFilesChild,
	"fill":   fillChild,
}

func TestMain(m *testing.M) {
	backendtest.RunChild(children)
	if wordSize < 64 {
		onlyRefusal()
	}
	os.Exit(m.Run())
}
