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
	wantHeader = regexp.MustCompile(`\A(#!.*\n)?(//|#) Copyright the GuardKV authors\.\n(//|#) SPDX-License-Identifier: Apache-2\.0\n`)
	generated  = regexp.MustCompile(`(?m)^// Code generated .* DO NOT EDIT\.$`)
)

// header requires the two lines of the license at the top of everything that people write and
// machines run.
func header(_ fs.FS, name string, text []byte) []complaint {
	if !isProgram(name, text) || isGenerated(text) || wantHeader.Match(text) {
		return nil
	}
	return []complaint{{
		1,
		"the first two lines must be the copyright and the SPDX license identifier",
	}}
}

func isProgram(name string, text []byte) bool {
	return path.Ext(name) == ".go" || bytes.HasPrefix(text, []byte("#!"))
}

func isGenerated(text []byte) bool { return generated.Match(text) }

// The words are spelled in two halves so that this file does not complain about itself.
var leftover = regexp.MustCompile(`\b(` + strings.Join([]string{
	"TO" + "DO", "FIX" + "ME",
	"XX" + "X",
}, "|") + `)\b`)

// unfinished complains about notes to oneself: unfinished work has to be done, or written up where
// users see it.
func unfinished(_ fs.FS, name string, text []byte) []complaint {
	if !isProgram(name, text) && path.Ext(name) != ".md" {
		return nil
	}
	var found []complaint
	for n, line := range bytes.Split(text, []byte("\n")) {
		if word := leftover.Find(line); word != nil {
			found = append(found, complaint{n + 1, "unfinished: " + string(word)})
		}
	}
	return found
}
