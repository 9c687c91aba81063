// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package badger

import (
	"errors"
	"fmt"
	"os"
	"time"
)

// syncedDir makes the names of badger's new files durable: badger syncs the files, but not
// their names.
type syncedDir struct {
	path string
	at   time.Time // the directory was as it is on the medium when it was changed last at this time
}

// grain is how coarse the clock of a file system may be.
const grain = 2 * time.Second

// sync syncs the directory if it was changed since.
func (d *syncedDir) sync() error {
	info, err := os.Stat(d.path)
	if err != nil {
		return err
	}
	changed := info.ModTime()
	if changed.Equal(d.at) {
		return nil
	}
	if err := syncDir(d.path); err != nil {
		return fmt.Errorf("the names of new files may not be durable: %w", err)
	}
	if age := time.Since(changed); age > grain || age < 0 {
		d.at = changed // otherwise it might change once more unnoticed
	}
	return nil
}

func syncDir(path string) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	err = f.Sync()
	if err != nil && !syncsNames {
		err = nil
	}
	return errors.Join(err, f.Close())
}

// syncPath syncs a file, whoever wrote it.
func syncPath(path string) error {
	f, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		return err
	}
	return errors.Join(f.Sync(), f.Close())
}
