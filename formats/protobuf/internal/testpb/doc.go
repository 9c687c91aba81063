// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

// Package testpb has messages for tests, which protoc-gen-go, version 1.36.12, generated from the
// .proto files. The result is committed, so protoc is needed only to change them:
//
//	go install google.golang.org/protobuf/cmd/protoc-gen-go@v1.36.12
package testpb

//go:generate protoc --go_out=. --go_opt=paths=source_relative --go_opt=apilevelMlazy.proto=API_OPAQUE zoo.proto legacy.proto lazy.proto
