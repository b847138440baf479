/* Every derivative of every cell against central differences, in double. */
#include "test.h"

#include <stdlib.h>

#include "base/rng.h"
#include "nn/work.h"

enum { T = 5, B = 3, V = 7 };

static const uint32_t ids_in[T * B] = {0, 3, 6, 1, 3, 2, 5, 0, 4, 6, 6, 1, 2, 5, 3};
static const uint32_t ids_target[T * B] = {3, 1, 2, 5, NO_TARGET, 4, 6, 6, 1, 2, 5, 3, 0, NO_TARGET, 6};
static const uint8_t resets[T * B] = {0, 1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1, 0, 0, 0};

static double noise(uint32_t i)
{
	uint32_t x[4];
	rng_draw(7, RNG_TEST, 0, 0, 0, i, x);
	return 2 * rng_unit53(x[0], x[1]) - 1;
}

struct setup {
	struct model m;
	struct work *w;
	struct state state;
	struct block b;
	struct dropout drop;
	size_t nstate;
	real *start; /* the state carried in */
};

static double loss_at(struct setup *s)
{
	size_t n;
	memcpy(s->state.s, s->start, s->nstate * sizeof(real));
	s->m.version++;
	work_forward(s->w, &s->b, &s->state);
	double sum = work_loss(s->w, &s->b, NULL, &n);
	return sum / (double)n;
}

/* Fourth-order: Richardson's extrapolation of two central differences. */
static double slope(struct setup *s, real *x)
{
	const double h = 2e-5; /* small, so that no rectified unit crosses zero in between */
	double x0 = *x, d[2];
	for (int i = 0; i < 2; i++) {
		double step = i ? h / 2 : h;
		*x = x0 + step;
		double up = loss_at(s);
		*x = x0 - step;
		double down = loss_at(s);
		d[i] = (up - down) / (2 * step);
	}
	*x = x0;
	return (4 * d[1] - d[0]) / 3;
}

static void check_one(const char *what, size_t i, double got, double want)
{
	double scale = fabs(got) > fabs(want) ? fabs(got) : fabs(want);
	test_checks++;
	if (!(fabs(got - want) <= 1e-6 * scale + 1e-8) && test_bad++ < 20)
		printf("  %s[%zu]: gradient %.12g, difference quotient %.12g\n", what, i, got, want);
}

static void check(const struct model_config *cfg, double dropout, bool reset)
{
	struct err e = {""};
	struct setup s = {0};
	char label[100];
	snprintf(label, sizeof label, "%s %dx%d embed %d%s%s%s%s", cell_names[cfg->cell], cfg->layers, cfg->hidden,
	         cfg->embed, cfg->tie ? " tied" : "", cfg->residual ? " residual" : "", dropout > 0 ? " dropout" : "",
	         reset ? " reset" : "");
	struct work_config wc = {.T = T, .B = B, .train = true, .resets = true, .dropout = dropout > 0, .dropout_hh = dropout > 0};
	if (model_new(&s.m, cfg, &e) || state_new(&s.state, &s.m, B, &e) || !(s.w = work_new(&s.m, &wc, NULL, &e))) {
		printf("  %s\n", e.msg);
		CHECK(!"set up");
		return;
	}
	s.nstate = (size_t)(cfg->layers * s.m.cell->states * B * cfg->hidden);
	s.start = calloc(s.nstate, sizeof(real));
	real *grad = calloc(s.m.size, sizeof(real)), *ds = calloc(s.nstate, sizeof(real));
	for (int p = 0; p < s.m.nlist; p++)
		for (size_t i = 0; i < s.m.list[p].rows * s.m.list[p].cols; i++)
			model_param(&s.m, p)[i] = 0.7 * noise((uint32_t)(p * 10000) + (uint32_t)i);
	for (size_t i = 0; i < s.nstate; i++)
		s.start[i] = noise(900000 + (uint32_t)i);
	s.m.version++;
	s.drop = (struct dropout){.input = dropout, .layers = dropout / 2, .output = dropout, .hh = dropout, .seed = 5, .step = 2};
	s.b = (struct block){.T = T, .B = B, .in = ids_in, .target = ids_target, .reset = reset ? resets : NULL,
	                     .drop = dropout > 0 ? &s.drop : NULL};

	memcpy(s.state.s, s.start, s.nstate * sizeof(real));
	double loss = work_train(s.w, &s.b, &s.state, grad, ds);
	CHECK_NEAR(loss, loss_at(&s), 1e-12);
	for (int p = 0; p < s.m.nlist; p++) {
		const struct param *v = &s.m.list[p];
		long bad = test_bad;
		for (size_t i = 0; i < v->rows * v->cols; i++)
			check_one(v->name, i, grad[v->offset + i], slope(&s, model_param(&s.m, p) + i));
		if (test_bad > bad)
			printf("  in %s: %s\n", label, v->name);
	}
	long bad = test_bad;
	for (size_t i = 0; i < s.nstate; i++)
		check_one("state", i, ds[i], slope(&s, s.start + i));
	if (test_bad > bad)
		printf("  in %s: state\n", label);

	free(grad);
	free(ds);
	free(s.start);
	work_free(s.w);
	state_free(&s.state);
	model_free(&s.m);
}

/* All cells, whichever the list has. */
static void each_cell(int layers, int hidden, int embed, bool tie, bool residual, double dropout, bool reset)
{
	for (int c = 0; cell_names[c]; c++) {
		struct model_config cfg = {.cell = c, .layers = layers, .hidden = hidden, .embed = embed, .vocab = V,
		                           .tie = tie, .residual = residual};
		check(&cfg, dropout, reset);
	}
}

static void one_layer(void)
{
	each_cell(1, 6, 0, false, false, 0, false);
	each_cell(1, 16, 0, false, false, 0, false);
}
static void three_layers(void)
{
	each_cell(3, 5, 0, false, false, 0, false);
}
static void embedding(void)
{
	each_cell(1, 6, 5, false, false, 0, false);
	each_cell(3, 5, 4, false, false, 0, false);
}
static void tying(void)
{
	each_cell(2, 5, 5, true, false, 0, false);
}
static void residual(void)
{
	each_cell(3, 5, 0, false, true, 0, false);
}
static void dropout(void)
{
	each_cell(2, 6, 0, false, false, 0.4, false);
	each_cell(2, 6, 5, false, true, 0.4, false);
}
static void reset(void)
{
	each_cell(2, 6, 0, false, false, 0, true);
	each_cell(1, 17, 4, false, false, 0, true);
}

/* The check itself must be able to fail: a gradient with the wrong sign does. */
static void detects_sign(void)
{
	long checks = test_checks, bad = test_bad;
	double g = 0.25;
	test_bad = 1000; /* quiet */
	check_one("sign", 0, -g, g);
	check_one("nan", 0, (double)NAN, g);
	long found = test_bad - 1000;
	test_bad = bad;
	test_checks = checks;
	CHECK_INT(found, 2);
}

TEST_MAIN("grad", {"one_layer", one_layer}, {"three_layers", three_layers}, {"embedding", embedding},
          {"tying", tying}, {"residual", residual}, {"dropout", dropout}, {"reset", reset},
          {"detects_sign", detects_sign})
