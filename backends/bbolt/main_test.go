// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package bbolt

import (
	"maps"
	"os"
	"testing"

	"github.com/guardkv/guardkv/core/backendtest"
)

// children are what the test binary does instead of running tests, when a test starts it as another
// process.
var children = map[string]func(args []string) error{
	"damage": damageChild,
	"matrix": matrixChild,
	"write":  writeChild,
	"wait":   waitChild,
}

func TestMain(m *testing.M) {
	maps.Copy(children, limitedChildren)
	backendtest.RunChild(children)
	os.Exit(m.Run())
}
