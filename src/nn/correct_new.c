/* Making a corrector, and what hypotheses hold: slots with the model's state and what it
 * expects next, and lists of edits that they share. */
#include "nn/correct_private.h"

#include <string.h>

#include "base/mem.h"

/* --- edits ------------------------------------------------------------------------ */

int corrector_edit(struct corrector *c, struct hyp *h, enum correct_op op, size_t pos, uint32_t id,
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

uint32_t corrector_slot(struct corrector *c)
{
	return c->spare[--c->nspare];
}

void corrector_drop(struct corrector *c, const struct hyp *h, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		if (--c->refs[h[i].slot] == 0)
			c->spare[c->nspare++] = h[i].slot;
		drop_edits(c, h[i].edit);
	}
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

void corrector_read(struct corrector *c, const struct lane *lane, size_t n)
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

void corrector_reset(struct corrector *c)
{
	memset(c->refs, 0, c->nslots * sizeof *c->refs);
	for (c->nspare = 0; c->nspare < c->nslots; c->nspare++)
		c->spare[c->nspare] = (uint32_t)(c->nslots - 1 - c->nspare);
	c->nedit = 1; /* 0 is none */
	c->free_edit = 0;
	c->inserts.n = c->steps.n = 0;
	c->nnow = 0;
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
