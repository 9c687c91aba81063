// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

// Package remote turns the client of a server into an engine. It is for implementers of
// backends whose storages are in a database that is reached over a network and that other
// processes write to.
//
// Such an engine has to ask for many rows at once, and to know when it need not ask. This
// package does both for all of them: paging, growing pages, reading ahead, seeking in the page
// at hand, single reads and batches, fetching the fence along with the first read, recording
// what was read through a snapshot, limiting how many snapshots are open, and deciding what
// errors mean. What is left to a backend is a [Driver] with four methods and a [State] with
// three, which are statements or requests to one server. [New] makes a core.Engine of them.
//
//	return remote.New(&driver{pool: pool}, remote.Options{Limits: limits, Snapshots: 16}), nil
//
// It is specified exactly which calls take a trip to the server, so that tests can count trips:
//
//   - core.Engine.Get is one call of State.GetMany, and so is the first read of a snapshot,
//     which includes the fence, however many keys it asks for;
//   - a cursor takes one trip for each page. Scan, Seek and Begin take none;
//   - Apply is one call of Driver.Commit.
//
// Where storages are, what their marks are, and how they are renamed differs from server to
// server. A backend says so in a [Registry], and [NewClaim] makes a core.Claim of it. The guide
// docs/writing-a-backend.md of the repository shows a complete backend.
package remote
