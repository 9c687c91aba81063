// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package consumer

import (
	"fmt"
	"io"
	"slices"
	"strings"
	"text/tabwriter"
	"time"
)

// printTable prints one line for each combination.
func printTable(out io.Writer, results []result, p packed) error {
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "combination\tmodules\tbinary\tbuild\tlinked")
	for _, r := range results {
		names := make([]string, len(r.linked.modules))
		for i, path := range r.linked.modules {
			names[i] = p.short(path)
		}
		slices.Sort(names)
		fmt.Fprintf(w, "%s\t%d\t%.1f MiB\t%v\t%s\n", r.name, len(names), mebibytes(r.size),
			r.took.Round(100*time.Millisecond), strings.Join(names, ", "))
	}
	return w.Flush()
}
