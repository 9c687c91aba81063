// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

// Package spannertest starts throw-away emulators of Cloud Spanner for tests: processes of their
// own, that can be killed, and stopped as if they hung.
//
//	emulator, err := spannertest.Start()
//	if err != nil {
//		return err // wraps exec.ErrNotFound if there is no program
//	}
//	defer emulator.Close()
//	name, err := emulator.Database(ctx)
//	if err != nil {
//		return err
//	}
//	backend := spanner.Backend{Database: name, Options: emulator.Options()}
//
// Google's emulator keeps everything in memory, lets one read-write transaction of a database run
// at a time, and aborts others. So tests that need it say little about speed, and nothing about
// what survives.
//
// It listens on a port of 127.0.0.1 that the system chooses, so that no two collide. It leaves no
// files, and ends with the test's process on Linux, with Close everywhere.
package spannertest
