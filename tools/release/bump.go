// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package release

import (
	"fmt"
	"strconv"

	"golang.org/x/mod/semver"
)

// change is how a module differs from what was last released.
type change int

const (
	unchanged change = iota
	internal         // other code, the same API
	additions        // an API that still has all of the old one
	breaking         // something that programs may use has gone or changed
)

func (c change) String() string {
	return [...]string{
		"unchanged", "changed inside", "additions to the API",
		"breaking changes of the API",
	}[c]
}

// lowest returns the lowest version that may follow the last one after the change. Before v1 a
// minor version may break programs and a patch may not; from v1 on nothing may: that takes
// another major version, which is another module.
func (c change) lowest(last string) (string, error) {
	var major, minor, patch int
	if _, err := fmt.Sscanf(last, "v%d.%d.%d", &major, &minor, &patch); err != nil {
		return "", fmt.Errorf("version %q: %w", last, err)
	}
	switch {
	case c == unchanged:
		return last, nil
	case c == breaking && major > 0:
		return "v" + strconv.Itoa(major+1) + ".0.0", nil
	case c == breaking, c == additions && major > 0:
		return fmt.Sprintf("v%d.%d.0", major, minor+1), nil
	}
	return fmt.Sprintf("v%d.%d.%d", major, minor, patch+1), nil
}

// allow returns an error that says why the next version may not follow the last one, or nil.
func (c change) allow(last, next string) error {
	lowest, err := c.lowest(last)
	switch {
	case err != nil:
		return err
	case semver.Compare(next, last) < 0:
		return fmt.Errorf("version %s is lower than %s, which is released", next, last)
	case semver.Compare(next, lowest) < 0 && next == last:
		return fmt.Errorf("%s since %s without a new version: make it at least %s in %s",
			c, last, lowest, VersionsFile)
	case semver.Compare(next, lowest) < 0:
		return fmt.Errorf("%s since %s: version %s does not say so, it must be at least %s",
			c, last, next, lowest)
	}
	return nil
}
