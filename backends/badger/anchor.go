// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package badger

import (
	"os"
	"strconv"
	"strings"

	"github.com/guardkv/guardkv/core/directory"
)

// anchor is where badger finds its files. badger opens and deletes files by their paths for as
// long as it runs, in goroutines of its own too. If its directory was moved and another put in
// its place, it would do so in the other one. On Linux a path through the descriptor of the
// locked directory leads to that directory and no other, whatever becomes of its name.
type anchor struct {
	dir   string // the path that badger is given
	named string // the path that people know
	holds bool   // dir will never lead to another directory
}

// drop returns the anchor of a locked directory.
func drop(p directory.Place) anchor {
	byName := anchor{dir: p.Dir, named: p.Dir}
	lock, ok := p.Lock.(interface{ Fd() uintptr })
	if !ok {
		return byName
	}
	dir := "/proc/self/fd/" + strconv.FormatUint(uint64(lock.Fd()), 10)
	through, err := os.Stat(dir)
	if err != nil {
		return byName // another system, or one without /proc
	}
	if byPath, err := os.Stat(p.Dir); err != nil || !os.SameFile(through, byPath) {
		return byName
	}
	return anchor{dir: dir, named: p.Dir, holds: true}
}

// text returns a text of badger's, with the path that people know.
func (a anchor) text(s string) string {
	if !a.holds || !strings.Contains(s, a.dir) {
		return s
	}
	return strings.NewReplacer(a.dir+"/", a.named+"/", a.dir+":", a.named+":", a.dir+" ",
		a.named+" ").Replace(s)
}

// err returns an error that says the same with the path that people know.
func (a anchor) err(err error) error {
	if err == nil || a.text(err.Error()) == err.Error() {
		return err
	}
	return namedError{err, a}
}

// namedError is an error whose text names files by the path that people know.
type namedError struct {
	error
	anchor anchor
}

func (e namedError) Error() string { return e.anchor.text(e.error.Error()) }

func (e namedError) Unwrap() error { return e.error }
