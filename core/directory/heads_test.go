// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package directory

import (
	"errors"
	"os"
	"path/filepath"
	"testing"

	"github.com/guardkv/guardkv/core"
)

// badger replaces its manifest by one of the same name when it has become long. That is no
// damage; a manifest that was cut or changed is.
func TestRecordHeads(t *testing.T) {
	for _, c := range []struct {
		name, content string
		corrupt       bool
	}{
		{"as it was", "HEADbody", false},
		{"longer", "HEADbody and more", false},
		{"cut", "HEADbod", true},
		{"changed", "HEADbudy", true},
		{"another one", "HAEDx", false},
		{"another one that is shorter than the head", "H", false},
	} {
		t.Run(c.name, func(t *testing.T) {
			root, info, err := openRoot(t.TempDir())
			if err != nil {
				t.Fatal(err)
			}
			defer root.Close()
			tally := Tally{place: Place{Dir: root.Name(), id: newStorageID(), info: info}}
			file := filepath.Join(root.Name(), "manifest")
			if err := os.WriteFile(file, []byte("HEADbody"), 0o600); err != nil {
				t.Fatal(err)
			}
			if err := tally.RecordHeads(4, "manifest"); err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(file, []byte(c.content), 0o600); err != nil {
				t.Fatal(err)
			}
			w, err := readWitness(root, tally.place.id)
			if err != nil {
				t.Fatal(err)
			}
			err = w.checkFiles(root)
			if errors.Is(err, core.ErrCorrupt) != c.corrupt {
				t.Errorf("%v", err)
			}
		})
	}
}
