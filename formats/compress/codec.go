// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package compress

import (
	"fmt"
	"sync"
	"sync/atomic"

	"github.com/guardkv/guardkv/core"
	"github.com/klauspost/compress/zstd"
)

// codec deflates and inflates the values of one table. It is safe for concurrent use.
type codec struct {
	maxSize      int
	level        zstd.EncoderLevel
	dictionaries []Dictionary // the one at i has the ID i+1; values are written with the last one
	decoder      *zstd.Decoder

	// An encoder takes some megabytes, and up to milliseconds to make. One is kept as long as the
	// table is, and others only as long as the garbage collector leaves them.
	kept     atomic.Pointer[zstd.Encoder]
	encoders sync.Pool // of *zstd.Encoder
}

// newCodec returns an error if a dictionary is not valid.
func newCodec(o options, dictionaries []Dictionary) (*codec, error) {
	c := &codec{maxSize: o.maxSize, level: levels[o.level], dictionaries: dictionaries}
	if len(dictionaries) > 0 {
		// The best one copies tables of many megabytes for each value then: that takes it 10 ms.
		c.level = min(c.level, zstd.SpeedBetterCompression)
	}
	opts := []zstd.DOption{
		zstd.WithDecoderConcurrency(0), zstd.WithDecoderMaxMemory(uint64(o.maxSize)),
		zstd.WithDecodeAllCapLimit(true), zstd.WithDecoderLowmem(true),
	}
	for i, d := range dictionaries {
		opts = append(opts, zstd.WithDecoderDicts(d.numbered(i+1)))
	}
	err := recovered(func() (err error) {
		c.decoder, err = zstd.NewReader(nil, opts...)
		if err == nil && len(dictionaries) > 0 { // the encoder looks at other parts of a dictionary
			var e *zstd.Encoder
			if e, err = c.newEncoder(); err == nil {
				c.putEncoder(e)
			}
		}
		return err
	})
	return c, err
}

// encoder returns an encoder for exclusive use. putEncoder takes it back.
func (c *codec) encoder() (*zstd.Encoder, error) {
	if e := c.kept.Swap(nil); e != nil {
		return e, nil
	}
	if e, ok := c.encoders.Get().(*zstd.Encoder); ok {
		return e, nil
	}
	return c.newEncoder()
}

func (c *codec) putEncoder(e *zstd.Encoder) {
	if !c.kept.CompareAndSwap(nil, e) {
		c.encoders.Put(e)
	}
}

var levels = [...]zstd.EncoderLevel{
	Default: zstd.SpeedDefault,
	Fastest: zstd.SpeedFastest,
	Better:  zstd.SpeedBetterCompression,
	Best:    zstd.SpeedBestCompression,
}

func (c *codec) newEncoder() (*zstd.Encoder, error) {
	opts := []zstd.EOption{
		zstd.WithEncoderConcurrency(1), zstd.WithEncoderCRC(false), zstd.WithSingleSegment(true),
		zstd.WithEncoderLevel(c.level), zstd.WithLowerEncoderMem(true),
	}
	if n := len(c.dictionaries); n > 0 {
		opts = append(opts, zstd.WithEncoderDict(c.dictionaries[n-1].numbered(n)))
	}
	return zstd.NewWriter(nil, opts...)
}

// worthTrying is the size of the smallest values worth compressing: for smaller ones the headers of
// a frame take more than can be saved.
const worthTrying = 16

// deflate replaces the value in dst at start, which follows its tag, by its frame if that is
// shorter.
func (c *codec) deflate(dst []byte, start int) ([]byte, error) {
	value := dst[start+1:]
	if len(value) > c.maxSize {
		return dst, fmt.Errorf("%w: a value of %d bytes; the limit of %d is set by WithMaxSize",
			core.ErrTooLarge, len(value), c.maxSize)
	}
	if len(value) < worthTrying {
		return dst, nil
	}
	// More than a frame adds to bytes that cannot be compressed, except for 3 bytes for each
	// block.
	const headers = 64
	buf := newBuffer(len(value) + len(value)/maxBlock*3 + headers)
	defer buf.Release()
	err := recovered(func() (err error) {
		e, err := c.encoder()
		if err != nil {
			return err
		}
		buf.b = e.EncodeAll(value, buf.b)
		c.putEncoder(e)
		return nil
	})
	if err != nil {
		return dst, fmt.Errorf("a value cannot be compressed: %w", err)
	}
	if len(buf.b) < 1+len(value) {
		dst = append(dst[:start], buf.b...)
		clear(value[len(buf.b)-1:]) // an outer format that encrypts relies on nothing being left behind
	}
	return dst, nil
}

// raw returns the value in stored bytes that are not compressed.
func raw(b []byte) (value []byte, ok bool) {
	if len(b) == 0 || b[0] != tagRaw {
		return nil, false
	}
	return b[1:len(b):len(b)], true
}

// inflate returns the value of stored bytes that are not raw, in a buffer that the caller
// releases.
func (c *codec) inflate(b []byte) (*buffer, error) {
	f, err := c.frame(b)
	if err != nil {
		return nil, err
	}
	buf := newBuffer(f.size + slack)
	if buf.b, err = c.decode(b, buf.b[:0], f); err != nil {
		buf.Release()
		return nil, err
	}
	return buf, nil
}

// inflateCopy is inflate into memory that is not reused.
func (c *codec) inflateCopy(b []byte) ([]byte, error) {
	f, err := c.frame(b)
	if err != nil {
		return nil, err
	}
	value, err := c.decode(b, make([]byte, 0, f.size), f)
	return value[:len(value):len(value)], err
}

// open returns the value in stored bytes, compressed or not, and what to release after its use, or
// nil.
func (c *codec) open(b []byte) ([]byte, core.Releaser, error) {
	if value, ok := raw(b); ok {
		return value, nil, nil
	}
	buf, err := c.inflate(b)
	if err != nil {
		return nil, nil, err
	}
	return clipped(buf.b), buf, nil
}

// slack is room after a value, which lets the library copy faster.
const slack = 16

func (c *codec) frame(b []byte) (frame, error) {
	if len(b) == 0 || b[0] != tagFrame {
		return frame{}, fmt.Errorf("%w: neither a compressed value nor one that was not worth it",
			core.ErrCorrupt)
	}
	f, err := parseFrame(b, c.maxSize)
	if err == nil && int64(f.dictionary) > int64(len(c.dictionaries)) {
		err = fmt.Errorf("%w: the value is compressed with dictionary %d, and the table has %d: "+
			"if it was opened before that was added, open it again",
			core.ErrFormatMismatch, f.dictionary, len(c.dictionaries))
	}
	return f, err
}

// decode appends what a frame inflates to to dst, which has room for it.
func (c *codec) decode(b, dst []byte, f frame) (value []byte, err error) {
	err = recovered(func() (err error) {
		value, err = c.decoder.DecodeAll(b, dst)
		return err
	})
	if err == nil && len(value) != f.size {
		err = fmt.Errorf("it has %d bytes, not %d", len(value), f.size)
	}
	if err != nil {
		return dst, fmt.Errorf("%w: a compressed value: %w", core.ErrCorrupt, err)
	}
	return value, nil
}

// recovered turns a panic of the library into an error. No such panic is known, but the bytes may
// have been forged.
func recovered(fn func() error) (err error) {
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("the library panicked: %v", r)
		}
	}()
	return fn()
}
