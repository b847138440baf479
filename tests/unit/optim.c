/* nn/optim against Adam written out plainly in double. */
#include "nn.h"
#include "nn/optim.h"

/* The same formulas as the header names, number by number. */
struct plain {
	double *w, *m, *v;
	int steps;
};

static void plain_step(struct plain *p, const struct model *m, const real *grad, const struct optim_config *c, double lr)
{
	double norm = 0;
	for (size_t i = 0; i < m->size; i++)
		norm += (double)grad[i] * (double)grad[i];
	norm = sqrt(norm);
	double scale = c->clip > 0 && norm > c->clip ? c->clip / norm : 1;
	p->steps++;
	for (int k = 0; k < m->nlist; k++)
		for (size_t i = m->list[k].offset, n = i + m->list[k].rows * m->list[k].cols; i < n; i++) {
			double g = scale * (double)grad[i];
			p->m[i] = c->beta1 * p->m[i] + (1 - c->beta1) * g;
			p->v[i] = c->beta2 * p->v[i] + (1 - c->beta2) * g * g;
			double mhat = p->m[i] / (1 - pow(c->beta1, p->steps)), vhat = p->v[i] / (1 - pow(c->beta2, p->steps));
			if (m->list[k].ndim == 2)
				p->w[i] -= lr * c->decay * p->w[i];
			p->w[i] -= lr * mhat / (sqrt(vhat) + c->eps);
		}
}

/* A gradient: zero between the views, as work_train leaves it. */
static void draw_grad(const struct model *m, real *grad, uint32_t series, double scale)
{
	memset(grad, 0, m->size * sizeof *grad);
	for (int k = 0; k < m->nlist; k++)
		for (size_t i = 0; i < m->list[k].rows * m->list[k].cols; i++)
			grad[m->list[k].offset + i] = (real)(scale * noise(series, m->list[k].offset + i));
}

static double far(const real *got, const double *want, size_t n, double scale)
{
	double worst = 0;
	for (size_t i = 0; i < n; i++) {
		double d = fabs((double)got[i] - want[i]) / scale;
		worst = !(d <= worst) ? d : worst;
	}
	return worst;
}

/* Any cell will do. */
static const struct model_config small = {.cell = 2, .layers = 2, .hidden = 7, .embed = 7, .vocab = 11, .tie = true};
static const struct optim_config adam = {.beta1 = 0.9, .beta2 = 0.99, .eps = 1e-8};

/* Clipping in two of the steps, not in the third; the rate changes. */
static void reference(void)
{
	for (int cell = 0; cell_names[cell]; cell++)
		for (int kind = 0; kind < 4; kind++) {
			struct model_config mc = small;
			struct optim_config oc = adam;
			struct model m;
			struct optim o;
			struct err e = {{0}};
			mc.cell = cell;
			mc.tie = kind & 1;
			oc.decay = kind & 1 ? 0.1 : 0;
			oc.clip = kind & 2 ? 2.5 : 0;
			oc.eps = kind & 2 ? 1e-8 : 1e-2;
			if (make_model(&m, &mc, 0.5) || ready(optim_new(&o, &m, &oc, &e), &e))
				return;
			struct plain p = {calloc(m.size, sizeof(double)), calloc(m.size, sizeof(double)), calloc(m.size, sizeof(double)), 0};
			real *grad = calloc(m.size, sizeof *grad);
			for (size_t i = 0; i < m.size; i++)
				p.w[i] = (double)m.w[i];
			double g = 0; /* the largest entries so far: errors are measured by them */
			for (int step = 0; step < 3; step++) {
				const double scales[] = {1, 0.02, 30}, rates[] = {1e-2, 3e-3, 5e-2};
				uint64_t version = m.version;
				draw_grad(&m, grad, 50 + (uint32_t)step, scales[step]);
				double norm = optim_norm(&o, &m, grad, NULL);
				CHECK((norm > 2.5) == (step != 1));
				optim_step(&o, &m, grad, norm, rates[step], NULL);
				plain_step(&p, &m, grad, &oc, rates[step]);
				g = fmax(g, kind & 2 ? fmin(scales[step], 2.5) : scales[step]);
				CHECK_NEAR(far(m.w, p.w, m.size, 1), 0, 1e-6);
				CHECK_NEAR(far(o.m, p.m, m.size, g), 0, 1e-6);
				CHECK_NEAR(far(o.v, p.v, m.size, g * g), 0, 1e-6);
				CHECK_INT(o.steps, step + 1);
				CHECK(m.version > version);
			}
			/* The paddings stayed zero. */
			for (int k = 0; k + 1 < m.nlist; k++)
				for (size_t i = m.list[k].offset + m.list[k].rows * m.list[k].cols; i < m.list[k + 1].offset; i++)
					CHECK(m.w[i] == 0 && o.m[i] == 0 && o.v[i] == 0);
			free(grad);
			free(p.w);
			free(p.m);
			free(p.v);
			optim_free(&o);
			model_free(&m);
		}
}

/* Decay takes from matrices, each entry once, and spares the vectors. */
static void decay(void)
{
	struct optim_config oc = adam;
	struct model m;
	struct optim o;
	struct err e = {{0}};
	oc.decay = 0.25;
	if (make_model(&m, &small, 0.5) || ready(optim_new(&o, &m, &oc, &e), &e))
		return;
	real *grad = calloc(m.size, sizeof *grad), *before = calloc(m.size, sizeof *before);
	memcpy(before, m.w, m.size * sizeof *before);
	optim_step(&o, &m, grad, 0, 0.1, NULL);
	for (int k = 0; k < m.nlist; k++)
		for (size_t i = m.list[k].offset, n = i + m.list[k].rows * m.list[k].cols; i < n; i++) {
			double want = (double)before[i] * (m.list[k].ndim == 2 ? 1 - 0.1 * 0.25 : 1);
			CHECK_NEAR(m.w[i], want, m.list[k].ndim == 2 ? 1e-7 : 0);
		}
	free(grad);
	free(before);
	optim_free(&o);
	model_free(&m);
}

/* One step with a clipping threshold and a wrong norm; leaves the weights in out. */
static void step_with(double clip, double norm_factor, real *out, size_t size)
{
	struct optim_config oc = adam;
	struct model m;
	struct optim o;
	struct err e = {{0}};
	oc.clip = clip;
	oc.eps = 1; /* so that the gradient's size matters in the first step */
	if (make_model(&m, &small, 0.5) || ready(optim_new(&o, &m, &oc, &e), &e))
		return;
	real *grad = calloc(m.size, sizeof *grad);
	draw_grad(&m, grad, 60, 1);
	CHECK_INT(m.size, size);
	optim_step(&o, &m, grad, optim_norm(&o, &m, grad, NULL) * norm_factor, 0.01, NULL);
	memcpy(out, m.w, size * sizeof *out);
	free(grad);
	optim_free(&o);
	model_free(&m);
}

static void clip(void)
{
	struct model m;
	struct optim o;
	struct err e = {{0}};
	if (make_model(&m, &small, 0.5) || ready(optim_new(&o, &m, &adam, &e), &e))
		return;
	size_t bytes = m.size * sizeof(real);
	real *grad = calloc(m.size, sizeof *grad), *none = calloc(1, bytes), *other = calloc(1, bytes), *half = calloc(1, bytes);
	draw_grad(&m, grad, 60, 1);
	double norm = optim_norm(&o, &m, grad, NULL);
	step_with(0, 1, none, m.size);
	step_with(norm, 1, other, m.size); /* exactly at the threshold: untouched */
	CHECK(memcmp(none, other, bytes) == 0);
	step_with(norm * 1.5, 1, other, m.size);
	CHECK(memcmp(none, other, bytes) == 0);
	step_with(0, 1e30, other, m.size); /* 0 means none, whatever the norm */
	CHECK(memcmp(none, other, bytes) == 0);
	step_with(norm / 2, 1, half, m.size);
	CHECK(memcmp(none, half, bytes) != 0);
	/* Threshold and norm matter by their ratio only: to half, not to length 1. */
	step_with(norm, 2, other, m.size);
	CHECK(memcmp(half, other, bytes) == 0);
	free(grad);
	free(none);
	free(other);
	free(half);
	optim_free(&o);
	model_free(&m);
}

static void norm(void)
{
	struct model_config mc = {.cell = 0, .layers = 1, .hidden = 200, .vocab = 301}; /* several chunks, the last cut */
	struct model m;
	struct optim o;
	struct err e = {{0}};
	if (make_model(&m, &mc, 0.5) || ready(optim_new(&o, &m, &adam, &e), &e))
		return;
	real *grad = calloc(m.size, sizeof *grad);
	draw_grad(&m, grad, 70, 1e-3);
	double sum = 0;
	for (size_t i = 0; i < m.size; i++)
		sum += (double)grad[i] * (double)grad[i];
	double got = optim_norm(&o, &m, grad, NULL);
	CHECK_NEAR(got, sqrt(sum), 1e-12);
	grad[m.list[m.out_b].offset + 300] = 1000; /* the last number counts */
	CHECK_NEAR(optim_norm(&o, &m, grad, NULL), sqrt(sum + 1e6), 1e-6);
	grad[m.list[m.out_b].offset + 300] = (real)NAN;
	CHECK(isnan(optim_norm(&o, &m, grad, NULL)));
	grad[m.list[m.out_b].offset + 300] = (real)INFINITY;
	CHECK(!isfinite(optim_norm(&o, &m, grad, NULL)));
	grad[m.list[m.out_b].offset + 300] = (real)1e30; /* its square is more than a float holds */
	CHECK_NEAR(optim_norm(&o, &m, grad, NULL) / (double)(real)1e30, 1, 1e-9);
	free(grad);
	optim_free(&o);
	model_free(&m);
}

static void threads(void)
{
	struct model_config mc = {.cell = 3, .layers = 1, .hidden = 90, .vocab = 37};
	struct optim_config oc = adam;
	real *first = NULL;
	double norms[3] = {0};
	oc.clip = 1;
	oc.decay = 0.01;
	for (int threads = 1; threads <= 3; threads++) {
		struct pool *pool = pool_new(threads, NULL);
		struct model m;
		struct optim o;
		struct err e = {{0}};
		if (make_model(&m, &mc, 0.5) || ready(optim_new(&o, &m, &oc, &e), &e))
			return;
		real *grad = calloc(m.size, sizeof *grad);
		CHECK(o.chunks > 2);
		if (!first)
			first = calloc(3 * m.size, sizeof *first);
		for (int step = 0; step < 3; step++) {
			draw_grad(&m, grad, 80 + (uint32_t)step, 1);
			double n = optim_norm(&o, &m, grad, pool);
			if (threads == 1)
				norms[step] = n;
			CHECK(n == norms[step] && n > 1);
			optim_step(&o, &m, grad, n, 0.01, pool);
		}
		size_t bytes = m.size * sizeof(real);
		if (threads == 1) {
			memcpy(first, m.w, bytes);
			memcpy(first + m.size, o.m, bytes);
			memcpy(first + 2 * m.size, o.v, bytes);
		}
		CHECK(memcmp(first, m.w, bytes) == 0);
		CHECK(memcmp(first + m.size, o.m, bytes) == 0);
		CHECK(memcmp(first + 2 * m.size, o.v, bytes) == 0);
		free(grad);
		optim_free(&o);
		model_free(&m);
		pool_free(pool);
	}
	free(first);
}

static void failing_memory(void)
{
	struct model m;
	struct optim o = {0};
	if (make_model(&m, &small, 0.5))
		return;
	for (long n = 1; n <= 4; n++) {
		struct err e = {{0}};
		mem_fail_at(n);
		int rc = optim_new(&o, &m, &adam, &e);
		mem_fail_at(0);
		CHECK_INT(rc, n < 4 ? -1 : 0);
		if (rc) {
			CHECK_HAS(e.msg, "out of memory");
			CHECK(!o.m && !o.v && !o.partial);
		}
	}
	optim_free(&o);
	optim_free(&o); /* zeros: fine */
	model_free(&m);
}

TEST_MAIN("optim", {"reference", reference}, {"decay", decay}, {"clip", clip}, {"norm", norm}, {"threads", threads},
          {"failing_memory", failing_memory})
