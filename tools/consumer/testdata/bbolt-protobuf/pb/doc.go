// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

// Package pb has people as protocol buffers: what protoc-gen-go made of person.proto.
package pb

//go:generate protoc --go_out=. --go_opt=paths=source_relative person.proto
