// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

// Package history lets random clients in two processes use one shared storage at once, over a
// network that loses requests, repeats them late, and refuses them. It checks that their
// history is linearizable: that what all of them saw is what a storage that does one thing at a
// time could have shown. [Porcupine] decides that.
//
// [Porcupine]: https://github.com/anishathalye/porcupine
package history
