// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package core_test

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"strings"
	"testing"

	"github.com/guardkv/guardkv/core"
	"github.com/guardkv/guardkv/core/keys"
	"github.com/guardkv/guardkv/core/memory"
	"github.com/guardkv/guardkv/core/values"
)

// A dry run that wrote would record a type that was never released, and one that set a table aside
// would do the very thing that it is run to prevent.
func TestCompareTableTouchesNothing(t *testing.T) {
	type was struct{ Name, City string }
	type added struct {
		Name, City string
		Age        int
	}
	type renamed struct{ FullName, City string }
	backend := memory.New()
	s, err := core.Open(t.Context(), "people", backend, core.WithRecreate(core.OnFormatChange))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := core.OpenTable(t.Context(), s, "people",
		keys.String(), values.JSON[was]()); err != nil {
		t.Fatal(err)
	}
	for range 2 { // the second time with a storage that is read-only
		before, err := s.Tables(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		same, err := core.CompareTable(t.Context(), s, "people", keys.String(), values.JSON[was]())
		wantComparison(t, same, err, false, "", "")
		more, err := core.CompareTable(t.Context(), s, "people",
			keys.String(), values.JSON[added]())
		wantComparison(t, more, err, true, "",
			"- core_test.was {\n+ core_test.added {\n+   Age int\n    City string\n    Name string\n  }")
		gone, err := core.CompareTable(t.Context(), s, "people",
			keys.String(), values.JSON[renamed]())
		wantComparison(t, gone, err, false, "the field Name (string)",
			"- core_test.was {\n+ core_test.renamed {\n    City string\n-   Name string\n+   FullName string\n  }")
		key, err := core.CompareTable(t.Context(), s, "people", keys.Uint8(), values.JSON[was]())
		wantComparison(t, key, err, false, `the table's keys are "string", opened as "uint8"`, "")
		sums, err := core.CompareTable(t.Context(), s, "people",
			keys.String(), values.JSON[was](), core.WithChecksums())
		wantComparison(t, sums, err, false, "without checksums", "")
		unfit, err := core.CompareTable(t.Context(), s, "people",
			keys.String(), values.JSON[chan int]())
		wantComparison(t, unfit, err, false, "chan int", "-")
		if c, err := core.CompareTable(t.Context(), s, "pets",
			keys.String(), values.JSON[was]()); !errors.Is(err, core.ErrNotFound) {
			t.Errorf("a table that is not there: %v, %v", c, err)
		}
		after, err := s.Tables(t.Context())
		if err != nil || !reflect.DeepEqual(after, before) {
			t.Errorf("the tables were %v, and are %v, %v", before, after, err)
		}
		if r, ok := s.Recreated(); ok {
			t.Errorf("something was replaced: %v", r)
		}
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
		if s, err = core.Open(t.Context(), "people", backend, core.WithReadOnly()); err != nil {
			t.Fatal(err)
		}
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := core.CompareTable(t.Context(), s, "people",
		keys.String(), values.JSON[was]()); !errors.Is(err, core.ErrClosed) {
		t.Errorf("a closed storage: %v", err)
	}
}

// wantComparison compares what a comparison says: a part of why the table is refused, and the
// difference unless it is "-".
func wantComparison(
	t *testing.T, c *core.TableComparison, err error, changes bool, refused, diff string,
) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
	if c.Changes() != changes {
		t.Errorf("it changes what is recorded: %v", c.Changes())
	}
	if (c.Refused == nil) != (refused == "") ||
		c.Refused != nil && !strings.Contains(c.Refused.Error(), refused) {
		t.Errorf("it is refused because of %v, want %q", c.Refused, refused)
	}
	if diff == "-" {
		return
	}
	if got, err := c.Diff(values.Explain); got != diff || err != nil {
		t.Errorf("the difference is\n%s\n%v, want\n%s", got, err, diff)
	}
}

func ExampleCompareTable() {
	type Person struct{ Name, City string }
	type PersonV2 struct{ FullName, City string }

	ctx := context.Background()
	db, err := core.Open(ctx, "example", memory.New())
	if err != nil {
		panic(err)
	}
	defer db.Close()
	if _, err := core.OpenTable(ctx, db, "people",
		keys.String(), values.JSON[Person]()); err != nil {
		panic(err)
	}

	// Before the release: does the new type fit what is stored?
	c, err := core.CompareTable(ctx, db, "people", keys.String(), values.JSON[PersonV2]())
	if err != nil {
		panic(err)
	}
	diff, err := c.Diff(values.Explain)
	if err != nil {
		panic(err)
	}
	fmt.Println("fits:", c.Refused == nil)
	fmt.Println(diff)
	// Output:
	// fits: false
	// - core_test.Person {
	// + core_test.PersonV2 {
	//     City string
	// -   Name string
	// +   FullName string
	//   }
}

func ExampleTableInfo_Explain() {
	type Person struct {
		Name string
		Born int `json:"born"`
	}

	ctx := context.Background()
	db, err := core.Open(ctx, "example", memory.New())
	if err != nil {
		panic(err)
	}
	defer db.Close()
	byCity := keys.Pair(keys.String(), keys.Uint32())
	people, err := core.OpenTable(ctx, db, "people", byCity, values.JSON[Person]())
	if err != nil {
		panic(err)
	}
	if err := people.Put(ctx, byCity.Key("Oslo", 7), Person{"Ann", 1990}); err != nil {
		panic(err)
	}

	// A tool knows none of these types. It imports the packages of the formats that it can explain.
	tables, err := db.Tables(ctx)
	if err != nil {
		panic(err)
	}
	for _, info := range tables {
		value, err := info.Explain(values.Explain)
		if err != nil {
			panic(err)
		}
		key, err := info.ExplainKeys(keys.Explain)
		if err != nil {
			panic(err)
		}
		fmt.Println(value.Schema)
		raw, err := core.OpenRaw(ctx, db, info.Name)
		if err != nil {
			panic(err)
		}
		for row, err := range raw.Scan().Rows(ctx) {
			if err != nil {
				panic(err)
			}
			k, err := key.AppendJSON(nil, row.Key)
			if err != nil {
				panic(err)
			}
			v, err := value.AppendJSON(nil, row.Key, row.Value)
			if err != nil {
				panic(err)
			}
			fmt.Printf("%s: %s\n", k, v)
		}
	}
	// Output:
	// core_test.Person {
	//   Name string
	//   born (Born) int
	// }
	// ["Oslo",7]: {"Name":"Ann","born":1990}
}
