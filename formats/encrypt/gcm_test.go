// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package encrypt

import (
	"bytes"
	"crypto/aes"
	"crypto/rand"
	"encoding/binary"
	"encoding/hex"
	"testing"

	"github.com/guardkv/guardkv/core"
	"github.com/guardkv/guardkv/core/values"
)

// simpleGCM is AES-GCM as NIST SP 800-38D describes it, bit by bit, to compare with. It shares
// nothing with the one that is used but the block cipher.
type simpleGCM struct {
	t   testing.TB
	key []byte
	h   [16]byte
}

func newSimpleGCM(t testing.TB, key []byte) simpleGCM {
	g := simpleGCM{t: t, key: key}
	copy(g.h[:], g.block(make([]byte, 16)))
	return g
}

func (g simpleGCM) block(in []byte) []byte {
	c, err := aes.NewCipher(g.key)
	if err != nil {
		g.t.Fatal(err)
	}
	out := make([]byte, 16)
	c.Encrypt(out, in)
	return out
}

// times multiplies in the field of 2^128 elements, whose bits are numbered from the left.
func times(x, y [16]byte) (z [16]byte) {
	for i := range 128 {
		if x[i/8]>>(7-i%8)&1 == 1 {
			for j := range z {
				z[j] ^= y[j]
			}
		}
		low := y[15] & 1
		for j := 15; j > 0; j-- {
			y[j] = y[j]>>1 | y[j-1]<<7
		}
		y[0] >>= 1
		if low == 1 {
			y[0] ^= 0xe1
		}
	}
	return z
}

func (g simpleGCM) hash(parts ...[]byte) (sum [16]byte) {
	var lengths []byte
	var all []byte
	for _, p := range parts {
		all = append(all, p...)
		all = append(all, make([]byte, (16-len(p)%16)%16)...)
		lengths = binary.BigEndian.AppendUint64(lengths, uint64(len(p))*8)
	}
	all = append(all, lengths...)
	for ; len(all) > 0; all = all[16:] {
		for j := range sum {
			sum[j] ^= all[j]
		}
		sum = times(sum, g.h)
	}
	return sum
}

// crypt encrypts, or decrypts.
func (g simpleGCM) crypt(nonce, in []byte) []byte {
	out := bytes.Clone(in)
	for i := range out {
		if i%16 == 0 {
			in = g.block(binary.BigEndian.AppendUint32(bytes.Clone(nonce), uint32(i/16)+2))
		}
		out[i] ^= in[i%16]
	}
	return out
}

// seal returns what is encrypted, and the tag.
func (g simpleGCM) seal(nonce, plain, data []byte) []byte {
	c := g.crypt(nonce, plain)
	tag := g.hash(data, c)
	for i, b := range g.block(binary.BigEndian.AppendUint32(bytes.Clone(nonce), 1)) {
		tag[i] ^= b
	}
	return append(c, tag[:]...)
}

func fromHex(t testing.TB, s string) []byte {
	t.Helper()
	b, err := hex.DecodeString(s)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// The test cases 13 to 16 of "The Galois/Counter Mode of Operation" by McGrew and Viega, which are
// those with keys of 256 bits.
func TestVectors(t *testing.T) {
	const (
		key   = "feffe9928665731c6d6a8f9467308308feffe9928665731c6d6a8f9467308308"
		nonce = "cafebabefacedbaddecaf888"
		zeros = "00000000000000000000000000000000"
		plain = "d9313225f88406e5a55909c5aff5269a86a7a9531534f7da2e4c303d8a318a72" +
			"1c3c0c95956809532fcf0e2449a6b525b16aedf5aa0de657ba637b391aafd255"
		cipher = "522dc1f099567d07f47f37a32a84427d643a8cdcbfe5c0c97598a2bd2555d1aa" +
			"8cb08e48590dbb3da7b08b1056828838c5f61e6393ba7a0abcc9f662898015ad"
	)
	for _, c := range []struct{ key, nonce, plain, data, cipher, tag string }{
		{zeros + zeros, zeros[:24], "", "", "", "530f8afbc74536b9a963b4f1c4cb738b"},
		{
			zeros + zeros, zeros[:24], zeros, "", "cea7403d4d606b6e074ec5d3baf39d18",
			"d0d1c8a799996bf0265b98b5d48ab919",
		},
		{key, nonce, plain, "", cipher, "b094dac5d93471bdec1a502270e3cc6c"},
		{
			key, nonce, plain[:120], "feedfacedeadbeeffeedfacedeadbeefabaddad2",
			cipher[:120], "76fc6ece0f4e1768cddf8853bb2d551b",
		},
	} {
		want := fromHex(t, c.cipher+c.tag)
		got := newSimpleGCM(t, fromHex(t, c.key)).seal(fromHex(t, c.nonce), fromHex(t, c.plain),
			fromHex(t, c.data))
		if !bytes.Equal(got, want) {
			t.Errorf("the simple GCM makes %x of %s, want %x", got, c.plain, want)
		}
		k, err := newKey(1, fromHex(t, c.key))
		if err != nil {
			t.Fatal(err)
		}
		opened, err := k.k.open(nil, append(fromHex(t, "00000001"+c.nonce), want...),
			fromHex(t, c.data))
		if err != nil || !bytes.Equal(opened, fromHex(t, c.plain)) {
			t.Errorf("%x opens as %x, %v; want %s", want, opened, err, c.plain)
		}
	}
}

// spelledOut is the associated data of a row as the documentation of the package describes it.
func spelledOut(format string, table core.TableID, id uint32, key string) []byte {
	b := []byte("guardkv encrypt/1\x01")
	b = append(binary.BigEndian.AppendUint32(b, uint32(len(format))), format...)
	b = append(b, table[:]...)
	b = binary.BigEndian.AppendUint32(b, id)
	return append(binary.BigEndian.AppendUint64(b, uint64(len(key))), key...)
}

// What is stored is what the documentation says: another AES-GCM opens rows, and makes rows, with
// nothing but that.
func TestRowsAreAsDocumented(t *testing.T) {
	secret := make([]byte, KeySize)
	rand.Read(secret)
	const id, format = 0x01020304, "encrypt/1(bytes)"
	table := core.TableID{9, 8, 7}
	k, err := NewKey(id, secret)
	if err != nil {
		t.Fatal(err)
	}
	ks, err := NewKeys(k)
	if err != nil {
		t.Fatal(err)
	}
	f := New(values.Bytes(), ks)
	if f.ID() != format {
		t.Fatalf("the ID is %q", f.ID())
	}
	rows, err := core.RowFormatOf(f, table)
	if err != nil {
		t.Fatal(err)
	}
	g := newSimpleGCM(t, secret)
	for _, key := range []string{"", "k", "a longer key \x00\xff"} {
		for _, n := range []int{0, 1, 15, 16, 17, 1000} {
			value := bytes.Repeat([]byte{'v', byte(n)}, n)[:n]
			row, err := rows.Append([]byte("before"), []byte(key), value)
			if err != nil {
				t.Fatal(err)
			}
			row = bytes.TrimPrefix(row, []byte("before"))
			data := spelledOut(format, table, id, key)
			if len(row) != n+32 || binary.BigEndian.Uint32(row) != id {
				t.Fatalf("%d bytes are stored as %d, with the key %x", n, len(row), row[:4])
			}
			if want := g.seal(row[4:16], value, data); !bytes.Equal(row[16:], want) {
				t.Errorf("%d bytes in row %q are stored as %x, want %x", n, key, row[16:], want)
			}
			nonce := bytes.Repeat([]byte{byte(n)}, 12)
			made := append(append([]byte{1, 2, 3, 4}, nonce...), g.seal(nonce, value, data)...)
			if got, err := rows.View([]byte(key), made); err != nil || !bytes.Equal(got, value) {
				t.Errorf("what another GCM made of %d bytes in row %q reads as %x, %v",
					n, key, got, err)
			}
		}
	}
}

// What is kept with a table is bound to data of kinds of its own, as the documentation says: a row
// of it, or one that somebody made, is no metadata, and the other way round.
func TestMetadataIsAsDocumented(t *testing.T) {
	secret := bytes.Repeat([]byte{7}, KeySize)
	const id, format = 0x01020304, "encrypt/1(bytes)"
	k, err := NewKey(id, secret)
	if err != nil {
		t.Fatal(err)
	}
	ks, err := NewKeys(k)
	if err != nil {
		t.Fatal(err)
	}
	_, meta, err := core.PowersOf(New(values.Bytes(), ks)).Bind(nil)
	if err != nil {
		t.Fatal(err)
	}
	data := func(kind byte, rest []byte) []byte {
		b := append([]byte("guardkv encrypt/1"), kind)
		b = append(binary.BigEndian.AppendUint32(b, uint32(len(format))), format...)
		b = binary.BigEndian.AppendUint32(b, id)
		return append(binary.BigEndian.AppendUint64(b, uint64(len(rest))), rest...)
	}
	if len(meta) != 3+32+33 || !bytes.HasPrefix(meta, []byte{1, 0, 1, 1, 2, 3, 4}) {
		t.Fatalf("the metadata is %x", meta)
	}
	g := newSimpleGCM(t, secret)
	check, kept := meta[3:35], meta[35:]
	if want := g.seal(check[4:16], nil, data(2, nil)); !bytes.Equal(check[16:], want) {
		t.Errorf("the check of the key is %x, want %x", check[16:], want)
	}
	if want := g.seal(kept[4:16], []byte{0}, data(3, meta[:35])); !bytes.Equal(kept[16:], want) {
		t.Errorf("what is kept is %x, want %x", kept[16:], want)
	}
}

// Nonces are never the same: two rows with one would give away what they have in common, and let
// others forge rows.
func TestNoncesAreRandom(t *testing.T) {
	k, err := NewKey(1, bytes.Repeat([]byte{77}, KeySize))
	if err != nil {
		t.Fatal(err)
	}
	ks, err := NewKeys(k)
	if err != nil {
		t.Fatal(err)
	}
	seen := map[string]bool{}
	var bits [12]byte
	for range 10_000 {
		row, err := ks.seal(nil, nil, nil)
		if err != nil {
			t.Fatal(err)
		}
		nonce := row[4:16]
		if seen[string(nonce)] {
			t.Fatalf("the nonce %x occurs twice", nonce)
		}
		seen[string(nonce)] = true
		for i, b := range nonce {
			bits[i] |= b
		}
	}
	if bits != [12]byte(bytes.Repeat([]byte{0xff}, 12)) {
		t.Errorf("the bits that are ever set in nonces are %x", bits)
	}
}
