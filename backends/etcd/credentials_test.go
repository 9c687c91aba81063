// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package etcd

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"math/big"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"

	"github.com/guardkv/guardkv/core"
	"github.com/guardkv/guardkv/core/keys"
	"github.com/guardkv/guardkv/core/values"
)

const secret = "s3cr3t-pa55word"

// log keeps what is logged.
type log struct {
	mu   sync.Mutex
	text strings.Builder
}

func (l *log) Write(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(b)
}

func (l *log) Sync() error { return nil }

func (l *log) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}

// TestCredentials: a user is told to the servers, and its password to nobody else: no error, no
// log line and no text of a Backend has it.
func TestCredentials(t *testing.T) {
	t.Parallel() // it has servers of its own, and mostly waits
	c := cluster(t, 1)
	client, err := c.Client()
	do(t, err)
	defer client.Close()
	_, err = client.UserAdd(t.Context(), "root", secret)
	do(t, err)
	_, err = client.UserGrantRole(t.Context(), "root", "root")
	do(t, err)
	_, err = client.UserAdd(t.Context(), "guest", secret)
	do(t, err)
	_, err = client.AuthEnable(t.Context())
	do(t, err)

	var logged log
	logger := zap.New(zapcore.NewCore(
		zapcore.NewJSONEncoder(zap.NewProductionEncoderConfig()), &logged, zap.DebugLevel))
	b := Backend{
		Endpoints: c.Endpoints(), Username: "root", Password: secret, Logger: logger,
	}
	var said []any
	db, err := core.Open(t.Context(), "storage", b)
	do(t, err)
	table, err := core.OpenTable(t.Context(), db, "words", keys.Int(), values.String())
	do(t, err)
	do(t, table.Put(t.Context(), 1, "v"))
	said = append(said, db.Path(), b)
	do(t, db.Close())

	fails := func(name string, b Backend) {
		t.Helper()
		_, err := core.Open(t.Context(), "storage", b)
		if err == nil {
			t.Errorf("%s can open the storage", name)
		}
		said = append(said, err, b, &b)
	}
	guest, nobody, wrong, inURL := b, b, b, b
	guest.Username = "guest"
	fails("a user without rights", guest)
	nobody.Username, nobody.Password = "", ""
	fails("nobody", nobody)
	wrong.Password = secret + "x"
	fails("a user with a wrong password", wrong)
	inURL.Endpoints = []string{"http://root:" + secret + "@127.0.0.1:1"}
	fails("a user in an address", inURL)
	inURL.Endpoints = []string{"root:" + secret + "@127.0.0.1:1"}
	fails("a user in an address without http", inURL)
	unreached := b
	unreached.Endpoints, unreached.Timeout = []string{"http://127.0.0.1:1"}, time.Second
	fails("a user of a server that is not there", unreached)

	for _, x := range said {
		for _, format := range []string{"%v", "%+v", "%#v", "%s", "%q"} {
			if text := fmt.Sprintf(format, x); strings.Contains(text, secret) {
				t.Errorf("%s of a %T shows the password: %s", format, x, text)
			}
		}
	}
	if text := logged.String(); text == "" || strings.Contains(text, secret) {
		t.Errorf("%d bytes were logged, the password among them: %v", len(text),
			strings.Contains(text, secret))
	}
}

// TestTLS: servers are reached by https, verified by the configuration that is given.
func TestTLS(t *testing.T) {
	certificate, pool := selfSigned(t)
	l, err := tls.Listen("tcp", "127.0.0.1:0", &tls.Config{
		Certificates: []tls.Certificate{certificate}, NextProtos: []string{"h2"},
	})
	do(t, err)
	network, address := server(t).Nodes[0].Address()
	proxy(t, l, network, address)
	b := Backend{
		Endpoints: []string{"https://" + l.Addr().String()}, TLS: &tls.Config{RootCAs: pool},
	}
	s := open(t, b, place())
	do(t, s.apply(t, nil, put("k", "v")))
	call := begin(t.Context(), time.Minute)
	defer call.end()
	if _, err := s.driver.client.etcd.Get(call, "k"); err != nil || call.conn.Load() == nil {
		t.Errorf("a call knows no connection: %v", err)
	}
	b.TLS, b.Timeout = &tls.Config{RootCAs: x509.NewCertPool()}, time.Second
	for _, b.Password = range []string{"", secret} {
		if b.Password != "" {
			b.Username = "root"
		}
		_, err = core.Open(t.Context(), "x", b)
		is(t, "a server that nobody vouches for", err, core.ErrUnavailable)
		if strings.Contains(fmt.Sprint(err), secret) {
			t.Errorf("the error shows the password: %v", err)
		}
	}
}

// selfSigned returns a certificate of 127.0.0.1, and who vouches for it.
func selfSigned(t *testing.T) (tls.Certificate, *x509.CertPool) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	do(t, err)
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), IsCA: true, BasicConstraintsValid: true,
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	do(t, err)
	parsed, err := x509.ParseCertificate(der)
	do(t, err)
	pool := x509.NewCertPool()
	pool.AddCert(parsed)
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}, pool
}

// TestNoEndpoints: a Backend that names no server says so, and a context that has ended is
// looked at.
func TestNoEndpoints(t *testing.T) {
	if _, err := (Backend{}).Claim(t.Context(), "x", false); err == nil ||
		!strings.Contains(err.Error(), "Endpoints") {
		t.Errorf("a Backend without endpoints gives %v", err)
	}
	canceled, cancel := context.WithCancel(t.Context())
	cancel()
	_, err := Backend{Endpoints: []string{"127.0.0.1:1"}}.Claim(canceled, "x", false)
	is(t, "Claim with a context that has ended", err, context.Canceled)
}
