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

// Whatever is in the files and in the row, reading them gives a value or an error, and a value
// is what was written.
func FuzzFiles(f *testing.F) {
	id := newStorageID()
	t := Tally{place: Place{id: id}, count: 7}
	f.Add(seal(markFile, []byte(id.String()+"\na mark")),
		seal(witnessFile, []byte(`{"storage":"`+id.String()+`","writes":7}`)), t.row())
	f.Add([]byte("guardkv.mark 1 crc32c=00000000\n"), []byte("{}"), []byte(nil))
	f.Add([]byte{}, seal(witnessFile, []byte(`{"files":[{"name":"../x","size":-1}]}`)),
		make([]byte, rowSize))
	f.Fuzz(func(t *testing.T, mark, witness, row []byte) {
		dir := t.TempDir()
		for name, content := range map[string][]byte{markFile: mark, witnessFile: witness} {
			if err := os.WriteFile(filepath.Join(dir, name), content, 0o600); err != nil {
				t.Fatal(err)
			}
		}
		root, err := os.OpenRoot(dir)
		if err != nil {
			t.Fatal(err)
		}
		defer root.Close()
		id, text, err := readMark(root)
		if err != nil && (!errors.Is(err, core.ErrNotStorage) || text != nil) {
			t.Errorf("mark %q, %v", text, err)
		}
		if err == nil {
			if err := writeMark(root, id, text); err != nil {
				t.Fatal(err)
			}
			if again, err := os.ReadFile(filepath.Join(dir, markFile)); err != nil ||
				string(again) != string(mark) {
				t.Errorf("%q is read as what would be %q: %v", mark, again, err)
			}
		}
		w, err := readWitness(root, id)
		if err != nil {
			t.Fatal(err)
		}
		if err := w.checkFiles(root); err != nil && !errors.Is(err, core.ErrCorrupt) {
			t.Error(err)
		}
		tally := Tally{place: Place{id: id}}
		if n, err := tally.decode(row); err == nil {
			tally.count = n
			if string(tally.row()) != string(row) {
				t.Errorf("%x is read as what would be %x", row, tally.row())
			}
		} else if !errors.Is(err, core.ErrCorrupt) {
			t.Error(err)
		}
	})
}
