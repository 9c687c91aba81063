// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

// Package remote makes an engine of a server. It is for implementers of backends whose storages
// are in a database that is reached over a network, and that others write to.
//
// Such an engine has to ask for many rows at once, and to know when it need not ask. Both are
// written here, once for all of them: paging, growing pages, reading ahead, seeking in the page
// at hand, single reads and batches, the fence that comes along with the first read, what was
// read through a snapshot, a bound for open snapshots, and what errors mean. What is left is a
// [Driver] of four methods and a [State] of three, which are statements or requests to one
// server. [New] makes a core.Engine of them.
//
//	return remote.New(&driver{pool: pool}, remote.Options{Limits: limits, Snapshots: 16}), nil
//
// What becomes a trip to the server is exact, so that tests can count:
//
//   - core.Engine.Get is one call of State.GetMany, and so is the first read of a snapshot,
//     however many keys it is about and with the fence;
//   - a cursor costs a trip for each page. Scan and Seek cost none, nor does Begin;
//   - Apply is one call of Driver.Commit.
//
// Where storages are, what their marks are, and how they are renamed is different for each
// server: a backend writes its own Claim. The guide docs/writing-a-backend.md of the repository
// shows a whole one.
package remote
