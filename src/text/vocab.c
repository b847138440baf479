#include "text/vocab.h"

#include <inttypes.h>

#include "base/json.h"
#include "base/term.h"
#include "text/utf8.h"

#define CODE_POINTS 0x110000u
#define REPLACEMENT 0xFFFDu /* shown for the unknown */

const char *const unit_names[] = {"char", "byte", NULL};

static size_t next_symbol(enum unit unit, const unsigned char *s, size_t n, uint32_t *symbol)
{
	if (unit == UNIT_BYTE || s[0] < 0x80) {
		*symbol = s[0];
		return 1;
	}
	return utf8_decode(s, n, symbol);
}

static bool is_symbol(enum unit unit, int64_t number)
{
	unsigned char bytes[4];
	if (number < 0 || number >= (unit == UNIT_BYTE ? 256 : (int64_t)CODE_POINTS))
		return false;
	return unit == UNIT_BYTE || utf8_encode((uint32_t)number, bytes) > 0;
}

/* --- making --- */

static int vocab_alloc(struct vocab *v, enum unit unit, uint32_t size, struct err *e)
{
	*v = (struct vocab){.unit = unit, .size = size, .newline = -1};
	v->symbols = mem_new(size, sizeof *v->symbols, e);
	v->counts = v->symbols ? mem_new(size, sizeof *v->counts, e) : NULL;
	v->low = v->counts ? mem_new(256, sizeof *v->low, e) : NULL;
	if (v->low)
		return 0;
	vocab_free(v);
	return -1;
}

/* Once the symbols stand: what is looked up fast. */
static void vocab_index(struct vocab *v)
{
	uint32_t id = 0, unknown = v->size - 1;
	for (uint32_t symbol = 0; symbol < 256; symbol++)
		v->low[symbol] = v->symbols[id] == symbol ? id++ : unknown;
	v->newline = v->low['\n'] == unknown ? -1 : (int32_t)v->low['\n'];
}

int vocab_build(struct vocab *v, enum unit unit, const unsigned char *text, size_t len,
                uint64_t min_count, struct err *e)
{
	*v = (struct vocab){0};
	uint32_t span = unit == UNIT_BYTE ? 256 : CODE_POINTS, size = 1, symbol;
	uint64_t least = min_count ? min_count : 1;
	uint64_t *seen = mem_new(span, sizeof *seen, e); /* (span) occurrences */
	if (!seen)
		return -1;
	for (size_t i = 0; i < len;) {
		i += next_symbol(unit, text + i, len - i, &symbol);
		seen[symbol]++;
	}
	for (symbol = 0; symbol < span; symbol++)
		size += seen[symbol] >= least;
	if (vocab_alloc(v, unit, size, e)) {
		mem_free(seen);
		return -1;
	}
	uint32_t id = 0, unknown = size - 1;
	for (symbol = 0; symbol < span; symbol++) {
		if (seen[symbol] >= least) {
			v->symbols[id] = symbol;
			v->counts[id++] = seen[symbol];
		} else {
			v->counts[unknown] += seen[symbol];
		}
	}
	v->symbols[unknown] = VOCAB_UNKNOWN;
	vocab_index(v);
	mem_free(seen);
	return 0;
}

int vocab_merge(struct vocab *v, const struct vocab *a, const struct vocab *b, struct err *e)
{
	uint32_t size = b->size;
	for (uint32_t i = 0; i + 1 < a->size; i++)
		size += vocab_id(b, a->symbols[i]) == b->size - 1;
	if (vocab_alloc(v, b->unit, size, e))
		return -1;
	for (uint32_t id = 0, i = 0, j = 0; id < size; id++) {
		uint32_t x = a->symbols[i], y = b->symbols[j];
		v->symbols[id] = x < y ? x : y;
		v->counts[id] = y <= x ? b->counts[j] : 0;
		i += x <= y;
		j += y <= x;
	}
	vocab_index(v);
	return 0;
}

void vocab_map(const struct vocab *v, const struct vocab *other, uint32_t *map)
{
	for (uint32_t id = 0; id + 1 < v->size; id++) {
		uint32_t there = vocab_id(other, v->symbols[id]);
		map[id] = there == other->size - 1 ? UINT32_MAX : there;
	}
	map[v->size - 1] = other->size - 1;
}

void vocab_free(struct vocab *v)
{
	mem_free(v->symbols);
	mem_free(v->counts);
	mem_free(v->low);
	*v = (struct vocab){0};
}

/* --- text to ids --- */

uint32_t vocab_id(const struct vocab *v, uint32_t symbol)
{
	if (symbol < 256)
		return v->low[symbol];
	/* The last entry not above symbol; a select, not a branch, in each round,
	 * since which way it goes cannot be predicted. */
	uint32_t at = 0;
	for (uint32_t n = v->size; n > 1;) {
		uint32_t half = n / 2;
		at = v->symbols[at + half] <= symbol ? at + half : at;
		n -= half;
	}
	return v->symbols[at] == symbol ? at : v->size - 1;
}

/* Ids looked up lately, so that text in a large script rarely searches. All
 * zero is empty: symbol 0 is found in the table of low ones. */
#define RECENT 1024
struct recent {
	uint32_t symbol, id;
};

static uint32_t recent_id(struct recent *recent, const struct vocab *v, uint32_t symbol)
{
	struct recent *r = &recent[symbol % RECENT];
	if (r->symbol != symbol)
		*r = (struct recent){symbol, vocab_id(v, symbol)};
	return r->id;
}

int vocab_encode(const struct vocab *v, const unsigned char *text, size_t len, uint32_t **ids,
                 size_t *n, size_t *unknown, struct err *e)
{
	struct recent recent[RECENT] = {{0}};
	size_t count = v->unit == UNIT_BYTE ? len : vocab_chars(text, len), misses = 0, k = 0;
	uint32_t *out = mem_new(count, sizeof *out, e); /* (count) */
	if (!out)
		return -1;
	for (size_t i = 0; i < len; k++) {
		uint32_t symbol;
		i += next_symbol(v->unit, text + i, len - i, &symbol);
		out[k] = symbol < 256 ? v->low[symbol] : recent_id(recent, v, symbol);
		misses += out[k] == v->size - 1;
	}
	*ids = out;
	*n = k;
	if (unknown)
		*unknown = misses;
	return 0;
}

size_t vocab_chars(const unsigned char *text, size_t len)
{
	return utf8_count(text, len, NULL);
}

/* --- ids to text --- */

static int check_id(const struct vocab *v, uint32_t id, struct err *e)
{
	if (id < v->size)
		return 0;
	return err_set(e, "id %" PRIu32 " is out of range: the vocabulary has %" PRIu32 " ids, from 0",
	               id, v->size);
}

int vocab_decode(const struct vocab *v, uint32_t id, struct buf *out, struct err *e)
{
	if (check_id(v, id, e))
		return -1;
	uint32_t symbol = v->symbols[id];
	unsigned char bytes[4];
	if (v->unit == UNIT_BYTE) {
		bytes[0] = symbol == VOCAB_UNKNOWN ? '?' : (unsigned char)symbol;
		return buf_add(out, bytes, 1, e);
	}
	size_t n = utf8_encode(symbol == VOCAB_UNKNOWN ? REPLACEMENT : symbol, bytes);
	return buf_add(out, bytes, n, e);
}

/* Blanks and marks of direction: what would be taken for nothing, or would
 * turn the line around it. Other symbols without a width are found by it. */
static bool is_invisible(uint32_t cp)
{
	static const uint32_t ranges[][2] = {
	    {0x7F, 0xA0},     {0xAD, 0xAD},     {0x61C, 0x61C},   {0x115F, 0x1160},
	    {0x1680, 0x1680}, {0x180E, 0x180E}, {0x2000, 0x200F}, {0x2028, 0x202F},
	    {0x205F, 0x206F}, {0x3000, 0x3000}, {0x3164, 0x3164}, {0xFEFF, 0xFEFF},
	    {0xFFF9, 0xFFFB}, {0xE0000, 0xE0FFF},
	};
	for (size_t i = 0; i < sizeof ranges / sizeof *ranges; i++)
		if (cp >= ranges[i][0] && cp <= ranges[i][1])
			return true;
	return cp < 0x20;
}

int vocab_show(const struct vocab *v, uint32_t id, struct buf *out, struct err *e)
{
	if (check_id(v, id, e))
		return -1;
	uint32_t symbol = v->symbols[id];
	if (symbol == VOCAB_UNKNOWN)
		return buf_puts(out, "<unk>", e);
	switch (symbol) {
	case '\n':
		return buf_puts(out, "\\n", e);
	case '\r':
		return buf_puts(out, "\\r", e);
	case '\t':
		return buf_puts(out, "\\t", e);
	case ' ':
		return buf_puts(out, "' '", e);
	}
	if (v->unit == UNIT_BYTE && symbol >= 0x80)
		return buf_printf(out, e, "\\x%02X", (unsigned)symbol);
	if (utf8_is_escape(symbol))
		return buf_printf(out, e, "\\x%02X", (unsigned)(symbol - UTF8_ESCAPE + 0x80));
	unsigned char bytes[4];
	size_t n = utf8_encode(symbol, bytes);
	if (!is_invisible(symbol) && term_columns((const char *)bytes, n) > 0)
		return buf_add(out, bytes, n, e);
	if (symbol < 0x80)
		return buf_printf(out, e, "\\x%02X", (unsigned)symbol);
	if (symbol < 0x10000)
		return buf_printf(out, e, "\\u%04X", (unsigned)symbol);
	return buf_printf(out, e, "\\U%08X", (unsigned)symbol);
}

/* --- the list in a model file --- */

int vocab_to_json(const struct vocab *v, struct buf *out, struct err *e)
{
	if (buf_puts(out, "[", e))
		return -1;
	for (uint32_t id = 0; id + 1 < v->size; id++)
		if (buf_printf(out, e, "%" PRIu32 ",", v->symbols[id]))
			return -1;
	return buf_puts(out, "-1]", e);
}

/* The next item: a symbol above the last one, or -1 for the unknown, behind
 * which nothing may come. */
static int read_item(struct json_reader *r, enum unit unit, int64_t last, int64_t *item, struct err *e)
{
	if (last == -1)
		return err_set(e, "something follows the unknown symbol (-1), which must be the last");
	if (json_get_int(r, item, e))
		return -1;
	if (*item == -1)
		return 0;
	if (!is_symbol(unit, *item))
		return err_set(e, "%" PRId64 " is not a %s", *item,
		               unit == UNIT_BYTE ? "byte (0 to 255)" : "code point (0 to 1114111)");
	if (*item <= last)
		return err_set(e, "%" PRId64 " follows %" PRId64 ": the list must ascend", *item, last);
	return 0;
}

int vocab_from_json(struct vocab *v, enum unit unit, const char *json, size_t len, struct err *e)
{
	struct json_reader r;
	uint32_t *items = NULL;
	size_t n = 0, cap = 0;
	int64_t item = -2; /* below every symbol */
	int more, rc = -1;

	*v = (struct vocab){0};
	json_open(&r, json, len);
	if (json_enter_array(&r, e))
		goto out;
	while ((more = json_next_item(&r, e)) == 1) {
		if (read_item(&r, unit, item, &item, e)) {
			err_wrap(e, "item %zu", n + 1);
			goto out;
		}
		/* Growing with what was really read, at most to the number of code
		 * points since the list ascends: no length is believed. */
		if (n == cap) {
			uint32_t *grown = mem_resize(items, cap ? 2 * cap : 64, sizeof *items, e);
			if (!grown)
				goto out;
			items = grown;
			cap = cap ? 2 * cap : 64;
		}
		items[n++] = item == -1 ? VOCAB_UNKNOWN : (uint32_t)item;
	}
	if (more < 0 || json_finish(&r, e))
		goto out;
	if (item != -1) {
		err_set(e, "the unknown symbol (-1) is missing at the end");
		goto out;
	}
	if (vocab_alloc(v, unit, (uint32_t)n, e))
		goto out;
	for (size_t id = 0; id < n; id++)
		v->symbols[id] = items[id];
	vocab_index(v);
	rc = 0;
out:
	mem_free(items);
	return rc;
}
