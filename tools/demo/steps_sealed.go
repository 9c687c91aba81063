// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package demo

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"time"

	"github.com/guardkv/guardkv/core"
	"github.com/guardkv/guardkv/core/keys"
	"github.com/guardkv/guardkv/formats/cbor"
	"github.com/guardkv/guardkv/formats/compress"
	"github.com/guardkv/guardkv/formats/encrypt"
)

// sealedPart is what is compressed and encrypted: the Greek and Coptic block.
var sealedPart = span{0x0370, 0x03FF}

// sealed wraps a format: values are compressed first, and then encrypted.
func sealed(ring *encrypt.Keys) core.ValueFormat[Char, Char] {
	return encrypt.New(compress.New(cbor.New[Char]()), ring)
}

// seal puts a block into a table of compressed and encrypted rows, reads it with the key,
// shows a row without its Go type, and finds that another key reveals nothing of it.
func (s *session) seal(ctx context.Context) ([]fact, error) {
	ring, err := newRing(1)
	if err != nil {
		return nil, err
	}
	t, err := core.OpenTable(ctx, s.db, "sealed", keys.UintOf[CodePoint](), sealed(ring))
	if err != nil {
		return nil, err
	}
	begun := time.Now()
	stats, err := t.PutStream(ctx, s.data.rows(func(c CodePoint) bool {
		return sealedPart.contains(c) && s.cfg.include(c)
	}))
	if err != nil {
		return nil, err
	}
	n := int(stats.Rows)
	s.report.line(line{"compressed and encrypted", time.Since(begun), n, "rows"})
	var facts []fact
	for row, err := range t.Scan().Rows(ctx) {
		if err != nil {
			return nil, err
		}
		facts = append(facts, fact{at: row.Key, char: row.Value})
	}
	shown, err := s.showSealed(ctx, ring)
	if err != nil {
		return nil, err
	}
	s.report.line(line{text: shown})
	other, err := newRing(2)
	if err != nil {
		return nil, err
	}
	_, refused := core.OpenTable(ctx, s.db, "sealed", keys.UintOf[CodePoint](), sealed(other))
	s.report.line(line{text: fmt.Sprintf("with another key: %v", cause(refused))})
	return append(facts, stated("another key is refused: %t", errors.Is(refused, encrypt.ErrKey))),
		s.db.DropTable(ctx, "sealed")
}

// newRing returns a ring with one random key.
func newRing(id uint32) (*encrypt.Keys, error) {
	secret := make([]byte, encrypt.KeySize)
	rand.Read(secret)
	k, err := encrypt.NewKey(id, secret)
	if err != nil {
		return nil, err
	}
	return encrypt.NewKeys(k)
}

// showSealed shows the first sealed row as a tool would that has the key but no Go type.
func (s *session) showSealed(ctx context.Context, ring *encrypt.Keys) (string, error) {
	tables, err := s.db.Tables(ctx)
	if err != nil {
		return "", err
	}
	raw, err := core.OpenRaw(ctx, s.db, "sealed")
	if err != nil {
		return "", err
	}
	for _, t := range tables {
		if t.Name != "sealed" {
			continue
		}
		e, err := t.Explain(encrypt.Explain(compress.Explain(cbor.Explain), ring))
		if err != nil {
			return "", err
		}
		for row, err := range raw.Scan().Rows(ctx) {
			if err != nil {
				return "", err
			}
			shown, err := e.AppendJSON([]byte("without its Go type: "), row.Key, row.Value)
			return string(shown), err
		}
	}
	return "", errors.New("there is no sealed row")
}

func (m *model) wantSealed() []fact {
	var facts []fact
	for c := range m.rows(sealedPart) {
		facts = append(facts, fact{at: c, char: m.char(c)})
	}
	return append(facts, stated("another key is refused: true"))
}
