// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package users

import (
	"bytes"
	"fmt"
	"slices"
	"strings"

	"github.com/guardkv/guardkv/core"
	"github.com/guardkv/guardkv/core/backendtest/internal/kit"
)

var layoutPromises = []kit.Promise{
	{
		Name: "layout/newer", Check: checkNewerLayout,
		Explanation: "opening a storage in the layout of a newer GuardKV returns " +
			"ErrVersionMismatch under every policy, names the layouts, and changes nothing",
	},
	{
		Name: "layout/unknown features", Check: checkUnknownFeatures,
		Explanation: "opening a storage that needs an unknown feature, by its mark or by the " +
			"record of a table, returns ErrVersionMismatch under every policy, names the " +
			"feature, and changes nothing; only Always replaces one whose mark is known",
	},
}

// checkUnknownFeatures forges what a later GuardKV might write. A GuardKV that did not look for
// features opened a table whose index it did not know, wrote past the index, and gave the index's
// number to the next table.
func checkUnknownFeatures(t *kit.Trial) {
	s := open(t)
	tab := openWords(t, s, "words")
	put1(t, tab, "k", "v")
	closeStorage(t, s)
	mark := t.Mark(t.Path)
	raw := t.Create()
	rows := raw.All()
	raw.MustClose()

	refusesFeature(t, "psychic", withMember(t, mark, 2, `"needs":["psychic"]`), rows)
	refusesFeature(t, "psychic", withMember(t, mark, 2, `"psychic":true`), rows)
	for i, r := range rows {
		if !strings.Contains(r.Key, "table/words") {
			continue
		}
		for _, member := range []string{`"needs":["psychic"]`, `"psychic":{"of":"rows"}`} {
			forged := slices.Clone(rows)
			forged[i].Value = withSum(r.Key[4:], r.Value[:len(r.Value)-5]+","+member+"}")
			refusesFeature(t, "psychic", mark, forged)
		}
		forged := append(slices.Clone(rows), kit.KV(r.Key[:4]+"psychic/words", ""))
		forged[len(rows)].Value = withSum("psychic/words", "{}")
		refusesFeature(t, "psychic", mark, forged)
		return
	}
	t.Fatalf("there is no catalog row of the table among %v", rows)
}

// refusesFeature replaces what is stored, and opens it in every way.
func refusesFeature(t *kit.Trial, name string, mark []byte, rows []kit.Row) {
	t.TB.Helper()
	raw := t.Create()
	var writes []core.Write
	for _, old := range raw.All() {
		if !slices.ContainsFunc(rows, func(r kit.Row) bool { return r.Key == old.Key }) {
			writes = append(writes, kit.Del(old.Key))
		}
	}
	for _, r := range rows {
		writes = append(writes, kit.Put(r.Key, r.Value))
	}
	slices.SortFunc(writes, func(a, b core.Write) int { return bytes.Compare(a.Key, b.Key) })
	raw.MustApply(writes...)
	t.Do("SetMark", raw.SetMark(t.Ctx, mark))
	raw.MustClose()
	marked := !bytes.Contains(mark, []byte(name))
	for _, policy := range allPolicies(t) {
		if policy&core.Always != 0 && marked {
			continue // it sets aside every storage with a known mark, whatever is in it
		}
		_, err := tryOpen(t, t.Backend, core.WithRecreate(policy))
		t.Is("Open of a storage with an unknown feature", err, core.ErrVersionMismatch)
		if text := fmt.Sprint(err); !strings.Contains(text, name) {
			t.Fatalf("the error does not name the feature: %s", text)
		}
	}
	raw = t.Create()
	slices.SortFunc(rows, func(a, b kit.Row) int { return kit.Compare(a.Key, b.Key) })
	raw.Has(rows...)
	raw.MustClose()
	if got := t.Mark(t.Path); !bytes.Equal(got, mark) {
		t.Fatalf("the mark %q was changed to %q", mark, got)
	}
	if got := t.List(t.Path); len(got) != 1 {
		t.Errorf("there is %q; want the storage alone", got)
	}
}

func checkNewerLayout(t *kit.Trial) {
	s := open(t)
	openWords(t, s, "words")
	closeStorage(t, s)
	newer := withLayout(t, t.Mark(t.Path), 99)
	raw := t.OpenStore(t.Path, core.EngineOptions{NoSync: true})
	t.Do("SetMark", raw.SetMark(t.Ctx, newer))
	rows := raw.All()
	raw.MustClose()

	for _, policy := range allPolicies(t) {
		for _, option := range []core.Option{core.WithAnyVersion(), core.WithVersion(1)} {
			_, err := tryOpen(t, t.Backend, core.WithRecreate(policy), option)
			t.Is("Open of a storage with layout 99", err, core.ErrVersionMismatch)
			if text := fmt.Sprint(err); !strings.Contains(text,
				"layout 99") || !strings.Contains(text, "layouts 1 and 2") {
				t.Fatalf("the error does not name the layouts: %s", text)
			}
		}
	}
	if got := t.Mark(t.Path); !bytes.Equal(got, newer) {
		t.Fatalf("the mark %q was changed to %q", newer, got)
	}
	raw = t.Create()
	raw.Has(rows...)
	raw.MustClose()
	if got := t.List(t.Path); len(got) != 1 {
		t.Errorf("there is %q; want the storage alone", got)
	}
}
