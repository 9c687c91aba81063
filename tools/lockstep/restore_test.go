// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package lockstep

import (
	"bytes"
	"errors"
	"fmt"
	"log/slog"
	"path/filepath"
	"strings"
	"testing"

	"github.com/guardkv/guardkv/core"
	"github.com/guardkv/guardkv/core/keys"
	"github.com/guardkv/guardkv/core/values"
	"github.com/guardkv/guardkv/formats/cbor"
)

// place is a backend with a path.
type place struct {
	Backend
	path string
}

func somewhere(t *testing.T, b Backend, name string) place {
	return place{b, filepath.Join(t.TempDir(), name)}
}

var quiet = []core.Option{
	core.WithLogger(slog.New(slog.DiscardHandler)), core.WithoutSync(),
	core.WithVersion(7),
}

// person is a record of the table that decodes.
type person struct {
	Name string
	Born int
}

// fill makes a storage with tables of each kind: ordered and not, with checksums, empty, dropped.
func fill(t *testing.T, p place) *core.Storage {
	t.Helper()
	s, err := core.Open(t.Context(), p.path, p.New(), quiet...)
	if err != nil {
		t.Fatal(err)
	}
	people, err := core.OpenTable(t.Context(), s, "people",
		keys.Desc(keys.Int()), cbor.New[person](), core.WithChecksums())
	if err != nil {
		t.Fatal(err)
	}
	words, err := core.OpenTable(t.Context(), s, "words", keys.String(), values.String())
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"dropped", "empty"} {
		if _, err := core.OpenTable(t.Context(), s, name, keys.String(),
			values.Bytes()); err != nil {
			t.Fatal(err)
		}
	}
	_, err = people.PutStream(t.Context(), func(yield func(int, person) bool) {
		for i := -300; i < 300 && yield(i, person{fmt.Sprint("name ", i), i}); i++ {
		}
	})
	if err == nil {
		err = words.PutAll(t.Context(), func(yield func(string, string) bool) {
			_ = yield("", "") && yield("\x00",
				strings.Repeat("long", 30_000)) && yield("\xff\xff", "last")
		})
	}
	if err = errors.Join(err, s.DropTable(t.Context(), "dropped")); err != nil {
		t.Fatal(err)
	}
	return s
}

func backupOf(t *testing.T, s *core.Storage) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := errors.Join(s.Backup(t.Context(), &b), s.Close()); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// TestRestoreFromEveryEngineToEvery: a backup does not depend on the engine from which it was
// made.
func TestRestoreFromEveryEngineToEvery(t *testing.T) {
	var first []byte
	for _, from := range Backends {
		b := backupOf(t, fill(t, somewhere(t, from, "from")))
		if first == nil {
			first = b
		}
		if !bytes.Equal(b, first) {
			t.Errorf("the backups of %s and %s differ", from.Name, Backends[0].Name)
		}
		for _, to := range Backends {
			t.Run(from.Name+" to "+to.Name, func(t *testing.T) {
				restoreTo(t, b, somewhere(t, to, "to"))
			})
		}
	}
}

// restoreTo restores a backup of what fill makes, and looks at the result, now and after reopening
// it.
func restoreTo(t *testing.T, b []byte, p place) {
	backend := p.New()
	s, err := core.Restore(t.Context(), p.path, backend, bytes.NewReader(b), quiet...)
	if err != nil {
		t.Fatal(err)
	}
	if again := backupOf(t, s); !bytes.Equal(again, b) {
		t.Error("the backup of what was restored differs from what was restored")
	}
	s, err = core.Open(t.Context(), p.path, backend,
		append(quiet, core.WithValidation(core.ValidateFull))...)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	people, err := core.OpenTable(t.Context(), s, "people",
		keys.Desc(keys.Int()), cbor.New[person]())
	if err != nil {
		t.Fatal(err)
	}
	want := 299
	for row, err := range people.Scan().Rows(t.Context()) {
		if err != nil || row.Key != want || row.Value != (person{fmt.Sprint("name ", want), want}) {
			t.Fatalf("the row is %v, %v; want number %d", row, err, want)
		}
		want--
	}
	if want != -301 {
		t.Errorf("the rows end above %d", want)
	}
	if _, err := core.OpenTable(t.Context(), s, "words",
		keys.String(), values.Bytes()); !errors.Is(err, core.ErrFormatMismatch) {
		t.Errorf("opened with another format the table gives %v", err)
	}
	left, err := backend.List(t.Context(), p.path)
	if err != nil || len(left) != 1 {
		t.Errorf("there is %q, %v", left, err)
	}
}

// TestRestoreSetAsideTable: a table that was set aside is a table like any other.
func TestRestoreSetAsideTable(t *testing.T) {
	for _, from := range Backends {
		p := somewhere(t, from, "from")
		backend := p.New()
		aside := ""
		for _, value := range []core.ValueFormat[[]byte, []byte]{
			values.Bytes(),
			otherBytes{values.Bytes()},
		} {
			s, err := core.Open(t.Context(), p.path, backend,
				append(quiet, core.WithRecreate(core.OnFormatChange))...)
			if err != nil {
				t.Fatal(err)
			}
			tab, err := core.OpenTable(t.Context(), s, "table", keys.String(), value)
			if err == nil {
				err = tab.Put(t.Context(), "id", []byte(value.ID()))
			}
			if err != nil {
				t.Fatal(err)
			}
			if r, ok := s.Recreated(); ok {
				aside = r.Table
				b := backupOf(t, s)
				checkAside(t, b, somewhere(t, Backends[0], "to"), aside)
			} else if err := s.Close(); err != nil {
				t.Fatal(err)
			}
		}
		if aside == "" {
			t.Errorf("%s: no table was set aside", from.Name)
		}
	}
}

// otherBytes is the format of bytes under another name.
type otherBytes struct {
	core.ValueFormat[[]byte, []byte]
}

func (otherBytes) ID() string { return "other bytes" }

func checkAside(t *testing.T, b []byte, p place, aside string) {
	t.Helper()
	s, err := core.Restore(t.Context(), p.path, p.New(), bytes.NewReader(b), quiet...)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	old, err := core.OpenTable(t.Context(), s, aside, keys.String(), values.Bytes())
	if err != nil {
		t.Fatal(err)
	}
	if v, err := old.Load(t.Context(), "id"); string(v) != values.Bytes().ID() || err != nil {
		t.Errorf("the table that was set aside has %q, %v", v, err)
	}
}

// refuses reports whether a key is too large for a backend. The test had a list of their names,
// which whoever added a backend was told nothing of.
func refuses(t *testing.T, b Backend, key string) bool {
	t.Helper()
	p := somewhere(t, b, "asked")
	s, err := core.Open(t.Context(), p.path, p.New(), quiet...)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	tab, err := core.OpenTable(t.Context(), s, "long keys", keys.String(), values.String())
	if err != nil {
		t.Fatal(err)
	}
	err = tab.Put(t.Context(), key, "")
	if err != nil && !errors.Is(err, core.ErrTooLarge) {
		t.Fatal(err)
	}
	return err != nil
}

// TestRestoreWhatIsTooLarge: an error names a key that one engine takes and another does not, and
// Restore leaves nothing behind.
func TestRestoreWhatIsTooLarge(t *testing.T) {
	from := somewhere(t, Backends[0], "from")
	s, err := core.Open(t.Context(), from.path, from.New(), quiet...)
	if err != nil {
		t.Fatal(err)
	}
	tab, err := core.OpenTable(t.Context(), s, "long keys", keys.String(), values.String())
	if err != nil {
		t.Fatal(err)
	}
	key := strings.Repeat("k", 70_000)
	if err := errors.Join(tab.Put(t.Context(), "a", "fits"),
		tab.Put(t.Context(), key, "")); err != nil {
		t.Fatal(err)
	}
	b := backupOf(t, s)
	refused := 0
	for _, to := range Backends {
		p := somewhere(t, to, "to")
		backend := p.New()
		s, err := core.Restore(t.Context(), p.path, backend, bytes.NewReader(b), quiet...)
		if !refuses(t, to, key) {
			if err != nil {
				t.Errorf("%s: %v", to.Name, err)
			} else {
				s.Close()
			}
			continue
		}
		refused++
		var e *core.Error
		if !errors.Is(err, core.ErrTooLarge) || !errors.As(err,
			&e) || e.Table != "long keys" || string(e.Key.([]byte)) != key {
			t.Errorf("%s: %v", to.Name, err)
		}
		if left, err := backend.List(t.Context(), p.path); len(left) != 0 || err != nil {
			t.Errorf("%s: an error leaves %q, %v", to.Name, left, err)
		}
	}
	if refused == 0 {
		t.Error("every backend takes the key, so nothing was tested")
	}
}
