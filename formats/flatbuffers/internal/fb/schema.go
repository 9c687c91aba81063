// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

// Package fb has characters of the Unicode character database as FlatBuffers, for examples.
// flatc generated it from char.fbs.
package fb

import _ "embed"

//go:generate flatc --go --gen-object-api -o .. char.fbs
//go:generate flatc --binary --schema --bfbs-builtins char.fbs
//go:generate gofmt -w .

// Schema is the compiled schema.
//
//go:embed char.bfbs
var Schema []byte
