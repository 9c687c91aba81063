// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package golden

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/guardkv/guardkv/core"
)

// Users also go back to an older version of GuardKV. It must refuse what a newer one wrote, with
// both numbers in the error, and leave it as it was, so that the newer version opens it again.
func TestWhatIsNewerIsRefused(t *testing.T) {
	for _, path := range stored(t) {
		t.Run(strings.TrimPrefix(path, "testdata"), func(t *testing.T) {
			name := filepath.Base(path)
			k, err := kindNamed(name)
			if err != nil {
				t.Fatal(err)
			}
			work, number := copied(t, path), "layout"
			if k.backend == nil {
				number = "format"
				renumberBackup(t, work)
			} else {
				renumberStorage(t, work, k.backend)
			}
			before := contents(t, work)
			err = Read(t.Context(), work, name)
			if !errors.Is(err, core.ErrVersionMismatch) {
				t.Fatalf("got %v, want ErrVersionMismatch", err)
			}
			both := regexp.MustCompile(number + " 9, this GuardKV knows " + number + "s? [1-8]")
			if !both.MatchString(err.Error()) {
				t.Errorf("the error does not name both: %v", err)
			}
			if after := contents(t, work); after != before {
				t.Errorf("what was refused has changed: it was\n%s, and is\n%s", before, after)
			}
		})
	}
}

// renumberStorage raises the layout in the mark of a storage, and corrects the checksum.
func renumberStorage(t *testing.T, path string, b core.Backend) {
	t.Helper()
	c, err := b.Claim(t.Context(), path, false)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Release()
	mark, err := c.Mark()
	if err != nil {
		t.Fatal(err)
	}
	body := raised(t, mark[bytes.IndexByte(mark, '{'):], `"layout":`)
	mark = fmt.Appendf(nil, "GUARDKV %08x %s", checksum(body), body)
	e, err := c.Open(t.Context(), core.EngineOptions{Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(e.SetMark(t.Context(), mark), e.Close()); err != nil {
		t.Fatal(err)
	}
}

// renumberBackup raises the format in the head of a backup, and corrects the checksum of its
// chunk.
func renumberBackup(t *testing.T, file string) {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	const magic, head = len("GUARDKV BACKUP\r\n"), 8 + 4
	end := magic + head + int(binary.BigEndian.Uint32(text[magic+8:]))
	chunk := raised(t, text[magic:end], `"format":`)
	text = append(append(text[:magic:magic],
		binary.BigEndian.AppendUint32(chunk, checksum(chunk))...), text[end+4:]...)
	if err := os.WriteFile(file, text, 0o600); err != nil {
		t.Fatal(err)
	}
}

// raised returns a copy of text with 9 for the one digit behind the name.
func raised(t *testing.T, text []byte, name string) []byte {
	t.Helper()
	digit := regexp.MustCompile(name + "[1-8]")
	if !digit.Match(text) {
		t.Fatalf("there is no %s in %q", digit, text)
	}
	return digit.ReplaceAll(text, []byte(name+"9"))
}

func checksum(b []byte) uint32 { return crc32.Checksum(b, crc32.MakeTable(crc32.Castagnoli)) }

// contents returns the names, sizes and checksums of all files of a storage.
func contents(t *testing.T, path string) string {
	t.Helper()
	var b strings.Builder
	err := filepath.WalkDir(path, func(file string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		text, err := os.ReadFile(file)
		fmt.Fprintf(&b, "%s: %d bytes, %08x\n", filepath.Base(file), len(text), checksum(text))
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return b.String()
}
