// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

// Package wrapped tests the formats that go around others, formats/compress and formats/encrypt,
// in every combination that programs may use, and on every engine. Their own modules cannot do
// that, because none of them knows another one.
package wrapped
