// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package values_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/guardkv/guardkv/core"
	"github.com/guardkv/guardkv/core/keys"
	"github.com/guardkv/guardkv/core/memory"
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

// A tool shows the rows of a table whose Go types it does not have. Of formats in modules of
// their own it gets the functions to explain them: cbor.Explain, gob.Explain, and so on.
func ExampleExplain() {
	if err := showAPerson(context.Background(), os.Stdout); err != nil {
		fmt.Println(err)
	}
	// Output:
	// table "people" of string, json
	// values_test.person {
	//   Born int
	//   Name string
	// }
	// "ada": {"Name":"Ada Lovelace","Born":1815}
}

func showAPerson(ctx context.Context, out io.Writer) (err error) {
	type person struct {
		Name string
		Born int
	}
	db, err := core.Open(ctx, "people.db", memory.New())
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	people, err := core.OpenTable(ctx, db, "people", keys.String(), values.JSON[person]())
	if err != nil {
		return err
	}
	if err := people.Put(ctx, "ada", person{"Ada Lovelace", 1815}); err != nil {
		return err
	}

	tables, err := db.Tables(ctx)
	if err != nil {
		return err
	}
	for _, t := range tables {
		if err := showTable(ctx, db, t, out); err != nil {
			return err
		}
	}
	return nil
}

// showTable knows no type but those of package core.
func showTable(ctx context.Context, db *core.Storage, t core.TableInfo, out io.Writer) error {
	value, err := t.Explain(values.Explain)
	if err != nil {
		return err
	}
	key, err := t.ExplainKeys(keys.Explain)
	if err != nil {
		return err
	}
	fmt.Fprintf(out, "table %q of %s, %s\n%s\n", t.Name, t.KeyFormat, t.ValueFormat, value.Schema)
	rows, err := core.OpenRaw(ctx, db, t.Name)
	if err != nil {
		return err
	}
	for row, err := range rows.Scan().Rows(ctx) {
		if err != nil {
			return err
		}
		line, err := key.AppendJSON(nil, row.Key)
		if err != nil {
			return err
		}
		line, err = value.AppendJSON(append(line, ": "...), row.Key, row.Value)
		if err != nil {
			return err
		}
		fmt.Fprintf(out, "%s\n", line)
	}
	return nil
}
