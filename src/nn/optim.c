/* Clipping and Adam. Work is cut in chunks of fixed size, so that sums do not
 * depend on the number of threads. */
#include "nn/optim.h"

#include <math.h>
#include <string.h>

#include "base/mem.h"
#include "nn/muon.h"

const char *const optimizer_names[] = {"muon", "adam", "adamw", "rmsprop", "sgd", NULL};

enum { CHUNK = 1 << 14 };

struct step_job {
	struct optim *o;
	const struct model *m;
	real *grad;
	struct adam_step step;
};

/* --- making ---------------------------------------------------------------------- */

/* Muon's matrices: those that take hidden units to hidden units, gate by gate. What reads
 * symbols, and the output, are left to Adam: their rows stand for symbols, each of
 * which has a frequency of its own. */
static int find_matrices(struct optim *o, const struct model *m, struct err *e)
{
	size_t H = (size_t)m->cfg.hidden, most = 2 * (size_t)m->cfg.layers * (size_t)m->cell->gates;
	o->by_matrix = mem_new((size_t)m->nlist, sizeof *o->by_matrix, e);
	o->matrix = mem_new(most, sizeof *o->matrix, e);
	if (!o->by_matrix || !o->matrix)
		return -1;
	for (int l = 0; l < m->cfg.layers; l++) {
		bool reads_symbols = l == 0 && m->embed < 0;
		const int index[] = {m->layer[l].wx, m->layer[l].wh};
		for (int k = reads_symbols ? 1 : 0; k < 2; k++) {
			const struct param *p = &m->list[index[k]];
			o->by_matrix[index[k]] = true;
			o->largest = H * p->cols > o->largest ? H * p->cols : o->largest;
			for (size_t r = 0; r < p->rows; r += H)
				o->matrix[o->nmatrices++] = (struct optim_matrix){p->offset + r * p->cols, H, p->cols};
		}
	}
	return 0;
}

static int make_muon(struct optim *o, const struct model *m, struct err *e)
{
	if (find_matrices(o, m, e))
		return -1;
	o->muon = muon_new(m->cfg.precision, (size_t)m->cfg.hidden, o->largest / (size_t)m->cfg.hidden, e);
	o->update = mem_block(o->largest, sizeof *o->update, e);
	return o->muon && o->update ? 0 : -1;
}

int optim_new(struct optim *o, const struct model *m, const struct optim_config *cfg, struct err *e)
{
	*o = (struct optim){.cfg = *cfg, .chunks = (m->size + CHUNK - 1) / CHUNK};
	o->m = mem_block(m->size, sizeof *o->m, e);
	o->v = mem_block(m->size, sizeof *o->v, e);
	o->partial = mem_new(o->chunks, sizeof *o->partial, e);
	if (o->m && o->v && o->partial && (cfg->kind != OPTIM_MUON || make_muon(o, m, e) == 0))
		return 0;
	optim_free(o);
	return -1;
}

void optim_free(struct optim *o)
{
	muon_free(o->muon);
	mem_free(o->update);
	mem_free(o->matrix);
	mem_free(o->by_matrix);
	mem_free(o->m);
	mem_free(o->v);
	mem_free(o->partial);
	*o = (struct optim){0};
}

/* --- the step ---------------------------------------------------------------------- */

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
	struct step_job j = {.o = o, .m = m, .grad = (real *)grad};
	double sum = 0;
	pool_run(pool, norm_part, &j);
	for (size_t c = 0; c < o->chunks; c++)
		sum += o->partial[c];
	return sqrt(sum);
}

/* n elements of a view from element at of the block on. */
static void step_elements(const struct step_job *j, size_t at, size_t n, double decay)
{
	const struct kern *k = kern_get();
	struct adam_step s = j->step;
	real *w = j->m->w + at, *g = j->grad + at, *m = j->o->m + at, *v = j->o->v + at;

	switch (j->o->cfg.kind) {
	case OPTIM_MUON:
	case OPTIM_ADAMW:
		s.decay = (real)decay;
		k->adam(n, w, g, m, v, &s);
		break;
	case OPTIM_ADAM:
	case OPTIM_RMSPROP:
		if (decay > 0)
			k->axpy(n, g, (real)decay / s.scale, w);
		k->adam(n, w, g, m, v, &s);
		break;
	case OPTIM_SGD:
		k->scale(n, m, (real)j->o->cfg.momentum);
		k->axpy(n, m, s.scale, g);
		k->axpy(n, m, (real)decay, w);
		k->axpy(n, w, -s.lr, m);
		break;
	}
}

/* Each part takes its share of every view, so that decay can spare the vectors. */
static void step_part(void *arg, int part, int parts)
{
	struct step_job *j = arg;
	const struct optim *o = j->o;
	const struct kern *k = kern_get();
	for (int i = 0; i < j->m->nlist; i++) {
		const struct param *p = &j->m->list[i];
		size_t lo, hi;
		pool_share(part, parts, p->rows * p->cols, 16, &lo, &hi);
		if (o->by_matrix && o->by_matrix[i]) {
			k->scale(hi - lo, o->m + p->offset + lo, (real)o->cfg.momentum);
			k->axpy(hi - lo, o->m + p->offset + lo, j->step.scale, j->grad + p->offset + lo);
		} else {
			step_elements(j, p->offset + lo, hi - lo, p->ndim == 2 ? o->cfg.decay : 0);
		}
	}
}

struct matrix_job {
	const struct step_job *step;
	const struct optim_matrix *q;
};

/* What is to be orthogonalised: g + momentum m, m being the momentum's sum with g in it
 * already: Nesterov's form. */
static void update_part(void *arg, int part, int parts)
{
	const struct matrix_job *j = arg;
	const struct optim *o = j->step->o;
	size_t lo, hi;
	pool_share(part, parts, j->q->rows * j->q->cols, 16, &lo, &hi);
	memcpy(o->update + lo, o->m + j->q->offset + lo, (hi - lo) * sizeof(real));
	kern_get()->scale(hi - lo, o->update + lo, (real)o->cfg.momentum);
	kern_get()->axpy(hi - lo, o->update + lo, j->step->step.scale, j->step->grad + j->q->offset + lo);
}

/* w -= lr (decay w + direction). A matrix with more rows than columns moves further, as
 * Jordan et al. have it. */
static void move_part(void *arg, int part, int parts)
{
	const struct matrix_job *j = arg;
	const struct optim *o = j->step->o;
	double lr = MUON_TURNS * (double)j->step->step.lr * o->cfg.muon_ratio;
	size_t lo, hi, rows = j->q->rows, cols = j->q->cols;
	pool_share(part, parts, rows * cols, 16, &lo, &hi);
	real *w = j->step->m->w + j->q->offset + lo;
	if (rows > cols)
		lr *= sqrt((double)rows / (double)cols);
	if (o->cfg.decay > 0)
		kern_get()->scale(hi - lo, w, (real)(1 - lr * o->cfg.decay));
	kern_get()->axpy(hi - lo, w, (real)-lr, o->update + lo);
}

/* The matrices whose turn it is. */
static void step_matrices(const struct step_job *step, struct pool *pool)
{
	const struct optim *o = step->o;
	for (size_t i = o->steps % MUON_TURNS; i < o->nmatrices; i += MUON_TURNS) {
		struct matrix_job j = {step, &o->matrix[i]};
		pool_run(pool, update_part, &j);
		muon_direction(o->muon, pool, j.q->rows, j.q->cols, o->update);
		pool_run(pool, move_part, &j);
	}
}

void optim_step(struct optim *o, struct model *m, real *grad, double norm, double lr,
                struct pool *pool)
{
	const struct optim_config *c = &o->cfg;
	double t = (double)++o->steps, beta1 = c->kind == OPTIM_RMSPROP ? 0 : c->beta1;
	bool correct = c->kind != OPTIM_RMSPROP;
	struct step_job j = {.o = o, .m = m, .grad = grad};
	j.step = (struct adam_step){
		.lr = (real)lr,
		.beta1 = (real)beta1,
		.beta2 = (real)c->beta2,
		.eps = (real)c->eps,
		.bias1 = correct ? (real)(1 / (1 - pow(beta1, t))) : 1,
		.bias2 = correct ? (real)(1 / (1 - pow(c->beta2, t))) : 1,
		.scale = c->clip > 0 && norm > c->clip ? (real)(c->clip / norm) : 1,
	};
	pool_run(pool, step_part, &j);
	step_matrices(&j, pool);
	m->version++;
}
