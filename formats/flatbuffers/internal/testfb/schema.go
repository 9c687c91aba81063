// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

// Package testfb is what flatc made of zoo.fbs, for tests. Packages zoo1 and zoo2 beside it are
// two versions of one program's types, which flatc made of base.fbs and next.fbs in
// ../../testdata/evolution.
package testfb

import _ "embed"

//go:generate flatc --go --gen-object-api -o .. zoo.fbs
//go:generate flatc --binary --schema --bfbs-builtins zoo.fbs
//go:generate flatc --go --gen-object-api --go-namespace zoo1 -o .. ../../testdata/evolution/base.fbs
//go:generate flatc --go --gen-object-api --go-namespace zoo2 -o .. ../../testdata/evolution/next.fbs
//go:generate gofmt -w ..

// Schema is the compiled schema.
//
//go:embed zoo.bfbs
var Schema []byte
