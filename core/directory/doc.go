// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

// Package directory does what all backends have to do whose engine keeps a storage in a
// directory of its own. It is for implementers of backends; users of tables need none of it.
//
// The engine's files lie in the storage's directory itself. Beside them lie two files of this
// package: guardkv.mark, by which a storage is recognized before its engine is opened, and
// guardkv.witness, by which the loss of writes is found that an engine does not notice. Both
// carry checksums and are replaced atomically and durably.
//
// What is promised of a claim, [Claim] keeps: nothing is touched that carries no readable mark;
// a storage appears under its name when it is complete, mark included, and goes in one step; it
// is moved under the engine's own lock. What depends on the engine is a [Driver].
//
// # Which directory it is
//
// A path is looked up once, when it is claimed. From then on a storage is the directory that
// was locked, and not whatever the path leads to by now: before anything is renamed, replaced
// or removed, the two are compared, and if they differ that is an error and nothing is changed.
// An engine calls [Place.Check] before it writes. Between that and the engine's own opening of
// files there is a moment that nothing can guard.
//
// # What a crash leaves
//
// A storage is built in PATH.guardkv-tmp-NUMBER and then renamed, or, if an empty directory is
// at the path, in PATH/guardkv.creating and then moved up, the mark last: so a directory keeps
// its mode and owner, and may be a mount point or lie in a folder that the process may not write
// to. A storage that is being removed first gets a name of the former kind. The next opening of
// the storage removes what is left under such names, or completes it. guardkv.mark.new and
// guardkv.witness.new are written over.
//
// A storage has moved, or is removed, when its new name is durable. If it cannot be made
// durable the old name is put back, and the error says so, or where the storage is.
//
// # Finding what was lost
//
// Engines cut a damaged log or manifest at the damage and open what is left, without an error.
// So every atomic write puts one more row into the engine, which counts the writes of this
// storage: see [Tally]. When everything is durable, at a clean close and after a compaction,
// the count is recorded in guardkv.witness, with the checksums of those files of the engine
// that only grow. An engine that comes back with a lower count, or with another beginning of
// such a file, has lost writes: Open returns core.ErrCorrupt. A witness that is missing, damaged or
// of another storage proves nothing, so a copy of all files opens, and so does one without the
// witness.
package directory
