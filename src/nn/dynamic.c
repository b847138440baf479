/* Dynamic evaluation: score a segment, then learn from it. */
#include "nn/dynamic.h"

#include <math.h>
#include <string.h>

#include "base/mem.h"

static const double EPS = 0.03;           /* of the root mean square of all gradients */
static const double LEAST_SHARE = 0.001; /* share of the newest segment in the mean of g^2 */

struct step_job {
	struct dynamic *d;
	real share, lr, eps, decay;
};

int dynamic_new(struct dynamic *d, const struct model *trained, const struct dynamic_config *cfg,
                struct pool *pool, struct err *e)
{
	*d = (struct dynamic){.cfg = *cfg, .pool = pool, .trained = trained};
	if (model_new(&d->model, &trained->cfg, e) || state_new(&d->state, trained, 1, e) ||
	    !(d->grad = mem_block(trained->size, sizeof *d->grad, e)) ||
	    !(d->v = mem_block(trained->size, sizeof *d->v, e)) ||
	    !(d->work = work_new(&d->model, &(struct work_config){.T = cfg->seq, .B = 1, .train = true}, pool, e))) {
		dynamic_free(d);
		return -1;
	}
	memcpy(d->model.w, trained->w, trained->size * sizeof(real));
	d->model.version++;
	return 0;
}

void dynamic_free(struct dynamic *d)
{
	work_free(d->work);
	state_free(&d->state);
	model_free(&d->model);
	mem_free(d->grad);
	mem_free(d->v);
	*d = (struct dynamic){0};
}

void dynamic_begin(struct dynamic *d)
{
	state_clear(&d->state);
}

static void step_part(void *arg, int part, int parts)
{
	struct step_job *j = arg;
	const real *g = j->d->grad, *trained = j->d->trained->w;
	real *v = j->d->v, *w = j->d->model.w;
	size_t lo, hi;
	pool_share(part, parts, j->d->model.size, 16, &lo, &hi);
	for (size_t i = lo; i < hi; i++) {
		v[i] += j->share * (g[i] * g[i] - v[i]);
		real root = (real)sqrt((double)v[i]);
		w[i] += j->decay * (trained[i] - w[i]) - j->lr * g[i] / (root + j->eps);
	}
}

/* targets: of the segment. */
static void learn(struct dynamic *d, double g2, size_t targets)
{
	double share = 1 / (double)++d->segments, part = (double)targets / d->cfg.seq;
	share = share > LEAST_SHARE ? share : LEAST_SHARE;
	d->norm2 += share * (g2 - d->norm2);
	struct step_job j = {.d = d, .share = (real)share, .lr = (real)(d->cfg.lr * part),
	                     .eps = (real)(EPS * sqrt(d->norm2 / (double)d->model.count)),
	                     .decay = (real)(d->cfg.decay * part)};
	if (!(j.eps > 0)) /* no gradient so far */
		return;
	pool_run(d->pool, step_part, &j);
	d->model.version++;
}

int dynamic_read(struct dynamic *d, const uint32_t *in, const uint32_t *target, size_t n, real *nats,
                 struct err *e)
{
	struct block b = {.T = (int)n, .B = 1, .in = in, .target = target};
	size_t targets = 0;
	for (size_t i = 0; i < n; i++)
		targets += target[i] != NO_TARGET;
	double loss = work_train(d->work, &b, &d->state, d->grad, NULL);
	double g2 = kern_get()->sumsq(d->model.size, d->grad);
	memcpy(nats, work_nats(d->work), n * sizeof(real));
	if (!isfinite(loss) || !isfinite(g2))
		return err_set(e, "the weights that go on learning have left all bounds: the rate %g is too high",
		               d->cfg.lr);
	if (targets)
		learn(d, g2, targets);
	return 0;
}
