/* Sampling rules, in double. */
#include "nn/sampler.h"

#include <math.h>

#include "base/mem.h"
#include "nn/work.h"

int sampler_new(struct sampler *s, const struct sampler_config *cfg, uint32_t vocab, struct err *e)
{
	*s = (struct sampler){.cfg = *cfg, .vocab = vocab};
	s->id = mem_new(vocab, sizeof *s->id, e);
	s->prob = mem_new(vocab, sizeof *s->prob, e);
	s->heap = mem_new(vocab, sizeof *s->heap, e);
	if (s->id && s->prob && s->heap)
		return 0;
	sampler_free(s);
	return -1;
}

void sampler_free(struct sampler *s)
{
	mem_free(s->id);
	mem_free(s->prob);
	mem_free(s->heap);
	*s = (struct sampler){0};
}

uint32_t sampler_best(const real *logits, uint32_t vocab, uint32_t ban)
{
	uint32_t best = ban == 0 && vocab > 1;
	for (uint32_t v = best + 1; v < vocab; v++)
		if (v != ban && logits[v] > logits[best])
			best = v;
	return best;
}

/* a before b: higher logit, then lower id. */
static bool before(const real *z, uint32_t a, uint32_t b)
{
	return z[a] != z[b] ? z[a] > z[b] : a < b;
}

/* Places i and below hold the order again: on top the first by `before`, or the last. */
static void sift(uint32_t *heap, uint32_t n, uint32_t i, const real *z, bool last_on_top)
{
	for (uint32_t child; (child = 2 * i + 1) < n; i = child) {
		if (child + 1 < n && before(z, heap[child + 1], heap[child]) != last_on_top)
			child++;
		if (before(z, heap[i], heap[child]) != last_on_top)
			break;
		uint32_t t = heap[i];
		heap[i] = heap[child];
		heap[child] = t;
	}
}

static void heapify(uint32_t *heap, uint32_t n, const real *z, bool last_on_top)
{
	for (uint32_t i = n / 2; i-- > 0;)
		sift(heap, n, i, z, last_on_top);
}

/* Keeps, of n symbols, those down to `last`. */
static uint32_t keep_to(struct sampler *s, uint32_t n, const real *z, uint32_t last)
{
	uint32_t kept = 0;
	for (uint32_t i = 0; i < n; i++)
		if (s->id[i] == last || before(z, s->id[i], last)) {
			s->id[kept] = s->id[i];
			s->prob[kept++] = s->prob[i];
		}
	return kept;
}

/* The k likeliest: a heap of the best so far, the last of them on top. */
static uint32_t keep_top_k(struct sampler *s, uint32_t n, const real *z, uint32_t k)
{
	for (uint32_t i = 0; i < k; i++)
		s->heap[i] = s->id[i];
	heapify(s->heap, k, z, true);
	for (uint32_t i = k; i < n; i++)
		if (before(z, s->id[i], s->heap[0])) {
			s->heap[0] = s->id[i];
			sift(s->heap, k, 0, z, true);
		}
	return keep_to(s, n, z, s->heap[0]);
}

/* Keeps what weighs at least this much; the likeliest weighs 1, the bound never more. */
static uint32_t keep_heavy(struct sampler *s, uint32_t n, double least)
{
	uint32_t kept = 0;
	for (uint32_t i = 0; i < n; i++)
		if (!(s->prob[i] < least)) {
			s->id[kept] = s->id[i];
			s->prob[kept++] = s->prob[i];
		}
	return kept;
}

static double weight(const struct sampler *s, real z, real top)
{
	return exp(((double)z - (double)top) / s->cfg.temp);
}

/* The fewest of the likeliest that weigh p * sum together; sum is that of `all`
 * symbols, of which n are here still. */
static uint32_t keep_top_p(struct sampler *s, uint32_t n, const real *z, double sum, uint32_t all, real top)
{
	/* The symbols lighter than (1-p) * sum / all weigh less than (1-p) * sum together: p
	 * is reached without them. Half of that leaves room for rounding. */
	n = keep_heavy(s, n, 0.5 * (1 - s->cfg.top_p) * sum / all);
	for (uint32_t i = 0; i < n; i++)
		s->heap[i] = s->id[i];
	heapify(s->heap, n, z, false);
	double reached = 0;
	uint32_t last = s->heap[0];
	for (uint32_t left = n; left && !(reached >= s->cfg.top_p * sum);) {
		last = s->heap[0];
		reached += weight(s, z[last], top);
		s->heap[0] = s->heap[--left];
		sift(s->heap, left, 0, z, false);
	}
	return keep_to(s, n, z, last);
}

static bool may_come(const struct sampler *s, uint32_t id)
{
	return id != s->cfg.ban && (!s->allow || s->allow[id]);
}

static uint32_t likeliest(const struct sampler *s, const real *z)
{
	if (!s->allow)
		return sampler_best(z, s->vocab, s->cfg.ban);
	uint32_t best = 0;
	while (best + 1 < s->vocab && !may_come(s, best))
		best++;
	for (uint32_t v = best + 1; v < s->vocab; v++)
		if (may_come(s, v) && z[v] > z[best])
			best = v;
	return best;
}

/* Ids that the rules leave, with weights that are proportional to probabilities, and
 * their sum. */
static uint32_t keep(struct sampler *s, const real *z, double *sum)
{
	const struct sampler_config *c = &s->cfg;
	uint32_t n = 0, all, best = likeliest(s, z);
	if (c->temp <= 0) {
		s->id[0] = best;
		*sum = s->prob[0] = 1;
		return 1;
	}
	for (uint32_t v = 0; v < s->vocab; v++)
		if (may_come(s, v))
			s->id[n++] = v;
	if (c->top_k && c->top_k < n)
		n = keep_top_k(s, n, z, c->top_k);
	*sum = 0;
	for (uint32_t i = 0; i < n; i++)
		*sum += s->prob[i] = weight(s, z[s->id[i]], z[best]);
	all = n;
	if (c->min_p > 0) /* what it leaves out does not change which symbols reach p */
		n = keep_heavy(s, n, c->min_p);
	if (c->top_p < 1)
		n = keep_top_p(s, n, z, *sum, all, z[best]);
	if (n < all) {
		*sum = 0;
		for (uint32_t i = 0; i < n; i++)
			*sum += s->prob[i];
	}
	return n;
}

uint32_t sampler_filter(struct sampler *s, const real *logits)
{
	double sum;
	uint32_t kept = keep(s, logits, &sum);
	for (uint32_t i = 0; i < kept; i++)
		s->prob[i] /= sum;
	return kept;
}

uint32_t sampler_draw(struct sampler *s, const real *logits, double u)
{
	double sum, reached = 0;
	uint32_t kept = keep(s, logits, &sum), drawn = 0;
	for (uint32_t i = 0; i < kept; i++) {
		if (!(s->prob[i] > 0))
			continue; /* rounding must not end on what is never drawn */
		drawn = i;
		reached += s->prob[i];
		if (u * sum < reached)
			break;
	}
	return s->id[drawn];
}
