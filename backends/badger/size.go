// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package badger

import (
	"errors"
	"io/fs"
	"os"
)

// Size returns how much of the medium the files in the directory take. badger makes files
// longer than their content; where the system says how much of a file is stored, only that
// counts.
func (e *engine) Size() (int64, error) {
	if err := e.reachable(); err != nil {
		return 0, err
	}
	entries, err := os.ReadDir(e.anchor.dir)
	if err != nil {
		return 0, err
	}
	var size int64
	for _, entry := range entries {
		info, err := entry.Info()
		if errors.Is(err, fs.ErrNotExist) {
			continue
		} else if err != nil {
			return 0, err
		}
		size += sizeOf(info)
	}
	return size, nil
}
