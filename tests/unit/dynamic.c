/* nn/dynamic: what is scored has not been learned from yet, and what was read is. */
#include "nn/dynamic.h"

#include "nn.h"

enum { V = 11, TEXT = 600, SEQ = 20 };

static uint32_t ids[TEXT];

static const struct model_config shapes[] = {
	{.cell = 1, .layers = 2, .hidden = 24, .vocab = V},
	{.cell = 2, .layers = 1, .hidden = 17, .embed = 5, .vocab = V},
};

/* Reads text[1..n) in segments; per symbol in nats (n - 1), the sum returned. */
static double read_all(struct dynamic *d, const uint32_t *text, size_t n, real *nats)
{
	struct err e = {{0}};
	double sum = 0;
	dynamic_begin(d);
	for (size_t at = 0; at + 1 < n;) {
		size_t k = n - 1 - at < (size_t)d->cfg.seq ? n - 1 - at : (size_t)d->cfg.seq;
		if (ready(dynamic_read(d, text + at, text + at + 1, k, nats + at, &e), &e))
			return NAN;
		for (size_t i = 0; i < k; i++)
			sum += (double)nats[at + i];
		at += k;
	}
	return sum;
}

/* The model as it stands, over all of the text in one block. */
static void read_fixed(const struct model *m, const uint32_t *text, size_t n, real *nats)
{
	struct err e = {{0}};
	struct state s;
	size_t targets;
	struct work *w = work_new(m, &(struct work_config){.T = (int)n - 1, .B = 1}, NULL, &e);
	if (ready(!w || state_new(&s, m, 1, &e), &e))
		return;
	struct block b = {.T = (int)n - 1, .B = 1, .in = text, .target = text + 1};
	work_forward(w, &b, &s);
	work_loss(w, &b, nats, &targets);
	work_free(w);
	state_free(&s);
}

static int open_dynamic(struct dynamic *d, const struct model *m, double lr, double decay, struct pool *pool)
{
	struct err e = {{0}};
	struct dynamic_config cfg = {.lr = lr, .decay = decay, .seq = SEQ};
	return ready(dynamic_new(d, m, &cfg, pool, &e), &e);
}

/* Rate 0 is the model as it was trained, to the bit. */
static void test_rate_0(void)
{
	for (int p = 0; p < PREC_COUNT; p++)
		for (size_t i = 0; i < 2; i++) {
			real want[TEXT], got[TEXT];
			struct model m;
			struct dynamic d;
			test_precision = (enum precision)p;
			draw_ids(ids, TEXT, V, 1);
			if (make_model(&m, &shapes[i], 0.5) || open_dynamic(&d, &m, 0, 0.3, NULL))
				continue;
			read_fixed(&m, ids, TEXT, want);
			CHECK(isfinite(read_all(&d, ids, TEXT, got)));
			CHECK(memcmp(got, want, (TEXT - 1) * sizeof *got) == 0);
			CHECK(d.segments == (TEXT - 1 + SEQ - 1) / SEQ);
			dynamic_free(&d);
			model_free(&m);
		}
	test_precision = PREC_F32;
}

/* 0 1 2 ... 6 over and over costs less and less; the trained weights stay. */
static void test_repetition(void)
{
	for (size_t i = 0; i < 2; i++) {
		real fixed[TEXT], got[TEXT];
		struct model m, copy;
		struct dynamic d;
		double before = 0;
		for (size_t k = 0; k < TEXT; k++)
			ids[k] = (uint32_t)k % 7;
		if (make_model(&m, &shapes[i], 0.3) || make_model(&copy, &shapes[i], 0.3) || open_dynamic(&d, &m, 0.03, 1e-4, NULL))
			continue;
		read_fixed(&m, ids, TEXT, fixed);
		for (size_t k = 0; k + 1 < TEXT; k++)
			before += (double)fixed[k];
		double first = read_all(&d, ids, TEXT, got), last = 0;
		CHECK(first < 0.6 * before);
		for (size_t k = TEXT - 101; k + 1 < TEXT; k++)
			last += (double)got[k];
		CHECK(last < 20); /* of 100 symbols; by chance it is 240 */
		CHECK(read_all(&d, ids, TEXT, got) < 0.5 * first); /* carried to the next text */
		CHECK(memcmp(m.w, copy.w, m.size * sizeof(real)) == 0);
		dynamic_free(&d);
		model_free(&m);
		model_free(&copy);
	}
}

/* What comes later changes nothing, not even within the segment. */
static void test_nothing_foreseen(void)
{
	static const size_t changed[] = {1, 15, SEQ, SEQ + 1, 97, TEXT - 1};
	for (size_t c = 0; c < sizeof changed / sizeof *changed; c++) {
		real a[TEXT], b[TEXT];
		struct model m;
		struct dynamic d, f;
		draw_ids(ids, TEXT, V, 2);
		if (make_model(&m, &shapes[0], 0.5) || open_dynamic(&d, &m, 0.02, 0, NULL) || open_dynamic(&f, &m, 0.02, 0, NULL))
			continue;
		read_all(&d, ids, TEXT, a);
		ids[changed[c]] = (ids[changed[c]] + 1) % V;
		read_all(&f, ids, TEXT, b);
		CHECK(memcmp(a, b, (changed[c] - 1) * sizeof *a) == 0);
		CHECK(a[changed[c] - 1] != b[changed[c] - 1]);
		CHECK(changed[c] + SEQ > TEXT - 1 || memcmp(a + changed[c], b + changed[c], SEQ * sizeof *a) != 0);
		dynamic_free(&d);
		dynamic_free(&f);
		model_free(&m);
	}
}

static double distance2(const struct dynamic *d)
{
	double sum = 0;
	for (size_t i = 0; i < d->model.size; i++) {
		double x = (double)d->model.w[i] - (double)d->trained->w[i];
		sum += x * x;
	}
	return sum;
}

/* Without a step, each segment goes its share of the way back; a short one less. */
static void test_decay(void)
{
	real nats[SEQ];
	struct err e = {{0}};
	struct model m;
	struct dynamic d;
	draw_ids(ids, TEXT, V, 3);
	if (make_model(&m, &shapes[0], 0.5) || open_dynamic(&d, &m, 0.01, 0.5, NULL))
		return;
	CHECK_INT(dynamic_read(&d, ids, ids + 1, SEQ, nats, &e), 0);
	double far = distance2(&d);
	CHECK(far > 0);
	d.cfg.lr = 0;
	CHECK_INT(dynamic_read(&d, ids, ids + 1, SEQ, nats, &e), 0);
	CHECK_NEAR(distance2(&d) / far, 0.25, 1e-3);
	far = distance2(&d);
	CHECK_INT(dynamic_read(&d, ids, ids + 1, SEQ / 2, nats, &e), 0);
	CHECK_NEAR(distance2(&d) / far, 0.5625, 1e-3);
	d.cfg.decay = 1;
	CHECK_INT(dynamic_read(&d, ids, ids + 1, SEQ, nats, &e), 0);
	CHECK(distance2(&d) < 1e-10 * far);
	dynamic_free(&d);
	model_free(&m);
}

/* The first step, from its definition: v is g^2, whose sum is the norm squared. */
static void test_first_step(void)
{
	real nats[SEQ];
	struct err e = {{0}};
	struct model m;
	struct dynamic d;
	double g2 = 0;
	draw_ids(ids, TEXT, V, 4);
	if (make_model(&m, &shapes[0], 0.5) || open_dynamic(&d, &m, 0.01, 0, NULL))
		return;
	CHECK_INT(dynamic_read(&d, ids, ids + 1, 5, nats, &e), 0);
	for (size_t i = 0; i < m.size; i++)
		g2 += (double)d.grad[i] * (double)d.grad[i];
	double eps = 0.03 * sqrt(g2 / (double)m.count);
	for (size_t i = 0; i < m.size; i++) {
		double g = (double)d.grad[i];
		CHECK_NEAR(d.model.w[i], (double)m.w[i] - 0.01 * 5 / SEQ * g / (fabs(g) + eps), 1e-6);
	}
	dynamic_free(&d);
	model_free(&m);
}

/* Positions without a target are read, and a segment of them teaches nothing. */
static void test_no_targets(void)
{
	real nats[SEQ];
	uint32_t none[SEQ];
	struct err e = {{0}};
	struct model m;
	struct dynamic d;
	draw_ids(ids, TEXT, V, 5);
	for (size_t i = 0; i < SEQ; i++)
		none[i] = NO_TARGET;
	if (make_model(&m, &shapes[0], 0.5) || open_dynamic(&d, &m, 0.1, 0.1, NULL))
		return;
	CHECK_INT(dynamic_read(&d, ids, none, SEQ, nats, &e), 0);
	CHECK(memcmp(d.model.w, m.w, m.size * sizeof(real)) == 0);
	CHECK(nats[0] == 0 && nats[SEQ - 1] == 0);
	none[3] = 2;
	CHECK_INT(dynamic_read(&d, ids, none, SEQ, nats, &e), 0);
	CHECK(nats[3] > 0 && nats[2] == 0);
	CHECK(memcmp(d.model.w, m.w, m.size * sizeof(real)) != 0);
	dynamic_free(&d);
	model_free(&m);
}

static void test_threads(void)
{
	real one[TEXT], two[TEXT];
	struct err e = {{0}};
	struct model m;
	struct dynamic d, f;
	struct pool *pool = pool_new(3, &e);
	draw_ids(ids, TEXT, V, 6);
	if (ready(!pool, &e) || make_model(&m, &shapes[0], 0.5) || open_dynamic(&d, &m, 0.01, 0.001, NULL) ||
	    open_dynamic(&f, &m, 0.01, 0.001, pool))
		return;
	read_all(&d, ids, 200, one);
	read_all(&f, ids, 200, two);
	CHECK(memcmp(one, two, 199 * sizeof *one) == 0);
	CHECK(memcmp(d.model.w, f.model.w, m.size * sizeof(real)) == 0);
	dynamic_free(&d);
	dynamic_free(&f);
	pool_free(pool);
	model_free(&m);
}

static void test_out_of_bounds(void)
{
	real nats[SEQ];
	struct err e = {{0}};
	struct model m;
	struct dynamic d;
	int rc = 0;
	draw_ids(ids, TEXT, V, 7);
	if (make_model(&m, &shapes[0], 0.5) || open_dynamic(&d, &m, 1e38, 0, NULL))
		return;
	for (int i = 0; rc == 0 && i < 10; i++)
		rc = dynamic_read(&d, ids, ids + 1, SEQ, nats, &e);
	CHECK_INT(rc, -1);
	CHECK_HAS(e.msg, "too high");
	dynamic_free(&d);
	model_free(&m);
}

static void test_no_memory(void)
{
	struct err e = {{0}};
	struct model m;
	struct dynamic d;
	struct dynamic_config cfg = {.lr = 0.1, .seq = SEQ};
	if (make_model(&m, &shapes[0], 0.5))
		return;
	long before = mem_count(), failed = 0;
	CHECK_INT(dynamic_new(&d, &m, &cfg, NULL, &e), 0);
	long allocations = mem_count() - before;
	dynamic_free(&d);
	for (long n = 1; n <= allocations; n++) {
		mem_fail_at(n);
		failed += dynamic_new(&d, &m, &cfg, NULL, &e) != 0;
		CHECK_HAS(e.msg, "out of memory");
		CHECK(!d.work && !d.grad && !d.model.w);
	}
	mem_fail_at(0);
	CHECK_INT(failed, allocations);
	dynamic_free(&d); /* zeros */
	model_free(&m);
}

TEST_MAIN("dynamic", {"rate 0", test_rate_0}, {"repetition", test_repetition},
          {"nothing foreseen", test_nothing_foreseen}, {"decay", test_decay}, {"first step", test_first_step},
          {"no targets", test_no_targets}, {"threads", test_threads}, {"out of bounds", test_out_of_bounds},
          {"no memory", test_no_memory})
