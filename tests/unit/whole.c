/* Symbols that keep a text whole, against the decoder: every string of a few bytes, taken
 * from both ends of every range that matters. */
#include "test.h"

#include "text/utf8.h"
#include "text/whole.h"

static const unsigned char edges[] = {0x00, 0x7F, 0x80, 0x8F, 0x90, 0x9F, 0xA0, 0xBF, 0xC0, 0xC1, 0xC2, 0xDF,
                                      0xE0, 0xE1, 0xEC, 0xED, 0xEE, 0xEF, 0xF0, 0xF1, 0xF3, 0xF4, 0xF5, 0xFF};
enum { EDGES = sizeof edges, LONGEST = 4 };

/* The text is UTF-8, but for its last sequence, which may be begun only: *begun. */
static bool valid_so_far(const unsigned char *s, size_t n, bool *begun)
{
	uint32_t cp;
	size_t len;
	for (*begun = false; n > 0; s += len, n -= len) {
		len = utf8_decode_part(s, n, &cp);
		*begun = len == 0;
		if (*begun)
			return true;
		if (utf8_is_escape(cp))
			return false;
	}
	return true;
}

static void follow(const struct whole *w, unsigned char *s, size_t n, enum whole_state state)
{
	const unsigned char *may = whole_allowed(w, state);
	CHECK(may != NULL);
	CHECK_INT(whole_after(s, n), state);
	if (n == LONGEST || !may)
		return;
	CHECK(!may[w->size - 1]); /* the unknown symbol */
	for (int i = 0; i < EDGES; i++) {
		bool begun;
		s[n] = edges[i];
		bool valid = valid_so_far(s, n + 1, &begun);
		CHECK_INT(may[edges[i]] != 0, valid);
		enum whole_state next = whole_step(w, state, edges[i]);
		CHECK_INT(next != WHOLE, valid && begun);
		if (valid)
			follow(w, s, n + 1, next);
	}
}

static void bytes(void)
{
	struct vocab v;
	struct whole w;
	unsigned char s[LONGEST];
	CHECK_INT(vocab_build(&v, UNIT_BYTE, (const unsigned char *)"", 0, 0, NULL), 0);
	CHECK_INT(whole_new(&w, &v, NULL), 0);
	follow(&w, s, 0, WHOLE);
	whole_free(&w);
	vocab_free(&v);
}

/* Pieces that end, and begin, within characters. */
static void pieces(void)
{
	struct vocab v = {0};
	struct whole w;
	struct buf json = {0};
	CHECK_INT(buf_puts(&json, "[", NULL), 0);
	for (int i = 0; i < 256; i++)
		CHECK_INT(buf_printf(&json, NULL, "%d,", i), 0);
	CHECK_INT(buf_puts(&json, "[195,169],[169,97],[97,195],-1]", NULL), 0);
	CHECK_INT(vocab_from_json(&v, UNIT_BPE, json.p, json.len, NULL), 0);
	CHECK_INT(whole_new(&w, &v, NULL), 0);
	const unsigned char *begin = whole_allowed(&w, WHOLE), *rest = whole_allowed(&w, WHOLE_1);
	CHECK(begin[256] && !begin[257] && begin[258] && begin[195] && !begin[169]);
	CHECK(!rest[256] && rest[257] && !rest[258] && !rest['a'] && rest[169]);
	CHECK_INT(whole_step(&w, WHOLE, 256), WHOLE);
	CHECK_INT(whole_step(&w, WHOLE, 258), WHOLE_1);
	CHECK_INT(whole_step(&w, WHOLE_1, 257), WHOLE);
	CHECK_INT(whole_step(&w, WHOLE_1, 258), WHOLE); /* not allowed: the text begins anew */
	whole_free(&w);
	vocab_free(&v);
	buf_free(&json);
}

/* Where nothing can finish a character, anything may come; so it may without a table. */
static void stuck(void)
{
	struct vocab v;
	struct whole w;
	CHECK_INT(vocab_from_json(&v, UNIT_BYTE, "[97,195,-1]", 11, NULL), 0);
	CHECK_INT(whole_new(&w, &v, NULL), 0);
	CHECK(whole_allowed(&w, WHOLE) != NULL);
	CHECK(whole_allowed(&w, WHOLE_1) == NULL);
	whole_free(&w);
	CHECK(whole_allowed(&w, WHOLE) == NULL);
	CHECK_INT(whole_step(&w, WHOLE_2, 0), WHOLE);
	vocab_free(&v);
}

static void after(void)
{
	CHECK_INT(whole_after("", 0), WHOLE);
	CHECK_INT(whole_after("a\xE2\x82", 3), WHOLE_1);
	CHECK_INT(whole_after("a\xE2\x82" "b", 4), WHOLE);
	CHECK_INT(whole_after("\xE2\xC3", 2), WHOLE_1); /* a lead in the place of what was missing */
	CHECK_INT(whole_after("\xFF\xF0", 2), WHOLE_F0);
}

static void memory(void)
{
	struct vocab v;
	struct whole w;
	struct err e = {{0}};
	CHECK_INT(vocab_build(&v, UNIT_BYTE, (const unsigned char *)"", 0, 0, NULL), 0);
	mem_fail_at(1);
	CHECK_INT(whole_new(&w, &v, &e), -1);
	mem_fail_at(0);
	CHECK_HAS(e.msg, "memory");
	CHECK(w.next == NULL);
	vocab_free(&v);
}

TEST_MAIN("whole", {"bytes", bytes}, {"pieces", pieces}, {"stuck", stuck}, {"after", after}, {"memory", memory})
