/* For the tests of src/nn: models of any kind with numbers drawn for weights,
 * ids, and the kernel set that RNNLM_CPU asks for. */
#ifndef RNNLM_TESTS_NN_H
#define RNNLM_TESTS_NN_H

#include <stdlib.h>

#include "base/mem.h"
#include "base/rng.h"
#include "nn/work.h"
#include "test.h"

/* Uniform in [-1, 1): number i of a series. */
static inline double noise(uint32_t series, size_t i)
{
	uint32_t x[4];
	rng_draw(11, RNG_TEST, series, 0, (uint32_t)(i >> 32), (uint32_t)i, x);
	return 2 * rng_unit53(x[0], x[1]) - 1;
}

/* n ids below V: series fixes which. */
static inline void draw_ids(uint32_t *ids, size_t n, int V, uint32_t series)
{
	for (size_t i = 0; i < n; i++) {
		uint32_t x[4];
		rng_draw(12, RNG_TEST, series, 0, 0, (uint32_t)i, x);
		ids[i] = (uint32_t)(rng_unit32(x[0]) * V);
	}
}

/* A check that what must be set up was. */
static inline int ready(int rc, const struct err *e)
{
	if (rc)
		printf("  %s\n", e->msg);
	CHECK(rc == 0);
	return rc;
}

/* Every weight uniform in +-scale, biases among them. */
static inline void fill_model(struct model *m, double scale)
{
	for (int p = 0; p < m->nlist; p++)
		for (size_t i = 0; i < m->list[p].rows * m->list[p].cols; i++)
			model_param(m, p)[i] = (real)(scale * noise((uint32_t)p, i));
	m->version++;
}

/* Of the models made: a test can be run again in bf16. */
static enum precision test_precision;

static inline int make_model(struct model *m, const struct model_config *cfg, double scale)
{
	struct err e = {{0}};
	struct model_config c = *cfg;
	c.precision = test_precision;
	*m = (struct model){0};
	if (ready(kern_init(&e) || model_new(m, &c, &e), &e))
		return -1;
	fill_model(m, scale);
	return 0;
}

/* All kinds of dropout at one rate. */
static inline struct dropout drop_all(double rate, uint64_t seed, uint32_t step)
{
	return (struct dropout){.input = (real)rate, .layers = (real)rate, .output = (real)rate, .hh = (real)rate,
	                        .seed = seed, .step = step};
}

static inline size_t state_size(const struct state *s)
{
	return (size_t)s->layers * (size_t)s->states * (size_t)s->batch * (size_t)s->hidden;
}

/* Largest |x - y| over the largest |y|. */
static inline double distance(const real *x, const real *y, size_t n)
{
	double worst = 0, scale = 0;
	for (size_t i = 0; i < n; i++) {
		double d = fabs((double)x[i] - (double)y[i]);
		worst = !(d <= worst) ? d : worst; /* NaN stays */
		scale = fmax(scale, fabs((double)y[i]));
	}
	return scale > 0 ? worst / scale : worst;
}

#endif
