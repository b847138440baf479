/* Merges and encoding; they are learnt in bpe_train.c. */
#include "text/bpe.h"

#include <inttypes.h>
#include <string.h>

#include "base/mem.h"
#include "text/split.h"

#define NO_MERGE UINT32_MAX

/* Stretches and their ids, each in the one place that its hash names; what comes later
 * takes the place. Those that are longer are encoded anew each time. */
enum { CACHE = 8192, CACHE_BYTES = 24, CACHE_IDS = 8, FIRST_SLOTS = 1024 };
struct bpe_cached {
	unsigned char len, n, text[CACHE_BYTES];
	uint32_t id[CACHE_IDS];
};

static size_t hash_pair(uint32_t left, uint32_t right)
{
	uint64_t h = ((uint64_t)left << 32 | right) * UINT64_C(0x9E3779B97F4A7C15);
	return (size_t)(h ^ h >> 32);
}

/* The slot that holds the pair, or the free one where it belongs. */
static size_t seek(const struct bpe *b, uint32_t left, uint32_t right)
{
	size_t i = hash_pair(left, right) & (b->slots - 1);
	while (b->slot[i] && (b->merge[b->slot[i] - 1].left != left || b->merge[b->slot[i] - 1].right != right))
		i = (i + 1) & (b->slots - 1);
	return i;
}

static uint32_t find(const struct bpe *b, uint32_t left, uint32_t right)
{
	return b->slots ? b->slot[seek(b, left, right)] - 1 : NO_MERGE; /* 0 - 1 is NO_MERGE */
}

static int widen(struct bpe *b, struct err *e)
{
	size_t slots = b->slots ? 2 * b->slots : FIRST_SLOTS;
	uint32_t *slot = mem_new(slots, sizeof *slot, e);
	if (!slot)
		return -1;
	mem_free(b->slot);
	b->slot = slot;
	b->slots = slots;
	for (uint32_t i = 0; i < b->n; i++)
		b->slot[seek(b, b->merge[i].left, b->merge[i].right)] = i + 1;
	return 0;
}

int bpe_add(struct bpe *b, uint32_t left, uint32_t right, struct err *e)
{
	uint32_t id = BPE_BYTES + b->n;
	if (left >= id || right >= id)
		return err_set(e, "id %" PRIu32 " cannot be made of %" PRIu32 " and %" PRIu32
		               ": both must come before it", id, left, right);
	if (b->slots / 2 <= b->n && widen(b, e))
		return -1;
	size_t i = seek(b, left, right);
	if (b->slot[i])
		return err_set(e, "ids %" PRIu32 " and %" PRIu32 " are made of the same two, %" PRIu32 " and %" PRIu32,
		               BPE_BYTES + b->slot[i] - 1, id, left, right);
	struct bpe_merge *merge = mem_grow(b->merge, b->n, &b->cap, sizeof *merge, e);
	if (!merge)
		return -1;
	b->merge = merge;
	b->merge[b->n++] = (struct bpe_merge){left, right};
	b->slot[i] = b->n;
	return 0;
}

int bpe_finish(struct bpe *b, struct pieces *pieces, struct err *e)
{
	unsigned char text[SPLIT_MOST];
	for (uint32_t id = 0; id < BPE_BYTES; id++) {
		text[0] = (unsigned char)id;
		if (pieces_append(pieces, text, 1, e))
			return -1;
	}
	for (uint32_t i = 0; i < b->n; i++) {
		size_t left, right;
		const unsigned char *l = pieces_get(pieces, b->merge[i].left, &left);
		const unsigned char *r = pieces_get(pieces, b->merge[i].right, &right);
		if (left + right > SPLIT_MOST)
			return err_set(e, "id %" PRIu32 " is longer than %d bytes", BPE_BYTES + i, SPLIT_MOST);
		memcpy(text, l, left);
		memcpy(text + left, r, right);
		if (pieces_append(pieces, text, left + right, e))
			return -1;
	}
	b->cache = mem_new(CACHE, sizeof *b->cache, e);
	return b->cache ? 0 : -1;
}

static size_t encode(const struct bpe *b, const unsigned char *s, size_t len, uint32_t *ids)
{
	uint32_t merge[SPLIT_MOST]; /* of ids[i] and ids[i + 1] */
	size_t n = len;
	for (size_t i = 0; i < n; i++)
		ids[i] = s[i];
	for (size_t i = 0; i + 1 < n; i++)
		merge[i] = find(b, ids[i], ids[i + 1]);
	for (;;) {
		size_t at = 0;
		for (size_t i = 1; i + 1 < n; i++)
			at = merge[i] < merge[at] ? i : at;
		if (n < 2 || merge[at] == NO_MERGE)
			return n;
		ids[at] = BPE_BYTES + merge[at];
		n--;
		memmove(ids + at + 1, ids + at + 2, (n - at - 1) * sizeof *ids);
		memmove(merge + at, merge + at + 1, (n - at - 1) * sizeof *merge);
		if (at > 0)
			merge[at - 1] = find(b, ids[at - 1], ids[at]);
		if (at + 1 < n)
			merge[at] = find(b, ids[at], ids[at + 1]);
	}
}

size_t bpe_encode(const struct bpe *b, const unsigned char *s, size_t len, uint32_t *ids)
{
	if (len > CACHE_BYTES)
		return encode(b, s, len, ids);
	struct bpe_cached *c = &b->cache[pieces_hash(s, len) % CACHE];
	if (c->len == len && memcmp(c->text, s, len) == 0) {
		memcpy(ids, c->id, c->n * sizeof *ids);
		return c->n;
	}
	size_t n = encode(b, s, len, ids);
	if (n <= CACHE_IDS) {
		c->len = (unsigned char)len;
		c->n = (unsigned char)n;
		memcpy(c->text, s, len);
		memcpy(c->id, ids, n * sizeof *ids);
	}
	return n;
}

void bpe_free(struct bpe *b)
{
	mem_free(b->merge);
	mem_free(b->slot);
	mem_free(b->cache);
	*b = (struct bpe){0};
}
