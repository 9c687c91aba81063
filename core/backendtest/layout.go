// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package backendtest

import (
	"bytes"
	"fmt"
	"hash/crc32"
	"regexp"
	"strings"

	"github.com/guardkv/guardkv/core"
)

var layoutPromises = []promise{
	{
		name: "layout/newer", check: checkNewerLayout,
		explanation: "a storage in the layout of a newer GuardKV is ErrVersionMismatch under every policy, and left as it was; the error names both layouts",
	},
}

func checkNewerLayout(t *trial) {
	s := t.open()
	t.words(s, "words")
	t.closeStorage(s)
	newer := withLayout(t, t.mark(t.path), 99)
	raw := t.openStore(t.path, core.EngineOptions{NoSync: true})
	t.do("SetMark", raw.SetMark(t.ctx, newer))
	rows := raw.all()
	raw.close()

	for _, policy := range allPolicies() {
		for _, option := range []core.Option{core.WithAnyVersion(), core.WithVersion(1)} {
			_, err := t.tryOpen(t.backend, core.WithRecreate(policy), option)
			t.is("Open of a storage with layout 99", err, core.ErrVersionMismatch)
			if text := fmt.Sprint(err); !strings.Contains(text, "layout 99") || !strings.Contains(text, "layout 1") {
				t.Fatalf("the error does not name both layouts: %s", text)
			}
		}
	}
	if got := t.mark(t.path); !bytes.Equal(got, newer) {
		t.Fatalf("the mark %q was changed to %q", newer, got)
	}
	raw = t.create()
	raw.has(rows...)
	raw.close()
	if got := t.list(t.path); len(got) != 1 {
		t.Errorf("there is %q; want the storage alone", got)
	}
}

var layoutInMark = regexp.MustCompile(`"layout":\d+`)

// withLayout changes the layout in a mark of package core, and its checksum.
func withLayout(t *trial, mark []byte, layout int) []byte {
	head, body, ok := bytes.Cut(mark, []byte("{"))
	words := bytes.Fields(head)
	if !ok || len(words) != 2 || !layoutInMark.Match(body) {
		t.Fatalf("the mark of a new storage is %q", mark)
	}
	body = layoutInMark.ReplaceAll(append([]byte("{"), body...), fmt.Appendf(nil, `"layout":%d`, layout))
	return fmt.Appendf(nil, "%s %08x %s", words[0], crc32.Checksum(body, crc32.MakeTable(crc32.Castagnoli)), body)
}
