// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package core_test

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"strings"
	"testing"

	"github.com/guardkv/guardkv/core"
	"github.com/guardkv/guardkv/core/keys"
	"github.com/guardkv/guardkv/core/memory"
	"github.com/guardkv/guardkv/core/values"
)

// reached is a backend whose last opened engine can be reached.
type reached struct {
	core.Backend
	engine core.Engine
}

func (b *reached) Claim(ctx context.Context, path string, readOnly bool) (core.Claim, error) {
	c, err := b.Backend.Claim(ctx, path, readOnly)
	return reachedClaim{c, b}, err
}

type reachedClaim struct {
	core.Claim
	b *reached
}

func (c reachedClaim) Open(ctx context.Context, opts core.EngineOptions) (core.Engine, error) {
	e, err := c.Claim.Open(ctx, opts)
	c.b.engine = e
	return e, err
}

// forge writes a row of the catalog with a right checksum.
func (b *reached) forge(t *testing.T, name, value string) {
	t.Helper()
	sum := crc32.Checksum([]byte(name+value), crc32.MakeTable(crc32.Castagnoli))
	w := core.Write{
		Key:   []byte("\x00\x00\x00\x00" + name),
		Value: binary.BigEndian.AppendUint32([]byte(value), sum),
	}
	if err := b.engine.Apply(t.Context(), core.Batch{Writes: []core.Write{w}}); err != nil {
		t.Fatal(err)
	}
}

// A catalog with impossible numbers and right checksums was opened, checked and backed up
// without a word. Then a table with number 0 wrote into the catalog, Compact deleted the rows
// of one that was dropped as well, and behind the highest number came 0 again.
func TestForgedTableNumbers(t *testing.T) {
	record := func(n uint32) string {
		return fmt.Sprintf(`{"number":%d,"key":"%s","value":"%s"}`, n, keys.Int().ID(),
			values.String().ID())
	}
	for _, c := range []struct{ what, name, value, says string }{
		{"two tables with one number", "table/u", record(1), "the same number 1"},
		{"a table with the catalog's number", "table/u", record(0), "the same number 0"},
		{
			"a table with a number that is never given out", "table/u",
			record(1<<32 - 1), "4294967295",
		},
		{"a table that is listed and dropped", "dropped/\x00\x00\x00\x01", "", "a dropped table"},
		{"a dropped catalog", "dropped/\x00\x00\x00\x00", "", "has the number 0"},
	} {
		b := &reached{Backend: memory.New()}
		stored(t, b, "db")
		s, err := core.Open(t.Context(), "db", b)
		if err != nil {
			t.Fatal(err)
		}
		b.forge(t, c.name, c.value)
		refused := func(verb string, err error) {
			t.Helper()
			if !errors.Is(err, core.ErrCorrupt) || !strings.Contains(err.Error(), c.says) {
				t.Errorf("%s of %s gives %v; want ErrCorrupt and %q", verb, c.what, err, c.says)
			}
		}
		refused("Check", s.Check(t.Context()))
		refused("Backup", s.Backup(t.Context(), io.Discard))
		if err := s.Close(); err != nil {
			t.Error(err)
		}
		s, err = core.Open(t.Context(), "db", b)
		refused("Open", err)
		if err == nil {
			s.Close()
		}
		s, err = core.Open(t.Context(), "db", b, quiet, core.WithRecreate(core.OnValidationFail))
		if err != nil {
			t.Errorf("under OnValidationFail Open of %s gives %v", c.what, err)
			continue
		}
		if r, ok := s.Recreated(); !ok || r.Reason != core.OnValidationFail {
			t.Errorf("Recreated = %+v, %v", r, ok)
		}
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	}
}
