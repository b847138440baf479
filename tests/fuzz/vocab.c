/* vocab_from_json on any input: what it takes is sound and is written and read
 * back the same; what it refuses leaves nothing behind and says why. */
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
	require(v->size >= 1 && v->symbols[v->size - 1] == VOCAB_UNKNOWN);
	for (uint32_t id = 0; id < v->size; id++) {
		require(id == 0 || v->symbols[id - 1] < v->symbols[id]);
		require(vocab_id(v, v->symbols[id]) == id);
		buf_clear(&text);
		require(vocab_decode(v, id, &text, NULL) == 0 && text.len > 0);
		require(vocab_show(v, id, &text, NULL) == 0);
	}
	require(vocab_decode(v, v->size, &text, NULL) == -1);
	buf_free(&text);
}

static void read_as(enum unit unit, const uint8_t *data, size_t size)
{
	struct vocab v, again;
	struct err e = {{0}};
	struct buf json = {0};
	uint32_t *ids = NULL;
	size_t n = 0;
	if (vocab_from_json(&v, unit, (const char *)data, size, &e)) {
		require(e.msg[0] && !v.symbols && !v.counts && !v.low);
		return;
	}
	check_sound(&v);
	require(vocab_to_json(&v, &json, &e) == 0);
	require(vocab_from_json(&again, unit, json.p, json.len, &e) == 0);
	require(again.size == v.size);
	require(memcmp(again.symbols, v.symbols, v.size * sizeof *v.symbols) == 0);
	require(vocab_encode(&v, data, size, &ids, &n, NULL, &e) == 0);
	for (size_t i = 0; i < n; i++)
		require(ids[i] < v.size);
	mem_free(ids);
	buf_free(&json);
	vocab_free(&again);
	vocab_free(&v);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	read_as(UNIT_CHAR, data, size);
	read_as(UNIT_BYTE, data, size);
	return 0;
}
