// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package bbolt

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"strings"

	"golang.org/x/sys/unix"
)

// copyExtended copies extended attributes, including access lists. The system gives a new file
// those of the namespace "security" by rules of its own, so they are copied only if it allows
// that.
func copyExtended(from, to *os.File) error {
	names, err := readExtended(func(b []byte) (int, error) {
		return unix.Flistxattr(int(from.Fd()), b)
	})
	if err != nil {
		return fmt.Errorf("listing extended attributes: %w", err)
	}
	for _, name := range strings.FieldsFunc(string(names), func(r rune) bool { return r == 0 }) {
		value, err := readExtended(func(b []byte) (int, error) {
			return unix.Fgetxattr(int(from.Fd()), name, b)
		})
		if err == nil {
			err = setExtended(to, name, value)
		}
		if err != nil && !strings.HasPrefix(name, "security.") {
			return fmt.Errorf("copying the extended attribute %q: %w", name, err)
		}
	}
	return nil
}

func setExtended(to *os.File, name string, value []byte) error {
	now, err := readExtended(func(b []byte) (int, error) {
		return unix.Fgetxattr(int(to.Fd()), name, b)
	})
	if err == nil && bytes.Equal(now, value) {
		return nil
	}
	return unix.Fsetxattr(int(to.Fd()), name, value, 0)
}

// readExtended calls read, which needs a buffer of unknown size.
func readExtended(read func([]byte) (int, error)) ([]byte, error) {
	for {
		n, err := read(nil)
		if errors.Is(err, unix.ENOTSUP) || n == 0 {
			return nil, nil
		} else if err != nil {
			return nil, err
		}
		b := make([]byte, n)
		if n, err = read(b); !errors.Is(err, unix.ERANGE) {
			return b[:max(n, 0)], err
		}
	}
}
