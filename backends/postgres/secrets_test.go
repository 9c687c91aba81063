// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package postgres

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/url"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/guardkv/guardkv/backends/postgres/postgrestest"
	"github.com/guardkv/guardkv/core"
)

// secret is part of every password here, in a form that no escaping changes.
const secret = "hunter2"

// secretless ends the test if an error, or what its chain holds, shows a password.
func secretless(t *testing.T, what string, err error) {
	t.Helper()
	if err == nil {
		t.Fatalf("%s: no error", what)
	}
	for _, text := range []string{fmt.Sprint(err), fmt.Sprintf("%+v %#v", err, err)} {
		if strings.Contains(text, secret) {
			t.Errorf("%s: the password is in the error %q", what, text)
		}
	}
	var connecting *pgconn.ConnectError // holds the password
	var parsing *pgconn.ParseConfigError
	if errors.As(err, &connecting) || errors.As(err, &parsing) {
		t.Errorf("%s: the error's chain has a %T", what, err)
	}
}

// opening returns the error of opening a storage, and ends the test if the log shows a password.
func opening(t *testing.T, b Backend) error {
	t.Helper()
	log := new(bytes.Buffer)
	s, err := core.Open(t.Context(), "secret", b,
		core.WithLogger(slog.New(slog.NewTextHandler(log, nil))))
	if err == nil {
		do(t, s.Close())
	}
	if strings.Contains(log.String(), secret) {
		t.Errorf("the password is in the log: %s", log)
	}
	return err
}

// TestSecretsOfNonsense: what cannot be understood is not quoted. pgx quotes it, and masks what
// it takes for a password.
func TestSecretsOfNonsense(t *testing.T) {
	for _, text := range []string{
		"postgres://me:" + secret + "@host:port/database",
		"postgres://me:" + secret + "/more@host/database",
		"postgres://me:" + secret + "%zz@host/database",
		"postgres://me:" + secret + "@[::1/database",
		"postgres://host/database?password=" + secret + "&sslmode=nonsense",
		"postgres://host/database?sslmode=disable&connect_timeout=" + secret,
		"host=h user=u password='" + secret,
		"host=h user=u password=" + secret + " port=none",
		"host=h user=u pass word=" + secret,
		secret,
	} {
		b := Backend{URL: text}
		secretless(t, text, opening(t, b))
		_, err := b.List(t.Context(), "")
		secretless(t, text, err)
	}
	t.Setenv("PGPASSWORD", secret)
	t.Setenv("PGPORT", "none")
	secretless(t, "a wrong PGPORT", opening(t, Backend{URL: "host=localhost"}))
}

// TestSecretsOfNobody: nor is it shown where nobody answers, or where that is somebody else.
func TestSecretsOfNobody(t *testing.T) {
	dir := t.TempDir()
	for _, text := range []string{
		"postgres://me:" + secret + "@127.0.0.1:1/database?connect_timeout=1",
		"host=" + dir + " user=me password=" + secret,
		"host=" + dir + "," + dir + " user=me password=" + secret +
			" target_session_attrs=read-write",
		"postgres://me:" + secret + "@no-such-host.invalid/database?connect_timeout=1",
	} {
		err := opening(t, Backend{URL: text})
		secretless(t, text, err)
		if !errors.Is(err, core.ErrUnavailable) {
			t.Errorf("%v; want ErrUnavailable", err)
		}
	}
	t.Setenv("PGPASSWORD", secret)
	secretless(t, "PGPASSWORD", opening(t, Backend{URL: "host=" + dir + " user=me"}))
}

// TestSecretsOfServer: the server refuses a wrong password, an unknown database, and more, and
// says so. A right password works in all forms, and is in no error, path or log after that.
func TestSecretsOfServer(t *testing.T) {
	s := start(t, postgrestest.Options{NoSync: true, Password: secret})
	u, err := url.Parse(s.URL())
	do(t, err)
	with := func(change func(u *url.URL)) string {
		other := *u
		change(&other)
		return other.String()
	}
	for _, wrong := range []string{
		with(func(u *url.URL) { u.User = url.UserPassword("guardkv", secret+"3") }),
		with(func(u *url.URL) { u.User = url.UserPassword("nobody", secret) }),
		with(func(u *url.URL) { u.Path = "/none" }),
		with(func(u *url.URL) { u.RawQuery += "&nonsense=on" }),
	} {
		err := opening(t, Backend{URL: wrong})
		secretless(t, wrong, err)
		var said *pgconn.PgError
		if !errors.As(err, &said) {
			t.Errorf("what the server said is not part of %v", err)
		}
	}
	q := u.Query()
	for _, right := range []string{
		s.URL(),
		fmt.Sprintf("host=%s port=%s user=guardkv password=%s dbname=postgres sslmode=disable",
			q.Get("host"), q.Get("port"), secret),
	} {
		do(t, opening(t, Backend{URL: right}))
	}
	t.Setenv("PGPASSWORD", secret)
	b := Backend{URL: with(func(u *url.URL) { u.User = url.User("guardkv") })}
	do(t, opening(t, b))
	storage := open(t, b, "secret")
	tab := openWords(t, storage)
	do(t, tab.Put(t.Context(), "k", "v"))
	do(t, s.Kill())
	_, err = tab.Load(t.Context(), "k")
	secretless(t, "a server that was killed", err)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	secretless(t, "a context that has ended", tab.Put(ctx, "k", "w"))
	do(t, s.Start())
	eventually(t, "reading from the server that was started again", func() error {
		_, err := tab.Load(t.Context(), "k")
		return err
	})
}

// What others say may quote what was asked for: a resolver the host, for one, which is a piece of
// the password if that was not escaped.
func TestSecretsInWhatOthersSay(t *testing.T) {
	config := &pgconn.Config{}
	config.Password = secret
	said := fmt.Errorf("lookup %s.example: %w", secret, errors.New("no host "+secret))
	err := unreachable(t.Context(), config, said)
	if !errors.Is(err, core.ErrUnavailable) || strings.Contains(err.Error(), secret) {
		t.Errorf("the error is %v", err)
	}
	if errors.Is(err, errors.Unwrap(said)) {
		t.Error("what holds the password is wrapped")
	}
}
