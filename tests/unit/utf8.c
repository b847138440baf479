#include "test.h"

#include "base/rng.h"
#include "text/utf8.h"

/* Decodes one symbol of a string literal. */
static uint32_t first(const char *s, size_t n, size_t *len)
{
	uint32_t cp = 0xFFFFFFFF;
	*len = utf8_decode((const unsigned char *)s, n, &cp);
	return cp;
}

static void edges_of_each_length(void)
{
	static const struct {
		const char *bytes;
		size_t len;
		uint32_t cp;
	} cases[] = {
	    {"\0", 1, 0},
	    {"\x7F", 1, 0x7F},
	    {"\xC2\x80", 2, 0x80},
	    {"\xDF\xBF", 2, 0x7FF},
	    {"\xE0\xA0\x80", 3, 0x800},
	    {"\xED\x9F\xBF", 3, 0xD7FF},
	    {"\xEE\x80\x80", 3, 0xE000},
	    {"\xEF\xBF\xBF", 3, 0xFFFF},
	    {"\xF0\x90\x80\x80", 4, 0x10000},
	    {"\xF4\x8F\xBF\xBF", 4, 0x10FFFF},
	};
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		size_t len;
		unsigned char out[4];
		CHECK_INT(first(cases[i].bytes, cases[i].len, &len), cases[i].cp);
		CHECK_INT(len, cases[i].len);
		CHECK_INT(utf8_encode(cases[i].cp, out), cases[i].len);
		CHECK(memcmp(out, cases[i].bytes, cases[i].len) == 0);
	}
}

/* What is not UTF-8 is one symbol a byte. */
static void invalid_bytes_are_symbols(void)
{
	static const struct {
		const char *what, *bytes;
		size_t n;
	} cases[] = {
	    {"continuation alone", "\x80\xBF", 2},
	    {"overlong of two", "\xC0\xAF\xC1\xBF", 4},
	    {"overlong of three", "\xE0\x80\x80\xE0\x9F\xBF", 6},
	    {"overlong of four", "\xF0\x80\x80\x80\xF0\x8F\xBF\xBF", 8},
	    {"surrogates", "\xED\xA0\x80\xED\xBF\xBF", 6},
	    {"escape's own number", "\xED\xB2\x80", 3},
	    {"above U+10FFFF", "\xF4\x90\x80\x80\xF5\x80\x80\x80\xFF\xFE", 10},
	    {"cut short", "\xE2\x82", 2},
	    {"cut short, four", "\xF0\x9F\x98", 3},
	};
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		const unsigned char *s = (const unsigned char *)cases[i].bytes;
		size_t bad = 0;
		CHECK_INT(utf8_count(s, cases[i].n, &bad), cases[i].n);
		CHECK_INT(bad, cases[i].n);
		for (size_t k = 0; k < cases[i].n; k++) {
			uint32_t cp = 0;
			CHECK_INT(utf8_decode(s + k, cases[i].n - k, &cp), 1);
			CHECK_INT(cp, 0xDC00u + s[k]);
		}
	}
	/* A bad byte does not swallow the good one behind it. */
	size_t len;
	CHECK_INT(first("\xE2\x41", 2, &len), 0xDCE2);
	CHECK_INT(len, 1);
}

/* Counted by hand: how many byte strings of each length are one code point. */
static void number_of_valid_sequences(void)
{
	unsigned char s[4];
	uint32_t cp;
	long two = 0, three = 0, four = 0;
	for (unsigned a = 0; a < 256; a++) {
		for (unsigned b = 0; b < 256; b++) {
			s[0] = (unsigned char)a;
			s[1] = (unsigned char)b;
			two += utf8_decode(s, 2, &cp) == 2;
			for (unsigned c = 0; a >= 0xE0 && c < 256; c++) {
				s[2] = (unsigned char)c;
				three += utf8_decode(s, 3, &cp) == 3;
				for (unsigned d = 0; d < 4; d++) {
					s[3] = (unsigned char)("\x7F\x80\xBF\xC0"[d]);
					four += utf8_decode(s, 4, &cp) == 4;
				}
			}
		}
	}
	CHECK_INT(two, 0x800 - 0x80);
	CHECK_INT(three, 0x10000 - 0x800 - 0x800);
	CHECK_INT(four, (0x110000 - 0x10000) / 64 * 2);
}

static void every_code_point_returns(void)
{
	long bad = 0, none = 0;
	for (uint32_t cp = 0; cp < 0x120000; cp++) {
		unsigned char s[4];
		uint32_t back = 0;
		size_t n = utf8_encode(cp, s);
		if (n == 0)
			none++;
		else
			bad += utf8_decode(s, n, &back) != n || back != cp;
	}
	CHECK_INT(bad, 0);
	CHECK_INT(none, 0x800 - 0x80 + 0x10000); /* surrogates but the escapes; too large */
	unsigned char s[4];
	CHECK_INT(utf8_encode(0xDC7F, s), 0);
	CHECK_INT(utf8_encode(0xDD00, s), 0);
	CHECK_INT(utf8_encode(0xFFFFFFFF, s), 0);
}

static void escapes(void)
{
	unsigned char s[4];
	CHECK(utf8_is_escape(0xDC80));
	CHECK(utf8_is_escape(0xDCFF));
	CHECK(!utf8_is_escape(0xDC7F));
	CHECK(!utf8_is_escape(0xDD00));
	CHECK(!utf8_is_escape('a'));
	CHECK_INT(utf8_encode(0xDCE9, s), 1);
	CHECK_INT(s[0], 0xE9);
}

static void parts(void)
{
	static const struct {
		const char *bytes;
		size_t n, want;
	} cases[] = {
	    {"", 0, 0},
	    {"a", 1, 1},
	    {"\xC3", 1, 0},
	    {"\xC3\xA9", 2, 2},
	    {"\xC3x", 2, 1},
	    {"\xC1", 1, 1},
	    {"\xE2", 1, 0},
	    {"\xE2\x82", 2, 0},
	    {"\xE2\x82\xAC", 3, 3},
	    {"\xE2\x82x", 3, 1},
	    {"\xE0\x80", 2, 1},
	    {"\xED\xA0", 2, 1},
	    {"\xF0\x9F\x98", 3, 0},
	    {"\xF0\x8F", 2, 1},
	    {"\xF4\x90", 2, 1},
	    {"\xF5", 1, 1},
	    {"\x80", 1, 1},
	};
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		uint32_t cp;
		CHECK_INT(utf8_decode_part((const unsigned char *)cases[i].bytes, cases[i].n, &cp),
		          cases[i].want);
	}
}

/* Bytes that are often leads and continuations. */
static void random_bytes(unsigned char *s, size_t n, uint32_t salt)
{
	static const unsigned char common[] = {0xC2, 0xE0, 0xE2, 0xED, 0xF0, 0xF4, 0x80, 0x9F, 0xA0, 0xBF, 'a', '\n'};
	for (size_t i = 0; i < n; i++) {
		uint32_t r[4];
		rng_draw(7, RNG_TEST, salt, 0, 0, (uint32_t)i, r);
		s[i] = r[0] % 4 ? common[r[1] % sizeof common] : (unsigned char)r[1];
	}
}

static void any_bytes_survive(void)
{
	unsigned char text[4096], back[4096 + 4];
	for (uint32_t round = 0; round < 20; round++) {
		size_t i = 0, n = 0, symbols = 0, bad = 0, counted_bad = 0;
		random_bytes(text, sizeof text, round);
		while (i < sizeof text) {
			uint32_t cp;
			i += utf8_decode(text + i, sizeof text - i, &cp);
			n += utf8_encode(cp, back + n);
			symbols++;
			bad += utf8_is_escape(cp);
		}
		CHECK_INT(n, sizeof text);
		CHECK(memcmp(text, back, sizeof text) == 0);
		CHECK_INT(utf8_count(text, sizeof text, &counted_bad), symbols);
		CHECK_INT(counted_bad, bad);
		CHECK_INT(utf8_count(text, sizeof text, NULL), symbols);
	}
}

/* One byte more at a time gives the symbols that the whole gives. */
static void pieces_agree_with_the_whole(void)
{
	unsigned char text[2048];
	random_bytes(text, sizeof text, 99);
	size_t i = 0, wrong = 0;
	while (i < sizeof text) {
		uint32_t whole, part = 0;
		size_t want = utf8_decode(text + i, sizeof text - i, &whole), have = 1, got = 0;
		while (i + have <= sizeof text && (got = utf8_decode_part(text + i, have, &part)) == 0)
			have++;
		if (got) /* 0: the text ended inside a sequence */
			wrong += got != want || part != whole;
		i += want;
	}
	CHECK_INT(wrong, 0);
}

static void counts(void)
{
	size_t bad = 9;
	CHECK_INT(utf8_count((const unsigned char *)"", 0, &bad), 0);
	CHECK_INT(bad, 0);
	const char *s = "twelve bytes: \xC3\xA9\xE2\x82\xAC and \xFF then more";
	CHECK_INT(utf8_count((const unsigned char *)s, strlen(s), &bad), 14 + 2 + 5 + 1 + 10);
	CHECK_INT(bad, 1);
}

TEST_MAIN("utf8", {"edges-of-each-length", edges_of_each_length},
          {"invalid-bytes-are-symbols", invalid_bytes_are_symbols},
          {"number-of-valid-sequences", number_of_valid_sequences},
          {"every-code-point-returns", every_code_point_returns}, {"escapes", escapes},
          {"parts", parts}, {"any-bytes-survive", any_bytes_survive},
          {"pieces-agree-with-the-whole", pieces_agree_with_the_whole}, {"counts", counts})
