/* The list of parameters, and initial weights. */
#include "nn/model.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "base/rng.h"

#define ALIGN 16 /* elements: every view starts on a cache line */

/* One-hot input: a column of the input weights is the symbol's vector itself. Wide
 * ones learn faster: on tinyshakespeare (lstm 2x256, 300 steps of 32x64, Adam 8e-3) the
 * held-out loss is 2.14 with a bound of 1/3, 1.88 with 1, 1.74 with 3, 1.76 with 10. */
static const double ONE_HOT_BOUND = 3;

static int check(const struct model_config *c, struct err *e)
{
	int ncells = 0;
	while (cell_names[ncells])
		ncells++;
	if (c->cell < 0 || c->cell >= ncells)
		return err_set(e, "there is no cell number %d", c->cell);
	if (c->layers < 1 || c->layers > MODEL_MAX_LAYERS)
		return err_set(e, "layers must be 1 to %d, not %d", MODEL_MAX_LAYERS, c->layers);
	if (c->hidden < 1 || c->hidden > MODEL_MAX_HIDDEN)
		return err_set(e, "hidden must be 1 to %d, not %d", MODEL_MAX_HIDDEN, c->hidden);
	if (c->embed < 0 || c->embed > MODEL_MAX_HIDDEN)
		return err_set(e, "embed must be 0 (one-hot) to %d, not %d", MODEL_MAX_HIDDEN, c->embed);
	if (c->vocab < 2 || c->vocab > MODEL_MAX_VOCAB)
		return err_set(e, "the vocabulary must have 2 to %d symbols, not %d", MODEL_MAX_VOCAB,
		               c->vocab);
	if (c->tie && c->embed != c->hidden)
		return err_set(e, "tied weights need an embedding as wide as the hidden layer "
		                  "(--embed=%d, not %d)", c->hidden, c->embed);
	return 0;
}

/* Adds a view; m->list may be NULL while only sizes are wanted. */
static int add(struct model *m, int ndim, size_t rows, size_t cols, const char *fmt, int layer)
{
	if (m->list) {
		struct param *p = &m->list[m->nlist];
		*p = (struct param){.ndim = ndim, .rows = rows, .cols = cols, .offset = m->size};
		int n = snprintf(p->name, sizeof p->name, "%s", fmt);
		if (layer >= 0)
			snprintf(p->name + n, sizeof p->name - (size_t)n, "_l%d", layer);
	}
	m->size += (rows * cols + ALIGN - 1) / ALIGN * ALIGN;
	m->count += rows * cols;
	return m->nlist++;
}

/* The one place that says which parameters there are. */
static void build(struct model *m)
{
	const struct model_config *c = &m->cfg;
	size_t H = (size_t)c->hidden, V = (size_t)c->vocab, G = (size_t)m->cell->gates;
	m->nlist = 0;
	m->size = m->count = 0;
	m->embed = c->embed ? add(m, 2, V, (size_t)c->embed, "embed.weight", -1) : -1;
	for (int l = 0; l < c->layers; l++) {
		size_t in = l ? H : c->embed ? (size_t)c->embed : V;
		struct layer_params p = {
			.wx = add(m, 2, G * H, in, "rnn.weight_ih", l),
			.wh = add(m, 2, G * H, H, "rnn.weight_hh", l),
			.bx = add(m, 1, G * H, 1, "rnn.bias_ih", l),
			.bh = add(m, 1, G * H, 1, "rnn.bias_hh", l),
		};
		if (m->layer)
			m->layer[l] = p;
	}
	m->out_w = c->tie ? m->embed : add(m, 2, V, H, "out.weight", -1);
	m->out_b = add(m, 1, V, 1, "out.bias", -1);
}

int model_count(const struct model_config *cfg, size_t *count, struct err *e)
{
	if (check(cfg, e))
		return -1;
	struct model m = {.cfg = *cfg, .cell = cell_get(cfg->cell, ISA_BASE)};
	build(&m);
	*count = m.count;
	return 0;
}

int model_new(struct model *m, const struct model_config *cfg, struct err *e)
{
	*m = (struct model){0};
	if (check(cfg, e))
		return -1;
	m->cfg = *cfg;
	m->cell = cell_get(cfg->cell, kern_get()->isa);
	build(m);
	m->list = mem_new((size_t)m->nlist, sizeof *m->list, e);
	m->layer = mem_new((size_t)cfg->layers, sizeof *m->layer, e);
	if (!m->list || !m->layer)
		goto fail;
	build(m);
	m->w = mem_block(m->size, sizeof *m->w, e);
	if (!m->w)
		goto fail;
	m->version = 1;
	return 0;
fail:
	model_free(m);
	return -1;
}

void model_free(struct model *m)
{
	mem_free(m->list);
	mem_free(m->layer);
	mem_free(m->w);
	*m = (struct model){0};
}

/* Uniform in +-bound. */
static void init_uniform(const struct model *m, int index, double bound, uint64_t seed)
{
	const struct param *p = &m->list[index];
	real *w = model_param(m, index);
	for (size_t i = 0; i < p->rows; i++)
		for (size_t j = 0; j < p->cols; j += 4) {
			uint32_t x[4];
			rng_draw(seed, RNG_INIT, (uint32_t)index, 0, (uint32_t)i, (uint32_t)(j / 4), x);
			for (size_t k = 0; k < 4 && j + k < p->cols; k++)
				w[i * p->cols + j + k] = (real)(bound * (2 * rng_unit32(x[k]) - 1));
		}
}

/* A random orthogonal n x n matrix (Haar measure) as a product of Householder
 * reflections of normal vectors of growing length and random signs (Stewart
 * 1980). v, s: scratch of n. */
static void init_orthogonal(real *q, size_t n, uint64_t seed, uint32_t index, uint32_t gate, real *v,
                            real *s)
{
	const struct kern *k = kern_get();
	for (size_t i = 0; i < n; i++) {
		uint32_t x[4];
		rng_draw(seed, RNG_INIT, index, 1 + gate, UINT32_MAX, (uint32_t)i, x);
		memset(q + i * n, 0, n * sizeof *q);
		q[i * n + i] = x[0] & 1 ? 1 : -1;
	}
	for (size_t r = n - 1; r-- > 0;) { /* reflect rows and columns r .. n-1 */
		double norm = 0;
		for (size_t i = r; i < n; i += 2) {
			uint32_t x[4];
			double z[2];
			rng_draw(seed, RNG_INIT, index, 1 + gate, (uint32_t)r, (uint32_t)i, x);
			rng_normal2(x[0], x[1], z);
			v[i] = (real)z[0];
			norm += z[0] * z[0];
			if (i + 1 < n) {
				v[i + 1] = (real)z[1];
				norm += z[1] * z[1];
			}
		}
		real twice = (real)(-2 / norm);
		memset(s + r, 0, (n - r) * sizeof *s);
		for (size_t i = r; i < n; i++)
			k->axpy(n - r, s + r, v[i], q + i * n + r);
		for (size_t i = r; i < n; i++)
			k->axpy(n - r, q + i * n + r, twice * v[i], s + r);
	}
}

int model_init(struct model *m, uint64_t seed, struct err *e)
{
	const struct model_config *c = &m->cfg;
	size_t H = (size_t)c->hidden;
	real *scratch = mem_new(2 * H, sizeof *scratch, e);
	if (!scratch)
		return -1;
	memset(m->w, 0, m->size * sizeof *m->w);

	/* A symbol's vector has entries of order one; tied to the output it must be
	 * as small as an output matrix. */
	if (m->embed >= 0)
		init_uniform(m, m->embed, c->tie ? 1 / sqrt((double)H) : 1, seed);
	for (int l = 0; l < c->layers; l++) {
		const struct layer_params *p = &m->layer[l];
		double bound = l ? 1 / sqrt((double)H) : c->embed ? 1 / sqrt((double)c->embed) : ONE_HOT_BOUND;
		init_uniform(m, p->wx, bound, seed);
		for (int g = 0; g < m->cell->gates; g++) {
			init_orthogonal(model_param(m, p->wh) + (size_t)g * H * H, H, seed, (uint32_t)p->wh,
			                (uint32_t)g, scratch, scratch + H);
			for (size_t u = 0; u < H; u++)
				model_param(m, p->bx)[(size_t)g * H + u] = m->cell->bias[g];
		}
	}
	if (!c->tie)
		init_uniform(m, m->out_w, 1 / sqrt((double)H), seed);
	mem_free(scratch);
	m->version++;
	return 0;
}

int state_new(struct state *s, const struct model *m, int batch, struct err *e)
{
	*s = (struct state){.layers = m->cfg.layers, .states = m->cell->states, .batch = batch,
	                    .hidden = m->cfg.hidden};
	s->s = mem_new((size_t)s->layers * (size_t)s->states * (size_t)batch, (size_t)s->hidden * sizeof(real), e);
	return s->s ? 0 : -1;
}

void state_clear(struct state *s)
{
	memset(s->s, 0, sizeof(real) * (size_t)s->layers * (size_t)s->states * (size_t)s->batch * (size_t)s->hidden);
}

void state_copy(struct state *to, int i, const struct state *from, int j)
{
	size_t H = (size_t)to->hidden;
	for (size_t k = 0; k < (size_t)to->layers * (size_t)to->states; k++)
		memmove(to->s + (k * (size_t)to->batch + (size_t)i) * H, from->s + (k * (size_t)from->batch + (size_t)j) * H,
		        H * sizeof(real));
}

void state_free(struct state *s)
{
	mem_free(s->s);
	*s = (struct state){0};
}
