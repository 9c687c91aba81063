// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package gob_test

import (
	"encoding/gob"
	"encoding/hex"
	"fmt"
	"io"
	"os"
	"os/exec"
	"reflect"
	"strings"
	"testing"

	"github.com/guardkv/guardkv/core"
	gobformat "github.com/guardkv/guardkv/formats/gob"
)

// inChild says to the test binary that it runs as a process of its own, and what it is to read.
const inChild = "GUARDKV_GOB_CHILD"

// Gob numbers the types of a process in the order of their first use. Metadata and values must
// not depend on it: a child that has used other types before, and the same ones in another
// order, writes the same bytes and reads ours.
func TestOtherProcess(t *testing.T) {
	if os.Getenv(inChild) != "" {
		t.Skip("this is the child")
	}
	mine := everythingStored(t)
	cmd := exec.Command(os.Args[0], "-test.run=^TestChild$", "-test.count=1")
	cmd.Env = append(os.Environ(), inChild+"="+strings.Join(mine, " "))
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	_, rest, _ := strings.Cut(string(out), "stored:")
	theirs, _, _ := strings.Cut(rest, "\n")
	if theirs != strings.Join(mine, " ") {
		t.Errorf("this process stores\n%s\nthe child\n%s", strings.Join(mine, " "), theirs)
	}
}

// TestChild is what the child of TestOtherProcess does.
func TestChild(t *testing.T) {
	parents := os.Getenv(inChild)
	if parents == "" {
		t.Skip("this is the parent")
	}
	e := gob.NewEncoder(io.Discard)
	for _, v := range []any{
		[]struct{ Z map[string][4]int }{},
		map[point]filing{},
		[][]int32{{1}},
		shape{},
	} {
		if err := e.Encode(v); err != nil {
			t.Fatal(err)
		}
	}
	readStored(t, strings.Fields(parents))
	fmt.Println("stored:" + strings.Join(everythingStored(t), " "))
}

// everythingStored returns, in hex, the metadata and values of some types, and the encoding of
// a key.
func everythingStored(t *testing.T) (all []string) {
	all = append(all, storedAs(t, companies)...)
	all = append(all, storedAs(t, shapes[:3])...)
	k, err := gobformat.Key[key]().Append(nil, structKeys[2])
	if err != nil {
		t.Fatal(err)
	}
	return append(all, hex.EncodeToString(k))
}

func storedAs[T any](t *testing.T, vs []T) (all []string) {
	f, meta := bind[T](t, nil)
	all = append(all, hex.EncodeToString(meta))
	for _, v := range vs {
		all = append(all, hex.EncodeToString(write(t, f, v)))
	}
	return all
}

// readStored reads what everythingStored returned.
func readStored(t *testing.T, all []string) {
	var b [][]byte
	for _, s := range all {
		p, err := hex.DecodeString(s)
		if err != nil {
			t.Fatal(err)
		}
		b = append(b, p)
	}
	readBack(t, b[0], b[1:5], companies)
	readBack(t, b[5], b[6:9], shapes[:3])
	k, err := gobformat.Key[key]().Decode(b[9])
	if err != nil || !reflect.DeepEqual(k, structKeys[2]) {
		t.Errorf("the key is read as %+v, error %v", k, err)
	}
}

func readBack[T any](t *testing.T, meta []byte, stored [][]byte, want []T) {
	var f core.ValueFormat[T, T]
	f, _ = bind[T](t, meta)
	for i, b := range stored {
		wantRead(t, f, b, want[i])
	}
}
