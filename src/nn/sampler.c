/* Sampling rules, in double. */
#include "nn/sampler.h"

#include <math.h>
#include <stdlib.h>

#include "base/mem.h"
#include "nn/work.h"

int sampler_new(struct sampler *s, const struct sampler_config *cfg, uint32_t vocab, struct err *e)
{
	*s = (struct sampler){.cfg = *cfg, .vocab = vocab};
	s->order = mem_new(vocab, sizeof *s->order, e);
	s->prob = mem_new(vocab, sizeof *s->prob, e);
	if (s->order && s->prob)
		return 0;
	sampler_free(s);
	return -1;
}

void sampler_free(struct sampler *s)
{
	mem_free(s->order);
	mem_free(s->prob);
	*s = (struct sampler){0};
}

/* a before b: higher logit, then lower id. */
static bool before(const real *z, uint32_t a, uint32_t b)
{
	return z[a] != z[b] ? z[a] > z[b] : a < b;
}

static void sift(uint32_t *heap, uint32_t n, uint32_t i, const real *z)
{
	for (uint32_t child; (child = 2 * i + 1) < n; i = child) {
		if (child + 1 < n && before(z, heap[child], heap[child + 1]))
			child++; /* the later one stays on top */
		if (!before(z, heap[i], heap[child]))
			break;
		uint32_t t = heap[i];
		heap[i] = heap[child];
		heap[child] = t;
	}
}

/* Heap sort by `before`: libc's qsort takes no context. */
static void sort(uint32_t *ids, uint32_t n, const real *z)
{
	for (uint32_t i = n / 2; i-- > 0;)
		sift(ids, n, i, z);
	for (uint32_t end = n; end > 1;) {
		uint32_t t = ids[0];
		ids[0] = ids[--end];
		ids[end] = t;
		sift(ids, end, 0, z);
	}
}

uint32_t sampler_filter(struct sampler *s, const real *logits)
{
	const struct sampler_config *c = &s->cfg;
	uint32_t n = 0, kept;
	for (uint32_t v = 0; v < s->vocab; v++)
		if (v != c->ban)
			s->order[n++] = v;
	sort(s->order, n, logits);
	if (c->temp <= 0) {
		s->prob[0] = 1;
		return 1;
	}
	if (c->top_k && c->top_k < n)
		n = c->top_k;

	double sum = 0, top = (double)logits[s->order[0]];
	for (uint32_t i = 0; i < n; i++)
		sum += s->prob[i] = exp(((double)logits[s->order[i]] - top) / c->temp);
	double cumulative = 0;
	for (kept = 0; kept < n; kept++) {
		if (kept && (cumulative >= c->top_p * sum || s->prob[kept] < c->min_p * s->prob[0]))
			break;
		cumulative += s->prob[kept];
	}
	for (uint32_t i = 0; i < kept; i++)
		s->prob[i] /= cumulative;
	return kept;
}

uint32_t sampler_draw(struct sampler *s, const real *logits, double u)
{
	uint32_t kept = sampler_filter(s, logits), i = 0;
	double cumulative = s->prob[0];
	while (i + 1 < kept && u >= cumulative)
		cumulative += s->prob[++i];
	return s->order[i];
}
