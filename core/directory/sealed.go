// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package directory

import (
	"bytes"
	"errors"
	"fmt"
	"hash/crc32"
	"os"
)

// The files of this package, and what the second is called before it replaces the first.
const (
	markFile    = "guardkv.mark"
	witnessFile = "guardkv.witness"
	newSuffix   = ".new"
)

// fileMode is the mode of these files, before umask.
const fileMode = 0o600

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

var errSeal = errors.New("its checksum is wrong, or it has none")

// A sealed file is one line and a body. The line says what the file is and the checksum of the
// body.
func seal(name string, body []byte) []byte {
	return append(sealLine(name, body), body...)
}

func sealLine(name string, body []byte) []byte {
	return fmt.Appendf(nil, "%s 1 crc32c=%08x\n", name, crc32.Checksum(body, castagnoli))
}

// unseal returns the body of a sealed file.
func unseal(name string, content []byte) ([]byte, error) {
	end := bytes.IndexByte(content, '\n') + 1
	body := content[end:]
	if !bytes.Equal(content[:end], sealLine(name, body)) {
		return nil, errSeal
	}
	return body, nil
}

// mostSealed bounds what is read of a file that should be sealed and may be anything. A mark
// has some hundred bytes.
const mostSealed = 1 << 20

func readSealed(dir *os.Root, name string) ([]byte, error) {
	info, err := dir.Stat(name)
	if err != nil {
		return nil, err
	}
	// opening a pipe would wait for its other end
	if !info.Mode().IsRegular() || info.Size() > mostSealed {
		return nil, errSeal
	}
	content, err := dir.ReadFile(name)
	if err != nil {
		return nil, err
	}
	return unseal(name, content)
}

// writeSealed replaces a sealed file, durably and atomically.
func writeSealed(dir *os.Root, name string, body []byte) error {
	if err := writeSynced(dir, name+newSuffix, seal(name, body)); err != nil {
		return err
	}
	if err := dir.Rename(name+newSuffix, name); err != nil {
		return err
	}
	return syncRoot(dir)
}

func writeSynced(dir *os.Root, name string, content []byte) error {
	f, err := dir.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, fileMode)
	if err != nil {
		return err
	}
	_, err = f.Write(content)
	if err == nil {
		err = fsync(f)
	}
	return errors.Join(err, f.Close())
}

// fsync makes a file or the names in a directory durable. Tests look at it.
var fsync = (*os.File).Sync
