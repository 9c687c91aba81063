// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

//go:build !unix

package spannertest

import (
	"errors"
	"fmt"
	"os"
)

func supported() error {
	return fmt.Errorf("spannertest needs the signals of Unix: %w", errors.ErrUnsupported)
}

func pauseProcess(*os.Process) error  { return supported() }
func resumeProcess(*os.Process) error { return supported() }
