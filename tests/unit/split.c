#include "test.h"

#include <stdint.h>

#include "base/mem.h"
#include "text/split.h"
#include "text/utf8.h"

/* The stretches of a text, with a bar between them. */
static const char *cut(enum split_rule rule, const char *text)
{
	static struct buf out;
	size_t len = strlen(text), n;
	buf_clear(&out);
	CHECK_INT(buf_puts(&out, "", NULL), 0);
	for (size_t i = 0; i < len; i += n) {
		n = split_next(rule, (const unsigned char *)text + i, len - i);
		CHECK(n >= 1 && n <= SPLIT_MOST && n <= len - i);
		if ((i && buf_puts(&out, "|", NULL)) || buf_add(&out, text + i, n, NULL))
			break;
	}
	return out.p ? out.p : "";
}

static void words(void)
{
	static const char *const cases[][2] = {
	    {"The cat sat.", "The| cat| sat|."},
	    {"don't 'tis rock'n'roll dogs' o''o", "don't| '|tis| rock'n'roll| dogs|'| o|'|'|o"},
	    {"it\xE2\x80\x99s", "it\xE2\x80\x99s"},
	    {"a  b\t c \n\nd ", "a| | b|\t| c| |\n|\n|d| "},
	    {"    x", "   | x"},
	    {"b2b 3rd 3.14", "b2b| 3rd| 3|.|14"},
	    {"wait... --no!", "wait|.|.|.| -|-|no|!"},
	    {"\r\n", "\r|\n"},
	    {"\xD0\xB6\xD0\xB0\xD0\xBB\xD1\x8C, \xD0\xB4\xD0\xB0", "\xD0\xB6\xD0\xB0\xD0\xBB\xD1\x8C|,| \xD0\xB4\xD0\xB0"},
	    {"\xC2\xABna\xC3\xAFve\xC2\xBB \xE2\x80\x94 e\xCC\x81t", "\xC2\xAB|na\xC3\xAFve|\xC2\xBB| \xE2\x80\x94| e\xCC\x81t"},
	    /* ideographs and kana one by one */
	    {"\xE6\x97\xA5\xE6\x9C\xAC\xE3\x81\xAE\xE3\x80\x82 \xE3\x82\xAB", "\xE6\x97\xA5|\xE6\x9C\xAC|\xE3\x81\xAE|\xE3\x80\x82| \xE3\x82\xAB"},
	    /* Hangul is written in words */
	    {"\xED\x95\x9C\xEA\xB5\xAD \xEC\x96\xB4", "\xED\x95\x9C\xEA\xB5\xAD| \xEC\x96\xB4"},
	    {"\xE3\x80\x80""a", "\xE3\x80\x80|a"},
	    /* Latin-1: letters from 0xC0 on */
	    {"V\xE4in\xF6 \xAB!", "V\xE4in\xF6| \xAB|!"},
	    {"x\xF0\x9F\x98\x80y", "x|\xF0\x9F\x98\x80|y"},
	    {"", ""},
	};
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
		CHECK_STR(cut(SPLIT_WORDS, cases[i][0]), cases[i][1]);
}

static void bpe(void)
{
	static const char *const cases[][2] = {
	    {"The cat sat.", "The| cat| sat|."},
	    {"don't b2b 1984 3.14", "don't| b|2|b| 1984| 3|.|14"},
	    {"wait... --no!?\n\n", "wait|...| --|no|!?|\n|\n"},
	    {"a   b", "a|  | b"},
	    {"\xE6\x97\xA5\xE6\x9C\xAC\xE3\x81\xAE\xE3\x80\x82\xE3\x80\x8D", "\xE6\x97\xA5\xE6\x9C\xAC\xE3\x81\xAE|\xE3\x80\x82\xE3\x80\x8D"},
	    {"a'", "a|'"},
	    {"'a", "'|a"},
	};
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
		CHECK_STR(cut(SPLIT_BPE, cases[i][0]), cases[i][1]);
}

/* Nothing is longer than SPLIT_MOST, and no code point is cut. */
static void long_runs(void)
{
	char text[1000];
	for (int kind = 0; kind < 4; kind++) {
		size_t n = 0;
		while (n + 8 < sizeof text)
			n += (size_t)snprintf(text + n, sizeof text - n, "%s",
			                      kind == 0 ? "x" : kind == 1 ? "\xE3\x81\x82" : kind == 2 ? " " : "\xC3\xA9");
		for (int rule = 0; rule < 2; rule++) {
			size_t cuts = 0;
			for (size_t i = 0, len; i < n; i += len, cuts++) {
				len = split_next((enum split_rule)rule, (unsigned char *)text + i, n - i);
				CHECK(len >= 1 && len <= SPLIT_MOST);
				CHECK(((unsigned char)text[i] & 0xC0) != 0x80);
			}
			CHECK(cuts >= n / SPLIT_MOST);
		}
	}
}

/* Lines cut one by one are the text cut; every byte is in one stretch. */
static void lines_alone(void)
{
	uint32_t x = 1;
	unsigned char text[4000];
	static const char some[] = "ab' \n\t.\xC3\xA9\xE3\x81\x82\xE2\x80\x99 1";
	for (size_t i = 0; i < sizeof text; i++) {
		x = x * 1664525u + 1013904223u;
		text[i] = i % 3 ? (unsigned char)some[(x >> 16) % (sizeof some - 1)] : (unsigned char)(x >> 24);
	}
	for (int rule = 0; rule < 2; rule++) {
		size_t whole = 0, line = 0, end = 0;
		while (whole < sizeof text) {
			if (line == end) { /* the next line begins where a stretch does */
				CHECK(whole == end);
				const unsigned char *nl = memchr(text + end, '\n', sizeof text - end);
				end = nl ? (size_t)(nl - text) + 1 : sizeof text;
			}
			whole += split_next((enum split_rule)rule, text + whole, sizeof text - whole);
			line += split_next((enum split_rule)rule, text + line, end - line);
			CHECK(whole == line);
		}
		CHECK(whole == sizeof text);
	}
}

TEST_MAIN("split", {"words", words}, {"bpe", bpe}, {"long-runs", long_runs}, {"lines-alone", lines_alone})
