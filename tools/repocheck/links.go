// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package repocheck

import (
	"bytes"
	"io/fs"
	"path"
	"regexp"
	"strings"
)

var (
	fence    = regexp.MustCompile("^ *(```|~~~)")
	codeSpan = regexp.MustCompile("`[^`]*`")
	// link finds [text](target) and, at the start of a line, [name]: target.
	link    = regexp.MustCompile(`\]\(<?([^)\s>]+)[^)]*\)|^\[[^\]]+\]:\s+<?([^\s>]+)`)
	heading = regexp.MustCompile(`^#{1,6} +(.*)$`)
	scheme  = regexp.MustCompile(`^[a-z][a-z0-9+.-]*:`)
	// slugDrops is what is left out of a heading when its anchor is made.
	slugDrops = regexp.MustCompile(`[^\p{L}\p{N} _-]`)
)

// links requires every link from a Markdown file to a place in the repository to lead somewhere.
func links(repo fs.FS, name string, text []byte) []complaint {
	if path.Ext(name) != ".md" {
		return nil
	}
	var found []complaint
	for n, line := range prose(text) {
		for _, match := range link.FindAllStringSubmatch(codeSpan.ReplaceAllString(line, ""), -1) {
			target := match[1] + match[2]
			if !scheme.MatchString(target) && !leadsSomewhere(repo, name, target) {
				found = append(found, complaint{n + 1, "dead link: " + target})
			}
		}
	}
	return found
}

// leadsSomewhere reports whether the file or folder that target names exists, and in it the
// heading that the part after # names.
func leadsSomewhere(repo fs.FS, from, target string) bool {
	file, anchor, _ := strings.Cut(target, "#")
	to := from
	if file != "" {
		to = path.Join(path.Dir(from), file)
	}
	if _, err := fs.Stat(repo, to); err != nil {
		return false
	}
	if anchor == "" || path.Ext(to) != ".md" {
		return true
	}
	text, err := fs.ReadFile(repo, to)
	return err == nil && hasHeading(text, anchor)
}

func hasHeading(text []byte, anchor string) bool {
	for _, line := range prose(text) {
		if match := heading.FindStringSubmatch(line); match != nil && slug(match[1]) == anchor {
			return true
		}
	}
	return false
}

// slug makes a heading's anchor the way code hosts do.
func slug(title string) string {
	return strings.ReplaceAll(slugDrops.ReplaceAllString(strings.ToLower(title), ""), " ", "-")
}

// prose returns the lines of a Markdown file, those of code blocks empty.
func prose(text []byte) []string {
	var lines []string
	code := false
	for line := range bytes.Lines(text) {
		isFence := fence.Match(line)
		if isFence {
			code = !code
		}
		if isFence || code {
			line = nil
		}
		lines = append(lines, strings.TrimSpace(string(line)))
	}
	return lines
}
