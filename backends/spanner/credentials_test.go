// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package spanner

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"google.golang.org/api/option"
	"google.golang.org/grpc"

	"github.com/guardkv/guardkv/core"
)

const secret = "s3cr3t-t0ken"

// token are credentials of each call.
type token struct{}

func (token) GetRequestMetadata(context.Context, ...string) (map[string]string, error) {
	return map[string]string{"authorization": "Bearer " + secret}, nil
}

func (token) RequireTransportSecurity() bool { return false }

// TestCredentials: credentials are told to the service, and to nobody else: no error, no path and
// no text of a Backend has them.
func TestCredentials(t *testing.T) {
	b := here(t)
	b.Options = append(slices.Clone(b.Options),
		option.WithGRPCDialOption(grpc.WithPerRPCCredentials(token{})),
		option.WithQuotaProject(secret), option.WithUserAgent(secret))
	db, err := core.Open(t.Context(), "storage", b)
	do(t, err)
	said := []any{db.Path(), b, &b}
	do(t, db.Close())
	fails := func(name string, b Backend) {
		t.Helper()
		_, err := core.Open(t.Context(), "storage", b)
		if err == nil {
			t.Errorf("%s can open the storage", name)
		}
		said = append(said, err, b)
	}
	b.Timeout = time.Second
	elsewhere := b
	elsewhere.Options = append(slices.Clone(b.Options), option.WithEndpoint("127.0.0.1:1"))
	fails("a client of nobody", elsewhere)
	wrong := b
	wrong.Options = []option.ClientOption{
		option.WithAuthCredentialsJSON(option.ServiceAccount, []byte(`{"private_key": "`+secret+`"}`)),
	}
	fails("a client with credentials that are none", wrong)
	unnamed := b
	unnamed.Database = "my-database"
	fails("a client of no database", unnamed)
	for _, x := range said {
		for _, format := range []string{"%v", "%+v", "%#v", "%s", "%q"} {
			if text := fmt.Sprintf(format, x); strings.Contains(text, secret) {
				t.Errorf("%s of a %T shows the credentials: %s", format, x, text)
			}
		}
	}
}
