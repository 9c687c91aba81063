// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package remote

import "context"

// The first page is small, because most scans are short. The others grow, so that a long scan
// makes few trips, until each takes about as long on the wire as a trip.
const (
	firstRows = 64
	limitRows = 1024 // of a first page whose cursor knows how many rows it will be asked for
	growth    = 4
	mostRows  = 16 << 10
	mostBytes = 1 << 20
)

// sizes decides how many rows the next page has.
type sizes struct {
	limit int // how many rows will be asked for at most after each Seek; 0 if unknown
	taken int // since the last Seek
	rows  int // of the next page if there is no limit; 0 before the first page
}

// restart makes the next page a first one.
func (s *sizes) restart() { s.rows = 0 }

// next returns how many rows to ask for when atHand rows are at hand and not taken yet.
func (s *sizes) next(atHand int) int {
	rows := s.rows
	if rows == 0 {
		if rows = firstRows; s.limit > 0 {
			rows = limitRows
		}
	}
	if s.wanted(atHand) && s.limit > 0 {
		rows = min(rows, s.limit-s.taken-atHand)
	}
	return rows
}

// wanted reports whether more rows will be asked for than are at hand.
func (s *sizes) wanted(atHand int) bool { return s.limit <= 0 || s.taken+atHand < s.limit }

// came makes the next page larger than the one that came, as far as the size of rows allows.
func (s *sizes) came(page []Row) {
	if len(page) == 0 {
		return
	}
	size := 0
	for i := range page {
		size += len(page[i].Key) + len(page[i].Value)
	}
	s.rows = max(s.rows, len(page), firstRows/growth) * growth
	s.rows = max(1, min(s.rows, mostRows, mostBytes/max(size/len(page), 1)))
}

// ahead is a page that was asked for before its rows are needed.
type ahead struct {
	cancel context.CancelFunc
	done   chan struct{}
	page   Page
	err    error
}

// readAhead asks for the page after the one at hand.
func (c *cursor) readAhead() {
	ctx, cancel := context.WithCancel(c.ctx)
	a := &ahead{cancel: cancel, done: make(chan struct{})}
	c.ahead = a
	s, q := c.snapshot, c.ask()
	go func() {
		defer close(a.done)
		a.page, a.err = s.page(ctx, q)
	}()
}

// wait returns the page when it has arrived.
func (a *ahead) wait() (Page, error) {
	<-a.done
	a.cancel()
	return a.page, a.err
}

// forget gives up the page that was asked for. The state must not be closed before that call is
// over.
func (c *cursor) forget() {
	if a := c.ahead; a != nil {
		c.ahead = nil
		a.cancel()
		<-a.done
	}
}
