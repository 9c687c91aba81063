// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package lockstep

import "testing"

// TestLockstep is the short form of go tool mage soak. Programs that open storages again and again
// are slow on engines with a directory for each storage, so most of them run only on the others.
func TestLockstep(t *testing.T) {
	all, fast := uint64(6), uint64(30)
	if testing.Short() {
		all, fast = 2, 10
	}
	for seed := range fast {
		backends := Backends
		if seed >= all {
			backends = []Backend{Backends[0], Backends[1], Backends[len(Backends)-1]}
		}
		if err := Verify(seed, 60, backends); err != nil {
			t.Fatal(err)
		}
	}
}

// TestSameText: a program that says everything it sees says the same on every backend, byte for
// byte.
func TestSameText(t *testing.T) {
	for seed := uint64(1000); seed < 1002; seed++ {
		p := Generate(seed, 100)
		var first string
		for i, b := range Backends {
			text, err := p.Text(b)
			if err != nil {
				t.Fatalf("seed %d on %s: %v", seed, b.Name, err)
			}
			if i == 0 {
				first = text
			}
			if text != first {
				t.Errorf("seed %d: %s and %s differ:\n%s",
					seed, b.Name, Backends[0].Name, difference(text, first))
			}
		}
		if len(first) < 2000 {
			t.Errorf("seed %d says next to nothing:\n%s", seed, first)
		}
	}
}
