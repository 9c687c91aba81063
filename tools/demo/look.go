// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package demo

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/guardkv/guardkv/core"
)

// mostNames is how many names Look shows for one prefix.
const mostNames = 20

// Look opens a storage that Run kept, to read, and shows what each term stands for: a character
// as itself or as U+03BB shows its row, anything longer the characters whose names start with
// it.
func Look(ctx context.Context, cfg Config, terms []string) error {
	if cfg.Keep == "" {
		return errors.New("no path of a storage to look at")
	}
	s, err := newSession(cfg)
	if err != nil {
		return err
	}
	if s.onDisk {
		if _, err := os.Stat(cfg.Keep); err != nil {
			return err
		}
	}
	if err := s.open(ctx, core.WithReadOnly()); err != nil {
		return err
	}
	for _, term := range terms {
		if err := s.lookFor(ctx, term); err != nil {
			return errors.Join(err, s.db.Close())
		}
	}
	return s.db.Close()
}

// lookFor shows what one term stands for.
func (s *session) lookFor(ctx context.Context, term string) error {
	if c, ok := parseCodePoint(term); ok {
		_, shown, err := s.lookUpOne(ctx, c)
		if err == nil {
			s.report.line(line{text: shown})
		}
		return err
	}
	begun, n := time.Now(), 0
	for key, err := range s.names.Scan().Within(nameKeys.FirstPrefix(strings.ToUpper(term))).Keys(ctx) {
		if err != nil {
			return err
		}
		if n++; n <= mostNames {
			s.report.line(line{text: fmt.Sprintf("%-9v %s %s",
				key.Second, glyph(key.Second), key.First)})
		}
	}
	s.report.line(line{
		fmt.Sprintf("%s names start with %q", grouped(int64(n)), term),
		time.Since(begun), n, "rows",
	})
	return nil
}

// parseCodePoint reads one character, or the standard's notation for it.
func parseCodePoint(term string) (CodePoint, bool) {
	if utf8.RuneCountInString(term) == 1 {
		r, _ := utf8.DecodeRuneInString(term)
		return CodePoint(r), true
	}
	digits, ok := strings.CutPrefix(strings.ToUpper(term), "U+")
	if !ok {
		return 0, false
	}
	n, err := strconv.ParseUint(digits, 16, 32)
	return CodePoint(n), err == nil
}
