/* nn/optim and nn/muon against the formulas written out plainly in double. */
#include "nn.h"
#include "nn/muon.h"
#include "nn/optim.h"

/* The same formulas as the header names, number by number. */
struct plain {
	double *w, *m, *v;
	int steps;
};

/* y = a b, all (n, n) */
static void product(int n, double *y, const double *a, const double *b)
{
	for (int i = 0; i < n; i++)
		for (int j = 0; j < n; j++) {
			y[i * n + j] = 0;
			for (int k = 0; k < n; k++)
				y[i * n + j] += a[i * n + k] * b[k * n + j];
		}
}

/* Newton-Schulz on x (rows, cols): X = a X + (b A + c A A) X, A = X X', whichever side is
 * smaller. In exact numbers that does not matter, so here it is always X X'. */
static void plain_direction(int rows, int cols, double *x)
{
	double norm = 0, *a = calloc((size_t)rows * (size_t)rows, sizeof *a), *aa = calloc((size_t)rows * (size_t)rows, sizeof *aa);
	double *y = calloc((size_t)rows * (size_t)cols, sizeof *y);
	for (int i = 0; i < rows * cols; i++)
		norm += x[i] * x[i];
	for (int i = 0; norm > 0 && i < rows * cols; i++)
		x[i] /= sqrt(norm);
	for (int step = 0; step < MUON_STEPS; step++) {
		const double *c = muon_coefficients;
		for (int i = 0; i < rows; i++)
			for (int j = 0; j < rows; j++) {
				a[i * rows + j] = 0;
				for (int k = 0; k < cols; k++)
					a[i * rows + j] += x[i * cols + k] * x[j * cols + k];
			}
		product(rows, aa, a, a);
		for (int i = 0; i < rows; i++)
			for (int j = 0; j < cols; j++) {
				y[i * cols + j] = c[0] * x[i * cols + j];
				for (int k = 0; k < rows; k++)
					y[i * cols + j] += (c[1] * a[i * rows + k] + c[2] * aa[i * rows + k]) * x[k * cols + j];
			}
		memcpy(x, y, (size_t)rows * (size_t)cols * sizeof *x);
	}
	free(a);
	free(aa);
	free(y);
}

/* Is it a matrix that takes hidden units to hidden units? By its name. */
static int is_muon(const struct model *m, const struct param *p)
{
	return strncmp(p->name, "rnn.weight_hh", 13) == 0 ||
	       (strncmp(p->name, "rnn.weight_ih", 13) == 0 && (m->embed >= 0 || strcmp(p->name, "rnn.weight_ih_l0") != 0));
}

static int plain_muon(struct plain *p, const struct model *m, const struct param *v, const real *grad, double scale,
                       const struct optim_config *c, double lr, int index)
{
	int H = m->cfg.hidden, cols = (int)v->cols;
	double *u = calloc((size_t)H * v->cols, sizeof *u);
	for (size_t at = v->offset; at < v->offset + v->rows * v->cols; at += (size_t)H * v->cols) {
		for (int i = 0; i < H * cols; i++) {
			double g = scale * (double)grad[at + (size_t)i], *mom = &p->m[at + (size_t)i];
			*mom = c->momentum * *mom + g;
			u[i] = g + c->momentum * *mom;
		}
		if (index++ % MUON_TURNS != p->steps % MUON_TURNS)
			continue;
		plain_direction(H, cols, u);
		double rate = MUON_TURNS * lr * c->muon_ratio * (H > cols ? sqrt((double)H / cols) : 1);
		for (int i = 0; i < H * cols; i++)
			p->w[at + (size_t)i] -= rate * (c->decay * p->w[at + (size_t)i] + u[i]);
	}
	free(u);
	return index;
}

static void plain_step(struct plain *p, const struct model *m, const real *grad, const struct optim_config *c, double lr)
{
	double norm = 0;
	for (size_t i = 0; i < m->size; i++)
		norm += (double)grad[i] * (double)grad[i];
	norm = sqrt(norm);
	double scale = c->clip > 0 && norm > c->clip ? c->clip / norm : 1;
	int index = 0;
	p->steps++;
	for (int k = 0; k < m->nlist; k++) {
		const struct param *v = &m->list[k];
		double decay = v->ndim == 2 ? c->decay : 0;
		if (c->kind == OPTIM_MUON && is_muon(m, v)) {
			index = plain_muon(p, m, v, grad, scale, c, lr, index);
			continue;
		}
		for (size_t i = v->offset, n = i + v->rows * v->cols; i < n; i++) {
			double g = scale * (double)grad[i];
			if (c->kind == OPTIM_SGD) {
				p->m[i] = c->momentum * p->m[i] + g + decay * p->w[i];
				p->w[i] -= lr * p->m[i];
				continue;
			}
			if (c->kind == OPTIM_ADAM || c->kind == OPTIM_RMSPROP)
				g += decay * p->w[i];
			else
				p->w[i] -= lr * decay * p->w[i];
			if (c->kind == OPTIM_RMSPROP) {
				p->m[i] = g;
				p->v[i] = c->beta2 * p->v[i] + (1 - c->beta2) * g * g;
				p->w[i] -= lr * g / (sqrt(p->v[i]) + c->eps);
				continue;
			}
			p->m[i] = c->beta1 * p->m[i] + (1 - c->beta1) * g;
			p->v[i] = c->beta2 * p->v[i] + (1 - c->beta2) * g * g;
			double mhat = p->m[i] / (1 - pow(c->beta1, p->steps)), vhat = p->v[i] / (1 - pow(c->beta2, p->steps));
			p->w[i] -= lr * mhat / (sqrt(vhat) + c->eps);
		}
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
static const struct optim_config adam = {.kind = OPTIM_ADAMW, .beta1 = 0.9, .beta2 = 0.99, .eps = 1e-8, .momentum = 0.95, .muon_ratio = 3};

/* Every optimiser, with and without decay, clipping and tying. Clipping in two of the
 * steps, not in the third; the rate changes. */
static void reference(void)
{
	for (int cell = 0; cell_names[cell]; cell++)
		for (int kind = 0; kind < 4 * 5; kind++) {
			struct model_config mc = small;
			struct optim_config oc = adam;
			struct model m;
			struct optim o;
			struct err e = {{0}};
			mc.cell = cell;
			mc.tie = kind & 1;
			/* Without an embedding, with a narrow one, and with one as wide as the layer. */
			mc.embed = mc.tie || cell == 2 ? 7 : cell == 1 ? 4 : 0;
			oc.kind = (enum optimizer)(kind / 4);
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
			for (int step = 0; step < 10; step++) { /* more than MUON_TURNS */
				const double scales[10] = {1, 0.02, 30, 1, 1, 1, 1, 1, 1, 1};
				const double rates[10] = {1e-2, 3e-3, 5e-2, 1e-2, 1e-2, 1e-2, 1e-2, 1e-2, 1e-2, 1e-2};
				uint64_t version = m.version;
				draw_grad(&m, grad, 50 + (uint32_t)step, scales[step]);
				double norm = optim_norm(&o, &m, grad, NULL);
				CHECK((norm > 2.5) == (step != 1));
				plain_step(&p, &m, grad, &oc, rates[step]);
				optim_step(&o, &m, grad, norm, rates[step], NULL); /* may change grad */
				g = fmax(g, kind & 2 ? fmin(scales[step], 2.5) : scales[step]);
				/* sgd's and muon's steps are long, and their moments sums. */
				bool sums = oc.kind == OPTIM_SGD || oc.kind == OPTIM_MUON;
				CHECK_NEAR(far(m.w, p.w, m.size, sums ? 10 : 1), 0, 1e-6);
				CHECK_NEAR(far(o.m, p.m, m.size, sums ? 3 * g : g), 0, 1e-6);
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

static void threads_of(enum optimizer kind)
{
	struct model_config mc = {.cell = 3, .layers = 2, .hidden = 90, .vocab = 37};
	struct optim_config oc = adam;
	oc.kind = kind;
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

static void threads(void)
{
	for (int kind = OPTIM_MUON; optimizer_names[kind]; kind++)
		threads_of((enum optimizer)kind);
	test_precision = PREC_BF16;
	threads_of(OPTIM_MUON);
	test_precision = PREC_F32;
}

/* Fails for the n-th allocation until it does not: returns how many there were. */
static long count_failures(const struct model *m, const struct optim_config *c)
{
	for (long n = 1;; n++) {
		struct optim o = {0};
		struct err e = {{0}};
		mem_fail_at(n);
		int rc = optim_new(&o, m, c, &e);
		mem_fail_at(0);
		if (rc == 0) {
			optim_free(&o);
			optim_free(&o); /* zeros: fine */
			return n - 1;
		}
		CHECK_HAS(e.msg, "out of memory");
		CHECK(!o.m && !o.v && !o.partial && !o.muon && !o.matrix);
	}
}

static void failing_memory(void)
{
	struct optim_config muon = adam;
	struct model m;
	if (make_model(&m, &small, 0.5))
		return;
	muon.kind = OPTIM_MUON;
	CHECK_INT(count_failures(&m, &adam), 3);
	CHECK_INT(count_failures(&m, &muon), 3 + 8);
	model_free(&m);
}

/* --- muon ---------------------------------------------------------------------------------- */

/* Against the plain iteration: wide, high, one row, sizes around the bands and tiles. */
static void direction(void)
{
	static const int sizes[][2] = {{1, 1}, {1, 9}, {9, 1}, {16, 16}, {7, 23}, {40, 17}, {97, 97}, {130, 100}};
	for (int prec = 0; prec < PREC_COUNT; prec++)
		for (size_t i = 0; kern_get()->gemm[prec] && i < sizeof sizes / sizeof *sizes; i++) {
			int rows = sizes[i][0], cols = sizes[i][1];
			size_t n = (size_t)rows * (size_t)cols;
			struct err e = {{0}};
			struct muon *s = muon_new((enum precision)prec, 130, 100, &e);
			if (ready(s ? 0 : -1, &e))
				return;
			real *x = calloc(n, sizeof *x);
			double *want = calloc(n, sizeof *want), worst = 0;
			for (size_t k = 0; k < n; k++)
				want[k] = (double)(x[k] = (real)(1e-4 * noise(90, k)));
			muon_direction(s, NULL, (size_t)rows, (size_t)cols, x);
			plain_direction(rows, cols, want);
			for (size_t k = 0; k < n; k++)
				worst = !(fabs((double)x[k] - want[k]) <= worst) ? fabs((double)x[k] - want[k]) : worst;
			CHECK_NEAR(worst, 0, prec == PREC_BF16 ? 5e-2 : 2e-6);
			memset(x, 0, n * sizeof *x);
			muon_direction(s, NULL, (size_t)rows, (size_t)cols, x);
			for (size_t k = 0; k < n; k++)
				CHECK(x[k] == 0);
			free(x);
			free(want);
			muon_free(s);
		}
}

/* A matrix with singular values from 0.3 to 1, known vectors: they all come near 1. */
static void singular_values(void)
{
	enum { N = 32 };
	struct err e = {{0}};
	struct muon *s = muon_new(PREC_F32, N, N, &e);
	real x[N * N];
	if (ready(s ? 0 : -1, &e))
		return;
	/* H d H with Householder's H = I - 2 v v' / v'v is symmetric with eigenvalues d. */
	double v[N], vv = 0, h[N][N], got[N][N];
	for (int i = 0; i < N; i++)
		{ v[i] = noise(91, (size_t)i); vv += v[i] * v[i]; }
	for (int i = 0; i < N; i++)
		for (int j = 0; j < N; j++)
			h[i][j] = (i == j) - 2 * v[i] * v[j] / vv;
	for (int i = 0; i < N; i++)
		for (int j = 0; j < N; j++) {
			double sum = 0;
			for (int k = 0; k < N; k++)
				sum += h[i][k] * (0.3 + 0.7 * k / (N - 1)) * h[k][j];
			x[i * N + j] = (real)sum;
		}
	muon_direction(s, NULL, N, N, x);
	for (int i = 0; i < N; i++) /* H x H is diagonal again */
		for (int j = 0; j < N; j++) {
			got[i][j] = 0;
			for (int k = 0; k < N; k++)
				for (int l = 0; l < N; l++)
					got[i][j] += h[i][k] * (double)x[k * N + l] * h[l][j];
			CHECK(i == j ? got[i][j] > 0.6 && got[i][j] < 1.3 : fabs(got[i][j]) < 1e-5);
		}
	muon_free(s);
}

TEST_MAIN("optim", {"reference", reference}, {"decay", decay}, {"clip", clip}, {"norm", norm}, {"threads", threads},
          {"failing_memory", failing_memory}, {"direction", direction}, {"singular_values", singular_values})
