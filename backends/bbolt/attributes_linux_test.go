// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package bbolt

import (
	"errors"
	"os"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"
)

// A compaction that root ran gave the file to root, and dropped its extended attributes, access
// lists among them.
func TestCompactKeepsAttributes(t *testing.T) {
	path := testPath(t)
	makeStorage(t, path, 3000)
	uid, gid := os.Getuid(), os.Getgid()
	if uid == 0 {
		uid, gid = 12345, 23456
		must(t, os.Chown(path, uid, gid))
	}
	must(t, os.Chmod(path, 0o640))
	attribute := unix.Setxattr(path, "user.guardkv", []byte("a value"), 0)
	if attribute != nil && !errors.Is(attribute, unix.ENOTSUP) {
		t.Fatal(attribute)
	}
	e := open(t, Backend{}, path)
	apply(t, e, deletions(10, 3000)...)
	before, err := os.Stat(path)
	must(t, err)
	must(t, e.Compact(t.Context()))
	closeEngine(t, e)
	info, err := os.Stat(path)
	must(t, err)
	if os.SameFile(before, info) {
		t.Fatal("the file was not replaced")
	}
	st := info.Sys().(*syscall.Stat_t)
	if int(st.Uid) != uid || int(st.Gid) != gid || info.Mode() != 0o640 {
		t.Errorf("it belongs to %d and %d with mode %v, want %d, %d and 0640",
			st.Uid, st.Gid, info.Mode(), uid, gid)
	}
	if attribute == nil {
		value := make([]byte, 100)
		n, err := unix.Getxattr(path, "user.guardkv", value)
		if string(value[:max(n, 0)]) != "a value" {
			t.Errorf("the attribute is %q, %v", value[:max(n, 0)], err)
		}
	}
}
