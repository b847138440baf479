#include "test.h"

#include "text/utf8.h"
#include "text/vocab.h"

static const unsigned char *bytes(const char *s)
{
	return (const unsigned char *)s;
}

static struct vocab built(enum unit unit, const char *text, uint64_t min_count)
{
	struct vocab v;
	struct err e = {{0}};
	CHECK_INT(vocab_build(&v, unit, bytes(text), strlen(text), min_count, &e), 0);
	return v;
}

static struct vocab read_json(enum unit unit, const char *json)
{
	struct vocab v;
	struct err e = {{0}};
	CHECK_INT(vocab_from_json(&v, unit, json, strlen(json), &e), 0);
	CHECK_STR(e.msg, "");
	return v;
}

/* ids ascend with the symbols, the unknown is last, every look-up agrees. */
static void check_sound(const struct vocab *v)
{
	CHECK(v->size >= 1);
	CHECK_INT(v->symbols[v->size - 1], VOCAB_UNKNOWN);
	for (uint32_t id = 0; id + 1 < v->size; id++) {
		CHECK(v->symbols[id] < v->symbols[id + 1]);
		CHECK_INT(vocab_id(v, v->symbols[id]), id);
	}
	for (uint32_t s = 0; s < 256; s++)
		CHECK_INT(v->low[s], vocab_id(v, s));
	CHECK_INT(v->newline, vocab_id(v, '\n') == v->size - 1 ? -1 : (int)vocab_id(v, '\n'));
}

static void build_chars(void)
{
	struct vocab v = built(UNIT_CHAR, "b\xC3\xA9" "a b\n\xF0\x9F\x98\x80\xFF", 0);
	static const uint32_t symbols[] = {'\n', ' ', 'a', 'b', 0xE9, 0xDCFF, 0x1F600, VOCAB_UNKNOWN};
	static const uint64_t counts[] = {1, 1, 1, 2, 1, 1, 1, 0};
	CHECK_INT(v.size, 8);
	for (uint32_t i = 0; i < 8 && i < v.size; i++) {
		CHECK_INT(v.symbols[i], symbols[i]);
		CHECK_INT(v.counts[i], counts[i]);
	}
	CHECK_INT(v.newline, 0);
	CHECK_INT(vocab_id(&v, 'x'), 7);
	CHECK_INT(vocab_id(&v, 0xEA), 7);
	CHECK_INT(vocab_id(&v, 0x1F601), 7);
	CHECK_INT(vocab_id(&v, 0xFFFFFFFF), 7);
	check_sound(&v);
	vocab_free(&v);
}

static void build_bytes(void)
{
	struct vocab v = built(UNIT_BYTE, "\xC3\xA9\xC3z", 0); /* all, occurring or not */
	CHECK_INT(v.size, 257);
	CHECK_INT(v.symbols[0], 0);
	CHECK_INT(v.symbols[255], 255);
	CHECK_INT(v.counts[0xC3], 2);
	CHECK_INT(v.counts[0], 0);
	CHECK_INT(v.newline, '\n');
	check_sound(&v);
	vocab_free(&v);

	v = built(UNIT_BYTE, "\xC3\xA9\xC3z", 1);
	CHECK_INT(v.size, 4);
	CHECK_INT(v.symbols[0], 'z');
	CHECK_INT(v.symbols[1], 0xA9);
	CHECK_INT(v.symbols[2], 0xC3);
	CHECK_INT(v.counts[2], 2);
	CHECK_INT(v.newline, -1);
	CHECK_INT(vocab_id(&v, 0xE9), 3);
	CHECK_INT(vocab_id(&v, 0x1F600), 3);
	check_sound(&v);
	vocab_free(&v);
}

static void build_from_nothing(void)
{
	struct vocab v = built(UNIT_CHAR, "", 0);
	CHECK_INT(v.size, 1);
	CHECK_INT(vocab_id(&v, 'a'), 0);
	CHECK_INT(vocab_id(&v, 0x3042), 0);
	check_sound(&v);
	vocab_free(&v);
	vocab_free(&v);
}

static void min_count(void)
{
	struct vocab v = built(UNIT_CHAR, "aaabbcdd", 2);
	CHECK_INT(v.size, 4); /* a b d and the unknown */
	CHECK_INT(vocab_id(&v, 'c'), 3);
	CHECK_INT(v.counts[3], 1);
	CHECK_INT(v.counts[0], 3);
	check_sound(&v);
	vocab_free(&v);
	v = built(UNIT_CHAR, "aaabbcdd", 1);
	CHECK_INT(v.size, 5);
	vocab_free(&v);
	v = built(UNIT_CHAR, "aaabbcdd", 9);
	CHECK_INT(v.size, 1);
	CHECK_INT(v.counts[0], 8);
	vocab_free(&v);
}

static void round_trip(enum unit unit, const unsigned char *text, size_t len, size_t want)
{
	struct vocab v;
	struct buf back = {0};
	uint32_t *ids = NULL;
	size_t n = 0, unknown = 99;
	CHECK_INT(vocab_build(&v, unit, text, len, 0, NULL), 0);
	check_sound(&v);
	CHECK_INT(vocab_encode(&v, text, len, &ids, &n, &unknown, NULL), 0);
	CHECK_INT(n, want);
	CHECK_INT(unknown, 0);
	for (size_t i = 0; i < n; i++)
		CHECK_INT(vocab_decode(&v, ids[i], &back, NULL), 0);
	CHECK_INT(back.len, len);
	CHECK(back.len == len && memcmp(back.p, text, len) == 0);
	buf_free(&back);
	mem_free(ids);
	vocab_free(&v);
}

static void round_trips(void)
{
	const char *text = "na\xC3\xAFve \xE2\x82\xAC\n\xFF\xC3 \xE6\x97\xA5\xE6\x9C\xAC \xF0\x9F\x98\x80\xE2\x82";
	round_trip(UNIT_CHAR, bytes(text), strlen(text), 17);
	round_trip(UNIT_BYTE, bytes(text), strlen(text), strlen(text));
	unsigned char all[512];
	for (int i = 0; i < 512; i++)
		all[i] = (unsigned char)(i * 7);
	round_trip(UNIT_BYTE, all, sizeof all, sizeof all);
	round_trip(UNIT_CHAR, all, sizeof all, utf8_count(all, sizeof all, NULL));
}

/* More symbols than the encoder remembers, clashing in what it remembers. */
static void large_vocabulary(void)
{
	struct buf text = {0};
	for (uint32_t round = 0; round < 2; round++) {
		for (uint32_t cp = 0x4E00; cp < 0x4E00 + 3104; cp++) {
			unsigned char s[4];
			size_t n = utf8_encode(round ? cp : 0x4E00 + (cp * 1024 + cp / 4) % 3104, s);
			CHECK_INT(buf_add(&text, s, n, NULL), 0);
		}
	}
	round_trip(UNIT_CHAR, bytes(text.p), text.len, 2 * 3104);
	buf_free(&text);
}

static void unknown_symbols(void)
{
	struct vocab v = built(UNIT_CHAR, "ab\n", 0);
	struct buf back = {0};
	struct err e = {{0}};
	uint32_t *ids = NULL;
	size_t n = 0, unknown = 0;
	const char *text = "a?b\xE6\x97\xA5\xE6\x97\xA5";
	CHECK_INT(vocab_encode(&v, bytes(text), strlen(text), &ids, &n, &unknown, &e), 0);
	CHECK_INT(n, 5);
	CHECK_INT(unknown, 3);
	for (size_t i = 0; i < n; i++)
		CHECK_INT(vocab_decode(&v, ids[i], &back, &e), 0);
	CHECK_STR(back.p, "a\xEF\xBF\xBD" "b\xEF\xBF\xBD\xEF\xBF\xBD");
	mem_free(ids);
	CHECK_INT(vocab_encode(&v, bytes(""), 0, &ids, &n, NULL, &e), 0);
	CHECK_INT(n, 0);
	mem_free(ids);
	vocab_free(&v);

	buf_clear(&back);
	v = built(UNIT_BYTE, "ab", 1);
	CHECK_INT(vocab_decode(&v, 2, &back, &e), 0);
	CHECK_STR(back.p, "?");
	CHECK_INT(vocab_decode(&v, 3, &back, &e), -1);
	CHECK_HAS(e.msg, "id 3 is out of range");
	CHECK_HAS(e.msg, "3 ids");
	CHECK_INT(vocab_show(&v, 3, &back, &e), -1);
	CHECK_STR(back.p, "?");
	buf_free(&back);
	vocab_free(&v);
}

static void check_shown(enum unit unit, const char *json, const char *want)
{
	struct vocab v = read_json(unit, json);
	struct buf out = {0};
	struct err e = {{0}};
	CHECK_INT(vocab_show(&v, 0, &out, &e), 0);
	CHECK_STR(out.p, want);
	buf_free(&out);
	vocab_free(&v);
}

static void show(void)
{
	static const char *const cases[][2] = {
	    {"[97,-1]", "a"},          {"[10,-1]", "\\n"},           {"[9,-1]", "\\t"},
	    {"[13,-1]", "\\r"},        {"[32,-1]", "' '"},           {"[0,-1]", "\\x00"},
	    {"[27,-1]", "\\x1B"},      {"[127,-1]", "\\x7F"},        {"[92,-1]", "\\"},
	    {"[133,-1]", "\\u0085"},   {"[160,-1]", "\\u00A0"},      {"[233,-1]", "\xC3\xA9"},
	    {"[8238,-1]", "\\u202E"},  {"[769,-1]", "\\u0301"},      {"[12354,-1]", "\xE3\x81\x82"},
	    {"[56575,-1]", "\\xFF"},   {"[128512,-1]", "\xF0\x9F\x98\x80"},
	    {"[65279,-1]", "\\uFEFF"}, {"[917505,-1]", "\\U000E0001"}, {"[-1]", "<unk>"},
	};
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
		check_shown(UNIT_CHAR, cases[i][0], cases[i][1]);
	check_shown(UNIT_BYTE, "[233,-1]", "\\xE9");
	check_shown(UNIT_BYTE, "[160,-1]", "\\xA0");
	check_shown(UNIT_BYTE, "[65,-1]", "A");
}

static void chars_of_a_text(void)
{
	const char *text = "na\xC3\xAFve\xFF\xF0\x9F\x98\x80";
	CHECK_INT(vocab_chars(bytes(text), strlen(text)), 7);
	CHECK_INT(vocab_chars(bytes(""), 0), 0);
}

static void json_round_trip(void)
{
	struct vocab v = built(UNIT_CHAR, "b\xC3\xA9" "a b\n\xF0\x9F\x98\x80\xFF", 0);
	struct buf json = {0};
	CHECK_INT(vocab_to_json(&v, &json, NULL), 0);
	CHECK_STR(json.p, "[10,32,97,98,233,56575,128512,-1]");
	struct vocab w = read_json(UNIT_CHAR, json.p);
	check_sound(&w);
	CHECK_INT(w.size, v.size);
	CHECK(memcmp(w.symbols, v.symbols, v.size * sizeof *v.symbols) == 0);
	CHECK(memcmp(w.low, v.low, 256 * sizeof *v.low) == 0);
	for (uint32_t id = 0; id < w.size; id++)
		CHECK_INT(w.counts[id], 0);
	vocab_free(&w);
	vocab_free(&v);
	buf_free(&json);
	v = read_json(UNIT_BYTE, " [ 0 , 10, 255 , -1 ] ");
	CHECK_INT(v.size, 4);
	CHECK_INT(v.newline, 1);
	check_sound(&v);
	vocab_free(&v);
}

static void json_refused(void)
{
	static const struct {
		enum unit unit;
		const char *json, *part;
	} cases[] = {
	    {UNIT_CHAR, "", "JSON"},
	    {UNIT_CHAR, "{}", "JSON"},
	    {UNIT_CHAR, "7", "JSON"},
	    {UNIT_CHAR, "[]", "unknown symbol (-1) is missing"},
	    {UNIT_CHAR, "[97]", "unknown symbol (-1) is missing"},
	    {UNIT_CHAR, "[97,98,-1", "JSON"},
	    {UNIT_CHAR, "[97,-1]x", "JSON"},
	    {UNIT_CHAR, "[97,-1,-1]", "item 3"},
	    {UNIT_CHAR, "[-1,97]", "must be the last"},
	    {UNIT_CHAR, "[98,97,-1]", "97 follows 98"},
	    {UNIT_CHAR, "[97,97,-1]", "must ascend"},
	    {UNIT_CHAR, "[-2,-1]", "-2 is not a code point"},
	    {UNIT_CHAR, "[1114112,-1]", "1114112 is not a code point"},
	    {UNIT_CHAR, "[55296,-1]", "55296 is not a code point"},
	    {UNIT_CHAR, "[4294967295,-1]", "item 1"},
	    {UNIT_CHAR, "[99999999999999999999,-1]", "item 1"},
	    {UNIT_CHAR, "[1.5,-1]", "item 1"},
	    {UNIT_CHAR, "[\"a\",-1]", "item 1"},
	    {UNIT_CHAR, "[[1],-1]", "item 1"},
	    {UNIT_CHAR, "[null]", "item 1"},
	    {UNIT_BYTE, "[97,256,-1]", "256 is not a byte"},
	    {UNIT_BYTE, "[56575,-1]", "56575 is not a byte"},
	};
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct vocab v;
		struct err e = {{0}};
		memset(&v, 0x55, sizeof v); /* nothing of it may be left */
		CHECK_INT(vocab_from_json(&v, cases[i].unit, cases[i].json, strlen(cases[i].json), &e), -1);
		CHECK_HAS(e.msg, cases[i].part);
		CHECK(v.size == 0 && !v.symbols && !v.counts && !v.low);
	}
}

/* Every allocation fails in turn; the caller's struct is then empty. */
static void failing_allocations(void)
{
	static const char text[] = "some text \xE3\x81\x82 and \xFF more\n";
	struct vocab v = {0}, w = {0};
	struct buf json = {0}, shown = {0};
	struct err e = {{0}};
	uint32_t *ids = NULL;
	size_t k;
	long n = 0, rc = -1;
	while (rc && ++n < 50) {
		mem_fail_at(n);
		rc = vocab_build(&v, UNIT_CHAR, bytes(text), sizeof text - 1, 0, &e);
		CHECK(rc == 0 || (!v.symbols && !v.size && e.msg[0]));
	}
	CHECK(n > 3 && rc == 0);
	mem_fail_at(1);
	CHECK_INT(vocab_encode(&v, bytes(text), sizeof text - 1, &ids, &k, NULL, &e), -1);
	CHECK(ids == NULL);
	mem_fail_at(1);
	CHECK_INT(vocab_decode(&v, 0, &shown, &e), -1);
	mem_fail_at(1);
	CHECK_INT(vocab_show(&v, 0, &shown, &e), -1);
	for (n = 0, rc = -1; rc && ++n < 50;) {
		buf_free(&json);
		mem_fail_at(n);
		rc = vocab_to_json(&v, &json, &e);
	}
	CHECK(n > 1 && rc == 0);
	for (n = 0, rc = -1; rc && ++n < 50;) {
		mem_fail_at(n);
		rc = vocab_from_json(&w, UNIT_CHAR, json.p, json.len, &e);
		CHECK(rc == 0 || (!w.symbols && !w.size));
	}
	CHECK(n > 3 && rc == 0);
	mem_fail_at(0);
	vocab_free(&v);
	vocab_free(&w);
	buf_free(&json);
	buf_free(&shown);
}

/* All symbols of both, in order, and where they were. */
static void merge(void)
{
	static const struct { const char *a, *b, *json; int map[8]; } cases[] = {
		{"bd", "ace", "[97,98,99,100,101,-1]", {-1, 0, -1, 1, -1, 2}},
		{"abc", "b", "[97,98,99,-1]", {0, 1, 2, 3}},
		{"b", "abc", "[97,98,99,-1]", {-1, 0, -1, 1}},
		{"\xE2\x98\x83" "a", "\xFF" "a\n", "[10,97,9731,56575,-1]", {-1, 0, 1, -1, 2}},
		{"", "ab", "[97,98,-1]", {-1, -1, 0}},
	};
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct vocab a = built(UNIT_CHAR, cases[i].a, 1), b = built(UNIT_CHAR, cases[i].b, 1), v;
		struct err e = {{0}};
		struct buf json = {0};
		uint32_t map[8];
		CHECK_INT(vocab_merge(&v, &a, &b, &e), 0);
		check_sound(&v);
		CHECK_INT(vocab_to_json(&v, &json, &e), 0);
		CHECK_STR(json.p, cases[i].json);
		for (uint32_t id = 0; id + 1 < v.size; id++) {
			uint32_t in_b = vocab_id(&b, v.symbols[id]);
			CHECK_INT(v.counts[id], in_b == b.size - 1 ? 0 : b.counts[in_b]);
		}
		vocab_map(&v, &a, map);
		for (uint32_t id = 0; id < v.size; id++)
			CHECK_INT((int32_t)map[id], cases[i].map[id]);
		for (long n = 1; n <= 3; n++) {
			struct vocab none;
			mem_fail_at(n);
			CHECK_INT(vocab_merge(&none, &a, &b, &e), -1);
			mem_fail_at(0);
			CHECK_HAS(e.msg, "out of memory");
		}
		buf_free(&json);
		vocab_free(&a);
		vocab_free(&b);
		vocab_free(&v);
	}
}

TEST_MAIN("vocab", {"build-chars", build_chars}, {"build-bytes", build_bytes},
          {"build-from-nothing", build_from_nothing}, {"min-count", min_count},
          {"round-trips", round_trips}, {"large-vocabulary", large_vocabulary},
          {"unknown-symbols", unknown_symbols}, {"show", show}, {"chars-of-a-text", chars_of_a_text},
          {"json-round-trip", json_round_trip}, {"json-refused", json_refused},
          {"failing-allocations", failing_allocations}, {"merge", merge})
