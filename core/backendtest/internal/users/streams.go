// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package users

import (
	"os"
	"slices"

	"github.com/guardkv/guardkv/core/backendtest/internal/kit"
)

// chunk is small, so that a check has many.
const chunk = 16 << 10

func leavesNoFile(t *kit.Trial, dir string) {
	t.TB.Helper()
	files, err := os.ReadDir(dir)
	t.Do("ReadDir", err)
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
