// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package backendtest

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/guardkv/guardkv/core"
	"github.com/guardkv/guardkv/core/backendtest/internal/contract"
	"github.com/guardkv/guardkv/core/backendtest/internal/kit"
	"github.com/guardkv/guardkv/core/backendtest/internal/users"
)

// onMedium is plain with a directory for each storage, in which a log gets everything that is
// written. So it can break promises about files: nothing of plain itself is on a medium.
type onMedium struct {
	*plain
	breaks string
}

func (b *onMedium) Claim(ctx context.Context, path string, readOnly bool) (core.Claim, error) {
	c, err := b.plain.Claim(ctx, path, readOnly)
	if err != nil {
		return nil, err
	}
	return &mediumClaim{c.(*plainClaim), b.breaks}, nil
}

type mediumClaim struct {
	*plainClaim
	breaks string
}

func (c *mediumClaim) log() string { return filepath.Join(c.path, "log") }

// missing returns the error of a storage whose log is gone.
func (c *mediumClaim) missing() error {
	if c.s == nil {
		return nil
	}
	_, err := os.Stat(c.log())
	return err
}

func (c *mediumClaim) Mark() ([]byte, error) {
	if err := c.missing(); err != nil && c.breaks != "missing files" {
		return nil, fmt.Errorf("%w: %w", core.ErrNotStorage, err)
	}
	return c.plainClaim.Mark()
}

func (c *mediumClaim) Remove() error {
	return errors.Join(c.plainClaim.Remove(), os.RemoveAll(c.path))
}

func (c *mediumClaim) Open(ctx context.Context, opts core.EngineOptions) (core.Engine, error) {
	if c.missing() != nil {
		c.s.state = nil // like engines that create missing files
	}
	if err := os.MkdirAll(c.path, 0o755); err != nil {
		return nil, err
	}
	log, err := os.OpenFile(c.log(), os.O_RDWR|os.O_CREATE|os.O_APPEND, 0o644)
	if err == nil && c.breaks == "quick open" {
		_, err = os.ReadFile(c.log())
	}
	if err != nil {
		return nil, errors.Join(err, log.Close())
	}
	e, err := c.plainClaim.Open(ctx, opts)
	if err != nil {
		return nil, errors.Join(err, log.Close())
	}
	sync := !opts.NoSync && c.breaks != "synced"
	return &mediumEngine{e.(*plainEngine), c, log, sync}, nil
}

type mediumEngine struct {
	*plainEngine
	claim *mediumClaim
	log   *os.File
	sync  bool
}

func (e *mediumEngine) Apply(ctx context.Context, b core.Batch) error {
	if err := e.plainEngine.Apply(ctx, b); err != nil {
		return err
	}
	for _, w := range b.Writes {
		if _, err := e.log.Write(append(w.Key[:len(w.Key):len(w.Key)], w.Value...)); err != nil {
			return err
		}
	}
	if !e.sync {
		return nil
	}
	return e.log.Sync()
}

func (e *mediumEngine) Close() error {
	moved := e.claim.missing()
	err := errors.Join(moved, e.log.Close())
	if moved != nil && e.claim.breaks == "lock" {
		return err
	}
	return errors.Join(err, e.plainEngine.Close())
}

// TestBrokenMedia breaks what only files show. A backend that left every write to the system,
// one that came up empty when a file was gone, one that kept the lock when Close failed, and
// one that read every row at Open, passed the suite once.
func TestBrokenMedia(t *testing.T) {
	for _, c := range []struct {
		breaks, promise, says string
		pages                 bool // seen only in what the system tells about pages
	}{
		{breaks: "", promise: ""},
		{breaks: "synced", promise: "medium/synced", says: "are not synced", pages: true},
		{
			breaks: "quick open", promise: "medium/quick open",
			says: "NOTE: Open at ValidateQuick", pages: true,
		},
		{breaks: "lock", promise: "medium/lock after a failed close", says: "Claim gives"},
		{
			breaks: "missing files", promise: "damage/missing files",
			says: "log removed: no error, and 0 rows",
		},
	} {
		t.Run("breaks "+c.breaks, func(t *testing.T) {
			if c.pages && !mediumTellsPages(t) {
				t.Skip("the system does not tell what is synced, or read, of the files of tests")
			}
			said := mediumVerdicts(t, c.breaks)
			for promise, words := range said {
				if promise != c.promise {
					t.Errorf("%s complains: %s", promise, words)
				}
			}
			if !strings.Contains(said[c.promise], c.says) {
				t.Errorf("%s is broken, and its trial says %q", c.promise, said[c.promise])
			}
		})
	}
}

// mediumVerdicts returns the verdicts of the promises about files, and the notes of those that
// only report.
func mediumVerdicts(t *testing.T, breaks string) map[string]string {
	said := map[string]string{}
	for _, p := range slices.Concat(contract.Promises(), users.Promises()) {
		if !strings.HasPrefix(p.Name, "medium/") && p.Name != "damage/missing files" {
			continue
		}
		r := &recorder{T: t}
		mediumTrial(t, r, &p, breaks).Run()
		if all := append(r.errors, r.notes...); len(all) > 0 {
			said[p.Name] = strings.Join(all, "\n")
		}
	}
	return said
}

func mediumTrial(t *testing.T, r *recorder, p *kit.Promise, breaks string) *kit.Trial {
	target := kit.Target{
		Backend: &onMedium{newPlain(""), breaks},
		Path:    filepath.Join(t.TempDir(), "place"),
	}
	tr := kit.NewTrial(r, p, target, false)
	tr.Short = true
	if breaks == "lock" {
		tr.Wait = 10 * time.Second // half of that is spent waiting for the lock
	}
	return tr
}

func mediumTellsPages(t *testing.T) (tells bool) {
	p := kit.Promise{
		Name: "probe", Explanation: "it tells",
		Check: func(t *kit.Trial) { tells = contract.TellsPages(t) },
	}
	mediumTrial(t, &recorder{T: t}, &p, "").Run()
	return tells
}
