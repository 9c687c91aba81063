// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

// Package history lets random clients in two processes use one shared storage at once, over a
// network that loses, repeats late, and refuses, and checks that what all of them saw is what
// one storage would have shown that did one thing at a time: that their history is
// linearizable. [Porcupine] decides that.
//
// [Porcupine]: https://github.com/anishathalye/porcupine
package history
