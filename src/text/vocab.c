#include "text/vocab_private.h"

#include <inttypes.h>

#include "text/split.h"
#include "text/utf8.h"
#include "text/words.h"

#define CODE_POINTS 0x110000u
#define REPLACEMENT 0xFFFDu /* shown for the unknown */

const char *const unit_names[] = {"char", "byte", "word", "bpe", NULL};

static size_t next_symbol(enum unit unit, const unsigned char *s, size_t n, uint32_t *symbol)
{
	if (unit == UNIT_BYTE || s[0] < 0x80) {
		*symbol = s[0];
		return 1;
	}
	return utf8_decode(s, n, symbol);
}

/* --- making --- */

int vocab_alloc(struct vocab *v, enum unit unit, uint32_t size, struct err *e)
{
	*v = (struct vocab){.unit = unit, .size = size, .newline = unit_pieces(unit) ? '\n' : -1};
	v->counts = mem_new(size, sizeof *v->counts, e);
	if (v->counts && unit_pieces(unit))
		return 0;
	v->symbols = v->counts ? mem_new(size, sizeof *v->symbols, e) : NULL;
	v->low = v->symbols ? mem_new(256, sizeof *v->low, e) : NULL;
	if (v->low)
		return 0;
	vocab_free(v);
	return -1;
}

void vocab_index(struct vocab *v)
{
	uint32_t id = 0, unknown = v->size - 1;
	for (uint32_t symbol = 0; symbol < 256; symbol++)
		v->low[symbol] = v->symbols[id] == symbol ? id++ : unknown;
	v->newline = v->low['\n'] == unknown ? -1 : (int32_t)v->low['\n'];
}

static int build_symbols(struct vocab *v, enum unit unit, const unsigned char *text, size_t len,
                         uint64_t min_count, struct err *e)
{
	uint32_t span = unit == UNIT_BYTE ? 256 : CODE_POINTS, size = 1, symbol;
	/* All bytes are few enough to be known: no text is lost then. */
	uint64_t least = min_count || unit == UNIT_BYTE ? min_count : 1;
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
		uint32_t there = unit_pieces(v->unit) ? id : vocab_id(other, v->symbols[id]);
		map[id] = there == other->size - 1 ? UINT32_MAX : there;
	}
	map[v->size - 1] = other->size - 1;
}

uint32_t vocab_default_size(enum unit unit)
{
	/* Bpe: bits per character after three epochs over a megabyte (Shakespeare, Dostoevsky in
	 * Russian), 128 units: 512 pieces 2.46 2.52, 1024 2.42 2.42, 2048 2.41 2.36, 4096 2.42 2.35,
	 * where from 1024 on each doubling costs a third more time, and parameters. A larger corpus
	 * bears more. Words: a megabyte of English has about so many that occur twice. */
	return unit == UNIT_BPE ? 1024 : unit == UNIT_WORD ? 10000 : 0;
}

static int build_pieces(struct vocab *v, enum unit unit, const unsigned char *text, size_t len,
                        uint64_t min_count, uint32_t size, struct err *e)
{
	struct pieces pieces = {0};
	struct bpe bpe = {0};
	uint32_t *ids = NULL, most = (size ? size : vocab_default_size(unit)) - 1;
	uint64_t least = min_count ? min_count : 2;
	size_t n = 0;
	if (most < VOCAB_LEAST - 1 || most > VOCAB_MOST - 1)
		return err_set(e, "a vocabulary of unit %s has %u to %u symbols, not %" PRIu32 ": 256 are the bytes, one the "
		               "unknown symbol", unit_names[unit], VOCAB_LEAST, VOCAB_MOST, size);
	if (unit == UNIT_WORD ? words_build(&pieces, text, len, most, least, e)
	                      : bpe_train(&bpe, text, len, most - BPE_BYTES, least, e) || bpe_finish(&bpe, &pieces, e))
		goto fail;
	if (vocab_alloc(v, unit, pieces.n + 1, e))
		goto fail;
	v->pieces = pieces;
	v->bpe = bpe;
	if (vocab_encode(v, text, len, &ids, &n, NULL, e)) {
		vocab_free(v);
		return -1;
	}
	for (size_t i = 0; i < n; i++)
		v->counts[ids[i]]++;
	mem_free(ids);
	return 0;
fail:
	pieces_free(&pieces);
	bpe_free(&bpe);
	return -1;
}

int vocab_build_sized(struct vocab *v, enum unit unit, const unsigned char *text, size_t len,
                      uint64_t min_count, uint32_t size, struct err *e)
{
	*v = (struct vocab){0};
	return unit_pieces(unit) ? build_pieces(v, unit, text, len, min_count, size, e)
	                         : build_symbols(v, unit, text, len, min_count, e);
}

int vocab_build(struct vocab *v, enum unit unit, const unsigned char *text, size_t len,
                uint64_t min_count, struct err *e)
{
	return vocab_build_sized(v, unit, text, len, min_count, 0, e);
}

int vocab_copy(struct vocab *to, const struct vocab *from, struct err *e)
{
	struct buf json = {0};
	*to = (struct vocab){0};
	int rc = vocab_to_json(from, &json, e) || vocab_from_json(to, from->unit, json.p, json.len, e) ? -1 : 0;
	for (uint32_t id = 0; rc == 0 && id < from->size; id++)
		to->counts[id] = from->counts[id];
	buf_free(&json);
	return rc;
}

void vocab_free(struct vocab *v)
{
	mem_free(v->symbols);
	mem_free(v->counts);
	mem_free(v->low);
	pieces_free(&v->pieces);
	bpe_free(&v->bpe);
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

static int encode_pieces(const struct vocab *v, const unsigned char *text, size_t len, uint32_t **ids,
                         size_t *n, struct err *e)
{
	enum split_rule rule = v->unit == UNIT_WORD ? SPLIT_WORDS : SPLIT_BPE;
	uint32_t *out = NULL;
	size_t cap = 0, k = 0;
	for (size_t i = 0, stretch; i < len; i += stretch) {
		if (cap - k < SPLIT_MOST) {
			size_t more = cap + cap / 2 + 4 * SPLIT_MOST, most = len - i + k + SPLIT_MOST;
			uint32_t *grown = mem_resize(out, more < most ? more : most, sizeof *out, e);
			if (!grown) {
				mem_free(out);
				return -1;
			}
			out = grown;
			cap = more < most ? more : most;
		}
		stretch = split_next(rule, text + i, len - i);
		k += v->unit == UNIT_WORD ? words_encode(&v->pieces, text + i, stretch, out + k)
		                          : bpe_encode(&v->bpe, text + i, stretch, out + k);
	}
	if (!out && !(out = mem_new(0, sizeof *out, e)))
		return -1;
	*ids = out;
	*n = k;
	return 0;
}

int vocab_encode(const struct vocab *v, const unsigned char *text, size_t len, uint32_t **ids,
                 size_t *n, size_t *unknown, struct err *e)
{
	if (unit_pieces(v->unit)) {
		if (unknown)
			*unknown = 0;
		return encode_pieces(v, text, len, ids, n, e);
	}
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

size_t vocab_span(const struct vocab *v, uint32_t id, const unsigned char *text, size_t len)
{
	uint32_t symbol;
	if (unit_pieces(v->unit) && id < v->pieces.n) {
		size_t n = v->pieces.start[id + 1] - v->pieces.start[id];
		return n < len ? n : len;
	}
	return unit_pieces(v->unit) ? 1 : next_symbol(v->unit, text, len, &symbol);
}

size_t vocab_spans(const struct vocab *v, const uint32_t *ids, size_t n, const unsigned char *text, size_t len)
{
	size_t at = 0;
	for (size_t i = 0; i < n && at < len; i++)
		at += vocab_span(v, ids[i], text + at, len - at);
	return at;
}

size_t vocab_chars(const unsigned char *text, size_t len)
{
	return utf8_count(text, len, NULL);
}

/* --- ids to text --- */

int vocab_check_id(const struct vocab *v, uint32_t id, struct err *e)
{
	if (id < v->size)
		return 0;
	return err_set(e, "id %" PRIu32 " is out of range: the vocabulary has %" PRIu32 " ids, from 0",
	               id, v->size);
}

int vocab_decode(const struct vocab *v, uint32_t id, struct buf *out, struct err *e)
{
	if (vocab_check_id(v, id, e))
		return -1;
	unsigned char bytes[4];
	if (unit_pieces(v->unit) && id < v->pieces.n) {
		size_t len;
		const unsigned char *piece = pieces_get(&v->pieces, id, &len);
		return buf_add(out, piece, len, e);
	}
	uint32_t symbol = unit_pieces(v->unit) ? VOCAB_UNKNOWN : v->symbols[id];
	if (v->unit == UNIT_BYTE) {
		bytes[0] = symbol == VOCAB_UNKNOWN ? '?' : (unsigned char)symbol;
		return buf_add(out, bytes, 1, e);
	}
	size_t n = utf8_encode(symbol == VOCAB_UNKNOWN ? REPLACEMENT : symbol, bytes);
	return buf_add(out, bytes, n, e);
}
