// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package postgrestest

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/jackc/pgx/v5/pgconn"
)

// Server is a server. Its methods that begin or end it are for one goroutine at a time.
type Server struct {
	opts     Options
	programs string
	folder   *folder
	owns     bool   // the folder, which else is that of a cluster
	name     string // of the server in its folder
	data     string // the folder of its data
	port     int    // which is no more than part of the name of its socket
	log      string
	process  *process
	closing  sync.Once
	made     atomic.Int64 // databases
}

// Start starts a server of its own. Its error wraps exec.ErrNotFound if PostgreSQL is not
// installed, and errors.ErrUnsupported on systems without Unix sockets.
func Start(o Options) (*Server, error) {
	f, programs, err := prepare()
	if err != nil {
		return nil, err
	}
	s, err := newServer(f, programs, o, "a", 5432)
	if err != nil {
		return nil, errors.Join(err, f.remove())
	}
	s.owns = true
	if err = s.initialize(); err == nil {
		err = s.Start()
	}
	if err != nil {
		return nil, errors.Join(err, s.Close())
	}
	return s, nil
}

// prepare finds the programs, and makes a folder for servers.
func prepare() (*folder, string, error) {
	if err := supported(); err != nil {
		return nil, "", fmt.Errorf("throw-away servers of PostgreSQL: %w", err)
	}
	programs, err := findPrograms()
	if err != nil {
		return nil, "", err
	}
	as, err := findAccount()
	if err != nil {
		return nil, "", err
	}
	f, err := newFolder(as)
	return f, programs, err
}

func newServer(f *folder, programs string, o Options, name string, port int) (*Server, error) {
	data, err := f.make(name)
	return &Server{
		opts: o, programs: programs, folder: f, name: name, data: data, port: port,
		log: filepath.Join(f.path, name+".log"),
	}, err
}

// initialize makes the files of a server.
func (s *Server) initialize() error {
	args := []string{
		"-D", s.data, "-U", superuser, "-E", "UTF8", "--locale=C", "-N", "--no-instructions",
		"--data-checksums", // for pg_rewind
	}
	if s.opts.Password == "" {
		return errors.Join(s.run("initdb", append(args, "-A", "trust")...), s.configure())
	}
	file := filepath.Join(s.folder.path, "password")
	if err := os.WriteFile(file, []byte(s.opts.Password+"\n"), 0o600); err != nil {
		return err
	}
	if err := s.folder.as.own(file); err != nil {
		return err
	}
	err := s.run("initdb", append(args, "-A", "scram-sha-256", "--pwfile="+file)...)
	return errors.Join(err, os.Remove(file), s.configure())
}

// configure writes the settings down, for PostgreSQL's other programs too.
func (s *Server) configure() error {
	var lines strings.Builder
	for name, value := range s.opts.settings() {
		fmt.Fprintf(&lines, "%s = %s\n", name, quoted(value))
	}
	return appendTo(filepath.Join(s.data, "postgresql.conf"), lines.String())
}

// appendTo appends lines to a file, of which the last one counts if one is there twice.
func appendTo(path, lines string) error {
	f, err := os.OpenFile(path, os.O_APPEND|os.O_WRONLY, 0)
	if err != nil {
		return err
	}
	_, err = f.WriteString(lines)
	return errors.Join(err, f.Close())
}

// quoted returns a string as PostgreSQL quotes it.
func quoted(s string) string { return "'" + strings.ReplaceAll(s, "'", "''") + "'" }

// run runs one of PostgreSQL's programs to its end.
func (s *Server) run(program string, args ...string) error {
	return s.folder.run(filepath.Join(s.programs, program), args...)
}

// Start starts a server that was stopped or killed, and returns when it answers.
func (s *Server) Start() error {
	if s.process.running() {
		return errors.New("the server is running")
	}
	args := []string{
		"-D", s.data, "-k", s.folder.path, "-p", strconv.Itoa(s.port),
		"-c", "cluster_name=" + s.name, // which its connection to a primary is called, too
	}
	log, err := os.OpenFile(s.log, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	defer log.Close()
	cmd := s.folder.command(filepath.Join(s.programs, "postgres"), args...)
	cmd.Stdout, cmd.Stderr = log, log
	if s.process, err = startProcess(cmd); err != nil {
		return err
	}
	return s.answers()
}

// answers returns when the server answers.
func (s *Server) answers() error {
	ctx, cancel := context.WithTimeout(context.Background(), s.opts.wait())
	defer cancel()
	for {
		conn, err := s.connect(ctx)
		if err == nil {
			return conn.Close(ctx)
		}
		select {
		case <-s.process.ended:
			return fmt.Errorf("the server has ended: %s", s.lastWords())
		case <-ctx.Done():
			return fmt.Errorf("the server does not answer: %w: %s", err, s.lastWords())
		case <-time.After(5 * time.Millisecond):
		}
	}
}

// lastWords returns the end of the log.
func (s *Server) lastWords() string {
	const most = 2000
	text, err := os.ReadFile(s.log)
	if err != nil {
		return err.Error()
	}
	return strings.TrimSpace(string(text[max(0, len(text)-most):]))
}

// URL returns where the server is, for clients: its superuser's connection to its first database.
func (s *Server) URL() string { return s.url(maintenance) }

func (s *Server) url(database string) string {
	u := url.URL{Scheme: "postgres", User: url.User(superuser), Path: "/" + database}
	if s.opts.Password != "" {
		u.User = url.UserPassword(superuser, s.opts.Password)
	}
	u.RawQuery = url.Values{
		"host": {s.folder.path}, "port": {strconv.Itoa(s.port)}, "sslmode": {"disable"},
	}.Encode()
	return u.String()
}

// Socket returns the path of the Unix socket that the server listens on.
func (s *Server) Socket() string {
	return filepath.Join(s.folder.path, ".s.PGSQL."+strconv.Itoa(s.port))
}

// Log returns the path of the server's log.
func (s *Server) Log() string { return s.log }

// PID returns the number of the server's first process, 0 if it is not running.
func (s *Server) PID() int {
	if !s.process.running() {
		return 0
	}
	return s.process.pid
}

func (s *Server) connect(ctx context.Context) (*pgconn.PgConn, error) {
	return pgconn.Connect(ctx, s.URL())
}

// Database makes a new database, and returns its URL.
func (s *Server) Database(ctx context.Context) (url string, err error) {
	name := fmt.Sprintf("test%d", s.made.Add(1))
	if _, err := s.Exec(ctx, "create database "+name+" template template0"); err != nil {
		return "", err
	}
	return s.url(name), nil
}

// Exec runs statements as the superuser, and returns the first column of the rows of the last one.
func (s *Server) Exec(ctx context.Context, sql string) (values []string, err error) {
	conn, err := s.connect(ctx)
	if err != nil {
		return nil, err
	}
	defer conn.Close(ctx)
	results, err := conn.Exec(ctx, sql).ReadAll()
	if err != nil || len(results) == 0 {
		return nil, err
	}
	for _, row := range results[len(results)-1].Rows {
		values = append(values, string(row[0]))
	}
	return values, nil
}

// Stop stops the server as an administrator does: everybody is disconnected, and everything is
// made durable.
func (s *Server) Stop() error { return s.end(signalFast) }

func (s *Server) end(signal os.Signal) error {
	if !s.process.running() {
		return nil
	}
	if err := s.process.os.Signal(signal); err != nil && !errors.Is(err, os.ErrProcessDone) {
		return err
	}
	return s.hasEnded()
}

// hasEnded waits for the end of the first process.
func (s *Server) hasEnded() error {
	select {
	case <-s.process.ended:
		return nil
	case <-time.After(s.opts.wait()):
		return fmt.Errorf("the server does not end: %s", s.lastWords())
	}
}

// Restart stops the server and starts it again.
func (s *Server) Restart() error { return errors.Join(s.Stop(), s.Start()) }

// Kill ends all processes of the server at once, as SIGKILL does.
func (s *Server) Kill() error {
	if !s.process.running() {
		return nil
	}
	if err := killFamily(s.process.pid, s.opts.wait()); err != nil {
		return err
	}
	return s.hasEnded()
}

// Pause stops all processes of the server, as SIGSTOP does: it hangs, and nobody is told.
func (s *Server) Pause() error {
	if !s.process.running() {
		return errors.New("the server is not running")
	}
	return stopFamily(s.process.pid)
}

// Resume lets a server that was paused go on.
func (s *Server) Resume() error {
	if !s.process.running() {
		return errors.New("the server is not running")
	}
	return continueFamily(s.process.pid)
}

// Close ends the server, in whatever state it is, and removes its files.
func (s *Server) Close() (err error) {
	s.closing.Do(func() {
		if s.process.running() {
			err = errors.Join(continueFamily(s.process.pid), s.end(signalImmediate))
		}
		if s.owns {
			removeShared(s.folder.path)
			err = errors.Join(err, s.folder.remove())
		}
	})
	return err
}
