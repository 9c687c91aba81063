// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

// Package decorate has backends that go around another one and change or watch the calls on their
// way to it: [Fault] lets calls fail, [Latency] delays and counts them, [Spoil] overwrites bytes
// that are no longer valid, and [Tracker] complains about callers that break rules.
//
// Package backendtest exports the first three for authors of backends and programs, and explains
// them. They are implemented here because the promises of the suite use them, and backendtest uses
// the promises.
package decorate
