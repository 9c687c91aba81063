// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package generate_test

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/guardkv/guardkv/formats/archive/internal/generate"
)

// folder makes a module with one package. Its types import nothing that would have to be
// downloaded.
func folder(t *testing.T) string {
	t.Helper()
	t.Setenv("GOWORK", "off")
	dir := t.TempDir()
	write(t, dir, "go.mod", "module example.org/zoo\n\ngo 1.26\n")
	return dir
}

func write(t *testing.T, dir, name, content string) {
	t.Helper()
	if err := os.WriteFile(filepath.Join(dir, name), []byte(content), 0o644); err != nil {
		t.Fatal(err)
	}
}

// generated writes source, generates, and keeps what was generated, as a program that is
// changed does.
func generated(t *testing.T, dir, source string, removed ...string) ([]generate.File, error) {
	t.Helper()
	write(t, dir, "zoo.go", "package zoo\n\nimport \"time\"\n\ntype at = time.Time\n\n"+source)
	files, err := generate.Generate(generate.Options{
		Dir: dir, Types: []string{"T"},
		Out: "archive_gen.go", Removed: removed,
	})
	for _, f := range files {
		write(t, dir, f.Name, string(f.Content))
	}
	return files, err
}

// schemaOf is the schema in a generated file, without quotes.
func schemaOf(file []byte) string {
	var b strings.Builder
	for line := range strings.Lines(string(file)) {
		if s := strings.TrimSpace(line); strings.HasPrefix(s, `"`) && strings.Contains(s, `\n"`) {
			b.WriteString(strings.ReplaceAll(strings.TrimPrefix(strings.Split(s, `\n"`)[0], `"`),
				`\t`, "") + "\n")
		}
	}
	return b.String()
}

// What happens to the places of fields when a type changes.
func TestEvolution(t *testing.T) {
	for _, c := range []struct{ name, before, after, want string }{
		{
			"nothing", "type T struct{ A int32; B string }", "type T struct{ A int32; B string }",
			"struct T 12\n0 A int32\n4 B string\n",
		},
		{
			"another order", "type T struct{ A int32; B string }",
			"type T struct{ B string; A int32 }", "struct T 12\n0 A int32\n4 B string\n",
		},
		{
			"added in front", "type T struct{ A int32 }", "type T struct{ Z bool; A int32 }",
			"struct T 4 5\n0 A int32\n4 Z bool\n",
		},
		{
			"removed", "type T struct{ A int32; B string }", "type T struct{ B string }",
			"struct T 12\n0 -A int32\n4 B string\n",
		},
		{
			"removed and added", "type T struct{ A int32 }", "type T struct{ B uint32 }",
			"struct T 4 8\n0 -A int32\n4 B uint32\n",
		},
		{
			"renamed", "type T struct{ A int32 }", "type T struct{ B int32 `archive:\"was=A\"` }",
			"struct T 4\n0 B int32 was=A\n",
		},
		{
			"type renamed", "type T struct{ A *U }\ntype U struct{ X bool }",
			"type T struct{ A *V }\n//archive:was U\ntype V struct{ X bool }",
			"struct T 4\n0 A *V\nstruct V 1 was=U\n0 X bool\n",
		},
		{
			"named number", "type T struct{ A uint8 }", "type T struct{ A Color }\ntype Color uint8",
			"struct T 1\n0 A uint8\n",
		},
		{
			"struct of a removed field", "type T struct{ A *U; B bool }\ntype U struct{ X bool }",
			"type T struct{ B bool }",
			"struct T 5\n0 -A *U\n4 B bool\nstruct U 1\n0 X bool\n",
		},
		{
			"member added in front",
			"type T struct{ S I }\n//archive:oneof A\ntype I interface{}\ntype A struct{}",
			"type T struct{ S I }\n//archive:oneof B A\ntype I interface{}\ntype A struct{}\ntype B struct{}",
			"struct A 0\nstruct B 0\nstruct T 6\n0 S oneof(I)\noneof I\n1 A\n2 B\n",
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			dir := folder(t)
			if _, err := generated(t, dir, c.before); err != nil {
				t.Fatal(err)
			}
			files, err := generated(t, dir, c.after)
			if err != nil {
				t.Fatal(err)
			}
			got := strings.TrimPrefix(schemaOf(files[0].Content), "archive/1\n")
			if sorted(got) != sorted(c.want) {
				t.Errorf("the schema becomes\n%swant\n%s", got, c.want)
			}
			again, err := generated(t, dir, c.after)
			if err != nil || !bytes.Equal(again[0].Content, files[0].Content) {
				t.Errorf("generated again it is something else, error %v", err)
			}
		})
	}
}

// sorted is a schema whose definitions are in one order, whatever their kind.
func sorted(s string) string {
	_, oneof, found := strings.Cut(s, "oneof ")
	if !found {
		return s
	}
	end := strings.Index(oneof, "struct ")
	if end < 0 {
		end = len(oneof)
	}
	return strings.Replace(s, "oneof "+oneof[:end], "", 1) + "oneof " + oneof[:end]
}

// A field that came back is where it was, and known to be missing in some rows; one that is
// gone again too.
func TestComeBack(t *testing.T) {
	dir := folder(t)
	var files []generate.File
	for _, source := range []string{
		"type T struct{ A string; B bool }", "type T struct{ B bool }",
		"type T struct{ B bool; A string }",
	} {
		var err error
		if files, err = generated(t, dir, source); err != nil {
			t.Fatal(err)
		}
	}
	if got := schemaOf(files[0].Content); !strings.Contains(got, "0 ~A string\n") {
		t.Errorf("the schema is\n%s", got)
	}
}

// A field that got another name, or a member of an interface, was taken for one that was removed
// while another one was added: rows lost it without a word. Now that is a question, which names
// both, and both answers. A second run, and -check, ask nothing.
func TestRenamedOrRemoved(t *testing.T) {
	const shape = "type T struct{ S I }\ntype A struct{ X int }\ntype B struct{ X int }\n" +
		"type C struct{ Y bool }\n"
	for _, c := range []struct {
		name, before, after string
		removed             string // what is asked for
		want                []string
		renamed             string // the other answer
	}{
		{
			"a field", "type T struct{ Name string; N int }", "type T struct{ Title string; N int }",
			"T.Name",
			[]string{"T.Name string", "Title", `was=Name`},
			"type T struct{ Title string `archive:\"was=Name\"`; N int }",
		},
		{
			"one of two", "type T struct{ A int8 }", "type T struct{ B, C int8; D int16 }",
			"T.A",
			[]string{"B or C is new"},
			"type T struct{ B int8 `archive:\"was=A\"`; C int8; D int16 }",
		},
		{
			"with its type", "type T struct{ A []*U }\ntype U struct{ X bool }",
			"type T struct{ B []*V }\ntype V struct{ X bool }",
			"T.A",
			[]string{"[]*U", "B"},
			"type T struct{ B []*V `archive:\"was=A\"` }\n//archive:was U\ntype V struct{ X bool }",
		},
		{
			"in a struct", "type T struct{ M map[string]U }\ntype U struct{ X at }",
			"type T struct{ M map[string]U }\ntype U struct{ Y at }",
			"U.X",
			[]string{"U.X time", "Y"},
			"type T struct{ M map[string]U }\ntype U struct{ Y at `archive:\"was=X\"` }",
		},
		{
			"a member", shape + "//archive:oneof A C\ntype I interface{}",
			shape + "//archive:oneof C B\ntype I interface{}",
			"I.A",
			[]string{"I may not hold A", "B is new", "archive:was A"},
			strings.Replace(shape, "type A struct{ X int }\ntype B", "//archive:was A\ntype B", 1) +
				"//archive:oneof C B\ntype I interface{}",
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			for _, answer := range []string{"removed", "renamed"} {
				dir := folder(t)
				if _, err := generated(t, dir, c.before); err != nil {
					t.Fatal(err)
				}
				_, err := generated(t, dir, c.after)
				for _, want := range append(c.want, "-removed "+c.removed) {
					if err == nil || !strings.Contains(err.Error(), want) {
						t.Fatalf("error %v, want one with %q", err, want)
					}
				}
				after, removed := c.after, []string{c.removed}
				if answer == "renamed" {
					after, removed = c.renamed, nil
				}
				files, err := generated(t, dir, after, removed...)
				if err != nil {
					t.Fatalf("%s: %v", answer, err)
				}
				again, err := generated(t, dir, after)
				if err != nil || !bytes.Equal(again[0].Content, files[0].Content) {
					t.Errorf("%s: generated again it is something else, error %v", answer, err)
				}
			}
		})
	}
}

// A field that is still there was not removed. A field that went alone, or was gone before, raises
// no question.
func TestRemovedThatIsThere(t *testing.T) {
	const oneof = "\n//archive:oneof A\ntype I interface{}\ntype A struct{}"
	dir := folder(t)
	for _, removed := range []string{"T.A", "I.A"} {
		_, err := generated(t, dir, "type T struct{ A int; S I }"+oneof)
		if err == nil {
			_, err = generated(t, dir, "type T struct{ A int; S I }"+oneof, removed)
		}
		if err == nil || !strings.Contains(err.Error(), "-removed names "+removed) {
			t.Errorf("%s: error %v", removed, err)
		}
	}
	for _, source := range []string{"type T struct{ S I }" + oneof, "type T struct{ S I; B int }" + oneof} {
		if _, err := generated(t, dir, source); err != nil {
			t.Errorf("A was removed, and B added later: %v", err)
		}
	}
}

// What would give bytes of stored rows another meaning is refused, and both meanings are named.
func TestRefusedChanges(t *testing.T) {
	for _, c := range []struct {
		name, before, after string
		want                []string
	}{
		{
			"retyped", "type T struct{ A int32 }", "type T struct{ A string }",
			[]string{"T.A", "int32", "string"},
		},
		{
			"wider", "type T struct{ A int32 }", "type T struct{ A int64 }",
			[]string{"T.A", "int32", "int64"},
		},
		{
			"pointer", "type T struct{ A U }\ntype U struct{}",
			"type T struct{ A *U }\ntype U struct{}",
			[]string{"T.A", "is *U"},
		},
		{
			"element", "type T struct{ A []int32 }", "type T struct{ A []int16 }",
			[]string{"T.A", "[]int32", "[]int16"},
		},
		{
			"fixed", "type T struct{ A U }\ntype U struct{ X bool }",
			"type T struct{ A U `archive:\"fixed\"` }\ntype U struct{ X bool }",
			[]string{"T.A", "U", "fixed(U)"},
		},
		{
			"fixed has grown", "type T struct{ A U `archive:\"fixed\"` }\ntype U struct{ X bool }",
			"type T struct{ A U `archive:\"fixed\"` }\ntype U struct{ X, Y bool }",
			[]string{"U", "fixed"},
		},
		{
			"renamed to a name that is there", "type T struct{ A, B int32 }",
			"type T struct{ B int32 `archive:\"was=A\"` }",
			[]string{"T.", "A", "B"},
		},
		{
			"former name", "type T struct{ B int32 `archive:\"was=A\"` }",
			"type T struct{ B int32; A string }",
			[]string{"T.A", "B", "not used again"},
		},
		{
			"former name of a type",
			"type T struct{ A *V }\n//archive:was U\ntype V struct{ X bool }",
			"type T struct{ A *V; B *U }\ntype V struct{ X bool }\ntype U struct{}",
			[]string{"U", "V", "not used again"},
		},
		{
			"element of a type that was renamed, which is not said",
			"type T struct{ A map[string][]U }\ntype U struct{ X bool }",
			"type T struct{ A map[string][]V }\ntype V struct{ X bool }",
			[]string{"T.A", "give V the comment //archive:was U"},
		},
		{
			"struct for interface", "type T struct{ S *I }\ntype I struct{}",
			"type T struct{ S I }\n//archive:oneof A\ntype I interface{}\ntype A struct{}",
			[]string{"T.S", "*I", "oneof(I)"},
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			dir := folder(t)
			if _, err := generated(t, dir, c.before); err != nil {
				t.Fatal(err)
			}
			_, err := generated(t, dir, c.after)
			for _, want := range c.want {
				if err == nil || !strings.Contains(err.Error(), want) {
					t.Fatalf("error %v, want one with %q", err, want)
				}
			}
		})
	}
}

// What cannot be archived is refused with the field, the line and what to do.
func TestRefusedTypes(t *testing.T) {
	dir := folder(t)
	for _, c := range []struct{ name, source, want string }{
		{"unexported field", "type T struct{ a int }", `T.a is unexported`},
		{"function", "type T struct{ A func() }", "T.A: values of type func()"},
		{"channel", "type T struct{ A []chan int }", "T.A: values of type chan int"},
		{"any", "type T struct{ A any }", "T.A: values of type any"},
		{
			"interface without a list", "type T struct{ A I }\ntype I interface{ M() }",
			"//archive:oneof",
		},
		{
			"member that does not implement",
			"type T struct{ A I }\n//archive:oneof B\ntype I interface{ M() }\ntype B struct{}\nfunc (*B) M() {}", "write that",
		},
		{
			"member that is no struct",
			"type T struct{ A I }\n//archive:oneof B\ntype I interface{}\ntype B int", "no struct",
		},
		{
			"member twice",
			"type T struct{ A I }\n//archive:oneof B B\ntype I interface{}\ntype B struct{}",
			"twice",
		},
		{"generic", "type T struct{ A G[int] }\ntype G[E any] struct{ X E }", "generic"},
		{"anonymous struct", "type T struct{ A struct{ X int } }", "without a name"},
		{"pointer to pointer", "type T struct{ A **int }", "T.A: a pointer to *int"},
		{"pointer to slice", "type T struct{ A *[]int }", "T.A: a pointer to []int"},
		{"float key", "type T struct{ A map[float64]int }", "float64 cannot be the key"},
		{
			"struct key", "type T struct{ A map[K]int }\ntype K struct{ X int }",
			"K cannot be the key",
		},
		{"slice in itself", "type T struct{ A S }\ntype S []S", "contains itself"},
		{"elements without size", "type T struct{ A []E }\ntype E struct{}", "without a size"},
		{"fixed number", "type T struct{ A int `archive:\"fixed\"` }", "fixed is for structs"},
		{"unknown option", "type T struct{ A int `archive:\"omitempty\"` }", "omitempty"},
		{"over 64 KiB", "type T struct{ A [5000][20]byte }", "65535"},
		{"unknown type", "type T struct{ A Missing }", "Missing"},
		{"no struct", "type T int", "T is no struct"},
		{
			"a word of schemas", "type T struct{ A bytes }\ntype bytes struct{ X int }",
			"named bytes",
		},
		{
			"name that is taken", "type T struct{ A int }\ntype TView int",
			"TView would be generated",
		},
		{"nothing", "type U struct{}", "no type T"},
	} {
		_, err := generated(t, dir, c.source)
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: error %v, want one with %q", c.name, err, c.want)
		}
		if _, statErr := os.Stat(filepath.Join(dir, "archive_gen.go")); statErr == nil {
			t.Errorf("%s: something was written", c.name)
		}
	}
}

// A damaged generated file is not treated like a missing one, or all fields would get new places.
func TestDamagedOutput(t *testing.T) {
	dir := folder(t)
	files, err := generated(t, dir, "type T struct{ A, B string }")
	if err != nil {
		t.Fatal(err)
	}
	good := string(files[0].Content)
	for name, content := range map[string]string{
		"empty": "", "no Go": "package", "no schema": "package zoo\n",
		"a place":  strings.Replace(good, `8 B string`, `4 B string`, 1),
		"a type":   strings.Replace(good, `8 B string`, `8 B strong`, 1),
		"a number": strings.Replace(good, `struct T 16`, `struct T 99999999999`, 1),
	} {
		write(t, dir, "archive_gen.go", content)
		if _, err := generate.Generate(generate.Options{
			Dir: dir, Types: []string{"T"},
			Out: "archive_gen.go",
		}); err == nil {
			t.Errorf("%s: accepted", name)
		}
	}
}

// A package may have several files, each with a schema of its own.
func TestTwoFiles(t *testing.T) {
	dir := folder(t)
	write(t, dir, "zoo.go", "package zoo\n\ntype A struct{ X int }\ntype B struct{ Y string }\n")
	for _, o := range []generate.Options{
		{Dir: dir, Types: []string{"A"}, Out: "a_gen.go"},
		{Dir: dir, Types: []string{"B"}, Out: "b_gen.go"},
	} {
		files, err := generate.Generate(o)
		if err != nil {
			t.Fatal(err)
		}
		for _, f := range files {
			write(t, dir, f.Name, string(f.Content))
		}
	}
	for _, out := range []string{"", "sub/a.go", "a.txt", "a_test.go"} {
		if _, err := generate.Generate(generate.Options{
			Dir: dir, Types: []string{"A"},
			Out: out,
		}); err == nil {
			t.Errorf("the output %q is accepted", out)
		}
	}
	if _, err := generate.Generate(generate.Options{Dir: dir, Out: "a_gen.go"}); err == nil {
		t.Error("no types are accepted")
	}
}
