// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

//go:build !unix && !windows

package badger

import (
	"errors"
	"fmt"
	"io"
)

func lock(string, bool) (io.Closer, error) {
	return nil, fmt.Errorf("badger has no lock on this system: %w", errors.ErrUnsupported)
}
