// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package directory_test

import (
	"context"
	"errors"
	"fmt"
	"log"
	"log/slog"
	"os"
	"path/filepath"
	"strings"

	"github.com/guardkv/guardkv/core"
	"github.com/guardkv/guardkv/core/directory"
)

// A backend says how its engine is locked, created and opened; Claim does the rest: the mark,
// and a directory that appears when it is complete. What is not a storage stays as it is.
func ExampleClaim() {
	ctx := context.Background()
	dir, err := os.MkdirTemp("", "example")
	if err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(dir)
	driver := directory.Driver{Lock: directory.Flock, Create: createToy, Open: openToy}

	claim, err := directory.Claim(ctx, filepath.Join(dir, "storage"), false, driver)
	if err != nil {
		log.Fatal(err)
	}
	mark, err := claim.Mark()
	fmt.Printf("mark: %q, %v\n", mark, err)
	options := core.EngineOptions{
		Mark:   []byte("what core keeps"),
		Logger: slog.New(slog.DiscardHandler),
	}
	engine, err := claim.Open(ctx, options)
	if err != nil {
		log.Fatal(err)
	}
	if err := engine.Close(); err != nil {
		log.Fatal(err)
	}

	claim, err = directory.Claim(ctx, filepath.Join(dir, "storage"), true, driver)
	if err != nil {
		log.Fatal(err)
	}
	defer claim.Release()
	mark, err = claim.Mark()
	fmt.Printf("mark: %q, %v\n", mark, err)

	photos := filepath.Join(dir, "photos")
	if err := os.MkdirAll(filepath.Join(photos, "2026"), 0o700); err != nil {
		log.Fatal(err)
	}
	other, err := directory.Claim(ctx, photos, false, driver)
	if err != nil {
		log.Fatal(err)
	}
	defer other.Release()
	_, err = other.Mark()
	fmt.Println("photos are no storage:", errors.Is(err, core.ErrNotStorage))
	// Output:
	// mark: "", <nil>
	// mark: "what core keeps", <nil>
	// photos are no storage: true
}

// Names that belong to a storage lie beside it, and are never too long for a file system.
func ExampleBeside() {
	fmt.Println(directory.Beside("data/people", ".old"))
	long := directory.Beside("data/"+strings.Repeat("x", 255), ".old")
	fmt.Println(len(filepath.Base(long)), strings.HasSuffix(long, ".old"))
	// Output:
	// data/people.old
	// 255 true
}
