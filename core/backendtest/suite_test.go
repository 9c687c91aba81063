// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package backendtest

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/guardkv/guardkv/core"
)

// recorder is a test whose failures are looked at instead of reported.
type recorder struct {
	*testing.T
	mu     sync.Mutex
	errors []string
}

func (r *recorder) Errorf(format string, args ...any) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.errors = append(r.errors, fmt.Sprintf(format, args...))
}

func (r *recorder) Logf(string, ...any) {}

// verdicts returns what a backend fails at, by the promise's name.
func verdicts(t *testing.T, promises []promise, spoiled bool, open func() core.Backend) map[string][]string {
	failed := map[string][]string{}
	for _, p := range promises {
		r := &recorder{T: t}
		newTrial(r, &p, Target{Backend: open(), Path: "place"}, spoiled).run()
		if len(r.errors) > 0 {
			failed[p.name] = r.errors
		}
	}
	return failed
}

func TestContractOfPlain(t *testing.T) {
	for _, p := range contract() {
		t.Run(p.name, func(t *testing.T) {
			for _, spoiled := range []bool{false, true} {
				newTrial(t, &p, Target{Backend: newPlain(""), Path: "place"}, spoiled).run()
			}
		})
	}
}

// TestBrokenBackends breaks one thing at a time. Beside the promise that is broken, those fail whose checks cannot
// do without it.
func TestBrokenBackends(t *testing.T) {
	for _, c := range []struct {
		breaks string
		want   string
	}{
		{"kept value", "apply/arguments"},
		{"order", "cursor/order"},
	} {
		t.Run(c.breaks, func(t *testing.T) {
			failed := verdicts(t, contract(), false, func() core.Backend { return newPlain(c.breaks) })
			var names []string
			for name, why := range failed {
				names = append(names, name)
				t.Log(name, why[0])
			}
			slices.Sort(names)
			if got := strings.Join(names, ", "); got != c.want {
				t.Errorf("broken are %s; want %s", got, c.want)
			}
		})
	}
}

var _ = errors.New
