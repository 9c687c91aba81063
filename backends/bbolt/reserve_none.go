// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

//go:build !(amd64 || arm64 || loong64 || mips64 || mips64le || ppc64 || ppc64le || riscv64 || s390x) || !(darwin || dragonfly || freebsd || linux || netbsd || openbsd)

package bbolt

// canReserve: there is too little address space, or the file would be as long as the mapping.
const canReserve = false

func isFree(int64) bool { return false }
