// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

// Package pb has the characters of the demonstration as protocol buffers: what protoc-gen-go, version 1.36.12, made of
// char.proto. The result is committed, so that protoc is needed by nobody but those who change it:
//
//	go install google.golang.org/protobuf/cmd/protoc-gen-go@v1.36.12
package pb

//go:generate protoc --go_out=. --go_opt=paths=source_relative char.proto
