// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

// Package testfb is what flatc made of zoo.fbs, for tests.
package testfb

import _ "embed"

//go:generate flatc --go --gen-object-api -o .. zoo.fbs
//go:generate flatc --binary --schema --bfbs-builtins zoo.fbs
//go:generate gofmt -w .

// Schema is the compiled schema.
//
//go:embed zoo.bfbs
var Schema []byte
