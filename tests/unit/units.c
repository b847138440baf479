/* Vocabularies of pieces: units word and bpe. */
#include "test.h"

#include "base/json.h"
#include "text/split.h"
#include "text/vocab.h"

static const unsigned char *bytes(const char *s)
{
	return (const unsigned char *)s;
}

static struct vocab built(enum unit unit, const char *text, uint64_t min_count, uint32_t size)
{
	struct vocab v;
	struct err e = {{0}};
	CHECK_INT(vocab_build_sized(&v, unit, bytes(text), strlen(text), min_count, size, &e), 0);
	CHECK_STR(e.msg, "");
	return v;
}

/* The pieces of a text as --pieces shows them. */
static const char *pieces_of(const struct vocab *v, const char *text)
{
	static struct buf out;
	uint32_t *ids = NULL;
	size_t n = 0;
	buf_clear(&out);
	CHECK_INT(buf_puts(&out, "", NULL), 0);
	CHECK_INT(vocab_encode(v, bytes(text), strlen(text), &ids, &n, NULL, NULL), 0);
	for (size_t i = 0; i < n; i++) {
		CHECK_INT(i ? buf_puts(&out, " ", NULL) : 0, 0);
		CHECK_INT(vocab_show(v, ids[i], &out, NULL), 0);
	}
	mem_free(ids);
	return out.p ? out.p : "";
}

/* Every text survives, whatever the vocabulary was made from; the spans add up; nothing is
 * unknown; lines alone give the same ids. */
static void check_round_trip(const struct vocab *v, const unsigned char *text, size_t len)
{
	struct buf back = {0};
	uint32_t *ids = NULL, *line = NULL;
	size_t n = 0, unknown = 99, k = 0, at = 0;
	CHECK_INT(vocab_encode(v, text, len, &ids, &n, &unknown, NULL), 0);
	CHECK_INT(unknown, 0);
	CHECK(n <= len && (n > 0 || len == 0));
	for (size_t i = 0; i < n; i++) {
		size_t before = back.len;
		CHECK(ids[i] < v->size - 1);
		CHECK_INT(vocab_decode(v, ids[i], &back, NULL), 0);
		CHECK_INT(vocab_span(v, ids[i], text + before, len - before), back.len - before);
	}
	CHECK(back.len == len && (len == 0 || memcmp(back.p, text, len) == 0));
	CHECK_INT(vocab_spans(v, ids, n, text, len), len);
	for (size_t i = 0, end; i < len; i = end) {
		const unsigned char *nl = memchr(text + i, '\n', len - i);
		end = nl ? (size_t)(nl - text) + 1 : len;
		CHECK_INT(vocab_encode(v, text + i, end - i, &line, &k, NULL, NULL), 0);
		CHECK(at + k <= n && memcmp(ids + at, line, k * sizeof *line) == 0);
		at += k;
		mem_free(line);
	}
	CHECK_INT(at, n);
	buf_free(&back);
	mem_free(ids);
}

static const char *const texts[] = {
	"",
	"The quick brown fox, the quick dog.\nDon't the foxes' dogs don't?\r\n\r\n  the  end",
	"\xD0\x96\xD0\xB0\xD0\xBB\xD0\xB5\xD1\x82\xD1\x8C! \xD0\xB7\xD0\xB0\xD1\x87\xD0\xB5\xD0\xBC \xD0\xBC\xD0\xB5\xD0\xBD\xD1\x8F \xD0\xB6\xD0\xB0\xD0\xBB\xD0\xB5\xD1\x82\xD1\x8C\n",
	"\xE5\x90\xBE\xE8\xBC\xA9\xE3\x81\xAF\xE7\x8C\xAB\xE3\x81\xA7\xE3\x81\x82\xE3\x82\x8B\xE3\x80\x82\n\xE3\x80\x80\xE5\x90\x8D\xE5\x89\x8D\xE3\x81\xAF\xE3\x81\xBE\xE3\x81\xA0\xE7\x84\xA1\xE3\x81\x84\xE3\x80\x82",
	"Vaka vanha V\xE4in\xE4m\xF6inen, tiet\xE4j\xE4 i\xE4nikuinen\n", /* Latin-1 */
	"cut \xE2\x82 and \xF0\x9F\x98 and \xF0\x9F\x98\x80\xE2",
};
enum { TEXTS = sizeof texts / sizeof *texts };

static void round_trips(void)
{
	unsigned char random[3000];
	uint32_t x = 5;
	for (size_t i = 0; i < sizeof random; i++) {
		x = x * 1664525u + 1013904223u;
		random[i] = (unsigned char)(x >> 24);
	}
	for (int u = UNIT_WORD; u <= UNIT_BPE; u++)
		for (int from = 0; from < TEXTS; from++) {
			struct vocab v = built((enum unit)u, texts[from], 1 + from % 2, 300 + 40 * (uint32_t)from);
			CHECK(v.size >= VOCAB_LEAST && v.size <= 300 + 40 * (uint32_t)from);
			CHECK_INT(v.newline, '\n');
			for (int i = 0; i < TEXTS; i++)
				check_round_trip(&v, bytes(texts[i]), strlen(texts[i]));
			check_round_trip(&v, random, sizeof random);
			vocab_free(&v);
			vocab_free(&v);
		}
}

static void words(void)
{
	struct vocab v = built(UNIT_WORD, "the cat saw the cat and the dog; na\xC3\xAFve na\xC3\xAFve \xE7\x8C\xAB\xE7\x8C\xAB", 2, 0);
	/* bytes; \xC3\xAF and the cat, once in two words; words seen twice, the most frequent first */
	CHECK_STR(pieces_of(&v, "the cat"), "t h e \\scat");
	CHECK_STR(pieces_of(&v, "a the na\xC3\xAFve na\xC3\xAFvet\xC3\xA9"),
	          "a \\sthe \\sna\xC3\xAFve \\s n a \xC3\xAF v e t \\xC3 \\xA9");
	CHECK_STR(pieces_of(&v, "\xE7\x8C\xAB \\\n"), "\xE7\x8C\xAB \\s \\\\ \\n");
	CHECK_STR(pieces_of(&v, "dogs"), "d o g s");
	CHECK_INT(v.size, 256 + 2 + 3 + 1); /* \sthe \scat \sna\xC3\xAFve */
	uint64_t total = 0;
	for (uint32_t id = 0; id < v.size; id++)
		total += v.counts[id];
	CHECK_INT(v.counts['d'], 2); /* and, dog */
	CHECK_INT(v.counts[258], 2); /* \sthe */
	CHECK(total > 10);
	vocab_free(&v);

	/* characters come first when there is little room; what is left out is spelled in bytes */
	v = built(UNIT_WORD, "\xC3\xA9\xC3\xA9\xC3\xA9 \xC3\xA8\xC3\xA8 word word word", 1, 258);
	CHECK_INT(v.size, 258);
	CHECK_STR(pieces_of(&v, "\xC3\xA9\xC3\xA8 word"), "\xC3\xA9 \\xC3 \\xA8 \\s w o r d");
	vocab_free(&v);

	/* a known word behind a space that it was not seen with */
	v = built(UNIT_WORD, "word\nword\nword", 2, 0);
	CHECK_STR(pieces_of(&v, " word word-word"), "\\s word \\s word - word");
	vocab_free(&v);
}

static void bpe(void)
{
	struct vocab v = built(UNIT_BPE, "aaab aaab aaab abab\n", 2, 0);
	CHECK_STR(pieces_of(&v, "aaab\n aaab ab xyz"), "aaab \\n \\saaab \\s ab \\s x y z");
	CHECK_INT(v.newline, '\n');
	vocab_free(&v);
	v = built(UNIT_BPE, "aaab aaab aaab aaab\n", 2, 258);
	CHECK_INT(v.size, 258);
	CHECK_STR(pieces_of(&v, "aaab"), "aa a b");
	vocab_free(&v);
	v = built(UNIT_BPE, "abcabc", 2, 257);
	CHECK_INT(v.size, 257);
	CHECK_STR(pieces_of(&v, "abc"), "a b c");
	vocab_free(&v);
}

static void sizes_refused(void)
{
	static const uint32_t sizes[] = {1, 256, VOCAB_MOST + 1};
	for (int u = UNIT_WORD; u <= UNIT_BPE; u++)
		for (size_t i = 0; i < 3; i++) {
			struct vocab v;
			struct err e = {{0}};
			CHECK_INT(vocab_build_sized(&v, (enum unit)u, bytes("abc"), 3, 0, sizes[i], &e), -1);
			CHECK_HAS(e.msg, "257 to 16777216");
			CHECK(!v.size && !v.counts && !v.pieces.text && !v.bpe.merge);
		}
}

static void unknown(void)
{
	struct vocab v = built(UNIT_BPE, "abc", 0, 0);
	struct buf out = {0};
	struct err e = {{0}};
	CHECK_INT(vocab_decode(&v, v.size - 1, &out, &e), 0);
	CHECK_STR(out.p, "\xEF\xBF\xBD");
	CHECK_INT(vocab_decode(&v, v.size, &out, &e), -1);
	CHECK_HAS(e.msg, "out of range");
	buf_clear(&out);
	CHECK_INT(vocab_show(&v, v.size - 1, &out, &e), 0);
	CHECK_STR(out.p, "<unk>");
	buf_free(&out);
	vocab_free(&v);
}

/* --- JSON --------------------------------------------------------------------------- */

static void same_vocab(const struct vocab *v, const struct vocab *w)
{
	CHECK_INT(v->unit, w->unit);
	CHECK_INT(v->size, w->size);
	CHECK_INT(v->newline, w->newline);
	for (uint32_t id = 0; id + 1 < v->size && v->size == w->size; id++) {
		size_t n, m;
		const unsigned char *s = pieces_get(&v->pieces, id, &n), *t = pieces_get(&w->pieces, id, &m);
		CHECK(n == m && memcmp(s, t, n) == 0);
	}
	for (int i = 0; i < TEXTS; i++) {
		uint32_t *a = NULL, *b = NULL;
		size_t n = 0, m = 1;
		CHECK_INT(vocab_encode(v, bytes(texts[i]), strlen(texts[i]), &a, &n, NULL, NULL), 0);
		CHECK_INT(vocab_encode(w, bytes(texts[i]), strlen(texts[i]), &b, &m, NULL, NULL), 0);
		CHECK(n == m && memcmp(a, b, n * sizeof *a) == 0);
		mem_free(a);
		mem_free(b);
	}
}

static void json_round_trip(void)
{
	for (int u = UNIT_WORD; u <= UNIT_BPE; u++)
		for (int i = 0; i < TEXTS; i++) {
			struct vocab v = built((enum unit)u, texts[i], 1, 0), w, c;
			struct buf json = {0}, again = {0};
			struct err e = {{0}};
			CHECK_INT(vocab_to_json(&v, &json, &e), 0);
			for (size_t k = 0; k < json.len; k++) /* what another program reads */
				k += json_utf8(json.p + k, json.len - k) - 1;
			CHECK_INT(vocab_from_json(&w, (enum unit)u, json.p, json.len, &e), 0);
			CHECK_STR(e.msg, "");
			same_vocab(&v, &w);
			CHECK_INT(vocab_to_json(&w, &again, &e), 0);
			CHECK_STR(again.p, json.p);
			CHECK_INT(vocab_copy(&c, &v, &e), 0);
			same_vocab(&v, &c);
			CHECK(memcmp(c.counts, v.counts, v.size * sizeof *v.counts) == 0);
			buf_free(&json);
			buf_free(&again);
			vocab_free(&v);
			vocab_free(&w);
			vocab_free(&c);
		}
}

/* The list of the 256 bytes without its end, then the rest. */
static const char *list(enum unit unit, const char *rest)
{
	static struct buf out;
	buf_clear(&out);
	CHECK_INT(buf_puts(&out, "[", NULL), 0);
	for (unsigned b = 0; b < 256; b++)
		CHECK_INT(unit == UNIT_BPE ? buf_printf(&out, NULL, "%u,", b)
		          : b < 0x80 ? buf_printf(&out, NULL, "\"\\u%04x\",", b)
		                     : buf_printf(&out, NULL, "\"\\udc%02X\",", b), 0);
	CHECK_INT(buf_puts(&out, rest, NULL), 0);
	return out.p ? out.p : "";
}

static void json_read(void)
{
	struct vocab v;
	struct err e = {{0}};
	const char *json = list(UNIT_WORD, "\" the\", \"\\u00e9\", \"\\udce9t\\udce9\", -1 ] ");
	CHECK_INT(vocab_from_json(&v, UNIT_WORD, json, strlen(json), &e), 0);
	CHECK_STR(e.msg, "");
	CHECK_INT(v.size, 260);
	CHECK_STR(pieces_of(&v, "a the \xC3\xA9 \xE9t\xE9."), "a \\sthe \\s \xC3\xA9 \\s \\xE9t\\xE9 .");
	vocab_free(&v);
	json = list(UNIT_BPE, "[32,116],[104,101],[256,257],-1]");
	CHECK_INT(vocab_from_json(&v, UNIT_BPE, json, strlen(json), &e), 0);
	CHECK_STR(e.msg, "");
	CHECK_INT(v.size, 260);
	CHECK_STR(pieces_of(&v, "the the ta"), "t he \\sthe \\st a");
	vocab_free(&v);
	json = list(UNIT_BPE, "-1]");
	CHECK_INT(vocab_from_json(&v, UNIT_BPE, json, strlen(json), &e), 0);
	CHECK_INT(v.size, VOCAB_LEAST);
	vocab_free(&v);
}

static void refuse(enum unit unit, const char *json, const char *part)
{
	struct vocab v;
	struct err e = {{0}};
	memset(&v, 0x55, sizeof v); /* nothing of it may be left */
	CHECK_INT(vocab_from_json(&v, unit, json, strlen(json), &e), -1);
	CHECK_HAS(e.msg, part);
	CHECK(v.size == 0 && !v.counts && !v.pieces.text && !v.pieces.slot && !v.bpe.merge && !v.bpe.cache);
}

static void json_refused(void)
{
	static const struct {
		enum unit unit;
		const char *rest, *part;
	} cases[] = {
	    {UNIT_WORD, "", "JSON"},
	    {UNIT_WORD, "\"a b\"]", "unknown symbol (-1) is missing"},
	    {UNIT_WORD, "\"ab\",-1,\"c\"]", "must be the last"},
	    {UNIT_WORD, "\"ab\",-1", "JSON"},
	    {UNIT_WORD, "\"ab\",-1] 3", "JSON"},
	    {UNIT_WORD, "\"ab\",\"ab\",-1]", "item 258: the same piece as item 257"},
	    {UNIT_WORD, "\"a\",-1]", "item 257: the same piece as item 98"},
	    {UNIT_WORD, "\"\\u00e9\",\"\\udcc3\\udca9\",-1]", "the same piece"},
	    {UNIT_WORD, "\"\",-1]", "1 to 64 bytes, not 0"},
	    {UNIT_WORD, "\"0123456789012345678901234567890123456789012345678901234567890123x\",-1]", "not 65"},
	    {UNIT_WORD, "7,-1]", "7 is neither"},
	    {UNIT_WORD, "-2]", "-2 is neither"},
	    {UNIT_WORD, "1.5]", "item 257"},
	    {UNIT_WORD, "[97,98],-1]", "item 257"},
	    {UNIT_WORD, "null,-1]", "item 257"},
	    {UNIT_WORD, "\"\\ud800\",-1]", "item 257"},
	    {UNIT_BPE, "", "JSON"},
	    {UNIT_BPE, "[97,98]]", "unknown symbol (-1) is missing"},
	    {UNIT_BPE, "[97,98],-1,[98,98]]", "must be the last"},
	    {UNIT_BPE, "[97,98],[97,98],-1]", "item 258: ids 256 and 257 are made of the same"},
	    {UNIT_BPE, "[97,256],-1]", "id 256 cannot be made"},
	    {UNIT_BPE, "[97,4294967297],-1]", "there is no id 4294967297"},
	    {UNIT_BPE, "[97,-1],-1]", "item 257"},
	    {UNIT_BPE, "[97],-1]", "made of two"},
	    {UNIT_BPE, "[],-1]", "made of two"},
	    {UNIT_BPE, "[97,98,99],-1]", "made of two"},
	    {UNIT_BPE, "[97,[98]],-1]", "item 257"},
	    {UNIT_BPE, "\"ab\",-1]", "item 257"},
	    {UNIT_BPE, "97,-1]", "97 is neither"},
	    {UNIT_BPE, "[97,97],[256,256],[257,257],[258,258],[259,259],[260,260],[261,261],-1]", "id 262 is longer"},
	};
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
		refuse(cases[i].unit, list(cases[i].unit, cases[i].rest), cases[i].part);
	refuse(UNIT_WORD, "", "JSON");
	refuse(UNIT_WORD, "[]", "missing");
	refuse(UNIT_WORD, "[-1]", "before the last of the 256 bytes");
	refuse(UNIT_WORD, "[\"a\",-1]", "item 1: the first 256 pieces must be the bytes");
	refuse(UNIT_WORD, "[\"\\u0000\",\"\\u0001\",-1]", "item 3: the unknown symbol (-1) comes before");
	refuse(UNIT_BPE, "{}", "JSON");
	refuse(UNIT_BPE, "[-1]", "before the last of the 256 bytes");
	refuse(UNIT_BPE, "[0,2,-1]", "item 2: the first 256 items must be the bytes");
	refuse(UNIT_BPE, "[0,1,[0,1],-1]", "item 3");
}

static void failing_allocations(void)
{
	const char *text = texts[1];
	for (int u = UNIT_WORD; u <= UNIT_BPE; u++) {
		struct vocab v = {0};
		struct buf json = {0};
		struct err e = {{0}};
		long n = 0, rc = -1;
		while (rc && ++n < 400) {
			mem_fail_at(n);
			rc = vocab_build_sized(&v, (enum unit)u, bytes(text), strlen(text), 1, 0, &e);
			CHECK(rc == 0 || (!v.size && !v.counts && !v.pieces.text && strstr(e.msg, "memory")));
		}
		CHECK(n > 8 && rc == 0);
		mem_fail_at(1);
		uint32_t *ids = NULL;
		size_t k;
		CHECK_INT(vocab_encode(&v, bytes(text), strlen(text), &ids, &k, NULL, &e), -1);
		CHECK(!ids);
		mem_fail_at(0);
		CHECK_INT(vocab_to_json(&v, &json, &e), 0);
		vocab_free(&v);
		for (n = 0, rc = -1; rc && ++n < 2000;) {
			mem_fail_at(n);
			rc = vocab_from_json(&v, (enum unit)u, json.p, json.len, &e);
			CHECK(rc == 0 || (!v.size && !v.counts && !v.pieces.text));
		}
		CHECK(n > 8 && rc == 0);
		mem_fail_at(0);
		vocab_free(&v);
		buf_free(&json);
	}
}

TEST_MAIN("units", {"round-trips", round_trips}, {"words", words}, {"bpe", bpe}, {"sizes-refused", sizes_refused},
          {"unknown", unknown}, {"json-round-trip", json_round_trip}, {"json-read", json_read},
          {"json-refused", json_refused}, {"failing-allocations", failing_allocations})
