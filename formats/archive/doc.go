// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

// Package archive stores plain Go structs and reads them in place.
package archive
