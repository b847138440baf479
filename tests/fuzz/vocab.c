/* vocab_from_json on any input: what it takes is sound and is written and read
 * back the same; what it refuses leaves nothing behind and says why. And vocabularies of
 * pieces learnt from any input, which then survives encoding and decoding. */
#include <stdlib.h>
#include <string.h>

#include "text/vocab.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool so)
{
	if (!so)
		abort();
}

static void check_sound(const struct vocab *v)
{
	struct buf text = {0};
	bool pieces = unit_pieces(v->unit);
	require(v->size >= (pieces ? VOCAB_LEAST : 1));
	require(pieces || v->symbols[v->size - 1] == VOCAB_UNKNOWN);
	for (uint32_t id = 0; id < v->size; id++) {
		require(pieces || id == 0 || v->symbols[id - 1] < v->symbols[id]);
		require(pieces || vocab_id(v, v->symbols[id]) == id);
		buf_clear(&text);
		require(vocab_decode(v, id, &text, NULL) == 0 && text.len > 0);
		require(vocab_show(v, id, &text, NULL) == 0);
	}
	require(vocab_decode(v, v->size, &text, NULL) == -1);
	buf_free(&text);
}

static void check_same(const struct vocab *v, const struct vocab *w)
{
	require(v->size == w->size && v->newline == w->newline);
	if (!unit_pieces(v->unit)) {
		require(memcmp(w->symbols, v->symbols, v->size * sizeof *v->symbols) == 0);
		return;
	}
	size_t bytes = v->pieces.start[v->pieces.n];
	require(v->pieces.n == v->size - 1 && w->pieces.n == v->pieces.n);
	require(memcmp(v->pieces.start, w->pieces.start, v->size * sizeof *v->pieces.start) == 0);
	require(memcmp(v->pieces.text, w->pieces.text, bytes) == 0);
}

/* Any bytes as text. */
static void check_text(const struct vocab *v, const uint8_t *data, size_t size)
{
	struct buf back = {0};
	uint32_t *ids = NULL;
	size_t n = 0;
	require(vocab_encode(v, data, size, &ids, &n, NULL, NULL) == 0);
	require(n <= size && vocab_spans(v, ids, n, data, size) == size);
	for (size_t i = 0; i < n; i++)
		require(ids[i] < v->size && vocab_decode(v, ids[i], &back, NULL) == 0);
	if (unit_pieces(v->unit))
		require(back.len == size && (size == 0 || memcmp(back.p, data, size) == 0));
	mem_free(ids);
	buf_free(&back);
}

static void read_as(enum unit unit, const uint8_t *data, size_t size)
{
	struct vocab v, again;
	struct err e = {{0}};
	struct buf json = {0};
	if (vocab_from_json(&v, unit, (const char *)data, size, &e)) {
		require(e.msg[0] && !v.symbols && !v.counts && !v.low && !v.pieces.text && !v.bpe.merge);
		return;
	}
	check_sound(&v);
	require(vocab_to_json(&v, &json, &e) == 0);
	require(vocab_from_json(&again, unit, json.p, json.len, &e) == 0);
	check_same(&v, &again);
	check_text(&v, data, size);
	buf_free(&json);
	vocab_free(&again);
	vocab_free(&v);
}

static void learn_as(enum unit unit, const uint8_t *data, size_t size)
{
	struct vocab v, again;
	struct buf json = {0};
	require(vocab_build_sized(&v, unit, data, size, 1, 400, NULL) == 0);
	check_sound(&v);
	check_text(&v, data, size);
	require(vocab_to_json(&v, &json, NULL) == 0);
	require(vocab_from_json(&again, unit, json.p, json.len, NULL) == 0);
	check_same(&v, &again);
	buf_free(&json);
	vocab_free(&again);
	vocab_free(&v);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	for (int unit = UNIT_CHAR; unit <= UNIT_BPE; unit++)
		read_as((enum unit)unit, data, size);
	learn_as(UNIT_WORD, data, size);
	learn_as(UNIT_BPE, data, size);
	return 0;
}
