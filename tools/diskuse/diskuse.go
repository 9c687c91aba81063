// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

// Package diskuse measures how much of the disk files take.
package diskuse

import (
	"errors"
	"io/fs"
	"path/filepath"
)

// Of returns the bytes that a file, or all files in a folder, really take on the disk. It returns
// 0 if nothing is there, as with a storage in memory.
func Of(path string) (int64, error) {
	var bytes int64
	err := filepath.WalkDir(path, func(_ string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		info, err := entry.Info()
		if err == nil {
			bytes += allocated(info)
		}
		return err
	})
	if errors.Is(err, fs.ErrNotExist) {
		return 0, nil
	}
	return bytes, err
}
