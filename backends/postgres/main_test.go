// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package postgres

import (
	"fmt"
	"os"
	"testing"

	"github.com/guardkv/guardkv/backends/postgres/postgrestest"
)

// cleanups are called when all tests are over.
var cleanups []func() error

func TestMain(m *testing.M) {
	code := postgrestest.Main(m)
	for _, f := range cleanups {
		if err := f(); err != nil {
			fmt.Println(err)
			code = max(code, 1)
		}
	}
	os.Exit(code)
}
