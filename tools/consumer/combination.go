// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package consumer

import (
	"errors"
	"fmt"
	"slices"
	"strings"
)

// Combination is a program, or a package with tests, that uses some of the modules, and what
// may be linked into it.
type Combination struct {
	// Name is the folder below testdata that holds the source, unless Document is given.
	Name string
	// Document is a Markdown file of the repository. Its first block of Go is the program, the
	// block after that what the program prints, and it says "go get" and the modules of
	// Requires.
	Document string
	// Requires are the folders of the modules it gets.
	Requires []string
	// Tests says that it is a package of an outside author, whose tests are run. Otherwise it
	// is a program.
	Tests bool
	// Prints is what the program prints. It does not matter for tests.
	Prints string
	// Links are the modules that are linked, no more and no less: folders of our own, paths of
	// other modules.
	Links []string
	// Denied are words that may occur in no linked package's import path.
	Denied []string
}

// Combinations are what applications and outside authors do. A new backend or format adds a
// row, and a folder below testdata.
var Combinations = []Combination{
	{
		Name:     "memory-json",
		Requires: []string{"core"},
		Prints:   "Ada Lovelace, born 1815\n",
		Links:    []string{"core"},
		Denied: []string{
			"backendtest", "badger", "bbolt", "cbor", "flatbuffers", "formattest",
			"gob", "net/http", "pebble", "testing",
		},
	},
	{
		Name:     "bbolt-cbor",
		Requires: []string{"core", "backends/bbolt", "formats/cbor"},
		Prints:   "Ada Lovelace, born 1815\n",
		Links: []string{
			"core", "backends/bbolt", "formats/cbor",
			"github.com/fxamacker/cbor/v2", "github.com/x448/float16", "go.etcd.io/bbolt",
			"golang.org/x/sys",
		},
		Denied: []string{
			"backendtest", "badger", "core/memory", "flatbuffers", "formattest", "gob",
			"net/http", "pebble", "testing",
		},
	},
	{
		Name:     "bbolt-gob",
		Requires: []string{"core", "backends/bbolt", "formats/gob"},
		Prints:   "Ada Lovelace, born 1815\n",
		Links: []string{
			"core", "backends/bbolt", "formats/gob", "go.etcd.io/bbolt",
			"golang.org/x/sys",
		},
		Denied: []string{
			"backendtest", "badger", "cbor", "core/memory", "flatbuffers",
			"formattest", "net/http", "pebble", "testing",
		},
	},
	{
		Name:     "bbolt-archive",
		Requires: []string{"core", "backends/bbolt", "formats/archive"},
		Prints:   "Ada Lovelace, born 1815\n",
		Links: []string{
			"core", "backends/bbolt", "formats/archive", "go.etcd.io/bbolt",
			"golang.org/x/sys",
		},
		Denied: []string{
			"backendtest", "badger", "cbor", "core/memory", "flatbuffers",
			"formattest", "gob", "go/types", "net/http", "pebble", "testing",
		},
	},
	{
		Name:     "bbolt-flatbuffers",
		Requires: []string{"core", "backends/bbolt", "formats/flatbuffers"},
		Prints:   "Ada Lovelace, born 1815\n",
		Links: []string{
			"core", "backends/bbolt", "formats/flatbuffers",
			"github.com/google/flatbuffers", "go.etcd.io/bbolt", "golang.org/x/sys",
		},
		Denied: []string{
			"backendtest", "badger", "cbor", "core/memory", "formattest", "gob",
			"net/http", "pebble", "testing",
		},
	},
	{
		Name:     "bbolt-protobuf",
		Requires: []string{"core", "backends/bbolt", "formats/protobuf"},
		Prints:   "Ada Lovelace, born 1815\n",
		Links: []string{
			"core", "backends/bbolt", "formats/protobuf", "go.etcd.io/bbolt",
			"golang.org/x/sys", "google.golang.org/protobuf",
		},
		Denied: []string{
			"backendtest", "badger", "cbor", "core/memory", "flatbuffers",
			"formattest", "gob", "net/http", "pebble", "testing",
		},
	},
	{
		Name:     "bbolt-compress",
		Requires: []string{"core", "backends/bbolt", "formats/cbor", "formats/compress"},
		Prints:   "Ada Lovelace, born 1815\n",
		Links: []string{
			"core", "backends/bbolt", "formats/cbor", "formats/compress",
			"github.com/fxamacker/cbor/v2", "github.com/klauspost/compress",
			"github.com/x448/float16", "go.etcd.io/bbolt", "golang.org/x/sys",
		},
		Denied: []string{
			"backendtest", "badger", "compress/dict", "compress/s2", "core/memory", "encrypt",
			"flatbuffers", "formattest",
			"formats/gob", "net/http", "pebble", "testing",
		},
	},
	{
		Name:     "bbolt-encrypt",
		Requires: []string{"core", "backends/bbolt", "formats/gob", "formats/encrypt"},
		Prints:   "Ada Lovelace, born 1815\n",
		Links: []string{
			"core", "backends/bbolt", "formats/gob", "formats/encrypt",
			"go.etcd.io/bbolt", "golang.org/x/sys",
		},
		Denied: []string{
			"backendtest", "badger", "cbor", "core/memory", "flatbuffers", "formats/compress",
			"formattest", "net/http", "pebble", "testing",
		},
	},
	{
		Name:     "pebble-cbor",
		Requires: []string{"core", "backends/pebble", "formats/cbor"},
		Prints:   "Ada Lovelace, born 1815\n",
		Links: []string{
			"core", "backends/pebble", "formats/cbor",
			"github.com/fxamacker/cbor/v2", "github.com/x448/float16",
			"github.com/DataDog/zstd", "github.com/RaduBerinde/axisds",
			"github.com/RaduBerinde/btreemap", "github.com/beorn7/perks",
			"github.com/cespare/xxhash/v2", "github.com/cockroachdb/crlib",
			"github.com/cockroachdb/errors",
			"github.com/cockroachdb/logtags", "github.com/cockroachdb/pebble/v2",
			"github.com/cockroachdb/redact",
			"github.com/cockroachdb/swiss", "github.com/cockroachdb/tokenbucket",
			"github.com/getsentry/sentry-go",
			"github.com/gogo/protobuf", "github.com/golang/protobuf", "github.com/golang/snappy",
			"github.com/klauspost/compress",
			"github.com/kr/pretty", "github.com/kr/text",
			"github.com/matttproud/golang_protobuf_extensions",
			"github.com/minio/minlz", "github.com/pkg/errors",
			"github.com/prometheus/client_golang",
			"github.com/prometheus/client_model", "github.com/prometheus/common",
			"github.com/prometheus/procfs",
			"github.com/rogpeppe/go-internal", "golang.org/x/exp", "golang.org/x/sys",
			"golang.org/x/text", "google.golang.org/protobuf",
		},
		Denied: []string{
			"backendtest", "badger", "bbolt", "core/memory", "flatbuffers",
			"formats/gob", "formattest",
		},
	},
	{
		Name:     "badger-cbor",
		Requires: []string{"core", "backends/badger", "formats/cbor"},
		Prints:   "Ada Lovelace, born 1815\n",
		Links: []string{
			"core", "backends/badger", "formats/cbor",
			"github.com/fxamacker/cbor/v2", "github.com/x448/float16",
			"github.com/cespare/xxhash/v2", "github.com/dgraph-io/badger/v4",
			"github.com/dgraph-io/ristretto/v2",
			"github.com/dustin/go-humanize", "github.com/go-logr/logr", "github.com/go-logr/stdr",
			"github.com/google/flatbuffers",
			"github.com/klauspost/compress", "go.opentelemetry.io/auto/sdk",
			"go.opentelemetry.io/otel",
			"go.opentelemetry.io/otel/metric", "go.opentelemetry.io/otel/trace", "golang.org/x/sys",
			"google.golang.org/protobuf",
		},
		Denied: []string{
			"backendtest", "bbolt", "core/memory", "formats/flatbuffers",
			"formats/gob", "formattest", "pebble",
		},
	},
	{
		Name:     "readme",
		Document: "README.md",
		Requires: []string{"backends/bbolt", "formats/cbor"},
		Links: []string{
			"core", "backends/bbolt", "formats/cbor",
			"github.com/fxamacker/cbor/v2", "github.com/x448/float16", "go.etcd.io/bbolt",
			"golang.org/x/sys",
		},
	},
	{
		Name:     "outside-backend",
		Requires: []string{"core"},
		Tests:    true,
		Links:    []string{"core"},
		Denied:   []string{"badger", "bbolt", "cbor", "flatbuffers", "pebble"},
	},
	{
		Name:     "outside-format",
		Requires: []string{"core"},
		Tests:    true,
		Links:    []string{"core"},
		Denied:   []string{"badger", "bbolt", "cbor", "flatbuffers", "pebble"},
	},
}

// verify compares what was linked with what is expected. Links are paths of modules here.
func (c Combination) verify(l linked) error {
	var errs []error
	for _, want := range c.Links {
		if !slices.Contains(l.modules, want) {
			errs = append(errs, fmt.Errorf("module %s is not linked", want))
		}
	}
	for _, got := range l.modules {
		if !slices.Contains(c.Links, got) {
			errs = append(errs, fmt.Errorf("module %s is linked, but not expected", got))
		}
	}
	for _, word := range c.Denied {
		isDenied := func(pkg string) bool { return strings.Contains(pkg, word) }
		if i := slices.IndexFunc(l.packages, isDenied); i >= 0 {
			errs = append(errs,
				fmt.Errorf("package %s is linked, but %q is denied", l.packages[i], word))
		}
	}
	return errors.Join(errs...)
}
