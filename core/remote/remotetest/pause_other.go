// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

//go:build !unix

package remotetest

import (
	"errors"
	"fmt"
	"os"
)

func supported() error {
	return fmt.Errorf("stopping processes needs the signals of Unix: %w", errors.ErrUnsupported)
}

func pause(*os.Process) error  { return supported() }
func resume(*os.Process) error { return supported() }
