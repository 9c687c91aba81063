// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package etcd

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net/url"
	"strings"
	"time"

	"go.uber.org/zap"

	"github.com/guardkv/guardkv/core"
	"github.com/guardkv/guardkv/core/remote"
)

// Backend keeps storages in a cluster of etcd. The path of a storage is its name there.
// Endpoints must be set; the zero values of all other fields are good defaults.
type Backend struct {
	// Endpoints are the addresses of the servers, such as "https://10.0.0.1:2379". Name all of
	// them: if one does not answer, others are asked.
	Endpoints []string

	// TLS says how to verify the servers, and how the client identifies itself to them.
	// Addresses that begin with https need none if the servers' certificates are signed by an
	// authority that the system knows.
	TLS *tls.Config

	// Username and Password are those of a user of etcd, if the cluster asks for one.
	Username, Password string

	// Prefix is what all keys in the cluster begin with. Storages under other prefixes are not
	// seen. The default is "guardkv/".
	Prefix string

	// Timeout is how long a write may take before its outcome counts as unknown, and how long a
	// read is tried again while no server answers. A connection that is silent for a third of
	// that time, while an answer is due, is given up. The default is ten seconds.
	Timeout time.Duration

	// MaxTxnOps and MaxRequestBytes are the limits of the servers: what their options
	// --max-txn-ops and --max-request-bytes say. The defaults are theirs, 128 and 1.5 MiB. A
	// server whose limits are lower refuses what exceeds them.
	MaxTxnOps, MaxRequestBytes int

	// Logger receives what the client of etcd logs. The default logs nothing.
	Logger *zap.Logger
}

var _ core.Backend = Backend{}

// The defaults of Backend.
const (
	defaultPrefix       = "guardkv/"
	defaultTimeout      = 10 * time.Second
	defaultTxnOps       = 128
	defaultRequestBytes = 1536 << 10
)

// writers is how many commits one process runs at once. With more of them groups are smaller;
// with fewer, commits wait for each other.
const writers = 16

// Name returns "etcd".
func (Backend) Name() string { return "etcd" }

// Sharing says that many processes may write.
func (b Backend) Sharing() core.Sharing {
	return core.Sharing{Writers: writers, Commit: b.withDefaults().Timeout}
}

// Resolve returns the path, which is only a name.
func (Backend) Resolve(path string) (string, error) { return path, nil }

// List returns the names of storages that start with prefix.
func (b Backend) List(ctx context.Context, prefix string) ([]string, error) {
	c, err := b.dial(ctx)
	if err != nil {
		return nil, err
	}
	names, err := c.registry().list(ctx, prefix)
	return names, errors.Join(err, c.Close())
}

// Claim connects, and locks nothing.
func (b Backend) Claim(ctx context.Context, path string, readOnly bool) (core.Claim, error) {
	c, err := b.dial(ctx)
	if err != nil {
		return nil, err
	}
	return remote.NewClaim(ctx, c.registry(), path, readOnly), nil
}

// String returns a description without the password.
func (b Backend) String() string {
	b = b.withDefaults()
	return fmt.Sprintf("etcd.Backend{%s, prefix %q}", strings.Join(b.shown(), ", "), b.Prefix)
}

// GoString returns a description without the password.
func (b Backend) GoString() string { return b.String() }

// shown returns the endpoints without what may be secret in them.
func (b Backend) shown() []string {
	all := make([]string, len(b.Endpoints))
	for i, e := range b.Endpoints {
		if u, err := url.Parse(e); err != nil || strings.Contains(e, "@") {
			all[i] = "an endpoint that is no address"
		} else {
			all[i] = u.Redacted()
		}
	}
	return all
}

func (b Backend) withDefaults() Backend {
	if b.Prefix == "" {
		b.Prefix = defaultPrefix
	}
	if b.Timeout <= 0 {
		b.Timeout = defaultTimeout
	}
	if b.MaxTxnOps <= 0 {
		b.MaxTxnOps = defaultTxnOps
	}
	if b.MaxRequestBytes <= 0 {
		b.MaxRequestBytes = defaultRequestBytes
	}
	if b.Logger == nil {
		b.Logger = zap.NewNop()
	}
	return b
}

// check returns an error for options that cannot work. The error shows no endpoint that may
// have a password in it.
func (b Backend) check() error {
	if len(b.Endpoints) == 0 {
		return errors.New("etcd.Backend has no Endpoints: name the servers of the cluster, such " +
			`as "http://127.0.0.1:2379"`)
	}
	for i, e := range b.Endpoints {
		if strings.Contains(e, "@") {
			return fmt.Errorf("endpoint %d of etcd.Backend has a user in its address: say who "+
				"the user is with Username and Password", i)
		}
	}
	if b.MaxTxnOps < leastTxnOps || b.MaxRequestBytes < leastRequestBytes {
		return fmt.Errorf("the limits of etcd.Backend are too low: MaxTxnOps must be at least %d, "+
			"MaxRequestBytes at least %d", leastTxnOps, leastRequestBytes)
	}
	return nil
}
