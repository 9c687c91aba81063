// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package cluster

import (
	"errors"
	"os"
	"os/exec"
	"testing"

	"github.com/guardkv/guardkv/core/backendtest"
)

func TestMain(m *testing.M) {
	backendtest.RunChild(Children)
	os.Exit(m.Run())
}

// site starts a cluster. If its servers are not installed it skips the test, and says so, unless
// the environment requires them.
func site(t *testing.T, e Engine) *Site {
	t.Helper()
	c, err := e.Start()
	missing := errors.Is(err, exec.ErrNotFound) || errors.Is(err, errors.ErrUnsupported)
	if missing && os.Getenv("GUARDKV_TEST_SERVERS") != "required" {
		t.Skipf("SKIPPED, nothing is proved about %s: %v", e.Name, err)
	}
	if err != nil {
		t.Fatal(err)
	}
	s, err := NewSite(c)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}

// Storages on real servers keep their promises whatever fails, while 64 clients in 4 processes use
// them. With -short only a few things fail; -v shows the counts.
func TestClusters(t *testing.T) {
	for _, e := range Engines {
		t.Run(e.Name, func(t *testing.T) {
			t.Parallel() // it mostly waits
			s := site(t, e)
			t.Run("cut commits", func(t *testing.T) { cutCommits(t, s) })
			t.Run("there and back", func(t *testing.T) { thereAndBack(t, s) })
			for i, sc := range Scenarios {
				if testing.Short() && i%3 != 0 {
					continue
				}
				t.Run(sc.Name, func(t *testing.T) { scenario(t, s, sc, uint64(i)) })
			}
		})
	}
}

func scenario(t *testing.T, s *Site, sc Scenario, seed uint64) {
	t.Helper()
	f, err := Usual.Run(t.Context(), s, sc, seed)
	if err != nil {
		t.Fatal(err)
	}
	t.Log(f)
	if err := f.Err(); err != nil {
		t.Error(err)
	}
	if f.Acked == 0 || f.Histories == 0 {
		t.Error("nothing was proved")
	}
}
