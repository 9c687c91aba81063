// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

//go:build !linux || !(amd64 || arm64)

package contract

import "errors"

const pagesAreKnown = false

// pages are the pages of files that the system has in memory.
type pages struct{ cached, dirty int64 }

func pagesOf(string) (sum pages, ok bool) { return sum, false }

func dropPages(string) error { return errors.ErrUnsupported }
