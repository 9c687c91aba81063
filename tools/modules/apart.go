// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

//go:build apart

package modules

// Nothing is built with this tag. It is there for go mod tidy, which keeps requirements that some
// tag needs: tools/go.mod has the versions of all modules, those of Apart too.
import _ "github.com/guardkv/guardkv/backends/spanner"
