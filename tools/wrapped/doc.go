// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

// Package wrapped tests formats that go around others, formats/compress and formats/encrypt, in
// every combination that programs have, and on every engine. The modules cannot: none of them knows
// another one.
package wrapped
