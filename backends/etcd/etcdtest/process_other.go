// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

//go:build !unix

package etcdtest

import (
	"errors"
	"fmt"
	"os"
)

func supported() error {
	return fmt.Errorf("etcdtest needs Unix sockets and signals: %w", errors.ErrUnsupported)
}

func pauseProcess(*os.Process) error  { return supported() }
func resumeProcess(*os.Process) error { return supported() }
