// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package backendtest

import (
	"os"
	"slices"
)

// chunk is small, so that a check has many.
const chunk = 16 << 10

func leavesNoFile(t *trial, dir string) {
	t.tb.Helper()
	files, err := os.ReadDir(dir)
	t.do("ReadDir", err)
	if len(files) > 0 {
		t.Errorf("the stream left %v behind", slices.Collect(names(files)))
	}
}

func names(files []os.DirEntry) func(yield func(string) bool) {
	return func(yield func(string) bool) {
		for _, f := range files {
			if !yield(f.Name()) {
				return
			}
		}
	}
}
