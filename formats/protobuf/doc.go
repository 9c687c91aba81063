// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

// Package protobuf stores values as protocol buffers, by way of google.golang.org/protobuf.
//
//	people, err := core.OpenTable(ctx, db, "people", keys.String(), protobuf.New[*pb.Person]())
package protobuf
