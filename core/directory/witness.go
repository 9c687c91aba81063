// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package directory

import (
	"encoding/json"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/guardkv/guardkv/core"
)

// witness is what guardkv.witness says, in JSON: what was durable when it was written. The zero
// value says nothing.
type witness struct {
	Storage string       `json:"storage"`         // the identity
	Writes  uint64       `json:"writes"`          // by then
	Files   []fileDigest `json:"files,omitempty"` // that only grow
}

// fileDigest is the beginning of a file, as long as the file was.
type fileDigest struct {
	Name string `json:"name"`
	Size int64  `json:"size"`
	Sum  uint32 `json:"crc32c"`

	// The first bytes of a file that the engine may replace by another one under the same name.
	Head    int64  `json:"head,omitempty"`
	HeadSum uint32 `json:"head_crc32c,omitempty"`
}

func (w witness) write(dir *os.Root) error {
	body, err := json.Marshal(w)
	if err != nil {
		return err
	}
	return writeSealed(dir, witnessFile, body)
}

// readWitness returns the witness of a storage. One that is missing, damaged, or another
// storage's says nothing; one that cannot be read now, because the disk fails, is an error.
// Otherwise a loss would be overlooked, and the next witness would not know of it.
func readWitness(dir *os.Root, id storageID) (witness, error) {
	body, err := readSealed(dir, witnessFile)
	if errors.Is(err, fs.ErrNotExist) || errors.Is(err, errSeal) {
		return witness{}, nil
	} else if err != nil {
		return witness{}, err
	}
	return decodeWitness(body, id), nil
}

func decodeWitness(body []byte, id storageID) (w witness) {
	if err := json.Unmarshal(body, &w); err != nil || w.Storage != id.String() {
		return witness{}
	}
	return w
}

// check compares the number of writes that the engine has.
func (w witness) check(writes uint64) error {
	if writes < w.Writes {
		return fmt.Errorf("%w: writes are missing: %s knows of %d, the engine of %d",
			core.ErrCorrupt, witnessFile, w.Writes, writes)
	}
	return nil
}

// checkFiles proves that the files begin as they did. A file that is not there any more was
// replaced by the engine, or else is missed by it.
func (w witness) checkFiles(dir *os.Root) error {
	for _, want := range w.Files {
		if !filepath.IsLocal(want.Name) {
			continue
		}
		got, err := digest(dir, want.Name, want.Head, want.Size)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		} else if err != nil {
			return err
		}
		if got.Head != want.Head || got.HeadSum != want.HeadSum {
			continue // it is another one; whether that is sound the engine must see
		}
		if got.Size < want.Size {
			return fmt.Errorf("%w: %s was cut from at least %d bytes to %d",
				core.ErrCorrupt, want.Name, want.Size, got.Size)
		}
		if got.Sum != want.Sum {
			return fmt.Errorf("%w: the first %d bytes of %s have changed",
				core.ErrCorrupt, want.Size, want.Name)
		}
	}
	return nil
}

// digest reads the first size bytes of a file, all of it if size is negative, and of these the
// first head bytes. The file is opened once: meanwhile the engine may put another one in its
// place.
func digest(dir *os.Root, name string, head, size int64) (d fileDigest, err error) {
	f, err := dir.Open(name)
	if err != nil {
		return d, err
	}
	defer f.Close()
	sum := crc32.New(castagnoli)
	first, err := io.Copy(sum, io.LimitReader(f, head))
	if err != nil {
		return d, err
	}
	d = fileDigest{Name: name, Head: first, HeadSum: sum.Sum32()}
	var r io.Reader = f
	if size >= 0 {
		r = io.LimitReader(f, size-first)
	}
	rest, err := io.Copy(sum, r)
	d.Size, d.Sum = first+rest, sum.Sum32()
	return d, err
}
