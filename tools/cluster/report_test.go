// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package cluster

import (
	"strings"
	"testing"
	"time"
)

func TestReport(t *testing.T) {
	var r Report
	r.Add("one", &Findings{Acked: 10, Lost: 3, Settled: 2, Unknown: 4, Histories: 5})
	r.Add("two", &Findings{Acked: 1, Gap: 1234 * time.Millisecond})
	r.Add("one", &Findings{Acked: 20, Gap: 200 * time.Millisecond})
	var text strings.Builder
	if err := r.Write(&text); err != nil {
		t.Fatal(err)
	}
	want := "| what fails | runs | writes acknowledged | commits without answer | settled | " +
		"calls with `ErrMaybe` | histories | longest gap |\n" +
		"| --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: |\n" +
		"| one | 2 | 30 | 3 | 2 | 4 | 5 | 0.2 s |\n" +
		"| two | 1 | 1 | 0 | 0 | 0 | 0 | 1.2 s |\n" +
		"| all | 3 | 31 | 3 | 2 | 4 | 5 | 1.2 s |\n"
	if text.String() != want {
		t.Errorf("the report is\n%swant\n%s", &text, want)
	}
}
