// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package release

import (
	"errors"
	"fmt"
	"regexp"
	"strings"
)

var (
	unreleased = regexp.MustCompile(`(?m)^## \[?Unreleased\]?[ \t]*$`)
	section    = regexp.MustCompile(`(?m)^## `)
)

// releaseChangelog moves what is under Unreleased to a heading with the version and the date, and
// leaves an empty Unreleased.
func releaseChangelog(text, version, date string) (string, error) {
	head := unreleased.FindStringIndex(text)
	if head == nil {
		return "", errors.New("it has no section [Unreleased]")
	}
	notes := text[head[1]:]
	if next := section.FindStringIndex(notes); next != nil {
		notes = notes[:next[0]]
	}
	if strings.TrimSpace(notes) == "" {
		return "", errors.New("it says nothing under [Unreleased]: tell users what changed")
	}
	return fmt.Sprintf("%s\n\n## [%s] - %s%s",
		text[:head[1]], strings.TrimPrefix(version, "v"), date, text[head[1]:]), nil
}
