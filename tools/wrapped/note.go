// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package wrapped

//go:generate go run github.com/guardkv/guardkv/formats/archive/cmd/guardkv-archive -type Note

// Note is what the archived tables here hold.
type Note struct {
	Title string
	Stars int
	Words []string
}
