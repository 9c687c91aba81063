// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package encrypt

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"math"
	"sync"
	"sync/atomic"

	"github.com/guardkv/guardkv/core"
)

// KeySize is the size of a secret in bytes.
const KeySize = 32

// MaxRows is how many rows one key encrypts at most: among so many random nonces, the
// probability that one occurs twice is 2^-32.
const MaxRows = 1 << 32

var (
	// ErrKey is the error for a row or a table that cannot be decrypted because its key is missing,
	// or because another secret was given for the key's ID. [core.OpenTable] returns it, and so do
	// reads of rows.
	ErrKey = errors.New("no key, or a wrong key, to decrypt with")
	// ErrExhausted is the error for a write with a key that has encrypted [MaxRows] rows. The write
	// stores nothing; existing rows can still be read.
	ErrExhausted = errors.New("the key has encrypted as many rows as it may")
)

// Key is a secret with an ID. The ID is stored with every row, where everyone can read it. The
// secret is stored nowhere, and no way of printing a Key shows it. A Key is safe for concurrent
// use.
type Key struct{ k *key }

type key struct {
	id     uint32
	aead   cipher.AEAD // with random nonces
	print  fingerprint
	sealed *atomic.Uint64 // rows encrypted with the secret; all keys with it share the count
}

type fingerprint [sha256.Size]byte

// sealed counts what this process has encrypted with each secret, under any Key. It maps the
// secret's fingerprint to *atomic.Uint64.
var sealed sync.Map

// NewKey returns the key with an ID and a secret of [KeySize] random bytes, such as crypto/rand and
// key management services make. (A password is not such a secret: derive one with a function such
// as argon2.) The secret may be overwritten when NewKey returns.
func NewKey(id uint32, secret []byte) (Key, error) {
	if len(secret) != KeySize {
		return Key{}, fmt.Errorf("key %d: a secret of %d bytes; it has to have %d",
			id, len(secret), KeySize)
	}
	if [KeySize]byte(secret) == ([KeySize]byte{}) {
		return Key{}, fmt.Errorf("key %d: a secret of zeros: was it read?", id)
	}
	return newKey(id, secret)
}

func newKey(id uint32, secret []byte) (Key, error) {
	block, err := aes.NewCipher(secret)
	if err != nil {
		return Key{}, fmt.Errorf("key %d: %w", id, err)
	}
	aead, err := cipher.NewGCMWithRandomNonce(block)
	if err != nil {
		return Key{}, fmt.Errorf("key %d: %w", id, err)
	}
	h := sha256.New()
	io.WriteString(h, "guardkv encrypt/1 fingerprint")
	h.Write(secret)
	k := &key{id: id, aead: aead, print: fingerprint(h.Sum(nil))}
	count, _ := sealed.LoadOrStore(k.print, new(atomic.Uint64))
	k.sealed = count.(*atomic.Uint64)
	return Key{k}, nil
}

// ID returns the ID of the key.
func (k Key) ID() uint32 {
	if k.k == nil {
		return 0
	}
	return k.k.id
}

// Rows returns how many rows were encrypted with the secret: by this process, in all tables and
// storages, plus what AddRows has added. Opening a table can count as two.
func (k Key) Rows() uint64 {
	if k.k == nil {
		return 0
	}
	return k.k.sealed.Load()
}

// AddRows counts n rows that were encrypted elsewhere: by other processes, or by earlier runs of
// this program. Only the program can know them, because nothing in a storage tells how often its
// rows were overwritten. To hold [MaxRows] across runs, keep what Rows returns when the program
// ends, and give it to AddRows when the program starts again.
func (k Key) AddRows(n uint64) {
	if k.k != nil {
		k.k.count(n)
	}
}

// count adds n, and returns the sum, which stays at the largest number there is.
func (k *key) count(n uint64) uint64 {
	for {
		old := k.sealed.Load()
		sum := old + min(n, math.MaxUint64-old)
		if k.sealed.CompareAndSwap(old, sum) {
			return sum
		}
	}
}

// take counts one row before it is encrypted.
func (k *key) take() error {
	if k.count(1) > MaxRows {
		return fmt.Errorf("key %d: %w: write with another key, see NewKeys", k.id, ErrExhausted)
	}
	return nil
}

// String returns the ID of the key, and nothing of its secret.
func (k Key) String() string {
	if k.k == nil {
		return "no key"
	}
	return fmt.Sprintf("key %d", k.k.id)
}

// Format prints what String returns, whatever the verb is.
func (k Key) Format(s fmt.State, _ rune) { io.WriteString(s, k.String()) }

// Keys holds the keys of a table: one to write with, and others to read what was written before. It
// does not change, and is safe for concurrent use.
type Keys struct {
	current *key
	all     map[uint32]*key
}

// NewKeys returns keys of which the first one writes, and all read. No two may have the same
// ID, or the same secret.
func NewKeys(current Key, old ...Key) (*Keys, error) {
	ks := &Keys{current: current.k, all: make(map[uint32]*key)}
	ids := make(map[fingerprint]uint32)
	for i, k := range append([]Key{current}, old...) {
		if k.k == nil {
			return nil, fmt.Errorf("key number %d of the list is none: NewKey makes keys", i+1)
		}
		if ks.all[k.k.id] != nil {
			return nil, fmt.Errorf("two keys with the ID %d", k.k.id)
		}
		if id, ok := ids[k.k.print]; ok {
			return nil, fmt.Errorf("the keys %d and %d have the same secret", id, k.k.id)
		}
		ks.all[k.k.id], ids[k.k.print] = k.k, k.k.id
	}
	return ks, nil
}

// String returns the IDs of the keys, the current one first.
func (ks *Keys) String() string {
	if ks == nil || ks.current == nil {
		return "no keys"
	}
	return fmt.Sprintf("key %d, and %d others", ks.current.id, len(ks.all)-1)
}

// Format prints what String returns, whatever the verb is.
func (ks *Keys) Format(s fmt.State, _ rune) { io.WriteString(s, ks.String()) }

const (
	idSize   = 4       // of the ID of a key, in front of what it encrypts
	overhead = 12 + 16 // of what is encrypted: the nonce in front of it, the tag behind it
	least    = idSize + overhead
)

// seal appends the ID of the current key, a nonce, and plain encrypted for the associated data,
// which data makes.
func (ks *Keys) seal(dst, plain, data []byte) ([]byte, error) {
	if err := ks.current.take(); err != nil {
		return dst, err
	}
	dst = appendUint32(dst, ks.current.id)
	return ks.current.aead.Seal(dst, nil, plain, data), nil
}

// keyOf returns the key that b was encrypted with, or nil if it is missing.
func (ks *Keys) keyOf(b []byte) (k *key, id uint32, err error) {
	if len(b) < least {
		return nil, 0, fmt.Errorf("%w: %d bytes, fewer than anything encrypted has",
			core.ErrCorrupt, len(b))
	}
	id = uint32From(b)
	return ks.all[id], id, nil
}

// open decrypts b and appends the result to dst, which has room for it and does not overlap b.
func (k *key) open(dst, b, data []byte) ([]byte, error) {
	return k.aead.Open(dst, nil, b[idSize:], data)
}
