/* Learning the merges of a byte-pair encoding. What is counted is not the text but its
 * different stretches, each once with the number of its occurrences. A merge changes
 * counts only beside the places where it happens; so each pair has a list of stretches
 * that hold it, and only these are rewritten. The most frequent pair stands at the top of
 * a heap. A pair's count only falls once the merge that made its younger half is done
 * (a merge makes all places of its id at once), so an entry of the heap may be too high
 * but never too low: the top is corrected and put back until it is right. */
#include <stdbool.h>

#include "base/mem.h"
#include "text/bpe.h"
#include "text/tally.h"

struct pair {
	uint32_t left, right;
	uint64_t count; /* in the text as it is encoded so far */
	size_t list;    /* of places: number + 1, 0: none */
};

/* A stretch that holds a pair, or did when it was listed. */
struct place {
	uint32_t stretch;
	size_t next; /* number + 1 */
};

struct entry {
	uint64_t count;
	uint32_t pair;
};

struct trainer {
	struct tally stretches;
	uint32_t *ids;      /* of the stretches as they are so far, each from where its bytes stand */
	unsigned char *len; /* (stretches) ids */
	struct pair *pairs;
	uint32_t npairs;
	size_t cap_pairs;
	uint32_t *slot; /* (slots) number of a pair + 1 */
	size_t slots;
	struct place *places;
	size_t nplaces, cap_places, freed; /* freed: a list of those not in use */
	struct entry *heap;
	size_t nheap, cap_heap;
};

static void trainer_free(struct trainer *t)
{
	tally_free(&t->stretches);
	mem_free(t->ids);
	mem_free(t->len);
	mem_free(t->pairs);
	mem_free(t->slot);
	mem_free(t->places);
	mem_free(t->heap);
}

/* --- the heap ------------------------------------------------------------------- */

static bool before(const struct trainer *t, struct entry a, struct entry b)
{
	const struct pair *x = &t->pairs[a.pair], *y = &t->pairs[b.pair];
	if (a.count != b.count)
		return a.count > b.count;
	return x->left != y->left ? x->left < y->left : x->right < y->right;
}

static void sink(struct trainer *t, size_t i)
{
	struct entry moved = t->heap[i];
	for (size_t child; (child = 2 * i + 1) < t->nheap; i = child) {
		if (child + 1 < t->nheap && before(t, t->heap[child + 1], t->heap[child]))
			child++;
		if (!before(t, t->heap[child], moved))
			break;
		t->heap[i] = t->heap[child];
	}
	t->heap[i] = moved;
}

static int heap_add(struct trainer *t, uint32_t pair, struct err *e)
{
	struct entry *heap = mem_grow(t->heap, t->nheap, &t->cap_heap, sizeof *heap, e);
	struct entry added = {t->pairs[pair].count, pair};
	if (!heap)
		return -1;
	t->heap = heap;
	size_t i = t->nheap++;
	for (; i && before(t, added, heap[(i - 1) / 2]); i = (i - 1) / 2)
		heap[i] = heap[(i - 1) / 2];
	heap[i] = added;
	return 0;
}

/* The most frequent pair, or NULL. */
static struct pair *heap_top(struct trainer *t)
{
	while (t->nheap) {
		struct entry *top = &t->heap[0];
		uint64_t count = t->pairs[top->pair].count;
		if (count && top->count == count)
			return &t->pairs[top->pair];
		top->count = count;
		if (!count)
			*top = t->heap[--t->nheap];
		if (t->nheap)
			sink(t, 0);
	}
	return NULL;
}

/* --- pairs ---------------------------------------------------------------------- */

static size_t seek(const struct trainer *t, uint32_t left, uint32_t right)
{
	uint64_t h = ((uint64_t)left << 32 | right) * UINT64_C(0x9E3779B97F4A7C15);
	size_t i = (size_t)(h ^ h >> 32) & (t->slots - 1);
	while (t->slot[i] && (t->pairs[t->slot[i] - 1].left != left || t->pairs[t->slot[i] - 1].right != right))
		i = (i + 1) & (t->slots - 1);
	return i;
}

static int widen(struct trainer *t, struct err *e)
{
	size_t slots = t->slots ? 2 * t->slots : 4096;
	uint32_t *slot = mem_new(slots, sizeof *slot, e);
	if (!slot)
		return -1;
	mem_free(t->slot);
	t->slot = slot;
	t->slots = slots;
	for (uint32_t i = 0; i < t->npairs; i++)
		t->slot[seek(t, t->pairs[i].left, t->pairs[i].right)] = i + 1;
	return 0;
}

static void lose_pair(struct trainer *t, uint32_t left, uint32_t right, uint32_t stretch)
{
	t->pairs[t->slot[seek(t, left, right)] - 1].count -= t->stretches.count[stretch];
}

static int add_pair(struct trainer *t, uint32_t left, uint32_t right, uint32_t stretch, struct err *e)
{
	if (t->slots / 2 <= t->npairs && widen(t, e))
		return -1;
	size_t i = seek(t, left, right);
	if (!t->slot[i]) {
		struct pair *pairs = mem_grow(t->pairs, t->npairs, &t->cap_pairs, sizeof *pairs, e);
		if (!pairs)
			return -1;
		t->pairs = pairs;
		pairs[t->npairs++] = (struct pair){.left = left, .right = right};
		t->slot[i] = t->npairs;
	}
	struct pair *p = &t->pairs[t->slot[i] - 1];
	p->count += t->stretches.count[stretch];
	/* The stretches are gone through one after the other. */
	if (p->list && t->places[p->list - 1].stretch == stretch)
		return 0;
	size_t place = t->freed;
	if (place) {
		t->freed = t->places[place - 1].next;
	} else {
		struct place *places = mem_grow(t->places, t->nplaces, &t->cap_places, sizeof *places, e);
		if (!places)
			return -1;
		t->places = places;
		place = ++t->nplaces;
	}
	t->places[place - 1] = (struct place){stretch, p->list};
	p->list = place;
	return 0;
}

/* --- learning ------------------------------------------------------------------- */

static int read_text(struct trainer *t, const unsigned char *text, size_t len, struct err *e)
{
	const struct pieces *p = &t->stretches.pieces;
	if (tally_text(&t->stretches, SPLIT_BPE, text, len, e))
		return -1;
	size_t bytes = p->n ? p->start[p->n] : 0;
	t->ids = mem_new(bytes, sizeof *t->ids, e);
	t->len = t->ids ? mem_new(p->n, 1, e) : NULL;
	if (!t->len)
		return -1;
	for (size_t i = 0; i < bytes; i++)
		t->ids[i] = p->text[i];
	for (uint32_t s = 0; s < p->n; s++) {
		const uint32_t *ids = t->ids + p->start[s];
		t->len[s] = (unsigned char)(p->start[s + 1] - p->start[s]);
		for (size_t i = 0; i + 1 < t->len[s]; i++)
			if (add_pair(t, ids[i], ids[i + 1], s, e))
				return -1;
	}
	for (uint32_t i = 0; i < t->npairs; i++)
		if (heap_add(t, i, e))
			return -1;
	return 0;
}

/* Puts the pair together in one stretch. */
static int rewrite(struct trainer *t, uint32_t s, uint32_t left, uint32_t right, uint32_t id, struct err *e)
{
	uint32_t *ids = t->ids + t->stretches.pieces.start[s];
	size_t n = t->len[s], to = 0;
	for (size_t i = 0; i < n;) {
		if (i + 1 == n || ids[i] != left || ids[i + 1] != right) {
			ids[to++] = ids[i++];
			continue;
		}
		lose_pair(t, left, right, s);
		if (to > 0) {
			lose_pair(t, ids[to - 1], left, s);
			if (add_pair(t, ids[to - 1], id, s, e))
				return -1;
		}
		if (i + 2 < n) {
			lose_pair(t, right, ids[i + 2], s);
			if (add_pair(t, id, ids[i + 2], s, e))
				return -1;
		}
		ids[to++] = id;
		i += 2;
	}
	t->len[s] = (unsigned char)to;
	return 0;
}

static int merge(struct trainer *t, struct pair *p, uint32_t id, struct err *e)
{
	uint32_t left = p->left, right = p->right, known = t->npairs;
	size_t place = p->list;
	p->list = 0;
	while (place) {
		size_t next = t->places[place - 1].next;
		if (rewrite(t, t->places[place - 1].stretch, left, right, id, e))
			return -1;
		t->places[place - 1].next = t->freed;
		t->freed = place;
		place = next;
	}
	for (uint32_t i = known; i < t->npairs; i++) /* those with the new id */
		if (t->pairs[i].count && heap_add(t, i, e))
			return -1;
	return 0;
}

int bpe_train(struct bpe *b, const unsigned char *text, size_t len, uint32_t most, uint64_t min_count,
              struct err *e)
{
	struct trainer t = {0};
	struct pair *top;
	int rc = read_text(&t, text, len, e);
	while (rc == 0 && b->n < most && (top = heap_top(&t)) && top->count >= min_count) {
		uint32_t id = BPE_BYTES + b->n;
		rc = bpe_add(b, top->left, top->right, e) || merge(&t, top, id, e) ? -1 : 0;
	}
	trainer_free(&t);
	return rc;
}
