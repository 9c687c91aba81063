// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package spannertest

import (
	"errors"
	"os/exec"
	"strings"
	"testing"
)

// TestProgram: a program that is missing is said to be, with what to install, so that tests can be
// skipped aloud; what the environment names is taken, or nothing.
func TestProgram(t *testing.T) {
	t.Setenv("GUARDKV_SPANNER_EMULATOR", "no such program")
	_, err := Start()
	if errors.Is(err, errors.ErrUnsupported) {
		t.Skip(err)
	}
	if !errors.Is(err, exec.ErrNotFound) || !strings.Contains(err.Error(), "no such program") {
		t.Errorf("a program that is missing gives %v", err)
	}
	// Whether it is installed is the system's business: what is said if not is the test's.
	t.Setenv("GUARDKV_SPANNER_EMULATOR", "")
	if _, err := Program(); err != nil {
		if !errors.Is(err, exec.ErrNotFound) || !strings.Contains(err.Error(), "install") {
			t.Errorf("an emulator that is missing gives %v", err)
		}
	}
}

// TestEnds: a program that does not become an emulator is no reason to wait, and what it says is
// told; an emulator that was killed can be closed.
func TestEnds(t *testing.T) {
	if _, err := Program(); err == nil {
		e, err := Start()
		if err != nil {
			t.Fatal(err)
		}
		if err := errors.Join(e.Kill(), e.Close()); err != nil {
			t.Error(err)
		}
	}
	echo, err := exec.LookPath("echo")
	if err != nil {
		t.Skip(err)
	}
	t.Setenv("GUARDKV_SPANNER_EMULATOR", echo)
	_, err = Start()
	if errors.Is(err, errors.ErrUnsupported) {
		t.Skip(err)
	}
	if err == nil || !strings.Contains(err.Error(), "has ended: --host_port") {
		t.Errorf("a program that is no emulator gives %v", err)
	}
}
