// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package core

import (
	"errors"
	"io/fs"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"github.com/guardkv/guardkv/core/internal/names"
)

// Storages and tables that a policy replaces are not deleted but set aside: renamed, with the
// time behind their name. The time sorts them, and keeps any number of them apart.

// What is set aside has the name that it had, and when that was.
const (
	replacedInfix = ".replaced-"
	replacedTime  = "20060102T150405.000000000Z"
)

// asideClock tells the time of setting aside, and never the same time twice, however coarse the
// clock is.
type asideClock struct {
	mu   sync.Mutex
	last time.Time
}

// next returns the time now is, or one that is a little later than the last that was returned.
func (c *asideClock) next(now time.Time) time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	if now = now.UTC().Round(0); !now.After(c.last) {
		now = c.last.Add(time.Nanosecond)
	}
	c.last = now
	return now
}

var asides asideClock

// replacedSuffix is what stands behind the name of what is set aside now.
func replacedSuffix() string { return replacedInfix + asides.next(time.Now()).Format(replacedTime) }

// replacedPrefix returns how the paths of all storages start that are set aside from path.
func replacedPrefix(path string) string {
	return names.Stem(path, len(replacedInfix)+len(replacedTime)) + replacedInfix
}

// isReplaced reports whether other is the path of a storage that was set aside from path.
func isReplaced(path, other string) bool {
	suffix, ok := strings.CutPrefix(other, replacedPrefix(path))
	_, err := time.Parse(replacedTime, suffix)
	return ok && err == nil
}

// asideTries is how often another name is tried for a storage if somebody has that name:
// another process with a coarse clock has set something aside in the same tick.
const asideTries = 1000

// renameAside moves the claimed storage away from place, to a name that nothing has, and
// returns what stands behind its name.
func renameAside(c Claim, place string) (suffix string, err error) {
	for range asideTries {
		suffix = replacedSuffix()
		if err = c.Rename(names.Beside(place, suffix)); !errors.Is(err, fs.ErrExist) {
			break
		}
	}
	return suffix, err
}

// asideOf returns the name under which a table is set aside. No table has it.
func (c *catalog) asideOf(name string) string {
	for {
		if aside := name + replacedSuffix(); c.find(aside) == nil {
			return aside
		}
	}
}

// shownBeside returns the path of what is beside place in the form in which the user gave the path.
func shownBeside(path, place, suffix string) string {
	if filepath.Base(path) != filepath.Base(place) { // such as "."
		path = place
	}
	return names.Beside(path, suffix)
}

// resolve returns a path that leads to the same place for as long as the program runs.
func resolve(b Backend, path string) (string, error) {
	if path == "" {
		return "", errNoPath
	}
	if err := missing("backend", b); err != nil {
		return "", err
	}
	return b.Resolve(path)
}
