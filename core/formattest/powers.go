// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package formattest

import (
	"bytes"
	"errors"
	"fmt"
	"sync"

	"github.com/guardkv/guardkv/core"
)

// concurrent encodes and reads every sample in eight goroutines, each in an order of its own.
func (s *suite) concurrent() error {
	var wg sync.WaitGroup
	failures := make([]error, 8)
	for i := range failures {
		wg.Go(func() {
			for n := 0; n < 200 && len(s.good) > 0 && failures[i] == nil; n++ {
				failures[i] = s.useOnce(s.good[(n*(i+1)+i)%len(s.good)])
			}
		})
	}
	wg.Wait()
	return errors.Join(failures...)
}

func (s *suite) useOnce(g good) error {
	b, err := s.encode(g.value)
	if err != nil {
		return fmt.Errorf("while others use the format: %w", err)
	}
	if s.stable && !bytes.Equal(b, g.encoded) {
		return fmt.Errorf("while others use the format %s is encoded as %s, else as %s",
			showValue(g.value), show(b), show(g.encoded))
	}
	if err := s.readsAs(g.encoded, g.read); err != nil {
		return fmt.Errorf("while others use the format: %w", err)
	}
	return nil
}

// reuse reads everything twice: into a new W, and into one that held something else before.
func (s *suite) reuse() error {
	into := s.format.into()
	for _, a := range s.good {
		for _, b := range s.good {
			if err := s.readsIntoAs(into, a.encoded); err != nil {
				return err
			}
			if err := s.readsIntoAs(into, b.encoded); err != nil {
				return fmt.Errorf("over %s: %w", show(a.encoded), err)
			}
		}
	}
	return s.everyInput(func(b []byte) error { return s.readsIntoAs(into, b) })()
}

// readsIntoAs returns an error unless b reads into a view as it reads otherwise.
func (s *suite) readsIntoAs(into func(b []byte) (view any, err error), b []byte) error {
	want, wantErr := s.read(b)
	inside, _ := place(b, 0xAA)
	var got any
	err := safely(func() error {
		w, err := into(inside)
		if s.format.owns {
			spoil(inside)
		}
		if err == nil {
			got = s.format.value(w)
		}
		return err
	})
	if (err == nil) != (wantErr == nil) {
		return fmt.Errorf("%s: the error of View is %v, that of ViewInto %v", show(b), wantErr, err)
	}
	if err == nil && !s.agree(want, got) && !s.unlike(b) {
		return fmt.Errorf("%s: View reads %s, ViewInto %s",
			show(b), showValue(want), showValue(got))
	}
	return nil
}

func (s *suite) trusted() error {
	for _, g := range s.good {
		inside, _ := place(g.encoded, 0xAA)
		w, err := s.format.trusted(inside)
		if err != nil {
			return fmt.Errorf("%s: %w", show(g.encoded), err)
		}
		if s.format.owns {
			spoil(inside)
		}
		if v := s.format.value(w); !s.agree(v, g.read) {
			return fmt.Errorf("%s: View reads %s, ViewTrusted %s",
				show(g.encoded), showValue(g.read), showValue(v))
		}
	}
	return nil
}

// lentView is a view that is not given back yet.
type lentView struct {
	of   good
	view any
	r    core.Releaser
}

// lent views all samples at once, and then whatever bytes there are while the samples are lent:
// often, because memory is used again.
func (s *suite) lent() error {
	for _, trusted := range []bool{false, true, false} {
		var all []lentView
		for _, g := range s.good {
			inside, _ := place(g.encoded, 0xAA)
			w, r, err := s.format.lent(inside, trusted)
			if err != nil {
				return fmt.Errorf("%s: %w", show(g.encoded), err)
			}
			if r != nil || s.format.owns {
				spoil(inside)
			}
			all = append(all, lentView{g, w, r})
		}
		if err := s.everyInput(s.lentAs)(); err != nil {
			return err
		}
		for _, l := range all {
			if v := s.format.value(l.view); !s.agree(v, l.of.read) {
				return fmt.Errorf("%s: View reads %s, ViewLent %s",
					show(l.of.encoded), showValue(l.of.read), showValue(v))
			}
			if l.r != nil {
				l.r.Release()
			}
		}
	}
	return nil
}

// lentAs returns an error unless b reads as it reads otherwise.
func (s *suite) lentAs(b []byte) error {
	want, wantErr := s.read(b)
	inside, _ := place(b, 0xAA)
	var differ bool
	err := safely(func() error {
		w, r, err := s.format.lent(inside, false)
		if err != nil {
			return err
		}
		differ = wantErr == nil && !s.agree(want, s.format.value(w))
		if r != nil {
			r.Release()
		}
		return nil
	})
	if (err == nil) != (wantErr == nil) {
		return fmt.Errorf("%s: the error of View is %v, that of ViewLent %v", show(b), wantErr, err)
	}
	if differ && !s.unlike(b) {
		return fmt.Errorf("%s: ViewLent does not read %s", show(b), showValue(want))
	}
	return nil
}

// bind reopens the table: once with the metadata of the format, and often with other metadata.
func (s *suite) bind() error {
	stored := bytes.Clone(s.meta)
	f, meta, err := s.unbound(stored)
	if err != nil {
		return fmt.Errorf("a table that was just created cannot be opened: %w", err)
	}
	if !bytes.Equal(meta, s.meta) {
		return fmt.Errorf("the metadata of a new table is %s; when it is opened again it becomes %s", show(s.meta), show(meta))
	}
	spoil(stored)
	if err := s.sameAs(f); err != nil {
		return err
	}
	return s.refusesMetadata()
}

// sameAs returns an error unless f and s.format read each other's encodings.
func (s *suite) sameAs(f format) error {
	reopened := *s
	reopened.format = f
	for _, g := range s.good {
		if err := reopened.readsAs(g.encoded, g.read); err != nil {
			return fmt.Errorf("written before the table was opened again: %w", err)
		}
		b, err := reopened.encode(g.value)
		if err != nil {
			return err
		}
		if err := s.readsAs(b, g.read); err != nil {
			return fmt.Errorf("written after the table was opened again: %w", err)
		}
	}
	return nil
}

// refusesMetadata: damage may go unnoticed but must not panic; what was never metadata must be
// an error.
func (s *suite) refusesMetadata() error {
	for kind, b := range inputs([][]byte{s.meta}) {
		err := safely(func() error { _, _, err := s.unbound(bytes.Clone(b)); return err })
		var p *panicked
		if errors.As(err, &p) {
			return fmt.Errorf("metadata, %s, %s: %w", kind, show(b), p)
		}
	}
	for _, junk := range []string{
		"junk", "\xCC\xCC\xCC\xCC\xCC\xCC\xCC\xCC",
		string(bytes.Repeat([]byte("junk "), 100)),
	} {
		if _, _, err := s.unbound([]byte(junk)); err == nil {
			return fmt.Errorf("%s is taken for metadata", show([]byte(junk)))
		}
	}
	return nil
}
