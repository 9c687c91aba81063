// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package users

import (
	"github.com/guardkv/guardkv/core"
	"github.com/guardkv/guardkv/core/backendtest/internal/kit"
)

var nestedPromises = []kit.Promise{
	{
		Name: "nested/writes", Check: checkNestedWrites,
		Explanation: "writing to a table from inside an Update but past its Tx returns " +
			"ErrNestedWrite, and does not deadlock",
	},
	{
		Name: "nested/reads", Check: checkNestedReads,
		Explanation: "reading past the Tx is allowed inside an Update, and sees what is committed",
	},
}

func checkNestedWrites(t *kit.Trial) {
	s, tab := openOne(t)
	load(t, tab, 5)
	verbs := append([]verb{{
		"Insert of a new row",
		func(t *kit.Trial, _ *core.Storage, tab words) error {
			return tab.Insert(t.Ctx, "brand new", "v")
		},
	}}, writeVerbs...)
	verbs = append(verbs,
		verb{"DropTable of a table", func(t *kit.Trial, s *core.Storage, tab words) error {
			return s.DropTable(t.Ctx, "words")
		}})
	for _, v := range verbs {
		t.Within(kit.Soon, v.name+" inside an Update", func() {
			updateError(t, s, errRollBack, func(tx *core.Tx) error {
				t.Do("Put", tab.In(tx).Put(t.Ctx, "some000001", "by the Tx"))
				t.Is(v.name, v.do(t, s, tab), core.ErrNestedWrite)
				return errRollBack
			})
		})
		t.Do(v.name+" after the Update", v.do(t, s, tab))
		if v.name == "DropTable of a table" {
			return
		}
		load(t, tab, 5)
	}
}

func checkNestedReads(t *kit.Trial) {
	s, tab := openOne(t)
	put1(t, tab, "k", "v")
	update(t, s, func(tx *core.Tx) error {
		t.Do("Put", tab.In(tx).Put(t.Ctx, "k", "w"))
		reads(t, tab, "k", "v")
		t.Close(guard(t, tab, "k"))
		holds(t, tab, kit.KV("k", "v"))
		return s.View(t.Ctx, func(view *core.Tx) error {
			if v, err := tab.In(view).Get(t.Ctx, "k"); v != "v" || err != nil {
				t.Errorf("a View inside an Update reads %q, %v; want %q", v, err, "v")
			}
			return nil
		})
	})
	reads(t, tab, "k", "w")
}
