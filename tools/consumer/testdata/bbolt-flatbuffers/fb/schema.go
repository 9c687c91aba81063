// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

// Package fb has people as FlatBuffers: what flatc made of person.fbs.
package fb

import _ "embed"

//go:generate flatc --go --gen-object-api -o .. person.fbs
//go:generate flatc --binary --schema --bfbs-builtins person.fbs
//go:generate gofmt -w .

// Schema is the compiled schema.
//
//go:embed person.bfbs
var Schema []byte
