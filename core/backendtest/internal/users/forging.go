// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package users

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"regexp"
	"strings"

	"github.com/guardkv/guardkv/core/backendtest/internal/kit"
)

// withSum appends the checksum of a catalog row to its value.
func withSum(name, value string) string {
	sum := crc32.Checksum([]byte(name+value), crc32.MakeTable(crc32.Castagnoli))
	return value + string(binary.BigEndian.AppendUint32(nil, sum))
}

// withLayout changes the layout in a mark of package core, and its checksum.
func withLayout(t *kit.Trial, mark []byte, layout int) []byte {
	head, body, ok := bytes.Cut(mark, []byte("{"))
	words := bytes.Fields(head)
	if !ok || len(words) != 2 || !layoutInMark.Match(body) {
		t.Fatalf("the mark of a new storage is %q", mark)
	}
	body = layoutInMark.ReplaceAll(append([]byte("{"), body...),
		fmt.Appendf(nil, `"layout":%d`, layout))
	return fmt.Appendf(nil, "%s %08x %s",
		words[0], crc32.Checksum(body, crc32.MakeTable(crc32.Castagnoli)), body)
}

// withMember adds a member to a mark of package core, and sets its layout.
func withMember(t *kit.Trial, mark []byte, layout int, member string) []byte {
	t.TB.Helper()
	mark = withLayout(t, mark, layout)
	_, body, _ := bytes.Cut(mark, []byte("{"))
	body = fmt.Appendf(nil, "{%s,%s}", body[:len(body)-1], member)
	return fmt.Appendf(nil, "GUARDKV %08x %s",
		crc32.Checksum(body, crc32.MakeTable(crc32.Castagnoli)), body)
}

var layoutInMark = regexp.MustCompile(`"layout":\d+`)

// flip changes one bit of the value of every raw row whose key ends with keyEnd, and returns the
// number of rows.
func flip(s *kit.Store, keyEnd string) (n int) {
	s.T.TB.Helper()
	for _, r := range s.All() {
		if strings.HasSuffix(r.Key, keyEnd) && len(r.Value) > 0 {
			v := []byte(r.Value)
			v[len(v)/2] ^= 0x10
			s.MustApply(kit.Put(r.Key, string(v)))
			n++
		}
	}
	return n
}
