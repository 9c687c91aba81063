// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package demo

// span is a range of code points, both ends inclusive as the standard writes them.
type span struct{ first, last CodePoint }

// contains reports whether c lies in the span.
func (s span) contains(c CodePoint) bool { return s.first <= c && c <= s.last }

// block is a named span of the standard.
type block struct {
	name string
	span
}

// blocks are the blocks with letters that have a case, and those that the steps name. Package
// unicode does not know blocks.
var blocks = []block{
	{"Basic Latin", span{0x0000, 0x007F}},
	{"Latin-1 Supplement", span{0x0080, 0x00FF}},
	{"Latin Extended-A", span{0x0100, 0x017F}},
	{"Latin Extended-B", span{0x0180, 0x024F}},
	{"IPA Extensions", span{0x0250, 0x02AF}},
	{"Combining Diacritical Marks", span{0x0300, 0x036F}},
	{"Greek and Coptic", span{0x0370, 0x03FF}},
	{"Cyrillic", span{0x0400, 0x04FF}},
	{"Cyrillic Supplement", span{0x0500, 0x052F}},
	{"Armenian", span{0x0530, 0x058F}},
	{"Georgian", span{0x10A0, 0x10FF}},
	{"Cherokee", span{0x13A0, 0x13FF}},
	{"Cyrillic Extended-C", span{0x1C80, 0x1C8F}},
	{"Georgian Extended", span{0x1C90, 0x1CBF}},
	{"Phonetic Extensions", span{0x1D00, 0x1D7F}},
	{"Phonetic Extensions Supplement", span{0x1D80, 0x1DBF}},
	{"Latin Extended Additional", span{0x1E00, 0x1EFF}},
	{"Greek Extended", span{0x1F00, 0x1FFF}},
	{"Letterlike Symbols", span{0x2100, 0x214F}},
	{"Number Forms", span{0x2150, 0x218F}},
	{"Enclosed Alphanumerics", span{0x2460, 0x24FF}},
	{"Glagolitic", span{0x2C00, 0x2C5F}},
	{"Latin Extended-C", span{0x2C60, 0x2C7F}},
	{"Coptic", span{0x2C80, 0x2CFF}},
	{"Georgian Supplement", span{0x2D00, 0x2D2F}},
	{"Cyrillic Extended-B", span{0xA640, 0xA69F}},
	{"Latin Extended-D", span{0xA720, 0xA7FF}},
	{"Latin Extended-E", span{0xAB30, 0xAB6F}},
	{"Cherokee Supplement", span{0xAB70, 0xABBF}},
	{"Private Use Area", span{0xE000, 0xF8FF}},
	{"Halfwidth and Fullwidth Forms", span{0xFF00, 0xFFEF}},
	{"Deseret", span{0x10400, 0x1044F}},
	{"Osage", span{0x104B0, 0x104FF}},
	{"Vithkuqi", span{0x10570, 0x105BF}},
	{"Old Hungarian", span{0x10C80, 0x10CFF}},
	{"Garay", span{0x10D40, 0x10D8F}},
	{"Warang Citi", span{0x118A0, 0x118FF}},
	{"Mathematical Alphanumeric Symbols", span{0x1D400, 0x1D7FF}},
	{"Medefaidrin", span{0x16E40, 0x16E9F}},
	{"Beria Erfe", span{0x16EA0, 0x16EDF}},
	{"Adlam", span{0x1E900, 0x1E95F}},
}

// blockOf returns the name of the block that c is in, or "".
func blockOf(c CodePoint) string {
	for _, b := range blocks {
		if b.contains(c) {
			return b.name
		}
	}
	return ""
}

// blockNamed returns the span of a block of the list.
func blockNamed(name string) span {
	for _, b := range blocks {
		if b.name == name {
			return b.span
		}
	}
	return span{1, 0}
}
