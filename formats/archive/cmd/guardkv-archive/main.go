// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

// Command guardkv-archive generates, from Go structs, the code that
// github.com/guardkv/guardkv/formats/archive needs: views that read them in place, encoders,
// and the schema that tables remember.
//
//	//go:generate go tool guardkv-archive -type Person,Place
//
// It reads its last output, so that fields keep their places. Run it in the folder of the
// package. With -check it writes nothing, and fails if the files differ from what it would
// write.
//
// A field that is gone while one of the same type is new may have been renamed or removed. The
// command fails until the new field has the tag `archive:"was=Old"`, or -removed names the old one.
package main

import (
	"bytes"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"github.com/guardkv/guardkv/formats/archive/internal/generate"
)

func main() {
	if err := run(os.Args[1:], os.Stderr); err != nil {
		if !errors.Is(err, flag.ErrHelp) {
			fmt.Fprintln(os.Stderr, "guardkv-archive:", err)
		}
		os.Exit(1)
	}
}

func run(args []string, stderr io.Writer) error {
	flags := flag.NewFlagSet("guardkv-archive", flag.ContinueOnError)
	flags.SetOutput(stderr)
	names := flags.String("type", "", "the structs that are put into tables, separated by commas")
	out := flags.String("o", "archive_gen.go", "the file to write")
	check := flags.Bool("check",
		false, "write nothing; fail if what is generated is not up to date")
	removed := flags.String("removed", "", "fields T.F and members I.M of interfaces, separated by "+
		"commas, that were removed while others of their types were added")
	dir := flags.String("dir", ".", "the folder of the package")
	if err := flags.Parse(args); err != nil {
		return err
	}
	if flags.NArg() > 0 {
		return fmt.Errorf("unexpected argument %q", flags.Arg(0))
	}
	o := generate.Options{
		Dir: *dir, Out: *out, Types: listed(*names), Removed: listed(*removed),
	}
	files, err := generate.Generate(o)
	if err != nil {
		return err
	}
	for _, f := range files {
		if err := settle(filepath.Join(o.Dir, f.Name), f.Content, *check); err != nil {
			return err
		}
	}
	return nil
}

// listed returns the names in a list that is separated by commas.
func listed(list string) (names []string) {
	for name := range strings.SplitSeq(list, ",") {
		if name = strings.TrimSpace(name); name != "" {
			names = append(names, name)
		}
	}
	return names
}

// settle writes a file unless it already has the content. With check it fails instead of
// writing.
func settle(path string, content []byte, check bool) error {
	before, err := os.ReadFile(path)
	if err == nil && bytes.Equal(before, content) {
		return nil
	}
	if check {
		return fmt.Errorf("%s is not up to date: run go generate, and commit what it writes", path)
	}
	return os.WriteFile(path, content, 0o644)
}
