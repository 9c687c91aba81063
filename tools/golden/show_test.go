// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package golden

import (
	"bytes"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

var write = flag.Bool("write",
	false, "write what is shown of the golden storages where that is missing")

// A tool must show what any version stored, without the program that stored it, and always in the
// same way: the committed output is what people have seen.
func TestEveryGoldenStorageIsShown(t *testing.T) {
	for _, path := range stored(t) {
		name := filepath.Base(path)
		t.Run(strings.TrimPrefix(path, "testdata"), func(t *testing.T) {
			if !littleEndian() && strings.HasPrefix(name, "bbolt") {
				t.Skip("bbolt keeps numbers in the byte order of the machine that wrote the file")
			}
			var shown bytes.Buffer
			if err := Show(t.Context(), copied(t, path), name, &shown); err != nil {
				t.Fatal(err)
			}
			file := filepath.Join("testdata", "shown",
				filepath.Base(filepath.Dir(path)), name+".txt")
			want, err := os.ReadFile(file)
			if os.IsNotExist(err) && *write {
				if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
					t.Fatal(err)
				}
				if err := os.WriteFile(file, shown.Bytes(), 0o644); err != nil {
					t.Fatal(err)
				}
				return
			}
			if err != nil {
				t.Fatalf("%v; if the storage is new: go test ./tools/golden -run Shown -write", err)
			}
			if !bytes.Equal(shown.Bytes(), want) {
				t.Errorf("it is shown as\n%s\nwant\n%s", shown.Bytes(), want)
			}
		})
	}
}
