// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

//go:build (amd64 || arm64 || loong64 || mips64 || mips64le || ppc64 || ppc64le || riscv64 || s390x) && (darwin || dragonfly || freebsd || linux || netbsd || openbsd)

package bbolt

import "syscall"

// reserveSpace returns how many bytes of address space a file may be mapped with, 0 if too few are to be had.
//
// bbolt waits for all readers before it maps a file anew, and lets no reader begin while it waits. A mapping that never
// has to grow is what keeps readers and the writer out of each other's way. It costs address space, not memory.
func reserveSpace(fileSize int64) int {
	for _, size := range []int64{16 << 40, 1 << 40, 64 << 30, 8 << 30} {
		if size/4 < fileSize {
			return 0
		}
		if size > 1<<40 && fileSize < 1<<37 {
			continue
		}
		b, err := syscall.Mmap(-1, 0, int(size), syscall.PROT_NONE, syscall.MAP_PRIVATE|syscall.MAP_ANON)
		if err == nil {
			syscall.Munmap(b)
			return int(size)
		}
	}
	return 0
}
