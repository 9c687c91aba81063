// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package backendtest_test

import (
	"errors"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/guardkv/guardkv/core/backendtest"
)

func TestMain(m *testing.M) {
	backendtest.RunChild(map[string]func(args []string) error{
		"count": func([]string) error {
			fmt.Println("ready")
			for n := 0; ; n++ {
				fmt.Println(n)
				time.Sleep(time.Millisecond)
			}
		},
		"idle": func([]string) error { fmt.Println("ready"); time.Sleep(time.Hour); return nil },
		"fail": func(args []string) error { return errors.New("as told by " + args[0]) },
	})
	os.Exit(m.Run())
}

// TestKillWriter: writes that were acknowledged before a kill count, and nothing is waited for
// afterwards.
func TestKillWriter(t *testing.T) {
	if last := backendtest.KillWriter(t, 300*time.Millisecond, "count"); last < 0 {
		t.Errorf("the last number is %d; want at least one", last)
	}
	if last := backendtest.KillWriter(t, time.Millisecond, "idle"); last != -1 {
		t.Errorf("the last number of a child that wrote nothing is %d; want -1", last)
	}
}

// TestChildFails: a child that fails says why, and one that does not exist runs no tests instead.
func TestChildFails(t *testing.T) {
	for name, want := range map[string]string{
		"fail": "as told by me", "none": `no child of this test is named "none"`,
	} {
		out, err := backendtest.Child(t.Context(), name, "me").CombinedOutput()
		if err == nil || strings.TrimSpace(string(out)) != want {
			t.Errorf("the child %q ends with %v and prints %q; want %q", name, err, out, want)
		}
	}
}
