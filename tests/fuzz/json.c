/* Any bytes as JSON: skipping and walking must agree on what is well-formed,
 * and strings that are read must be written and read back the same. */
#include <stdlib.h>
#include <string.h>

#include "base/json.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool so)
{
	if (!so)
		abort();
}

static void check_string(const char *s, size_t n)
{
	struct buf b = {0};
	struct json_writer w = {.b = &b};
	struct json_reader r;
	struct err e;
	char *back;
	size_t m;
	json_string(&w, s, n);
	json_open(&r, b.p, b.len);
	require(json_get_string(&r, &back, &m, &e) == 0 && json_finish(&r, &e) == 0);
	require(m == n && memcmp(back, s, n) == 0);
	mem_free(back);
	buf_free(&b);
}

/* Reads the value at the cursor with the call for its kind. JSON has numbers
 * and keys that this reader refuses, but skips: *picky says one was met. */
static int walk(struct json_reader *r, bool *picky, struct err *e)
{
	struct json_reader before;
	int more;
	char *s;
	size_t n;
	double d;
	bool b;
	switch (json_peek(r)) {
	case JSON_OBJECT:
		if (json_enter_object(r, e))
			return -1;
		for (;;) {
			before = *r;
			if ((more = json_next_key(r, &s, e)) <= 0) {
				*picky |= more < 0 && strstr(e->msg, "\\u0000, which") != NULL;
				return more;
			}
			check_string(s, strlen(s));
			mem_free(s);
			require(r->pos > before.pos);
			if (walk(r, picky, e))
				return -1;
		}
	case JSON_ARRAY:
		if (json_enter_array(r, e))
			return -1;
		while ((more = json_next_item(r, e)) > 0)
			if (walk(r, picky, e))
				return -1;
		return more;
	case JSON_STRING:
		if (json_get_string(r, &s, &n, e))
			return -1;
		check_string(s, n);
		mem_free(s);
		return 0;
	case JSON_NUMBER:
		if (json_get_number(r, &d, e) == 0)
			return 0;
		*picky |= strstr(e->msg, "too large") != NULL;
		return -1;
	case JSON_BOOL:
		return json_get_bool(r, &b, e);
	default:
		return json_skip(r, e);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	/* A copy without a 0 behind it, so that a byte too far is noticed. */
	char *text = mem_new(size, 1, NULL);
	struct json_reader r;
	struct err e = {{0}};
	bool picky = false;
	int64_t i;
	uint64_t u;
	if (!text)
		return 0;
	if (size)
		memcpy(text, data, size);
	json_open(&r, text, size);
	bool skipped = json_skip(&r, &e) == 0 && json_finish(&r, &e) == 0;
	json_open(&r, text, size);
	bool walked = walk(&r, &picky, &e) == 0 && json_finish(&r, &e) == 0;
	require(walked == skipped || (skipped && picky));
	json_open(&r, text, size);
	if (json_get_int(&r, &i, &e) == 0 && i >= 0 && text[size - 1] >= '0') {
		json_open(&r, text, size);
		require((json_get_uint(&r, &u, &e) == 0 && u == (uint64_t)i) || i == 0);
	}
	mem_free(text);
	return 0;
}
