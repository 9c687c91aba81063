// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

//go:build darwin || dragonfly || freebsd || linux || netbsd || openbsd

package bbolt

import (
	"fmt"
	"os"
	"syscall"
)

// copyAttributes gives the file to the mode, owner, group and extended attributes of from. It
// returns an error if one of them cannot be copied: a file that belongs to somebody else, or that
// its users can no longer open, does not replace the old one.
func copyAttributes(from, to *os.File) error {
	info, err := from.Stat()
	if err != nil {
		return err
	}
	was, err := to.Stat()
	if err != nil {
		return err
	}
	old, ok := info.Sys().(*syscall.Stat_t)
	now, ok2 := was.Sys().(*syscall.Stat_t)
	if ok && ok2 && (old.Uid != now.Uid || old.Gid != now.Gid) {
		if err := to.Chown(int(old.Uid), int(old.Gid)); err != nil {
			return fmt.Errorf("the new file cannot be given to user %d and group %d, who have "+
				"the old one; let its owner compact: %w", old.Uid, old.Gid, err)
		}
	}
	if err := copyExtended(from, to); err != nil {
		return err
	}
	return to.Chmod(info.Mode()) // after the owner, because changing that clears some bits
}
