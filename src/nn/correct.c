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
#include "nn/correct.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "nn/work.h"

/* A list of edits, newest first, that hypotheses share. */
struct edit {
	struct correct_edit edit;
	uint32_t before; /* the rest of the list; 0: none */
	uint32_t refs;   /* hypotheses and edits that point here; in a free one, the next free */
};

struct hyp {
	double nats, cost;
	uint64_t text;  /* hash of what was put out */
	uint32_t edit;  /* newest edit, or 0 */
	uint32_t edits; /* how many */
	uint32_t slot;
	uint32_t owed;  /* by a swap, or NO_TARGET */
};

/* A symbol to be read in the state of slot `from`; what comes of it goes to slot `to`. */
struct lane {
	uint32_t from, to, id;
};

enum move { COPY, PAY, INSERT, DELETE, REPLACE, SWAP, END };

/* A move that could be made. */
struct option {
	double score; /* of the hypothesis that would come of it: -nats - cost */
	uint32_t hyp; /* index in c->now */
	uint32_t id;  /* put out */
	uint32_t edits;
	uint32_t order; /* as they were found: ties have one order */
	enum move move;
};

struct options {
	struct option *list;
	size_t n, cap;
};

struct corrector {
	struct correct_config cfg;
	const struct model *m;
	const uint8_t *may;
	size_t vocab, width; /* width: numbers of a state */
	struct work *work;
	struct state lanes;  /* (layers, states, beam+1, hidden) */
	uint32_t *in;        /* (beam+1) */
	struct lane *lane;   /* (beam+1) */

	/* Slots. */
	size_t nslots;
	real *state;     /* (slots, width) */
	real *logits;    /* (slots, vocab) */
	double *lse;     /* (slots) log of the softmax's denominator */
	uint32_t *top;   /* (slots, tries) likeliest symbols that may be put in */
	uint32_t *ntop;  /* (slots) */
	uint32_t *refs;  /* (slots) hypotheses that use it */
	uint32_t *spare; /* (slots) stack of unused slots */
	size_t nspare;

	struct edit *edit;
	size_t nedit, cap_edit;
	uint32_t free_edit; /* list of unused ones, or 0 */

	struct hyp *now, *next; /* ((inserts+1) * (beam+1)), (beam+1) */
	size_t nnow;
	struct options inserts, steps; /* from this position: to stay before it, to go on */

	struct correct_candidate *found; /* (beam+1) */
	struct correct_edit *found_edit;
	size_t cap_found_edit;
};

/* --- edits ------------------------------------------------------------------------ */

static int add_edit(struct corrector *c, struct hyp *h, enum correct_op op, size_t pos, uint32_t id,
                    struct err *e)
{
	uint32_t at = c->free_edit;
	if (at) {
		c->free_edit = c->edit[at].refs;
	} else {
		if (c->nedit >= UINT32_MAX)
			return err_set(e, "more edits than can be counted; split the text into lines");
		struct edit *more = mem_grow(c->edit, c->nedit, &c->cap_edit, sizeof *more, e);
		if (!more)
			return -1;
		c->edit = more;
		at = (uint32_t)c->nedit++;
	}
	/* The list's reference to what was newest is the hypothesis's own, handed on. */
	c->edit[at] = (struct edit){.edit = {op, pos, id}, .before = h->edit, .refs = 1};
	h->edit = at;
	h->edits++;
	return 0;
}

static void drop_edits(struct corrector *c, uint32_t at)
{
	while (at && --c->edit[at].refs == 0) {
		uint32_t before = c->edit[at].before;
		c->edit[at].refs = c->free_edit;
		c->free_edit = at;
		at = before;
	}
}

/* --- slots ------------------------------------------------------------------------- */

static void drop_hyps(struct corrector *c, struct hyp *h, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		if (--c->refs[h[i].slot] == 0)
			c->spare[c->nspare++] = h[i].slot;
		drop_edits(c, h[i].edit);
	}
}

/* -log P of a symbol next; what is no number is as unlikely as can be. */
static double nats_of(const struct corrector *c, uint32_t slot, uint32_t id)
{
	double nats = c->lse[slot] - (double)c->logits[slot * c->vocab + id];
	return nats >= 0 ? nats : nats < 0 ? 0 : INFINITY;
}

/* The likeliest symbols that may be put in, falling (ties: lower id first). */
static void find_top(struct corrector *c, uint32_t slot)
{
	const real *z = c->logits + slot * c->vocab;
	uint32_t *top = c->top + slot * c->cfg.tries;
	size_t n = 0;
	for (uint32_t id = 0; id < c->vocab; id++) {
		if (!c->may[id] || (n == c->cfg.tries && !(z[id] > z[top[n - 1]])))
			continue;
		size_t i = n < c->cfg.tries ? n++ : n - 1;
		for (; i > 0 && z[id] > z[top[i - 1]]; i--)
			top[i] = top[i - 1];
		top[i] = id;
	}
	c->ntop[slot] = (uint32_t)n;
}

static void read_lanes(struct corrector *c, const struct lane *lane, size_t n)
{
	size_t H = (size_t)c->lanes.hidden, parts = c->width / H, batch = (size_t)c->lanes.batch, ld;
	if (!n)
		return;
	for (size_t b = 0; b < n; b++) {
		c->in[b] = lane[b].id;
		for (size_t k = 0; k < parts; k++)
			memcpy(c->lanes.s + (k * batch + b) * H, c->state + lane[b].from * c->width + k * H, H * sizeof(real));
	}
	work_forward(c->work, &(struct block){.T = 1, .B = (int)n, .in = c->in}, &c->lanes);
	for (size_t b = 0; b < n; b++)
		for (size_t k = 0; k < parts; k++)
			memcpy(c->state + lane[b].to * c->width + k * H, c->lanes.s + (k * batch + b) * H, H * sizeof(real));
	for (size_t r = 0, piece = work_piece(c->work); r < n; r += piece) {
		size_t rows = n - r < piece ? n - r : piece;
		const real *z = work_logits(c->work, r, rows, &ld);
		for (size_t i = 0; i < rows; i++) {
			uint32_t slot = lane[r + i].to;
			memcpy(c->logits + slot * c->vocab, z + i * ld, c->vocab * sizeof(real));
			c->lse[slot] = (double)kern_get()->logsumexp(c->vocab, z + i * ld);
			find_top(c, slot);
		}
	}
}

/* --- moves --------------------------------------------------------------------------- */

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
			if (add_edit(c, &h, op[o->move], pos, o->id, e))
				return -1;
			h.cost += c->cfg.cost[op[o->move]];
		}
		if (o->id != NO_TARGET && o->move != END) {
			uint32_t slot = c->spare[--c->nspare];
			c->lane[lanes++] = (struct lane){h.slot, slot, o->id};
			h.slot = slot;
		}
		c->refs[h.slot]++;
		to[(*n)++] = h;
	}
	from->n = 0;
	read_lanes(c, c->lane, lanes);
	return 0;
}

/* --- a text ---------------------------------------------------------------------------- */

/* All slots and edits are unused: also those that a search left that failed. */
static void reset(struct corrector *c)
{
	memset(c->refs, 0, c->nslots * sizeof *c->refs);
	for (c->nspare = 0; c->nspare < c->nslots; c->nspare++)
		c->spare[c->nspare] = (uint32_t)(c->nslots - 1 - c->nspare);
	c->nedit = 1; /* 0 is none */
	c->free_edit = 0;
	c->inserts.n = c->steps.n = 0;
	c->nnow = 0;
}

/* The one hypothesis at the start, which has read the symbol before the text. */
static void begin(struct corrector *c, uint32_t first)
{
	uint32_t slot = c->spare[--c->nspare];
	memset(c->state + slot * c->width, 0, c->width * sizeof(real));
	read_lanes(c, &(struct lane){slot, slot, first}, 1);
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
	drop_hyps(c, c->now, c->nnow);
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
	reset(c);
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

/* --- making -------------------------------------------------------------------------------- */

struct corrector *corrector_new(const struct model *m, const struct correct_config *cfg,
                                struct pool *pool, struct err *e)
{
	struct corrector *c = mem_new(1, sizeof *c, e);
	size_t most = cfg->beam + 1; /* hypotheses of a list */
	if (!c)
		return NULL;
	c->cfg = *cfg;
	c->m = m;
	c->vocab = (size_t)m->cfg.vocab;
	c->width = (size_t)m->cfg.layers * (size_t)m->cell->states * (size_t)m->cfg.hidden;
	c->cfg.tries = cfg->tries < c->vocab ? cfg->tries : c->vocab;
	c->nslots = most * (cfg->inserts + 2);
	if (state_new(&c->lanes, m, (int)most, e) || !(c->in = mem_new(most, sizeof *c->in, e)) ||
	    !(c->lane = mem_new(most, sizeof *c->lane, e)) ||
	    !(c->state = mem_block(c->nslots * c->width, sizeof *c->state, e)) ||
	    !(c->logits = mem_block(c->nslots * c->vocab, sizeof *c->logits, e)) ||
	    !(c->lse = mem_new(c->nslots, sizeof *c->lse, e)) ||
	    !(c->top = mem_new(c->nslots * c->cfg.tries, sizeof *c->top, e)) ||
	    !(c->ntop = mem_new(c->nslots, sizeof *c->ntop, e)) ||
	    !(c->refs = mem_new(c->nslots, sizeof *c->refs, e)) ||
	    !(c->spare = mem_new(c->nslots, sizeof *c->spare, e)) ||
	    !(c->now = mem_new(most * (cfg->inserts + 1), sizeof *c->now, e)) ||
	    !(c->next = mem_new(most, sizeof *c->next, e)) ||
	    !(c->found = mem_new(most, sizeof *c->found, e)) ||
	    !(c->work = work_new(m, &(struct work_config){.T = 1, .B = (int)most}, pool, e))) {
		err_wrap(e, "memory for a beam of %zu", cfg->beam);
		corrector_free(c);
		return NULL;
	}
	return c;
}

void corrector_allow(struct corrector *c, const uint8_t *may)
{
	c->may = may;
}

void corrector_free(struct corrector *c)
{
	if (!c)
		return;
	work_free(c->work);
	state_free(&c->lanes);
	mem_free(c->in);
	mem_free(c->lane);
	mem_free(c->state);
	mem_free(c->logits);
	mem_free(c->lse);
	mem_free(c->top);
	mem_free(c->ntop);
	mem_free(c->refs);
	mem_free(c->spare);
	mem_free(c->edit);
	mem_free(c->now);
	mem_free(c->next);
	mem_free(c->inserts.list);
	mem_free(c->steps.list);
	mem_free(c->found);
	mem_free(c->found_edit);
	mem_free(c);
}
