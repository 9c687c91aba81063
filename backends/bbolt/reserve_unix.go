// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

//go:build (amd64 || arm64 || loong64 || mips64 || mips64le || ppc64 || ppc64le || riscv64 || s390x) && (darwin || dragonfly || freebsd || linux || netbsd || openbsd)

package bbolt

import "syscall"

// canReserve: files can be mapped with more address space than they need.
const canReserve = true

// isFree reports whether size bytes of address space are free at this moment.
func isFree(size int64) bool {
	b, err := syscall.Mmap(-1, 0, int(size), syscall.PROT_NONE,
		syscall.MAP_PRIVATE|syscall.MAP_ANON)
	if err != nil {
		return false
	}
	syscall.Munmap(b)
	return true
}
