// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package postgres

import (
	"fmt"
	"maps"

	"github.com/guardkv/guardkv/core"
)

// Dialect says what is different on a server that speaks PostgreSQL's protocol but is not
// PostgreSQL. Only PostgreSQL itself was ever run here. The other dialects follow the manuals
// of their servers, and Open refuses a server whose transactions are not serializable.
type Dialect uint8

const (
	// PostgreSQL is PostgreSQL, version 13 or later, and whatever has its storage, such as the
	// managed services of that name.
	PostgreSQL Dialect = iota
	// CockroachDB was not run here.
	CockroachDB
	// YugabyteDB was not run here.
	YugabyteDB
)

// dialect is what a server needs to be told, and what it can take.
type dialect struct {
	name     string
	rows     string // the columns of a relation of rows, and what follows them
	settings map[string]string
	limits   core.Limits
	implicit bool // statements up to a Sync message are one transaction
	size     bool // it can say how large a relation is
	safe     bool // it can begin transactions that only read and never run into a conflict
	flush    bool // it can return before a commit is durable, and make it durable later
}

var dialects = [...]dialect{
	PostgreSQL: {
		name: "PostgreSQL",
		// Pages keep some room, so that a row can change without a change of the index.
		rows: "(k bytea primary key, v bytea not null) with (fillfactor = 90)",
		settings: map[string]string{
			"default_transaction_isolation": "serializable",
			// A plan that reads a whole relation, or pages of it in an order of its own,
			// conflicts with every write, and would lock rows in an order other than that of
			// keys.
			"enable_seqscan":    "off",
			"enable_bitmapscan": "off",
			"enable_hashjoin":   "off",
			"enable_mergejoin":  "off",
			// Plans do not depend on the arguments.
			"plan_cache_mode": "force_generic_plan",
			"jit":             "off",
			// For a client that is gone and has left a transaction open.
			"tcp_keepalives_idle":     "15",
			"tcp_keepalives_interval": "5",
			"tcp_keepalives_count":    "3",
			"tcp_user_timeout":        milliseconds(deadAfter),
		},
		limits: core.Limits{
			Key: 2600, Value: 64 << 20, BatchRows: 100_000, BatchBytes: 128 << 20,
			StreamRows: 10_000,
		},
		implicit: true, size: true, safe: true, flush: true,
	},
	CockroachDB: {
		name:     "CockroachDB",
		rows:     "(k bytea primary key, v bytea not null)",
		settings: map[string]string{"default_transaction_isolation": "serializable"},
		limits: core.Limits{
			Key: 2600, Value: 1 << 20, BatchRows: 10_000, BatchBytes: 4 << 20, StreamRows: 1000,
		},
	},
	YugabyteDB: {
		name: "YugabyteDB",
		// Its keys are hashed unless the statement gives them an order.
		rows: "(k bytea, v bytea not null, primary key (k asc))",
		settings: map[string]string{
			"default_transaction_isolation": "serializable",
			"enable_seqscan":                "off",
			"enable_bitmapscan":             "off",
			"enable_hashjoin":               "off",
			"enable_mergejoin":              "off",
		},
		limits: core.Limits{
			Key: 2600, Value: 16 << 20, BatchRows: 10_000, BatchBytes: 32 << 20, StreamRows: 1000,
		},
	},
}

// String returns the name.
func (d Dialect) String() string {
	if int(d) >= len(dialects) {
		return fmt.Sprintf("Dialect(%d)", uint8(d))
	}
	return dialects[d].name
}

func (d Dialect) of() *dialect { return &dialects[d] }

func (d Dialect) settings() map[string]string { return maps.Clone(d.of().settings) }
