// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

// Demo loads the Unicode character database into a storage, shows what GuardKV does with it,
// and exits with status 0 only if every step showed what package unicode says.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"

	"github.com/guardkv/guardkv/tools/demo"
	"github.com/guardkv/guardkv/tools/modules"
)

func main() {
	cfg := demo.Config{Out: os.Stdout, Terminal: isTerminal(os.Stdout)}
	flag.StringVar(&cfg.Backend, "backend", "bbolt", "`engine`: "+modules.BackendNames())
	flag.StringVar(&cfg.URL, "url", "",
		"the `URL` of the server; without it, one is started and thrown away")
	flag.StringVar(&cfg.Format, "format", "cbor", "value `format`: "+modules.FormatNames())
	flag.StringVar(&cfg.Keep, "keep", "",
		"keep the storage at this `path`; without it, it is removed at the end")
	open := flag.String("open", "",
		"look at the storage that was kept at this `path`: the arguments are\n"+
			"characters (λ or U+03BB) or beginnings of names")
	flag.Parse()

	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	var err error
	switch {
	case *open != "":
		cfg.Keep = *open
		err = demo.Look(ctx, cfg, flag.Args())
	case flag.NArg() > 0:
		err = fmt.Errorf("arguments %q without -open", flag.Args())
	default:
		err = demo.Run(ctx, cfg)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "demo:", err)
		stop()
		os.Exit(1)
	}
}

// isTerminal reports whether f is a device that shows characters.
func isTerminal(f *os.File) bool {
	info, err := f.Stat()
	return err == nil && info.Mode()&os.ModeCharDevice != 0
}
