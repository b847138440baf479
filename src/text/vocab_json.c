/* The list in a model file. What is read may be anything. */
#include "text/vocab_private.h"

#include <inttypes.h>
#include <stdlib.h>

#include "base/json.h"
#include "text/split.h"
#include "text/utf8.h"
#include "text/words.h"

#define CODE_POINTS 0x110000

int vocab_to_json(const struct vocab *v, struct buf *out, struct err *e)
{
	struct json_writer w = {.b = out};
	json_array_begin(&w);
	for (uint32_t id = 0; id + 1 < v->size && !w.failed; id++) {
		if (v->unit == UNIT_WORD) {
			size_t len;
			const unsigned char *piece = pieces_get(&v->pieces, id, &len);
			json_string(&w, (const char *)piece, len);
		} else if (v->unit == UNIT_BPE && id >= BPE_BYTES) {
			json_array_begin(&w);
			json_uint(&w, v->bpe.merge[id - BPE_BYTES].left);
			json_uint(&w, v->bpe.merge[id - BPE_BYTES].right);
			json_array_end(&w);
		} else {
			json_uint(&w, v->unit == UNIT_BPE ? id : v->symbols[id]);
		}
	}
	json_int(&w, -1);
	json_array_end(&w);
	return w.failed ? err_set(e, "out of memory") : 0;
}

static bool is_symbol(enum unit unit, int64_t number)
{
	unsigned char bytes[4];
	if (number < 0 || number >= (unit == UNIT_BYTE ? 256 : CODE_POINTS))
		return false;
	return unit == UNIT_BYTE || utf8_encode((uint32_t)number, bytes) > 0;
}

/* --- char and byte --- */

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

static int read_symbols(struct vocab *v, enum unit unit, const char *json, size_t len, struct err *e)
{
	struct json_reader r;
	uint32_t *items = NULL;
	size_t n = 0, cap = 0;
	int64_t item = -2; /* below every symbol */
	int more, rc = -1;

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

/* --- word and bpe --- */

/* A string of 1 to SPLIT_MOST bytes that is not there yet. */
static int read_word(struct json_reader *r, struct pieces *pieces, struct err *e)
{
	char *s;
	size_t len;
	uint32_t before = pieces->n, number = 0;
	if (json_get_string(r, &s, &len, e))
		return -1;
	int rc = -1;
	if (len < 1 || len > SPLIT_MOST)
		err_set(e, "a piece has 1 to %d bytes, not %zu", SPLIT_MOST, len);
	else if (before < WORDS_BYTES && (len != 1 || (unsigned char)*s != before))
		err_set(e, "the first %u pieces must be the bytes in their order", WORDS_BYTES);
	else if ((rc = pieces_add(pieces, (const unsigned char *)s, len, &number, e)) == 0 && number != before)
		rc = err_set(e, "the same piece as item %" PRIu32, number + 1);
	mem_free(s);
	return rc;
}

/* A byte's number where it belongs, or a merge. */
static int read_merge(struct json_reader *r, struct bpe *bpe, uint32_t index, struct err *e)
{
	uint64_t id[2];
	if (index < BPE_BYTES) {
		if (json_get_uint(r, &id[0], e))
			return -1;
		return id[0] == index ? 0 : err_set(e, "the first %u items must be the bytes in their order", BPE_BYTES);
	}
	int more;
	if (json_enter_array(r, e))
		return -1;
	for (int i = 0; i < 2; i++) {
		if ((more = json_next_item(r, e)) != 1)
			return more < 0 ? -1 : err_set(e, "a merge is made of two ids");
		if (json_get_uint(r, &id[i], e))
			return -1;
		if (id[i] >= VOCAB_MOST)
			return err_set(e, "there is no id %" PRIu64, id[i]);
	}
	if ((more = json_next_item(r, e)) != 0)
		return more < 0 ? -1 : err_set(e, "a merge is made of two ids");
	return bpe_add(bpe, (uint32_t)id[0], (uint32_t)id[1], e);
}

/* -1, behind which nothing may come. */
static int read_unknown(struct json_reader *r, uint32_t before, struct err *e)
{
	int64_t item;
	int more;
	if (json_get_int(r, &item, e))
		return -1;
	if (item != -1)
		return err_set(e, "%" PRId64 " is neither a piece nor the unknown symbol (-1)", item);
	if (before < VOCAB_LEAST - 1)
		return err_set(e, "the unknown symbol (-1) comes before the last of the 256 bytes");
	if ((more = json_next_item(r, e)) > 0)
		return err_set(e, "something follows the unknown symbol (-1), which must be the last");
	return more;
}

static int read_pieces(struct vocab *v, enum unit unit, const char *json, size_t len, struct err *e)
{
	struct json_reader r;
	struct pieces pieces = {0};
	struct bpe bpe = {0};
	uint32_t n = 0;
	bool ended = false;
	int more;

	json_open(&r, json, len);
	if (json_enter_array(&r, e))
		goto fail;
	/* Memory grows with what was really read: no length is believed. */
	while (!ended && (more = json_next_item(&r, e)) != 0) {
		if (more < 0)
			goto fail;
		ended = json_peek(&r) == JSON_NUMBER && (unit == UNIT_WORD || n >= BPE_BYTES || r.text[r.pos] == '-');
		if (n == VOCAB_MOST - 1 && !ended) {
			err_set(e, "more than %u symbols", VOCAB_MOST);
			goto fail;
		}
		if (ended ? read_unknown(&r, n, e) : unit == UNIT_WORD ? read_word(&r, &pieces, e) : read_merge(&r, &bpe, n, e)) {
			err_wrap(e, "item %" PRIu32, n + 1);
			goto fail;
		}
		n += !ended;
	}
	if (!ended) {
		err_set(e, "the unknown symbol (-1) is missing at the end");
		goto fail;
	}
	if (json_finish(&r, e) || (unit == UNIT_BPE && bpe_finish(&bpe, &pieces, e)) || vocab_alloc(v, unit, n + 1, e))
		goto fail;
	v->pieces = pieces;
	v->bpe = bpe;
	return 0;
fail:
	pieces_free(&pieces);
	bpe_free(&bpe);
	return -1;
}

int vocab_from_json(struct vocab *v, enum unit unit, const char *json, size_t len, struct err *e)
{
	*v = (struct vocab){0};
	return unit_pieces(unit) ? read_pieces(v, unit, json, len, e) : read_symbols(v, unit, json, len, e);
}
