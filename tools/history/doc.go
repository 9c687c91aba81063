// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

// Package history lets random clients in two processes use one shared storage at once, over a
// network that loses requests, delivers them late, and refuses them. It writes down what each call
// did, when it began and when it returned. That history must be linearizable: there must be an
// order of all calls, each at some moment between its beginning and its end, in which a storage
// that does one thing at a time would have given the same answers. [Porcupine] looks for such an
// order.
//
// [Porcupine]: https://github.com/anishathalye/porcupine
package history
