// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package postgrestest

import "time"

// Options say what servers are like. The zero value is a server that loses nothing.
type Options struct {
	// NoSync lets commits return before they are on the disk. Tests are much quicker then. What
	// was committed outlives the death of all processes of a server, but not that of the system.
	NoSync bool

	// Password is asked of every client, if it is not empty. URL contains it.
	Password string

	// Settings are more settings of the servers, as in postgresql.conf.
	Settings map[string]string

	// Wait is how long a server may take to start, to stop or to take over. The default is two
	// minutes: a machine may be busy.
	Wait time.Duration
}

// superuser is the user of the servers that may do everything, and maintenance the database that
// each server has.
const (
	superuser   = "guardkv"
	maintenance = "postgres"
)

func (o Options) wait() time.Duration {
	if o.Wait <= 0 {
		return 2 * time.Minute
	}
	return o.Wait
}

// settings are those of every server of o.
func (o Options) settings() map[string]string {
	all := map[string]string{
		"listen_addresses":      "",
		"lc_messages":           "C",
		"shared_buffers":        "64MB",
		"max_connections":       "1000",
		"max_wal_senders":       "10",
		"max_replication_slots": "10",
		"wal_level":             "replica",
		"wal_keep_size":         "256MB",
		"hot_standby":           "on",
		"wal_receiver_timeout":  "10s",
		"wal_sender_timeout":    "10s",
	}
	if o.NoSync {
		all["fsync"] = "off"
		all["full_page_writes"] = "off"
	}
	for name, value := range o.Settings {
		all[name] = value
	}
	return all
}
