/* Clipping and Adam. Work is cut in chunks of fixed size, so that sums do not
 * depend on the number of threads. */
#include "nn/optim.h"

#include <math.h>

#include "base/mem.h"

enum { CHUNK = 1 << 14 };

struct step_job {
	struct optim *o;
	const struct model *m;
	const real *grad;
	struct adam_step step;
};

int optim_new(struct optim *o, const struct model *m, const struct optim_config *cfg, struct err *e)
{
	*o = (struct optim){.cfg = *cfg, .chunks = (m->size + CHUNK - 1) / CHUNK};
	o->m = mem_block(m->size, sizeof *o->m, e);
	o->v = mem_block(m->size, sizeof *o->v, e);
	o->partial = mem_new(o->chunks, sizeof *o->partial, e);
	if (o->m && o->v && o->partial)
		return 0;
	optim_free(o);
	return -1;
}

void optim_free(struct optim *o)
{
	mem_free(o->m);
	mem_free(o->v);
	mem_free(o->partial);
	*o = (struct optim){0};
}

static void norm_part(void *arg, int part, int parts)
{
	struct step_job *j = arg;
	size_t lo, hi;
	pool_share(part, parts, j->o->chunks, 1, &lo, &hi);
	for (size_t c = lo; c < hi; c++) {
		size_t at = c * CHUNK, n = j->m->size - at < CHUNK ? j->m->size - at : CHUNK;
		j->o->partial[c] = kern_get()->sumsq(n, j->grad + at);
	}
}

double optim_norm(struct optim *o, const struct model *m, const real *grad, struct pool *pool)
{
	struct step_job j = {.o = o, .m = m, .grad = grad};
	double sum = 0;
	pool_run(pool, norm_part, &j);
	for (size_t c = 0; c < o->chunks; c++)
		sum += o->partial[c];
	return sqrt(sum);
}

/* Each part takes its share of every view, so that decay can spare the vectors. */
static void step_part(void *arg, int part, int parts)
{
	struct step_job *j = arg;
	for (int i = 0; i < j->m->nlist; i++) {
		const struct param *p = &j->m->list[i];
		struct adam_step s = j->step;
		size_t lo, hi;
		if (p->ndim < 2)
			s.decay = 0;
		pool_share(part, parts, p->rows * p->cols, 16, &lo, &hi);
		lo += p->offset;
		hi += p->offset;
		kern_get()->adam(hi - lo, j->m->w + lo, j->grad + lo, j->o->m + lo, j->o->v + lo, &s);
	}
}

void optim_step(struct optim *o, struct model *m, const real *grad, double norm, double lr,
                struct pool *pool)
{
	const struct optim_config *c = &o->cfg;
	double t = (double)++o->steps;
	struct step_job j = {.o = o, .m = m, .grad = grad};
	j.step = (struct adam_step){
		.lr = (real)lr,
		.beta1 = (real)c->beta1,
		.beta2 = (real)c->beta2,
		.eps = (real)c->eps,
		.bias1 = (real)(1 / (1 - pow(c->beta1, t))),
		.bias2 = (real)(1 / (1 - pow(c->beta2, t))),
		.decay = (real)c->decay,
		.scale = c->clip > 0 && norm > c->clip ? (real)(c->clip / norm) : 1,
	};
	pool_run(pool, step_part, &j);
	m->version++;
}
