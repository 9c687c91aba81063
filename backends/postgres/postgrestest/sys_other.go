// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

//go:build !unix

package postgrestest

import (
	"errors"
	"os"
	"syscall"
	"time"
)

type account struct{ name string }

var signalFast, signalImmediate = os.Interrupt, os.Kill

func supported() error { return errors.ErrUnsupported }

func findAccount() (account, error)                { return account{}, errors.ErrUnsupported }
func (account) own(string) error                   { return errors.ErrUnsupported }
func (account) passes(string) bool                 { return false }
func (account) attributes() *syscall.SysProcAttr   { return nil }
func lockFolder(string) (*os.File, error)          { return nil, errors.ErrUnsupported }
func removeShared(string)                          {}
func stopFamily(int) error                         { return errors.ErrUnsupported }
func continueFamily(int) error                     { return errors.ErrUnsupported }
func killFamily(pid int, wait time.Duration) error { return errors.ErrUnsupported }

func family(int) []int     { return nil }
func parents() map[int]int { return nil }
