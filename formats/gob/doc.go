// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

// Package gob stores keys and values as encoding/gob does.
package gob
