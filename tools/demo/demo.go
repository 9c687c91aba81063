// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

// Package demo loads the Unicode character database into a storage and goes through everything
// that GuardKV does: reads under guards, scans, transactions, backups, and more. Each step writes
// down the facts that it saw in the storage. They are compared with what package unicode of the
// standard library says, so the demonstration is a test too.
package demo

import (
	"context"
	"errors"
	"fmt"
	"io"
	"iter"
	"log/slog"
	"time"
	"unicode"

	"github.com/guardkv/guardkv/core"
	"github.com/guardkv/guardkv/core/keys"
	"github.com/guardkv/guardkv/core/values"
	"github.com/guardkv/guardkv/tools/diskuse"
	"github.com/guardkv/guardkv/tools/modules"
)

// Config says what the demo runs on and where it reports.
type Config struct {
	Backend string // one of modules.Engines or modules.Servers
	URL     string // of the server; "" starts one
	Format  string // one of modules.Formats
	Keep    string // the path of a storage to keep; "" is a temporary one
	Out     io.Writer
	// Terminal says that Out can draw a line over itself.
	Terminal bool

	// says which part of the database to load; nil loads all of it
	include func(CodePoint) bool
	// how long readers and a writer run beside each other
	beside  time.Duration
	falsify func(title string, got []fact) []fact // for tests: spoils what a step saw
	servers []modules.Server                      // for tests: instead of modules.Servers
	// for tests: spoils a row on its way into the storage
	spoilRow func(CodePoint, Char) (CodePoint, Char)
}

// nameKey is the key of the table of names: equal names are told apart by their code points.
type nameKey = keys.Tuple[string, CodePoint]

// nameKeys orders the table of names by name, then by code point.
var nameKeys = keys.Pair(keys.String(), keys.UintOf[CodePoint]())

// session is one run of the demo.
type session struct {
	place
	cfg    Config
	report *report
	format modules.Format
	data   *database
	model  *model

	db    *core.Storage
	chars modules.Chars
	names *core.Table[nameKey, []byte, []byte] // the rows have no values: the key says it all
}

// Run runs the demo. The error names the first step that failed or showed what it should not.
func Run(ctx context.Context, cfg Config) error {
	s, err := newSession(cfg)
	if err != nil {
		return err
	}
	return errors.Join(s.run(ctx), s.leave())
}

// run takes all steps.
func (s *session) run(ctx context.Context) error {
	begun := time.Now()
	if err := s.begin(ctx); err != nil {
		return err
	}
	s.introduce()
	for _, step := range steps {
		if err := s.take(ctx, step); err != nil {
			s.db.Close()
			return fmt.Errorf("step %q: %w", step.title, err)
		}
	}
	size := s.size()
	if err := s.db.Close(); err != nil {
		return err
	}
	s.conclude(time.Since(begun), size)
	return nil
}

// newSession finds the backend and the format that cfg names, and a place for the storage.
func newSession(cfg Config) (*session, error) {
	f, err := modules.FormatNamed(cfg.Format)
	if err != nil {
		return nil, err
	}
	p, err := newPlace(cfg)
	if err != nil {
		return nil, err
	}
	return &session{
		place: p, cfg: cfg, format: f,
		report: &report{w: cfg.Out, terminal: cfg.Terminal},
	}, nil
}

// begin opens a storage without rows. It sets aside what an earlier run left at the path, except
// on a server, where others may be using it.
func (s *session) begin(ctx context.Context) error {
	if !s.server {
		return s.open(ctx, core.WithRecreate(core.Always))
	}
	if err := s.open(ctx); err != nil {
		return err
	}
	n, err := s.chars.Count(ctx)
	if err == nil && n > 0 {
		err = fmt.Errorf("%q holds the rows of an earlier run: name another path with -keep", s.path)
	}
	if err != nil {
		return errors.Join(err, s.db.Close())
	}
	return nil
}

// open opens the storage and its tables.
func (s *session) open(ctx context.Context, opts ...core.Option) error {
	quiet := core.WithLogger(slog.New(slog.DiscardHandler)) // the report says everything
	db, err := core.Open(ctx, s.path, s.backend, append(opts, quiet)...)
	if err != nil {
		return err
	}
	if err := s.use(ctx, db); err != nil {
		return errors.Join(err, db.Close())
	}
	return nil
}

// use opens the tables of a storage.
func (s *session) use(ctx context.Context, db *core.Storage) (err error) {
	s.db = db
	if s.chars, err = s.format.Open(ctx, db, "chars"); err != nil {
		return err
	}
	s.names, err = core.OpenTable(ctx, db, "names", nameKeys, values.Bytes())
	return err
}

// introduce prints the headline, and reads the database that the steps load.
func (s *session) introduce() {
	if s.cfg.include == nil {
		s.cfg.include = all
	}
	s.data = readDatabase()
	s.model = newModel(s.cfg.include)
	s.report.headline(fmt.Sprintf("GuardKV demo: %s and %s, Unicode %s, %s characters",
		s.cfg.Backend, s.cfg.Format, unicode.Version, grouped(int64(len(s.model.points)))))
	s.report.headline(s.path)
	if r, ok := s.db.Recreated(); ok {
		s.report.headline("what an earlier run left there is now " + r.Path)
	}
}

// take takes one step and verifies what it saw.
func (s *session) take(ctx context.Context, step step) error {
	s.report.begin(step.title)
	got, err := step.run(s, ctx)
	s.report.clear()
	if err != nil {
		return err
	}
	if s.cfg.falsify != nil {
		got = s.cfg.falsify(step.title, got)
	}
	err = verify(got, step.want(s.model))
	s.report.verified(len(got), err)
	return err
}

// all includes every character.
func all(CodePoint) bool { return true }

// conclude prints the last lines.
func (s *session) conclude(took time.Duration, size string) {
	fmt.Fprintf(s.cfg.Out, "\nAll %d steps verified in %s. %s\n", len(steps), seconds(took), size)
	if s.cfg.Keep != "" {
		url := ""
		if s.server {
			url = "-url ... " // it may hold a password
		}
		fmt.Fprintf(s.cfg.Out, "Kept at %s. Look at it again with\n"+
			"    go run ./tools/cmd/demo -backend %s %s-format %s -open %s λ U+1F600 'GREEK SMALL "+
			"LETTER'\n",
			s.path, s.cfg.Backend, url, s.cfg.Format, s.path)
	}
}

// rows yields the characters to load.
func (s *session) rows() iter.Seq2[CodePoint, Char] {
	return func(yield func(CodePoint, Char) bool) {
		for c, char := range s.data.rows(s.cfg.include) {
			if s.cfg.spoilRow != nil {
				c, char = s.cfg.spoilRow(c, char)
			}
			if !yield(c, char) {
				return
			}
		}
	}
}

// nameRows yields the rows of the table of names.
func (s *session) nameRows() iter.Seq2[nameKey, []byte] {
	return func(yield func(nameKey, []byte) bool) {
		for c, char := range s.rows() {
			if named(char) && !yield(nameKey{First: char.Name, Second: c}, nil) {
				return
			}
		}
	}
}

// size says what the storage takes on disk.
func (s *session) size() string {
	switch {
	case s.server:
		return "The server has them."
	case !s.onDisk:
		return "Nothing on disk."
	}
	n, err := diskuse.Of(s.path)
	if err != nil {
		return err.Error()
	}
	return formatSize(n) + " on disk."
}
