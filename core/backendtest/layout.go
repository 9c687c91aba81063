// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package backendtest

import (
	"bytes"
	"fmt"
	"slices"
	"strings"

	"github.com/guardkv/guardkv/core"
)

var layoutPromises = []promise{
	{
		name: "layout/newer", check: checkNewerLayout,
		explanation: "a storage in the layout of a newer GuardKV is ErrVersionMismatch under every policy, and left as it was; the error names the layouts",
	},
	{
		name: "layout/unknown features", check: checkUnknownFeatures,
		explanation: "a storage that needs a feature which is not known, in its mark or in what is recorded of a table, is ErrVersionMismatch under every policy, named, and left as it was; Always alone replaces one whose mark is known",
	},
}

// checkUnknownFeatures forges what a later GuardKV might write. One that did not look for features opened a table whose
// index it did not know, wrote past the index, and gave the index's number to the next table.
func checkUnknownFeatures(t *trial) {
	s := t.open()
	tab := t.words(s, "words")
	put1(t, tab, "k", "v")
	t.closeStorage(s)
	mark := t.mark(t.path)
	raw := t.create()
	rows := raw.all()
	raw.close()

	t.refusesFeature("psychic", withMember(t, mark, 2, `"needs":["psychic"]`), rows)
	t.refusesFeature("psychic", withMember(t, mark, 2, `"psychic":true`), rows)
	for i, r := range rows {
		if !strings.Contains(r.key, "table/words") {
			continue
		}
		for _, member := range []string{`"needs":["psychic"]`, `"psychic":{"of":"rows"}`} {
			forged := slices.Clone(rows)
			forged[i].value = withSum(r.key[4:], r.value[:len(r.value)-5]+","+member+"}")
			t.refusesFeature("psychic", mark, forged)
		}
		forged := append(slices.Clone(rows), row{r.key[:4] + "psychic/words", ""})
		forged[len(rows)].value = withSum("psychic/words", "{}")
		t.refusesFeature("psychic", mark, forged)
		return
	}
	t.Fatalf("there is no catalogue row of the table among %v", rows)
}

// refusesFeature replaces what is stored, and opens it in every way.
func (t *trial) refusesFeature(name string, mark []byte, rows []row) {
	t.tb.Helper()
	raw := t.create()
	var writes []core.Write
	for _, old := range raw.all() {
		if !slices.ContainsFunc(rows, func(r row) bool { return r.key == old.key }) {
			writes = append(writes, del(old.key))
		}
	}
	for _, r := range rows {
		writes = append(writes, put(r.key, r.value))
	}
	slices.SortFunc(writes, func(a, b core.Write) int { return bytes.Compare(a.Key, b.Key) })
	raw.apply(writes...)
	t.do("SetMark", raw.SetMark(t.ctx, mark))
	raw.close()
	marked := !bytes.Contains(mark, []byte(name))
	for _, policy := range allPolicies() {
		if policy&core.Always != 0 && marked {
			continue // sets aside what carries a mark that is known, whatever is in it
		}
		_, err := t.tryOpen(t.backend, core.WithRecreate(policy))
		t.is("Open of a storage with an unknown feature", err, core.ErrVersionMismatch)
		if text := fmt.Sprint(err); !strings.Contains(text, name) {
			t.Fatalf("the error does not name the feature: %s", text)
		}
	}
	raw = t.create()
	slices.SortFunc(rows, func(a, b row) int { return compare(a.key, b.key) })
	raw.has(rows...)
	raw.close()
	if got := t.mark(t.path); !bytes.Equal(got, mark) {
		t.Fatalf("the mark %q was changed to %q", mark, got)
	}
	if got := t.list(t.path); len(got) != 1 {
		t.Errorf("there is %q; want the storage alone", got)
	}
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
			if text := fmt.Sprint(err); !strings.Contains(text, "layout 99") || !strings.Contains(text, "layouts 1 and 2") {
				t.Fatalf("the error does not name the layouts: %s", text)
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
