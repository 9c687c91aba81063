// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package consumer

import (
	"fmt"
	"strings"
)

// StdOnly fails if a package or test of the module in the given folder imports, even
// indirectly, anything but the standard library and its own module.
func StdOnly(dir string) error {
	a := app{dir: dir, env: []string{"GOWORK=off"}}
	own, err := a.command("go", "list", "-m")
	if err != nil {
		return err
	}
	imported, err := a.command("go", "list", "-deps", "-test", "-f",
		"{{with .Module}}{{.Path}}{{end}}", "./...")
	if err != nil {
		return err
	}
	for path := range strings.FieldsSeq(imported) {
		if path != strings.TrimSpace(own) {
			return fmt.Errorf("%s imports module %s; it must need nothing but the standard library",
				dir, path)
		}
	}
	return nil
}
