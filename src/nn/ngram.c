/* Interpolated Kneser-Ney counts in a hash table. */
#include "nn/ngram.h"

#include <string.h>

#include "base/mem.h"

enum { NONE = 0, ROOT = 1 };
#define FIRST_SLOTS 1024u
#define FIRST_CONTEXTS 256u

/* --- the table ---------------------------------------------------------------------- */

static size_t slot_of(const struct ngram_slot *slot, size_t slots, uint32_t context, uint32_t id)
{
	uint64_t h = ((uint64_t)context << 32 | id) * UINT64_C(0x9e3779b97f4a7c15);
	h = (h ^ h >> 32) * UINT64_C(0xd6e8feb86659fd93);
	size_t i = (size_t)(h ^ h >> 32) & (slots - 1);
	while (slot[i].context != NONE && (slot[i].context != context || slot[i].id != id))
		i = (i + 1) & (slots - 1);
	return i;
}

/* The slot of a pair, or NULL. */
static struct ngram_slot *find(const struct ngram *g, uint32_t context, uint32_t id)
{
	struct ngram_slot *s = &g->slot[slot_of(g->slot, g->slots, context, id)];
	return s->context != NONE ? s : NULL;
}

static bool slots_left(const struct ngram *g, size_t n)
{
	return g->used + n <= g->slots / 4 * 3;
}

/* The slot of a pair, made if need be; NULL if there is no room. */
static struct ngram_slot *find_or_add(struct ngram *g, uint32_t context, uint32_t id)
{
	struct ngram_slot *s = &g->slot[slot_of(g->slot, g->slots, context, id)];
	if (s->context == NONE) {
		if (!slots_left(g, 1))
			return NULL;
		*s = (struct ngram_slot){.context = context, .id = id};
		g->used++;
	}
	return s;
}

size_t ngram_bytes(const struct ngram *g)
{
	return g->slots * sizeof *g->slot + g->room * sizeof *g->context;
}

/* Old and new are held together for a while. */
static bool may_take(struct ngram *g, size_t bytes)
{
	if (!g->limit || (bytes <= g->limit && ngram_bytes(g) <= g->limit - bytes))
		return true;
	g->full = true;
	return false;
}

static int grow_slots(struct ngram *g, struct err *e)
{
	size_t slots = 2 * g->slots;
	if (!may_take(g, slots * sizeof *g->slot))
		return 0;
	struct ngram_slot *slot = mem_new(slots, sizeof *slot, e);
	if (!slot)
		return -1;
	for (size_t i = 0; i < g->slots; i++)
		if (g->slot[i].context != NONE)
			slot[slot_of(slot, slots, g->slot[i].context, g->slot[i].id)] = g->slot[i];
	mem_free(g->slot);
	g->slot = slot;
	g->slots = slots;
	return 0;
}

static int grow_contexts(struct ngram *g, struct err *e)
{
	size_t room = 2 * g->room;
	if (room > UINT32_MAX || !may_take(g, room * sizeof *g->context)) {
		g->full = true;
		return 0;
	}
	struct ngram_context *context = mem_resize(g->context, room, sizeof *context, e);
	if (!context)
		return -1;
	g->context = context;
	g->room = room;
	return 0;
}

/* Room for all that one id can add, if the limit allows. */
static int reserve(struct ngram *g, struct err *e)
{
	size_t n = (size_t)g->order;
	if (!slots_left(g, n) && grow_slots(g, e))
		return -1;
	return g->contexts + n > g->room ? grow_contexts(g, e) : 0;
}

int ngram_new(struct ngram *g, uint32_t vocab, int order, size_t limit, struct err *e)
{
	*g = (struct ngram){.vocab = vocab, .order = order, .limit = limit};
	if (vocab < 1 || order < 1 || order > NGRAM_MAX_ORDER)
		return err_set(e, "an n-gram model needs symbols and an order of 1 to %d, not %d", NGRAM_MAX_ORDER, order);
	g->slot = mem_new(FIRST_SLOTS, sizeof *g->slot, e);
	g->context = mem_new(FIRST_CONTEXTS, sizeof *g->context, e);
	if (!g->slot || !g->context) {
		ngram_free(g);
		return -1;
	}
	g->slots = FIRST_SLOTS;
	g->room = FIRST_CONTEXTS;
	g->contexts = ROOT + 1;
	g->at[0] = ROOT;
	return 0;
}

void ngram_free(struct ngram *g)
{
	mem_free(g->slot);
	mem_free(g->context);
	*g = (struct ngram){0};
}

/* --- counting ----------------------------------------------------------------------- */

/* One more of the pair: true if it was the first. */
static bool count(struct ngram *g, int length, struct ngram_slot *s)
{
	struct ngram_context *c = &g->context[s->context];
	uint64_t *pairs = g->pairs[length];
	if (c->total == UINT32_MAX) /* no room for more, and none needed */
		return false;
	uint32_t before = s->count++;
	c->total++;
	if (before < 3) {
		if (before > 0)
			c->types[before - 1]--;
		c->types[before]++;
	}
	if (before > 0 && before <= 4)
		pairs[before - 1]--;
	if (before < 4)
		pairs[before]++;
	return before == 0;
}

static void miss(struct ngram_context *c)
{
	if (c->missed < UINT32_MAX)
		c->missed++;
}

/* The context that the slot leads to, made if there is room. */
static uint32_t longer(struct ngram *g, struct ngram_slot *s)
{
	if (s->longer == NONE) {
		if (g->contexts == g->room)
			return NONE;
		s->longer = (uint32_t)g->contexts;
		g->context[g->contexts++] = (struct ngram_context){0};
	}
	return s->longer;
}

int ngram_add(struct ngram *g, uint32_t id, struct err *e)
{
	bool counts = true;
	if (reserve(g, e))
		return -1;
	/* From the longest, as the context of k ids makes way for that of k + 1. */
	for (int k = g->order - 1; k >= 0; k--) {
		struct ngram_slot *s = g->at[k] == NONE ? NULL : find_or_add(g, g->at[k], id);
		if (s && counts)
			counts = count(g, k, s);
		else if (counts && g->at[k] != NONE)
			miss(&g->context[g->at[k]]);
		if (k + 1 < g->order)
			g->at[k + 1] = s ? longer(g, s) : NONE;
	}
	return 0;
}

void ngram_read(struct ngram *g, uint32_t id)
{
	for (int k = g->order - 2; k >= 0; k--) {
		const struct ngram_slot *s = g->at[k] == NONE ? NULL : find(g, g->at[k], id);
		g->at[k + 1] = s ? s->longer : NONE;
	}
}

int ngram_begin(struct ngram *g, uint32_t first, struct err *e)
{
	memset(g->at, NONE, sizeof g->at);
	g->at[0] = ROOT;
	if (first == NGRAM_NOTHING || g->order == 1)
		return 0;
	if (reserve(g, e))
		return -1;
	/* It is not counted, but what comes after it will be. */
	struct ngram_slot *s = find_or_add(g, ROOT, first);
	g->at[1] = s ? longer(g, s) : NONE;
	return 0;
}

/* --- probabilities ------------------------------------------------------------------- */

static const double ENOUGH = 20, LEAST_DISCOUNT = 0.05;

/* Discounts of counts 1, 2, and more (Chen and Goodman 1999). Where fewer than
 * ENOUGH pairs speak for one, it is what is usual in text; never nothing, so that an
 * id that was not met in a context keeps a probability. */
static void discounts(const uint64_t pairs[4], double d[3])
{
	static const double usual[3] = {0.6, 1.0, 1.3};
	double n[4];
	for (int i = 0; i < 4; i++)
		n[i] = (double)pairs[i];
	double y = n[0] > 0 ? n[0] / (n[0] + 2 * n[1]) : 0;
	for (int i = 0; i < 3; i++) {
		d[i] = usual[i];
		if (n[i] >= ENOUGH && n[i + 1] >= ENOUGH)
			d[i] = i + 1 - (i + 2) * y * n[i + 1] / n[i];
		if (!(d[i] > LEAST_DISCOUNT))
			d[i] = LEAST_DISCOUNT;
	}
}

double ngram_prob(const struct ngram *g, uint32_t id)
{
	double p = 1 / (double)g->vocab;
	for (int k = 0; k < g->order; k++) {
		const struct ngram_context *c = &g->context[g->at[k]];
		if (g->at[k] == NONE || c->total == 0)
			continue;
		double d[3];
		discounts(g->pairs[k], d);
		const struct ngram_slot *s = find(g, g->at[k], id);
		double left = s && s->count ? s->count - d[s->count < 3 ? s->count - 1 : 2] : 0;
		double taken = d[0] * c->types[0] + d[1] * c->types[1] + d[2] * c->types[2];
		p = (left + (taken + c->missed) * p) / ((double)c->total + c->missed);
	}
	return p;
}

void ngram_probs(const struct ngram *g, double *p)
{
	for (uint32_t id = 0; id < g->vocab; id++)
		p[id] = ngram_prob(g, id);
}

/* 0 to 3: one id, the more often the higher; 4 to 7: several, the more the higher. */
static int certainty(const struct ngram_context *c)
{
	static const uint32_t often[] = {2, 3, 8};
	static const double spread[] = {0.15, 0.4, 0.7}; /* different ids / all */
	uint32_t types = c->types[0] + c->types[1] + c->types[2];
	int n = types == 1 ? 0 : 4;
	for (int i = 0; i < 3; i++)
		n += types == 1 ? c->total >= often[i] : (double)types > spread[i] * (double)c->total;
	return n;
}

int ngram_case(const struct ngram *g)
{
	int k = g->order - 1;
	while (k > 0 && (g->at[k] == NONE || g->context[g->at[k]].total == 0))
		k--;
	return k * NGRAM_CERTAINTIES + certainty(&g->context[g->at[k]]);
}
