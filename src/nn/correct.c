/* Beam search over the positions of a text.
 *
 * Before position i stand the hypotheses that account for ids[0..i). Each has
 * put out a text, which the model has read: its state and what it expects next
 * are in a slot. The moves from there:
 *
 *   insert a symbol                    stays before i
 *   copy, replace or delete ids[i]     goes to i+1
 *   swap: put out ids[i+1], owe ids[i] goes to i+1, where paying is the only move
 *
 * An insertion pays off only when what stands behind it is copied. So inserting
 * hypotheses are not compared with the others before i: they have lists of
 * their own, one per insertion, and all meet again before i+1. */
#include "nn/correct_private.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

/* --- moves --------------------------------------------------------------------------- */

/* -log P of a symbol next; what is no number is as unlikely as can be. */
static double nats_of(const struct corrector *c, uint32_t slot, uint32_t id)
{
	double nats = c->lse[slot] - (double)c->logits[slot * c->vocab + id];
	return nats >= 0 ? nats : nats < 0 ? 0 : INFINITY;
}

/* Adds an option, unless its score is below `least`. */
static int offer(struct corrector *c, struct options *to, size_t hyp, enum move move, uint32_t id, double cost,
                 double least, struct err *e)
{
	const struct hyp *h = &c->now[hyp];
	bool edit = move == INSERT || move == DELETE || move == REPLACE || move == SWAP;
	double nats = h->nats + (id == NO_TARGET ? 0 : nats_of(c, h->slot, id)), score = -nats - h->cost - cost;
	if ((edit && c->cfg.most_edits && h->edits >= c->cfg.most_edits) || score < least)
		return 0;
	struct option *more = mem_grow(to->list, to->n, &to->cap, sizeof *more, e);
	if (!more)
		return -1;
	to->list = more;
	to->list[to->n] = (struct option){.score = score, .hyp = (uint32_t)hyp, .id = id, .edits = h->edits + edit,
	                                  .order = (uint32_t)to->n, .move = move};
	to->n++;
	return 0;
}

static int offer_inserts(struct corrector *c, size_t hyp, double least, struct err *e)
{
	const struct hyp *h = &c->now[hyp];
	const uint32_t *top = c->top + h->slot * c->cfg.tries;
	if (h->owed != NO_TARGET)
		return 0;
	for (uint32_t k = 0; k < c->ntop[h->slot]; k++)
		if (offer(c, &c->inserts, hyp, INSERT, top[k], c->cfg.cost[CORRECT_INSERT], least, e))
			return -1;
	return 0;
}

static int offer_step(struct corrector *c, size_t hyp, enum move move, uint32_t id, double cost, struct err *e)
{
	return offer(c, &c->steps, hyp, move, id, cost, -INFINITY, e);
}

/* The ways on from before ids[0], of n that are left. */
static int offer_steps(struct corrector *c, size_t hyp, const uint32_t *ids, size_t n, struct err *e)
{
	const struct hyp *h = &c->now[hyp];
	const uint32_t *top = c->top + h->slot * c->cfg.tries;
	const double *cost = c->cfg.cost;
	if (n == 0)
		return offer_step(c, hyp, END, c->cfg.end, 0, e);
	if (h->owed != NO_TARGET)
		return offer_step(c, hyp, PAY, h->owed, 0, e);
	if (offer_step(c, hyp, COPY, ids[0], 0, e))
		return -1;
	if (!c->may[ids[0]])
		return 0;
	for (uint32_t k = 0; k < c->ntop[h->slot]; k++)
		if (top[k] != ids[0] && offer_step(c, hyp, REPLACE, top[k], cost[CORRECT_REPLACE], e))
			return -1;
	if (n > 1 && ids[1] != ids[0] && c->may[ids[1]] && offer_step(c, hyp, SWAP, ids[1], cost[CORRECT_SWAP], e))
		return -1;
	return offer_step(c, hyp, DELETE, NO_TARGET, cost[CORRECT_DELETE], e);
}

/* --- choosing --------------------------------------------------------------------------- */

static int by_score(const void *a, const void *b)
{
	const struct option *x = a, *y = b;
	if (x->score != y->score)
		return x->score > y->score ? -1 : 1;
	if (x->edits != y->edits)
		return x->edits < y->edits ? -1 : 1;
	return x->order < y->order ? -1 : x->order > y->order;
}

/* One more symbol of a text: the finalizer of splitmix64 (Steele et al. 2014) on
 * the hash before it and the symbol, so that different texts have one hash as
 * seldom as random numbers are the same. */
static uint64_t hash_on(uint64_t text, uint32_t id)
{
	uint64_t x = text + (id + UINT64_C(1)) * UINT64_C(0x9e3779b97f4a7c15);
	x = (x ^ x >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
	x = (x ^ x >> 27) * UINT64_C(0x94d049bb133111eb);
	return x ^ x >> 31;
}

/* What came of an option, before it has a slot or an edit. */
static struct hyp outcome(const struct corrector *c, const struct option *o, const uint32_t *ids)
{
	struct hyp h = c->now[o->hyp];
	if (o->id != NO_TARGET) {
		h.nats += nats_of(c, h.slot, o->id);
		h.text = o->move == END ? h.text : hash_on(h.text, o->id);
	}
	h.owed = o->move == SWAP ? ids[0] : NO_TARGET;
	return h;
}

/* Whether one of the better ones puts out the same text: it costs no more, and what
 * is possible from here is possible from there unless its edits are used up. */
static bool repeated(const struct corrector *c, const struct hyp *better, size_t n, const struct hyp *h,
                     uint32_t edits)
{
	for (size_t i = 0; i < n; i++)
		if (better[i].text == h->text && better[i].owed == h->owed &&
		    (!c->cfg.most_edits || better[i].edits <= edits))
			return true;
	return false;
}

static void sort(struct options *o)
{
	if (o->n)
		qsort(o->list, o->n, sizeof *o->list, by_score);
}

/* What comes of the steps known so far will not all be beaten: an option scored below
 * this, or what follows from it (scores only fall), can not be among the beam best. */
static double floor_of(struct corrector *c, const uint32_t *ids)
{
	size_t n = 0;
	sort(&c->steps);
	for (size_t i = 0; i < c->steps.n; i++) {
		c->next[n] = outcome(c, &c->steps.list[i], ids);
		if (!repeated(c, c->next, n, &c->next[n], UINT32_MAX) && ++n == c->cfg.beam)
			return c->steps.list[i].score;
	}
	return -INFINITY;
}

/* Makes the best options into hypotheses: at most beam, and the text as it is. */
static int choose(struct corrector *c, struct options *from, const uint32_t *ids, size_t pos, struct hyp *to,
                  size_t *n, struct err *e)
{
	static const enum correct_op op[] = {[INSERT] = CORRECT_INSERT, [DELETE] = CORRECT_DELETE,
	                                     [REPLACE] = CORRECT_REPLACE, [SWAP] = CORRECT_SWAP};
	size_t lanes = 0;
	*n = 0;
	sort(from);
	for (size_t i = 0; i < from->n; i++) {
		const struct option *o = &from->list[i];
		if (*n >= c->cfg.beam && o->edits)
			continue;
		struct hyp h = outcome(c, o, ids);
		if (repeated(c, to, *n, &h, o->edits))
			continue;
		if (h.edit)
			c->edit[h.edit].refs++;
		if (o->edits > h.edits) {
			if (corrector_edit(c, &h, op[o->move], pos, o->id, e))
				return -1;
			h.cost += c->cfg.cost[op[o->move]];
		}
		if (o->id != NO_TARGET && o->move != END) {
			uint32_t slot = corrector_slot(c);
			c->lane[lanes++] = (struct lane){h.slot, slot, o->id};
			h.slot = slot;
		}
		c->refs[h.slot]++;
		to[(*n)++] = h;
	}
	from->n = 0;
	corrector_read(c, c->lane, lanes);
	return 0;
}

/* --- a text ---------------------------------------------------------------------------- */

/* The one hypothesis at the start, which has read the symbol before the text. */
static void begin(struct corrector *c, uint32_t first)
{
	uint32_t slot = corrector_slot(c);
	memset(c->state + slot * c->width, 0, c->width * sizeof(real));
	corrector_read(c, &(struct lane){slot, slot, first}, 1);
	c->refs[slot] = 1;
	c->now[c->nnow++] = (struct hyp){.slot = slot, .owed = NO_TARGET};
}

/* From before ids[0], of n that are left, symbol number pos of the text, to behind it. */
static int advance(struct corrector *c, const uint32_t *ids, size_t n, size_t pos, struct err *e)
{
	size_t inserts = pos + n ? c->cfg.inserts : 0, lo = 0, made;
	double least = -INFINITY;
	for (size_t k = 0;; k++) {
		size_t hi = c->nnow;
		for (size_t h = lo; h < hi; h++)
			if (offer_steps(c, h, ids, n, e))
				return -1;
		if (k == inserts || lo == hi)
			break;
		least = k ? least : floor_of(c, ids);
		for (size_t h = lo; h < hi; h++)
			if (offer_inserts(c, h, least, e))
				return -1;
		if (choose(c, &c->inserts, ids, pos, c->now + hi, &made, e))
			return -1;
		c->nnow += made;
		lo = hi;
	}
	if (choose(c, &c->steps, ids, pos, c->next, &made, e))
		return -1;
	corrector_drop(c, c->now, c->nnow);
	memcpy(c->now, c->next, made * sizeof *c->now);
	c->nnow = made;
	return 0;
}

static int list_found(struct corrector *c, size_t *found, struct err *e)
{
	size_t total = 0, at = 0;
	for (size_t i = 0; i < c->nnow; i++)
		total += c->now[i].edits;
	if (total > c->cap_found_edit) {
		struct correct_edit *more = mem_resize(c->found_edit, total, sizeof *more, e);
		if (!more)
			return -1;
		c->found_edit = more;
		c->cap_found_edit = total;
	}
	*found = 0;
	for (size_t i = 0; i < c->nnow; i++) {
		const struct hyp *h = &c->now[i];
		bool known = false; /* with fewer edits at a higher cost, see repeated() */
		for (size_t k = 0; k < i; k++)
			known |= c->now[k].text == h->text;
		if (known)
			continue;
		c->found[*found] = (struct correct_candidate){.nats = h->nats, .cost = h->cost, .nedits = h->edits,
		                                              .edits = c->found_edit + at};
		at += h->edits;
		uint32_t edit = h->edit;
		for (size_t k = at; edit; edit = c->edit[edit].before)
			c->found_edit[--k] = c->edit[edit].edit;
		++*found;
	}
	return 0;
}

int correct_search(struct corrector *c, const uint32_t *ids, size_t n, bool (*stop)(void),
                   const struct correct_candidate **list, size_t *found, struct err *e)
{
	size_t i = 0;
	*list = c->found;
	*found = 0;
	corrector_reset(c);
	if (c->cfg.first == NO_TARGET && n == 0) {
		c->found[0] = (struct correct_candidate){0};
		*found = 1;
		return 0;
	}
	begin(c, c->cfg.first == NO_TARGET ? ids[i++] : c->cfg.first);
	for (; i <= n; i++) {
		if (advance(c, ids + i, n - i, i, e))
			return -1;
		if (stop && stop())
			return err_set(e, "interrupted");
	}
	return list_found(c, found, e);
}
