// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

// Package names makes the names of what lies beside a storage.
package names

import (
	"fmt"
	"hash/fnv"
	"os"
	"strings"
	"unicode/utf8"
)

// longest is how many bytes a name has at most, in nearly all file systems.
const longest = 255

// Beside returns path with a suffix behind it. A name that would be too long for a file system
// is cut, and a checksum of all of it stands in place of its end.
func Beside(path, suffix string) string { return Stem(path, len(suffix)) + suffix }

// Stem returns what stands in front of suffixes of n bytes in what Beside returns.
func Stem(path string, n int) string {
	at := strings.LastIndexFunc(path,
		func(r rune) bool { return r < 0x80 && os.IsPathSeparator(byte(r)) }) + 1
	name := path[at:]
	if len(name)+n <= longest {
		return path
	}
	sum := fnv.New64a()
	sum.Write([]byte(name))
	tail := fmt.Sprintf("~%016x", sum.Sum64())
	end := max(0, longest-n-len(tail))
	for end > 0 && !utf8.RuneStart(name[end]) { // some file systems take whole characters only
		end--
	}
	return path[:at] + name[:end] + tail
}
