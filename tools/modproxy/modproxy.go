// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

// Package modproxy packs modules of the working tree into a folder, the way a module proxy serves
// them after a release. With GOPROXY set to that folder, go builds programs against modules that
// are not released yet.
package modproxy

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"golang.org/x/mod/modfile"
	"golang.org/x/mod/module"
	"golang.org/x/mod/zip"
)

// Pack adds the module in the folder dir of the repository at root to the file proxy in the
// folder proxy, as the given version. Requirements of modules that own names are set to the
// versions it gives. GOPROXY=file://proxy then serves the module.
func Pack(proxy, root, dir, version string, own map[string]string) (module.Version, error) {
	mod, err := pack(proxy, root, dir, version, own)
	if err != nil {
		err = fmt.Errorf("pack %s@%s: %w", dir, version, err)
	}
	return mod, err
}

func pack(proxy, root, dir, version string, own map[string]string) (module.Version, error) {
	stage, err := os.MkdirTemp("", "modproxy-")
	if err != nil {
		return module.Version{}, err
	}
	defer os.RemoveAll(stage)
	if err := copyModule(stage, filepath.Join(root, dir)); err != nil {
		return module.Version{}, err
	}
	if err := addLicense(stage, root); err != nil {
		return module.Version{}, err
	}
	path, err := publish(filepath.Join(stage, "go.mod"), own)
	if err != nil {
		return module.Version{}, err
	}
	mod := module.Version{Path: path, Version: version}
	return mod, serve(proxy, stage, mod)
}

// copyModule copies the files that belong to the module in dir: none of nested modules, none of
// version control.
func copyModule(stage, dir string) error {
	files, err := zip.CheckDir(dir)
	if err := errors.Join(err, files.Err()); err != nil {
		return err
	}
	for _, file := range files.Valid {
		name, err := filepath.Rel(dir, file)
		if err != nil {
			return err
		}
		if err := copyFile(filepath.Join(stage, name), file); err != nil {
			return err
		}
	}
	return nil
}

func copyFile(to, from string) error {
	data, err := os.ReadFile(from)
	if err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Dir(to), 0o755); err != nil {
		return err
	}
	return os.WriteFile(to, data, 0o644)
}

// addLicense gives a module without a license that of the repository, as go does when it packs
// a module.
func addLicense(stage, root string) error {
	license := filepath.Join(stage, "LICENSE")
	if _, err := os.Stat(license); !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return copyFile(license, filepath.Join(root, "LICENSE"))
}

// publish turns a go.mod into the one that a release serves, and returns the module's path.
func publish(file string, own map[string]string) (path string, err error) {
	text, err := os.ReadFile(file)
	if err != nil {
		return "", err
	}
	if text, err = Require(text, own); err != nil {
		return "", err
	}
	if text, err = DropReplaces(text); err != nil {
		return "", err
	}
	return modfile.ModulePath(text), os.WriteFile(file, text, 0o644)
}

// serve writes the files of one version: what https://go.dev/ref/mod#goproxy-protocol calls
// list, info, mod and zip.
func serve(proxy, stage string, mod module.Version) error {
	if err := module.Check(mod.Path, mod.Version); err != nil {
		return err
	}
	path, err := module.EscapePath(mod.Path)
	if err != nil {
		return err
	}
	versions := filepath.Join(proxy, filepath.FromSlash(path), "@v")
	if err := os.MkdirAll(versions, 0o755); err != nil {
		return err
	}
	name := filepath.Join(versions, mod.Version)
	return errors.Join(
		appendLine(filepath.Join(versions, "list"), mod.Version),
		writeInfo(name+".info", mod.Version),
		copyFile(name+".mod", filepath.Join(stage, "go.mod")),
		writeZip(name+".zip", stage, mod),
	)
}

func appendLine(file, line string) error {
	f, err := os.OpenFile(file, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o644)
	if err != nil {
		return err
	}
	_, err = fmt.Fprintln(f, line)
	return errors.Join(err, f.Close())
}

func writeInfo(file, version string) error {
	info, err := json.Marshal(struct {
		Version string
		Time    time.Time
	}{version, time.Unix(0, 0).UTC()})
	if err != nil {
		return err
	}
	return os.WriteFile(file, info, 0o644)
}

func writeZip(file, stage string, mod module.Version) error {
	f, err := os.Create(file)
	if err != nil {
		return err
	}
	return errors.Join(zip.CreateFromDir(f, mod, stage), f.Close())
}
