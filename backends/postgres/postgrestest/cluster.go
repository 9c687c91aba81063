// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package postgrestest

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Cluster is a primary with synchronous standbys: a commit returns when one of them has it as well.
//
// Nobody watches over it. A test kills the primary, and then does what a manager of clusters would
// have to: it makes sure that the old primary is dead, promotes, and lets the old one rejoin. A
// primary that is started again without having rejoined is a second primary.
type Cluster struct {
	opts     Options
	programs string
	folder   *folder
	nodes    []*Server
	primary  *Server
}

// StartCluster starts a primary and so many standbys. Its errors are those of [Start].
func StartCluster(o Options, standbys int) (*Cluster, error) {
	f, programs, err := prepare()
	if err != nil {
		return nil, err
	}
	c := &Cluster{opts: o, programs: programs, folder: f}
	if err := c.start(standbys); err != nil {
		return nil, errors.Join(err, c.Close())
	}
	return c, nil
}

func (c *Cluster) start(standbys int) error {
	var names []string
	for i := range standbys + 1 {
		names = append(names, fmt.Sprintf("n%d", i))
	}
	settings := map[string]string{"full_page_writes": "on"} // for pg_rewind
	if standbys > 0 {
		settings["synchronous_standby_names"] = "ANY 1 (" + strings.Join(names, ",") + ")"
	}
	maps.Copy(settings, c.opts.Settings)
	c.opts.Settings = settings
	for i, name := range names {
		s, err := newServer(c.folder, c.programs, c.opts, name, 5432+i)
		if err != nil {
			return err
		}
		c.nodes = append(c.nodes, s)
	}
	c.primary = c.nodes[0]
	if err := c.primary.initialize(); err != nil {
		return err
	}
	if err := c.primary.Start(); err != nil {
		return err
	}
	for _, s := range c.nodes[1:] {
		err := s.run("pg_basebackup", "-D", s.data, "-d", c.primary.conninfo(), "-c", "fast", "-R")
		if err == nil {
			err = s.Start()
		}
		if err != nil {
			return err
		}
	}
	return c.streaming(standbys)
}

// conninfo is URL without a database, for servers.
func (s *Server) conninfo() string {
	u, _ := url.Parse(s.URL())
	u.Path = "/"
	return u.String()
}

// Nodes returns all servers, dead ones too.
func (c *Cluster) Nodes() []*Server { return slices.Clone(c.nodes) }

// Primary returns the one that writes, or did.
func (c *Cluster) Primary() *Server { return c.primary }

// URL returns where the primary is, for clients: the sockets of all servers, of which they take
// the one that writes.
func (c *Cluster) URL() string {
	u, _ := url.Parse(c.primary.URL())
	q := u.Query()
	var hosts, ports []string
	for _, s := range c.nodes {
		hosts = append(hosts, s.folder.path)
		ports = append(ports, strconv.Itoa(s.port))
	}
	q.Set("host", strings.Join(hosts, ","))
	q.Set("port", strings.Join(ports, ","))
	q.Set("target_session_attrs", "read-write")
	u.RawQuery = q.Encode()
	return u.String()
}

// streaming returns when so many standbys follow the primary.
func (c *Cluster) streaming(standbys int) error {
	return c.until(fmt.Sprintf("%d standbys follow", standbys), func(ctx context.Context) error {
		got, err := c.primary.Exec(ctx, "select count(*) from pg_stat_replication "+
			"where state = 'streaming'")
		if err == nil && got[0] != strconv.Itoa(standbys) {
			err = fmt.Errorf("%s follow", got[0])
		}
		return err
	})
}

// until calls f until it succeeds.
func (c *Cluster) until(what string, f func(ctx context.Context) error) error {
	ctx, cancel := context.WithTimeout(context.Background(), c.opts.wait())
	defer cancel()
	for {
		err := f(ctx)
		if err == nil {
			return nil
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("waiting until %s: %w", what, err)
		case <-time.After(10 * time.Millisecond):
		}
	}
}

// Promote makes the standby the primary that has most of what the old primary wrote, which must
// have been stopped or killed, and lets the others that run follow it. What was acknowledged is
// lost if the standbys that run are not all: a standby that does not may be the one that has it.
func (c *Cluster) Promote() error {
	if c.primary.PID() != 0 {
		return errors.New("the old primary is running: there would be two")
	}
	next, err := c.furthest()
	if err != nil {
		return err
	}
	if err := next.run("pg_ctl", "promote", "-D", next.data, "-w",
		"-t", strconv.Itoa(int(c.opts.wait().Seconds()))); err != nil {
		return err
	}
	c.primary = next
	following := 0
	for _, s := range c.nodes {
		if s == next || s.PID() == 0 {
			continue
		}
		following++
		if err := s.follow(next); err != nil {
			return err
		}
	}
	return c.streaming(following)
}

// follow lets a standby that runs follow another primary.
func (s *Server) follow(primary *Server) error {
	ctx, cancel := context.WithTimeout(context.Background(), s.opts.wait())
	defer cancel()
	if _, err := s.Exec(ctx, "alter system set primary_conninfo = "+
		quoted(primary.conninfo())); err != nil {
		return err
	}
	_, err := s.Exec(ctx, "select pg_reload_conf()")
	return err
}

// furthest returns the running standby that has received most.
func (c *Cluster) furthest() (next *Server, err error) {
	var most uint64
	for _, s := range c.nodes {
		if s == c.primary || s.PID() == 0 {
			continue
		}
		at, err := c.received(s)
		if err != nil {
			return nil, err
		}
		if next == nil || at > most {
			next, most = s, at
		}
	}
	if next == nil {
		return nil, errors.New("no standby is running")
	}
	return next, nil
}

// received returns how far a standby has come, when it has replayed all that it has. What it says
// it has received is not enough: one that was started again, and finds no primary, says where the
// file begins that it would ask for next, so that all seem to have come as far.
func (c *Cluster) received(s *Server) (at uint64, err error) {
	err = c.until("a standby has replayed what it has", func(ctx context.Context) error {
		got, err := s.Exec(ctx, "select greatest(pg_last_wal_receive_lsn(), "+
			"pg_last_wal_replay_lsn()) from pg_stat_activity where backend_type = 'startup' and "+
			"wait_event in ('RecoveryWalStream', 'RecoveryRetrieveRetryInterval')")
		if err != nil {
			return err
		}
		if len(got) == 0 {
			return errors.New("it replays")
		}
		at, err = position(got[0])
		return err
	})
	return at, err
}

// position returns the number of a place in the log of writes, such as 0/16B3748.
func position(text string) (uint64, error) {
	var high, low uint64
	if _, err := fmt.Sscanf(text, "%X/%X", &high, &low); err != nil {
		return 0, fmt.Errorf("%q is no place in a log: %w", text, err)
	}
	return high<<32 | low, nil
}

// Rejoin makes an old primary, or any server that was stopped or killed, a standby again: what it
// has that the primary has not is undone.
func (c *Cluster) Rejoin(s *Server) error {
	switch {
	case s == c.primary:
		return errors.New("this is the primary")
	case s.PID() != 0:
		return errors.New("the server is running")
	}
	// Without a checkpoint the primary's files do not say yet that it was promoted, and pg_rewind
	// finds nothing to do.
	ctx, cancel := context.WithTimeout(context.Background(), c.opts.wait())
	defer cancel()
	if _, err := c.primary.Exec(ctx, "checkpoint"); err != nil {
		return err
	}
	if err := s.run("pg_rewind", "-D", s.data, "--source-server="+c.primary.URL()); err != nil {
		return err
	}
	if err := s.standby(c.primary); err != nil {
		return err
	}
	if err := s.Start(); err != nil {
		return err
	}
	running := 0
	for _, s := range c.nodes {
		if s != c.primary && s.PID() != 0 {
			running++
		}
	}
	return c.streaming(running)
}

// standby writes down that a server that does not run is to follow a primary.
func (s *Server) standby(primary *Server) error {
	line := "primary_conninfo = " + quoted(primary.conninfo()) + "\n"
	if err := appendTo(filepath.Join(s.data, "postgresql.auto.conf"), line); err != nil {
		return err
	}
	signal := filepath.Join(s.data, "standby.signal")
	if err := os.WriteFile(signal, nil, 0o600); err != nil {
		return err
	}
	return s.folder.as.own(signal)
}

// Close ends all servers, and removes their files.
func (c *Cluster) Close() error {
	var errs []error
	for _, s := range c.nodes {
		errs = append(errs, s.Close())
	}
	removeShared(c.folder.path)
	return errors.Join(append(errs, c.folder.remove())...)
}
