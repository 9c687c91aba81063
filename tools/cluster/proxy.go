// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package cluster

import (
	"bytes"
	"errors"
	"net"
	"sync"
	"time"
)

// Proxy passes on what clients and one server send each other, and fails in the ways that networks
// do. Clients connect to Addr.
type Proxy struct {
	listener net.Listener
	dial     func() (net.Conn, error)
	running  sync.WaitGroup

	mu      sync.Mutex
	links   map[*link]struct{}
	armed   *Cut
	hits    int
	delay   time.Duration
	held    chan struct{} // closed when nothing is held back any more; nil if nothing is
	refuses bool
	closed  bool
}

// Cut says which connection is to be cut, and when.
type Cut struct {
	// Match is what a client must send: the first bytes that contain it are hit, even if they
	// are sent in several pieces. If Match is empty, any bytes are hit.
	Match []byte
	// After passes the bytes that were hit on to the server and lets it act on them, so that only
	// its answer is lost. Otherwise the connection is cut before they reach it.
	After bool

	done chan struct{}
}

// quiet is how long a server whose answers are lost must say nothing before it is assumed to
// have done what it was asked.
const quiet = 100 * time.Millisecond

// NewProxy listens on the loopback interface. dial connects to the server.
func NewProxy(dial func() (net.Conn, error)) (*Proxy, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	p := &Proxy{listener: l, dial: dial, links: make(map[*link]struct{})}
	p.running.Go(p.accept)
	return p, nil
}

// Addr is where clients connect to.
func (p *Proxy) Addr() *net.TCPAddr { return p.listener.Addr().(*net.TCPAddr) }

// Close cuts all connections, and waits until no goroutine of the proxy runs any more.
func (p *Proxy) Close() error {
	err := p.listener.Close()
	p.mu.Lock()
	p.closed = true
	p.mu.Unlock()
	p.Hold(false)
	p.CutAll()
	p.running.Wait()
	return err
}

// Arm cuts the next connection that c hits. The channel is closed when that is done. One Cut is
// armed at a time; nil disarms.
func (p *Proxy) Arm(c *Cut) <-chan struct{} {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.armed = c; c == nil {
		return nil
	}
	c.done = make(chan struct{})
	return c.done
}

// Delay holds back every piece that is passed on, in either direction, for d.
func (p *Proxy) Delay(d time.Duration) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.delay = d
}

// Hold passes nothing on while all connections stay, as with a server that hangs, or a network
// that loses everything.
func (p *Proxy) Hold(hold bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	switch {
	case hold && p.held == nil && !p.closed:
		p.held = make(chan struct{})
	case !hold && p.held != nil:
		close(p.held)
		p.held = nil
	}
}

// Refuse ends connections as soon as they are made.
func (p *Proxy) Refuse(refuse bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.refuses = refuse
}

// CutAll cuts all existing connections.
func (p *Proxy) CutAll() {
	p.mu.Lock()
	defer p.mu.Unlock()
	for l := range p.links {
		l.cut()
	}
}

func (p *Proxy) accept() {
	for {
		client, err := p.listener.Accept()
		if errors.Is(err, net.ErrClosed) {
			return
		}
		if err != nil {
			time.Sleep(time.Millisecond) // out of descriptors, for a while
			continue
		}
		p.running.Go(func() { p.serve(client) })
	}
}

// serve connects a client with the server until either of them, or a cut, ends the connection.
func (p *Proxy) serve(client net.Conn) {
	reset(client)
	defer client.Close()
	p.mu.Lock()
	refused := p.refuses || p.closed
	p.mu.Unlock()
	if refused {
		return
	}
	server, err := p.dial()
	if err != nil {
		return
	}
	defer server.Close()
	l := &link{proxy: p, client: client, server: server, ended: make(chan struct{})}
	if !p.add(l) {
		return
	}
	defer p.remove(l)
	var answers sync.WaitGroup
	answers.Go(func() { l.answers(); l.cut() })
	l.requests()
	l.cut()
	answers.Wait()
}

func (p *Proxy) add(l *link) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed {
		return false
	}
	p.links[l] = struct{}{}
	return true
}

func (p *Proxy) remove(l *link) {
	p.mu.Lock()
	defer p.mu.Unlock()
	delete(p.links, l)
}

// hit disarms the armed cut and returns it, if the bytes contain what it waits for.
func (p *Proxy) hit(said []byte) *Cut {
	p.mu.Lock()
	defer p.mu.Unlock()
	c := p.armed
	if c == nil || !bytes.Contains(said, c.Match) {
		return nil
	}
	p.armed = nil
	p.hits++
	return c
}

// Hits is how many connections cuts have hit.
func (p *Proxy) Hits() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.hits
}

// remembered returns the end of what the client has sent, which is looked through again with the
// next piece: a match may come in several pieces.
func (p *Proxy) remembered(said []byte) []byte {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.armed == nil || len(p.armed.Match) < 2 {
		return nil
	}
	return said[max(0, len(said)-len(p.armed.Match)+1):]
}

// reset makes Close send a reset, which the other side sees at once, even if it has not read
// everything.
func reset(c net.Conn) {
	if tcp, ok := c.(*net.TCPConn); ok {
		tcp.SetLinger(0)
	}
}

// link is one connection of a client with the server.
type link struct {
	proxy          *Proxy
	client, server net.Conn
	once           sync.Once
	ended          chan struct{}

	mu       sync.Mutex
	loses    bool      // the answers of the server are lost
	answered time.Time // when the last lost answer came
}

// cut ends the connection.
func (l *link) cut() {
	l.once.Do(func() {
		close(l.ended)
		l.client.Close()
		l.server.Close()
	})
}

// requests passes on what the client sends.
func (l *link) requests() {
	var before []byte
	buf := make([]byte, 64<<10)
	for {
		n, err := l.client.Read(buf)
		if err != nil || !l.wait() {
			return
		}
		said := append(before, buf[:n]...)
		if c := l.proxy.hit(said); c != nil {
			if !c.After {
				l.cut()
				close(c.done)
				return
			}
			l.loseAnswers(c)
		}
		before = bytes.Clone(l.proxy.remembered(said))
		if _, err := l.server.Write(buf[:n]); err != nil {
			return
		}
	}
}

// loseAnswers stops passing on answers, and cuts the connection when the server seems to have done
// what it was asked.
func (l *link) loseAnswers(c *Cut) {
	l.mu.Lock()
	l.loses = true
	l.mu.Unlock()
	l.proxy.running.Go(func() {
		defer close(c.done)
		for l.sleep(quiet / 10) {
			l.mu.Lock()
			at := l.answered
			l.mu.Unlock()
			if !at.IsZero() && time.Since(at) > quiet {
				l.cut()
			}
		}
	})
}

// answers passes on what the server sends, unless answers are lost.
func (l *link) answers() {
	buf := make([]byte, 64<<10)
	for {
		n, err := l.server.Read(buf)
		if err != nil || !l.wait() {
			return
		}
		if l.lost() {
			continue
		}
		if _, err := l.client.Write(buf[:n]); err != nil {
			return
		}
	}
}

// lost reports whether answers are lost, and notes that one has come.
func (l *link) lost() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.loses {
		l.answered = time.Now()
	}
	return l.loses
}

// wait returns when a piece may be passed on, or false if the connection has ended.
func (l *link) wait() bool {
	for {
		l.proxy.mu.Lock()
		held, delay := l.proxy.held, l.proxy.delay
		l.proxy.mu.Unlock()
		if held == nil {
			return delay == 0 || l.sleep(delay)
		}
		select {
		case <-held:
		case <-l.ended:
			return false
		}
	}
}

// sleep returns after d, or false if the connection has ended.
func (l *link) sleep(d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return true
	case <-l.ended:
		return false
	}
}
