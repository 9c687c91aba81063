// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package values_test

import (
	"fmt"
	"strings"

	"github.com/guardkv/guardkv/core/values"
)

func ExampleJSON() {
	type user struct {
		Name  string
		Admin bool `json:",omitempty"`
	}
	f := values.JSON[user]()
	stored, err := f.Append(nil, user{Name: "Ada"})
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(string(stored))

	got, err := f.View(stored)
	fmt.Println(got.Name, err)

	_, err = f.View([]byte("{"))
	fmt.Println(err)
	// Output:
	// {"Name":"Ada"}
	// Ada <nil>
	// json of values_test.user: corrupt: unexpected end of JSON input; the value is damaged, or was stored as another type
}

// The view of a string is the stored bytes, and changes with them.
func ExampleString() {
	stored := []byte("stored bytes")
	view, err := values.String().View(stored)
	kept := strings.Clone(view)
	copy(stored, "reused")
	fmt.Println(view, err)
	fmt.Println(kept)
	// Output:
	// reused bytes <nil>
	// stored bytes
}
