/* rnnlm score: from symbols to figures. */
#include "cmd/score.h"

#include <stdlib.h>

#include "nn/eval.h"
#include "text/utf8.h"

#define MOST_STEPS 64u
#define MOST_LANES 64u
/* Multiply-adds from which threads pay: in all, and in each step of the block. */
#define THREADS_TOTAL 5e7
#define THREADS_STEP 1e6

void score_item_free(struct score_item *it)
{
	buf_free(&it->rows);
	buf_free(&it->next);
}

void scorer_free(struct scorer *s)
{
	score_adapt_free(s->adapt);
	work_free(s->work);
	pool_free(s->pool);
	buf_free(&s->out);
	score_kept_clear(s);
	mem_free(s->top);
	mem_free(s->kept.item);
	score_shade_free(&s->shade);
}

/* --- before -------------------------------------------------------------------- */

size_t score_symbol(const struct scorer *s, const unsigned char *text, size_t len, uint32_t *symbol)
{
	*symbol = text[0];
	return s->l->vocab.unit == UNIT_BYTE || text[0] < 0x80 ? 1 : utf8_decode(text, len, symbol);
}

/* The first symbol that is scored: one that nothing stands before is not. */
static size_t first_scored(const struct score_item *it)
{
	return it->skip == 0 && it->first == NO_TARGET ? 1 : it->skip;
}

static void note_missing(struct scorer *s, uint32_t symbol)
{
	for (int i = 0; i < s->nmissing; i++)
		if (s->missing[i] == symbol)
			return;
	if (s->nmissing < SCORE_MISSING)
		s->missing[s->nmissing++] = symbol;
	else
		s->more_missing = true;
}

void score_measure(struct scorer *s, struct score_item *it)
{
	size_t from = first_scored(it);
	from = from < it->n ? from : it->n;
	size_t at = vocab_spans(&s->l->vocab, it->ids, from, it->text, it->len);
	uint32_t unknown = s->l->vocab.size - 1, symbol;
	it->tokens = it->n > from ? it->n - from : 0;
	it->chars = vocab_chars(it->text + at, it->len - at);
	it->unknown = 0;
	for (size_t i = from; i < it->n; i++)
		it->unknown += it->ids[i] == unknown;
	s->unknown += it->unknown;
	for (size_t i = from; it->unknown && i < it->n; i++) {
		at += score_symbol(s, it->text + at, it->len - at, &symbol);
		if (it->ids[i] == unknown)
			note_missing(s, symbol);
	}
}

/* The smallest power of two that holds n, at most the limit (a power of two). */
static int shape(size_t n, unsigned limit)
{
	unsigned p = 1;
	while (p < n && p < limit)
		p *= 2;
	return (int)p;
}

/* Scratch for blocks that fit the items. It grows as batches of lines do, so
 * that one short text costs next to nothing. */
static int prepare(struct scorer *s, size_t longest, size_t n, size_t symbols, struct err *e)
{
	int T = shape(longest, MOST_STEPS), B = shape(n, MOST_LANES);
	double params = (double)s->l->model.count;
	bool threads = s->o->threads != 1 && params * (double)symbols > THREADS_TOTAL && params * B > THREADS_STEP;
	if (s->work && T <= s->T && B <= s->B && (s->pool || !threads))
		return 0;
	if (threads && !s->pool) {
		int cpus = s->o->threads ? (int)s->o->threads : pool_cpus();
		work_free(s->work); /* made for the threads that there were */
		s->work = NULL;
		if (!(s->pool = pool_new(cpus, e)))
			return -1;
	}
	s->T = T > s->T ? T : s->T;
	s->B = B > s->B ? B : s->B;
	work_free(s->work);
	s->work = work_new(&s->l->model, &(struct work_config){.T = s->T, .B = s->B}, s->pool, e);
	return s->work ? 0 : -1;
}

/* --- during -------------------------------------------------------------------- */

static int by_logit(const void *a, const void *b)
{
	const struct score_top *x = a, *y = b;
	if (x->logit > y->logit || x->logit < y->logit)
		return x->logit > y->logit ? -1 : 1;
	return x->id < y->id ? -1 : x->id > y->id;
}

/* The k largest logits, falling (ties: lower id first), into s->top. A few are kept in
 * order while all are looked at; for many it is quicker to sort the vocabulary. */
static size_t find_top(struct scorer *s, const real *logits, size_t k)
{
	size_t n = 0;
	if (k > SCORE_TOP) {
		for (; n < s->l->vocab.size; n++)
			s->top[n] = (struct score_top){(uint32_t)n, logits[n]};
		qsort(s->top, n, sizeof *s->top, by_logit);
		return n < k ? n : k;
	}
	for (uint32_t id = 0; id < s->l->vocab.size; id++) {
		if (n == k && !(logits[id] > s->top[n - 1].logit))
			continue;
		size_t i = n < k ? n++ : n - 1;
		for (; i > 0 && logits[id] > s->top[i - 1].logit; i--)
			s->top[i] = s->top[i - 1];
		s->top[i] = (struct score_top){id, logits[id]};
	}
	return n;
}

/* The place of an id in the same order, from 1. */
static size_t find_rank(const struct scorer *s, const real *logits, uint32_t id)
{
	size_t rank = 1;
	for (uint32_t i = 0; i < s->l->vocab.size; i++)
		rank += logits[i] > logits[id] || (logits[i] == logits[id] && i < id);
	return rank;
}

static int add_row(struct scorer *s, struct score_item *it, size_t pos, uint32_t id, real nats,
                   const real *logits)
{
	struct score_row r = {.id = id, .nats = (double)nats, .lse = (double)nats + (double)logits[id]};
	const struct vocab *v = &s->l->vocab;
	it->at += vocab_spans(v, it->ids + it->pos, pos - it->pos, it->text + it->at, it->len - it->at);
	it->pos = pos;
	r.len = vocab_span(v, id, it->text + it->at, it->len - it->at);
	r.rank = find_rank(s, logits, id);
	r.ntop = find_top(s, logits, SCORE_TOP);
	if (score_add_row(s, it, &r, s->e))
		return -1;
	return s->stream && it->rows.len >= SCORE_FLUSH ? score_print_rows(s, &it->rows, s->e) : 0;
}

/* An eval_fn. */
static int on_symbol(void *arg, size_t seq, size_t pos, uint32_t id, real nats, const real *logits)
{
	struct scorer *s = arg;
	struct score_item *it = &s->items[seq];
	int rc = 0;
	if (pos == it->n) { /* what comes after the end */
		size_t k = find_top(s, logits, (size_t)s->o->next);
		rc = score_add_next(s, it, k, (double)nats + (double)logits[id], s->e);
	} else {
		it->nats += (double)nats;
		if (id != s->l->vocab.size - 1)
			it->nats_known += (double)nats;
		if (s->o->each)
			rc = add_row(s, it, pos, id, nats, logits);
	}
	s->failed = rc != 0;
	return s->failed || cmd_out_failed() ? -1 : 0;
}

int score_evaluate(struct scorer *s, struct score_item *items, size_t n, struct err *e)
{
	size_t longest = 0, symbols = 0, extra = s->o->next > 0;
	bool details = s->o->each || s->o->next;
	int rc = -1;
	if (s->adapt)
		return score_adapt_evaluate(s, items, n, e);
	struct seq *seqs = mem_new(n, sizeof *seqs, e);
	if (!seqs)
		return -1;
	for (size_t i = 0; i < n; i++) {
		struct score_item *it = &items[i];
		seqs[i] = (struct seq){.ids = it->ids, .n = it->n + extra, .first = it->first, .skip = it->skip};
		if (it->skip == 0 && it->first == NO_TARGET && it->n == 0)
			seqs[i].n = 0; /* nothing to go by */
		longest = seqs[i].n > longest ? seqs[i].n : longest;
		symbols += seqs[i].n;
		details = details || it->unknown;
	}
	for (size_t i = 0; (s->o->heat || s->o->html) && i < n; i++)
		if (items[i].n && !(s->o->carry && items[i].skip) &&
		    score_shade_unscored(s, &items[i], first_scored(&items[i]), e))
			goto out;
	s->items = items;
	s->e = e;
	s->failed = false;
	if (prepare(s, longest, n, symbols, e))
		goto out;
	/* Logits are made once more for those who look at them. */
	rc = eval_sequences(s->work, &s->l->model, seqs, n, details ? on_symbol : NULL, s, cmd_interrupted, e);
	for (size_t i = 0; rc == 0 && !details && i < n; i++)
		items[i].nats = items[i].nats_known = seqs[i].nats;
out:
	mem_free(seqs);
	return rc;
}
