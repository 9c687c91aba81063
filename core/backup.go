// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package core

import (
	"cmp"
	"context"
	"encoding/binary"
	"encoding/json"
	"io"
	"slices"
)

// A backup is a stream of records, see BACKUP.md: a head, then each table with its rows in the
// order of their keys, then an end with the counts. Records are cut into chunks with checksums
// (chunk.go), so the reader (backupreader.go) believes nothing that was not compared. It does
// not depend on the engine, and equal storages give equal bytes.

// The chunks of a backup hold one sequence of records: a head, then each table followed by its
// rows, then an end. Each record starts with its kind. BACKUP.md describes them.
const (
	kindHead  = 'H'
	kindTable = 'T'
	kindRow   = 'R'
	kindEnd   = 'E'
)

// backupFormat is the version of the records. The chunks around them stay as they are, so that
// a newer backup is told from a damaged one.
const backupFormat = 1

// backupHead and backupTable are the JSON in records.
type (
	backupHead struct {
		Format  int    `json:"format"`
		Version uint64 `json:"version"` // the application's

		// Needs are the features without which the backup cannot be restored; see checkFeatures.
		Needs []string `json:"needs,omitempty"`
	}
	backupTable struct {
		Key       string `json:"key"`
		Value     string `json:"value"`
		Meta      []byte `json:"meta,omitempty"`
		Checksums bool   `json:"checksums,omitempty"`

		// ID is the table's TableID, if it has one.
		ID []byte `json:"id,omitempty"`

		// Needs are the features of the table, as it records them.
		Needs []string `json:"needs,omitempty"`
	}
)

// backupCounts are what the end of a backup tells, and what Restore compares with what it found.
type backupCounts struct {
	tables, rows, bytes uint64 // bytes are those of keys and values, as stored
}

// Backup writes all tables, with what is recorded of them, as one snapshot shows them. The
// backup does not depend on the engine: [Restore] builds a storage from it on any backend, and
// equal storages have equal backups. It carries checksums and an end mark, so that Restore
// finds a copy that is damaged or cut. It is not encrypted.
//
// Backup blocks nobody, but the engine keeps the snapshot until it returns, so w should be
// fast. A row with a wrong checksum ends the backup, without an end mark; the error wraps
// ErrCorrupt and names the row. So does ErrConflict, if several processes write to the storage
// and the engine cannot put the backup into an order with their writes: begin anew. w gets
// about 64 KiB with each Write, and is neither flushed nor closed.
func (s *Storage) Backup(ctx context.Context, w io.Writer) error {
	if err := missing("writer", w); err != nil {
		return s.fail("backup", "", nil, err)
	}
	v, err := s.enter("backup")
	if err != nil {
		return s.fail("backup", "", nil, err)
	}
	defer v.leave()
	snap, err := s.current(ctx)
	if err != nil {
		return s.fail("backup", "", nil, err)
	}
	defer func() { s.logClose(snap.Close()) }()
	b := backup{storage: s, out: newChunkWriter(w)}
	return s.fail("backup", "", nil, b.write(ctx, w, snap))
}

// backup is a Backup under way.
type backup struct {
	storage *Storage
	out     *chunkWriter
	record  []byte // is used again
	tables  []*tableState
	dropped map[uint32]bool
	current *tableState // the last of the tables that were written
	counts  backupCounts
}

func (b *backup) write(ctx context.Context, w io.Writer, snap Snapshot) error {
	if err := b.load(ctx, snap); err != nil {
		return err
	}
	if _, err := io.WriteString(w, backupMagic); err != nil {
		return err
	}
	if err := b.writeHead(); err != nil {
		return err
	}
	err := eachRow(ctx, snap, ScanRange{Once: true}, func(key, stored []byte) error {
		if b.counts.rows%ctxSteps == 0 && ctx.Err() != nil {
			return ctx.Err()
		}
		return b.writeRow(key, stored)
	})
	if err != nil {
		return err
	}
	if err := b.writeTables(b.tables); err != nil {
		return err
	}
	return b.writeEnd()
}

// load reads the catalog as it is in the snapshot.
func (b *backup) load(ctx context.Context, snap Snapshot) error {
	var c catalog
	if err := c.load(ctx, snap); err != nil {
		return err
	}
	if err := c.distinct(); err != nil {
		return err
	}
	b.dropped, b.tables = c.dropped, c.names()
	slices.SortFunc(b.tables, func(x, y *tableState) int {
		return cmp.Compare(x.record.Load().Number, y.record.Load().Number)
	})
	return nil
}

func (b *backup) writeHead() error {
	var needs []string
	for _, t := range b.tables {
		needs = union(needs, t.record.Load().Needs)
	}
	text, err := json.Marshal(backupHead{
		Format: backupFormat, Version: b.storage.version.Load(),
		Needs: needs,
	})
	if err != nil {
		return err
	}
	return b.put(appendBlob([]byte{kindHead}, text))
}

// writeRow writes a row, after the tables whose turn it is.
func (b *backup) writeRow(key, stored []byte) error {
	n, err := storedTable(key)
	if err != nil || n == catalogNumber || n == outcomeNumber || b.dropped[n] {
		return err
	}
	if due := b.due(n); due > 0 {
		if err := b.writeTables(b.tables[:due]); err != nil {
			return err
		}
		b.tables = b.tables[due:]
	}
	if b.current == nil || b.current.record.Load().Number != n {
		return strayRow(key, n)
	}
	key = key[tableNumberSize:]
	if b.current.record.Load().Checksums {
		if _, err := checkRowSum(key, stored); err != nil {
			return b.storage.fail("backup", b.current.name(), slices.Clone(key), err)
		}
	}
	b.counts.rows++
	b.counts.bytes += uint64(len(key) + len(stored))
	r := append(b.record[:0], kindRow)
	r = binary.AppendUvarint(r, uint64(len(key)))
	r = binary.AppendUvarint(r, uint64(len(stored)))
	b.record = append(r, key...)
	if err := b.put(b.record); err != nil {
		return err
	}
	return b.put(stored)
}

// due returns how many tables come before the rows of table number n, that table included.
func (b *backup) due(n uint32) (due int) {
	for due < len(b.tables) && b.tables[due].record.Load().Number <= n {
		due++
	}
	return due
}

func (b *backup) writeTables(tables []*tableState) error {
	for _, t := range tables {
		r := t.record.Load()
		text, err := json.Marshal(backupTable{r.Key, r.Value, r.Meta, r.Checksums, r.ID, r.Needs})
		if err != nil {
			return err
		}
		if err := b.put(appendBlob(appendBlob([]byte{kindTable}, []byte(t.name())),
			text)); err != nil {
			return err
		}
		b.current = t
		b.counts.tables++
	}
	return nil
}

func (b *backup) writeEnd() error {
	r := []byte{kindEnd}
	for _, n := range []uint64{b.counts.tables, b.counts.rows, b.counts.bytes} {
		r = binary.AppendUvarint(r, n)
	}
	if err := b.put(r); err != nil {
		return err
	}
	if err := b.put(binary.BigEndian.AppendUint32(nil, b.out.total())); err != nil {
		return err
	}
	return b.out.flush()
}

func (b *backup) put(p []byte) error {
	_, err := b.out.Write(p)
	return err
}

// appendBlob appends the length of p, and p.
func appendBlob(dst, p []byte) []byte {
	return append(binary.AppendUvarint(dst, uint64(len(p))), p...)
}
