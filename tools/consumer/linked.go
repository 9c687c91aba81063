// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package consumer

import (
	"errors"
	"fmt"
	"os"
	"regexp"
	"runtime"
	"slices"
	"strconv"
	"strings"
)

// Users see the programs in a table in a document, between two marks.
const (
	linkedBegin = "<!-- linked -->\n"
	linkedEnd   = "<!-- end of linked -->\n"
)

// Linked is a document with a table that says what the programs consist of.
type Linked struct {
	File  string // its path
	Write bool   // replace the table
}

var linkedRow = regexp.MustCompile(`(?m)^\| ([^ |]+) \| (\d+) \| ([\d.]+) MiB \|$`)

// listed reports whether the program is one of those that users see: neither tests nor a
// document's.
func (c Combination) listed() bool { return !c.Tests && c.Document == "" }

// table formats the programs among the results, those of documents and tests left out.
func (Linked) table(results []result) string {
	var b strings.Builder
	b.WriteString("| program | modules | binary |\n|---|---|---|\n")
	for _, r := range results {
		if !r.listed {
			continue
		}
		fmt.Fprintf(&b, "| %s | %d | %.1f MiB |\n",
			r.name, len(r.linked.modules), mebibytes(r.size))
	}
	return b.String()
}

// check compares the table in the document with the results, or replaces it. Sizes may differ by a
// fifth, because they depend on the version of Go, and are not compared on other platforms.
func (l Linked) check(results []result) error {
	text, err := os.ReadFile(l.File)
	if err != nil {
		return err
	}
	head, rest, ok := strings.Cut(string(text), linkedBegin)
	table, tail, ok2 := strings.Cut(rest, linkedEnd)
	if !ok || !ok2 {
		return fmt.Errorf("%s has no table of what is linked", l.File)
	}
	now := l.table(results)
	if l.Write {
		return os.WriteFile(l.File, []byte(head+linkedBegin+now+linkedEnd+tail), 0o644)
	}
	if !sameRows(table, now) {
		return fmt.Errorf("%s is out of date; go tool mage consumer -write puts this there:\n%s",
			l.File, now)
	}
	return nil
}

func sameRows(a, b string) bool {
	return slices.EqualFunc(linkedRow.FindAllStringSubmatch(a, -1),
		linkedRow.FindAllStringSubmatch(b, -1), func(a, b []string) bool {
			then, err := strconv.ParseFloat(a[3], 64)
			now, err2 := strconv.ParseFloat(b[3], 64)
			near := runtime.GOOS+"/"+runtime.GOARCH != "linux/amd64" || now > then*0.8 && now < then*1.2
			return errors.Join(err, err2) == nil && a[1] == b[1] && a[2] == b[2] && near
		})
}

func mebibytes(n int64) float64 { return float64(n) / (1 << 20) }
