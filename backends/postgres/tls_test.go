// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package postgres

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/binary"
	"encoding/pem"
	"errors"
	"io"
	"math/big"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/guardkv/guardkv/backends/postgres/postgrestest"
	"github.com/guardkv/guardkv/core"
)

// TestTLS: with sslmode=verify-full all goes through TLS, to a server that a certificate of the
// one that is trusted vouches for. Another one is refused, before it is told the password.
func TestTLS(t *testing.T) {
	s := start(t, postgrestest.Options{NoSync: true, Password: secret})
	mine, vouched := selfSigned(t)
	_, other := selfSigned(t)
	address := encrypted(t, mine, s.Socket())
	at := func(user *url.Userinfo, root string) Backend {
		u := url.URL{
			Scheme: "postgres", User: user, Host: address, Path: "/postgres",
			RawQuery: url.Values{"sslmode": {"verify-full"}, "sslrootcert": {root}}.Encode(),
		}
		return Backend{URL: u.String()}
	}
	user := url.UserPassword("guardkv", secret)
	tab := openWords(t, open(t, at(user, vouched), place()))
	do(t, tab.Put(t.Context(), "k", "v"))
	reads(t, tab, "k", "v")
	n := 0
	for _, err := range tab.Scan().Rows(t.Context()) {
		do(t, err)
		n++
	}
	if n != 1 {
		t.Errorf("a scan finds %d rows; want 1", n)
	}

	err := opening(t, at(user, other))
	secretless(t, "a server that nobody vouches for", err)
	var unknown x509.UnknownAuthorityError
	if !errors.Is(err, core.ErrUnavailable) || !errors.As(err, &unknown) {
		t.Errorf("a server that nobody vouches for gives %v; want ErrUnavailable, which says so", err)
	}
	secretless(t, "a wrong password through TLS",
		opening(t, at(url.UserPassword("guardkv", secret+"x"), vouched)))
}

// selfSigned returns a certificate of 127.0.0.1, and the name of a file of who vouches for it.
func selfSigned(t *testing.T) (certificate tls.Certificate, root string) {
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
	root = filepath.Join(t.TempDir(), "root.crt")
	text := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})
	do(t, os.WriteFile(root, text, 0o600))
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}, root
}

// sslRequest is the number of the message that asks a server for TLS.
const sslRequest = 80877103

// encrypted is what a server with a certificate is to its clients: it answers the request for TLS,
// and passes on what comes through it to a server on a Unix socket. Whoever asks for anything else
// is sent away.
func encrypted(t *testing.T, certificate tls.Certificate, socket string) (address string) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	do(t, err)
	t.Cleanup(func() { l.Close() })
	config := &tls.Config{Certificates: []tls.Certificate{certificate}}
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go func() {
				defer c.Close()
				request := make([]byte, 8)
				if _, err := io.ReadFull(c, request); err != nil ||
					binary.BigEndian.Uint32(request[4:]) != sslRequest {
					return
				}
				if _, err := c.Write([]byte{'S'}); err != nil {
					return
				}
				inside := tls.Server(c, config)
				if inside.Handshake() != nil {
					return
				}
				to, err := net.Dial("unix", socket)
				if err != nil {
					return
				}
				defer to.Close()
				go func() {
					defer inside.Close()
					_, _ = io.Copy(inside, to)
				}()
				_, _ = io.Copy(to, inside)
			}()
		}
	}()
	return l.Addr().String()
}
