// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package cluster

import (
	"bufio"
	"bytes"
	"io"
	"net"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"
)

// lineServer answers each line with "done: " and the line, and remembers what it has done.
type lineServer struct {
	mu   sync.Mutex
	done []string
}

func (s *lineServer) serve(l net.Listener) {
	for {
		c, err := l.Accept()
		if err != nil {
			return
		}
		go func() {
			defer c.Close()
			for lines := bufio.NewScanner(c); lines.Scan(); {
				s.mu.Lock()
				s.done = append(s.done, lines.Text())
				s.mu.Unlock()
				io.WriteString(c, "done: "+lines.Text()+"\n")
			}
		}()
	}
}

func (s *lineServer) did(line string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, d := range s.done {
		if d == line {
			return true
		}
	}
	return false
}

// proxied is a server behind a proxy.
func proxied(t *testing.T) (*Proxy, *lineServer) {
	t.Helper()
	socket := filepath.Join(t.TempDir(), "socket")
	l, err := net.Listen("unix", socket)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	s := new(lineServer)
	go s.serve(l)
	p, err := NewProxy(func() (net.Conn, error) { return net.Dial("unix", socket) })
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { p.Close() })
	return p, s
}

// caller is a client of a lineServer.
type caller struct {
	net.Conn
	answers *bufio.Reader
}

func call(t *testing.T, p *Proxy) caller {
	t.Helper()
	c, err := net.Dial("tcp", p.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	c.SetDeadline(time.Now().Add(time.Minute))
	return caller{c, bufio.NewReader(c)}
}

// ask returns the answer to a line, "" if there is none.
func (c caller) ask(line string) string {
	if _, err := io.WriteString(c, line+"\n"); err != nil {
		return ""
	}
	answer, err := c.answers.ReadString('\n')
	if err != nil {
		return ""
	}
	return strings.TrimSuffix(answer, "\n")
}

func (c caller) works(t *testing.T, line string) {
	t.Helper()
	if got := c.ask(line); got != "done: "+line {
		t.Fatalf("the answer to %.20q is %.30q", line, got)
	}
}

func TestProxyPassesOn(t *testing.T) {
	p, _ := proxied(t)
	one, two := call(t, p), call(t, p)
	one.works(t, "a")
	two.works(t, strings.Repeat("long ", 10_000))
	one.works(t, "b")
}

// A request that is hit does not reach the server, or only its answer is lost. Nothing else is.
func TestProxyCuts(t *testing.T) {
	for _, after := range []bool{false, true} {
		p, s := proxied(t)
		other, c := call(t, p), call(t, p)
		other.works(t, "x")
		cut := p.Arm(&Cut{Match: []byte("commit"), After: after})
		c.works(t, "begin")
		if got := c.ask("and commit"); got != "" {
			t.Errorf("after=%t: the answer %q is not lost", after, got)
		}
		<-cut
		if s.did("and commit") != after {
			t.Errorf("after=%t: the server did what it was asked: %t", after, !after)
		}
		other.works(t, "commit")
		call(t, p).works(t, "commit")
	}
}

func TestProxyFindsPieces(t *testing.T) {
	p, s := proxied(t)
	c := call(t, p)
	cut := p.Arm(&Cut{Match: []byte("commit")})
	for _, piece := range []string{"co", "m", "mi"} {
		if _, err := io.WriteString(c, piece); err != nil {
			t.Fatal(err)
		}
		time.Sleep(20 * time.Millisecond) // otherwise they may come as one, which is tested too
	}
	if got := c.ask("t"); got != "" {
		t.Errorf("the answer is %q", got)
	}
	<-cut
	if s.did("commit") {
		t.Error("the server got what was to be cut off")
	}
}

func TestProxyDisarmed(t *testing.T) {
	p, _ := proxied(t)
	p.Arm(new(Cut))
	p.Arm(nil)
	call(t, p).works(t, "a")
}

func TestProxyDelays(t *testing.T) {
	p, _ := proxied(t)
	c := call(t, p)
	p.Delay(30 * time.Millisecond)
	start := time.Now()
	c.works(t, "a")
	if took := time.Since(start); took < 60*time.Millisecond {
		t.Errorf("there and back took %v", took)
	}
}

// A connection that is held stays, and goes on where it was.
func TestProxyHolds(t *testing.T) {
	p, s := proxied(t)
	c := call(t, p)
	c.works(t, "a")
	p.Hold(true)
	answer := make(chan string)
	go func() { answer <- c.ask("b") }()
	select {
	case got := <-answer:
		t.Fatalf("the answer %q is not held", got)
	case <-time.After(50 * time.Millisecond):
	}
	if s.did("b") {
		t.Error("what is held has reached the server")
	}
	p.Hold(false)
	if got := <-answer; got != "done: b" {
		t.Errorf("the answer is %q", got)
	}
}

func TestProxyRefuses(t *testing.T) {
	p, _ := proxied(t)
	c := call(t, p)
	c.works(t, "a")
	p.Refuse(true)
	if c, err := net.Dial("tcp", p.Addr().String()); err == nil {
		if got := (caller{c, bufio.NewReader(c)}).ask("b"); got != "" {
			t.Errorf("a new connection gives %q", got)
		}
		c.Close()
	}
	c.works(t, "c")
	p.CutAll()
	if got := c.ask("d"); got != "" {
		t.Errorf("a connection that is cut gives %q", got)
	}
	p.Refuse(false)
	call(t, p).works(t, "e")
}

// Close ends connections that are held, and does not wait for either end.
func TestProxyCloses(t *testing.T) {
	p, _ := proxied(t)
	c := call(t, p)
	c.works(t, "a")
	p.Hold(true)
	io.WriteString(c, "b\n")
	if err := p.Close(); err != nil {
		t.Fatal(err)
	}
	if got, _ := io.ReadAll(c.answers); bytes.Contains(got, []byte("b")) {
		t.Errorf("the answer is %q", got)
	}
}
