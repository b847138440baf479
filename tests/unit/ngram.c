/* nn/ngram: against counts made afresh from the whole text by their definition. */
#include "nn/ngram.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/rng.h"
#include "nn/mix.h"
#include "test.h"

enum { MOST_V = 6, MOST_ORDER = 5, CODES = 6 * 6 * 6 * 6, TEXT = 4000 };

/* Ids that often follow from the one before, and sometimes not. */
static void make_text(uint32_t *ids, size_t n, uint32_t V, uint32_t series)
{
	for (size_t i = 0; i < n; i++) {
		uint32_t x[4];
		rng_draw(21, RNG_TEST, series, 0, 0, (uint32_t)i, x);
		ids[i] = i && x[0] % 4 ? (ids[i - 1] * 2 + x[1] % 2) % V : x[2] % V;
	}
}

/* --- the reference: counts[k][code of the last k ids][id] ---------------------------- */

struct plain {
	uint32_t V;
	int order;
	uint32_t counts[MOST_ORDER][CODES][MOST_V];
	uint64_t pairs[MOST_ORDER][4];
};

/* The k ids before position i as a number. */
static size_t code_of(const uint32_t *ids, size_t i, int k, uint32_t V)
{
	size_t code = 0;
	for (size_t j = i - (size_t)k; j < i; j++)
		code = code * V + ids[j];
	return code;
}

/* Texts of `each` ids, one behind the other; the last may be shorter. An occurrence
 * counts with the longest context that there is; a shorter context has the number of
 * longer ones that the id came after. */
static void plain_count(struct plain *p, uint32_t V, int order, const uint32_t *ids, size_t n, size_t each)
{
	memset(p, 0, sizeof *p);
	p->V = V;
	p->order = order;
	for (size_t i = 0; i < n; i++) {
		size_t before = i % each;
		int k = before < (size_t)order - 1 ? (int)before : order - 1;
		p->counts[k][code_of(ids, i, k, V)][ids[i]]++;
	}
	size_t codes = 1;
	for (int k = 0; k < order - 1; k++)
		codes *= V;
	for (int k = order - 1; k > 0; k--, codes /= V)
		for (size_t code = 0; code < codes; code++)
			for (uint32_t id = 0; id < V; id++)
				p->counts[k - 1][code % (codes / V)][id] += p->counts[k][code][id] > 0;
	codes = 1;
	for (int k = 0; k < order; k++, codes *= V)
		for (size_t code = 0; code < codes; code++)
			for (uint32_t id = 0; id < V; id++) {
				uint32_t c = p->counts[k][code][id];
				if (c >= 1 && c <= 4)
					p->pairs[k][c - 1]++;
			}
}

static double plain_discount(const struct plain *p, int k, uint32_t count)
{
	static const double usual[] = {0.6, 1.0, 1.3};
	const uint64_t *n = p->pairs[k];
	int i = count < 3 ? (int)count : 3; /* D_i = i - (i + 1) Y n_(i+1) / n_i */
	double d = usual[i - 1];
	if (n[i - 1] >= 20 && n[i] >= 20)
		d = i - (i + 1) * ((double)n[0] / (double)(n[0] + 2 * n[1])) * (double)n[i] / (double)n[i - 1];
	return d > 0.05 ? d : 0.05;
}

/* After the `before` ids that end at position i. */
static double plain_prob(const struct plain *p, const uint32_t *ids, size_t i, size_t before, uint32_t id)
{
	double prob = 1.0 / p->V;
	for (int k = 0; k < p->order && (size_t)k <= before; k++) {
		const uint32_t *c = p->counts[k][code_of(ids, i, k, p->V)];
		double total = 0, taken = 0;
		for (uint32_t v = 0; v < p->V; v++) {
			total += c[v];
			taken += c[v] ? plain_discount(p, k, c[v]) : 0;
		}
		if (total > 0)
			prob = ((c[id] ? c[id] - plain_discount(p, k, c[id]) : 0) + taken * prob) / total;
	}
	return prob;
}

/* --- cases ------------------------------------------------------------------------------ */

static struct plain plain;

static void same_as_plain(uint32_t V, int order, size_t n, size_t each, size_t check_every)
{
	static uint32_t ids[TEXT];
	struct ngram g;
	struct err e = {{0}};
	make_text(ids, n, V, V);
	if (ngram_new(&g, V, order, 0, &e)) {
		CHECK_STR(e.msg, "");
		return;
	}
	for (size_t i = 0; i <= n; i++) {
		if (i % each == 0)
			CHECK_INT(ngram_begin(&g, NGRAM_NOTHING, &e), 0);
		if (i % check_every == 0 || i == n) {
			plain_count(&plain, V, order, ids, i, each);
			for (uint32_t id = 0; id < V; id++)
				CHECK_NEAR(ngram_prob(&g, id), plain_prob(&plain, ids, i, i % each, id), 1e-12);
		}
		if (i < n)
			CHECK_INT(ngram_add(&g, ids[i], &e), 0);
	}
	ngram_free(&g);
}

static void test_reference(void)
{
	for (int order = 1; order <= MOST_ORDER; order++)
		same_as_plain(3, order, 150, 1000, 1);
	same_as_plain(MOST_V, MOST_ORDER, TEXT, TEXT + 1, 977);
}

static void test_texts(void)
{
	same_as_plain(3, 3, 150, 7, 1);
	same_as_plain(4, 5, 400, 50, 9);
}

/* What stands first is context, and not counted itself. */
static void test_first(void)
{
	struct ngram g, h;
	struct err e = {{0}};
	CHECK_INT(ngram_new(&g, 5, 3, 0, &e), 0);
	CHECK_INT(ngram_new(&h, 5, 3, 0, &e), 0);
	for (int i = 0; i < 50; i++) {
		CHECK_INT(ngram_begin(&g, 4, &e), 0);
		CHECK_INT(ngram_add(&g, 2, &e), 0);
		CHECK_INT(ngram_begin(&h, NGRAM_NOTHING, &e), 0);
		CHECK_INT(ngram_add(&h, 2, &e), 0);
	}
	CHECK_INT(ngram_begin(&g, 4, &e), 0);
	CHECK(ngram_prob(&g, 2) > 0.9);
	CHECK_INT(ngram_begin(&g, NGRAM_NOTHING, &e), 0);
	CHECK_INT(ngram_begin(&h, NGRAM_NOTHING, &e), 0);
	CHECK(ngram_prob(&g, 2) > ngram_prob(&g, 4));
	CHECK_NEAR(ngram_prob(&g, 4), ngram_prob(&g, 3), 0);
	CHECK_INT(ngram_begin(&h, 4, &e), 0);
	CHECK(ngram_prob(&h, 2) > 0.9); /* from the empty context: nothing came after 4 */
	ngram_free(&g);
	ngram_free(&h);
}

/* Reading goes the same way through the contexts as counting does. */
static void test_read(void)
{
	enum { V = 7, N = 3000 };
	static uint32_t ids[N];
	static double while_counting[N];
	struct ngram g;
	struct err e = {{0}};
	make_text(ids, N, V, 3);
	CHECK_INT(ngram_new(&g, V, 4, 0, &e), 0);
	for (size_t i = 0; i < N; i++)
		CHECK_INT(ngram_add(&g, ids[i], &e), 0);
	size_t bytes = ngram_bytes(&g);
	double after = ngram_prob(&g, 1), nats = 0, counting = 0;
	CHECK_INT(ngram_begin(&g, NGRAM_NOTHING, &e), 0);
	for (size_t i = 0; i < N; i++) {
		nats -= log(ngram_prob(&g, ids[i]));
		ngram_read(&g, ids[i]);
	}
	CHECK_NEAR(ngram_prob(&g, 1), after, 0);
	CHECK_INT(ngram_bytes(&g), bytes);
	ngram_free(&g);
	/* Read after it was counted, the text costs less than while it was. */
	CHECK_INT(ngram_new(&g, V, 4, 0, &e), 0);
	for (size_t i = 0; i < N; i++) {
		while_counting[i] = -log(ngram_prob(&g, ids[i]));
		counting += while_counting[i];
		CHECK_INT(ngram_add(&g, ids[i], &e), 0);
	}
	CHECK(nats < counting);
	CHECK(counting < N * log(V));
	ngram_free(&g);
}

static double sum_of(const struct ngram *g, double *p)
{
	double sum = 0;
	ngram_probs(g, p);
	for (uint32_t id = 0; id < g->vocab; id++)
		sum += p[id] > 0 ? p[id] : NAN;
	return sum;
}

static void test_sums(void)
{
	enum { V = 300, N = 60000 };
	static uint32_t ids[N];
	double p[V];
	struct ngram g;
	struct err e = {{0}};
	make_text(ids, N, V, 4);
	CHECK_INT(ngram_new(&g, V, NGRAM_MAX_ORDER, 0, &e), 0);
	CHECK_NEAR(sum_of(&g, p), 1, 1e-9);
	size_t small = ngram_bytes(&g);
	for (size_t i = 0; i < N; i++) {
		CHECK_INT(ngram_add(&g, ids[i], &e), 0);
		if (i < 100 || i % 500 == 0) {
			CHECK_NEAR(sum_of(&g, p), 1, 1e-9);
			CHECK_NEAR(p[ids[i]], ngram_prob(&g, ids[i]), 0);
		}
		CHECK(ngram_case(&g) >= 0 && ngram_case(&g) < NGRAM_CASES);
	}
	CHECK(ngram_bytes(&g) > 100 * small);
	CHECK(!g.full);
	ngram_free(&g);
}

static void test_limit(void)
{
	enum { V = 60, N = 30000 };
	static const size_t limits[] = {1, 30000, 100000, 333333};
	static uint32_t ids[N];
	double p[V];
	struct err e = {{0}};
	make_text(ids, N, V, 5);
	for (size_t l = 0; l < 4; l++) {
		size_t most = limits[l] < 24000 ? 24000 : limits[l];
		struct ngram g;
		double early = 0, late = 0;
		CHECK_INT(ngram_new(&g, V, 6, limits[l], &e), 0);
		for (size_t i = 0; i < N; i++) {
			*(i < N / 2 ? &early : &late) -= log(ngram_prob(&g, ids[i]));
			CHECK_INT(ngram_add(&g, ids[i], &e), 0);
			CHECK(ngram_bytes(&g) <= most);
			if (i % 1000 == 0)
				CHECK_NEAR(sum_of(&g, p), 1, 1e-9);
		}
		CHECK(g.full);
		CHECK(late < early); /* it goes on counting */
		CHECK(late < N / 2 * log(V));
		ngram_free(&g);
	}
}

/* Whichever allocation fails: an error, nothing is lost, and once there is memory
 * again the model becomes what it would have been. */
static void test_no_memory(void)
{
	enum { V = 40, N = 4000 };
	static uint32_t ids[N];
	struct ngram g, want;
	struct err e = {{0}};
	long failed = 0;
	make_text(ids, N, V, 6);
	CHECK_INT(ngram_new(&want, V, 5, 0, &e), 0);
	long before = mem_count();
	for (size_t i = 0; i < N; i++)
		CHECK_INT(ngram_add(&want, ids[i], &e), 0);
	long allocations = mem_count() - before;
	CHECK(allocations > 6);
	for (long n = 1; n <= allocations + 2; n++) {
		mem_fail_at(n);
		if (ngram_new(&g, V, 5, 0, &e)) {
			failed++;
			CHECK_HAS(e.msg, "out of memory");
			CHECK(!g.slot && !g.context);
			continue;
		}
		for (size_t i = 0; i < N; i++)
			if (ngram_add(&g, ids[i], &e)) {
				failed++;
				CHECK_HAS(e.msg, "out of memory");
				CHECK_INT(ngram_add(&g, ids[i], &e), 0);
			}
		CHECK_INT(ngram_bytes(&g), ngram_bytes(&want));
		for (uint32_t id = 0; id < V; id++)
			CHECK_NEAR(ngram_prob(&g, id), ngram_prob(&want, id), 0);
		ngram_free(&g);
	}
	mem_fail_at(0);
	CHECK_INT(failed, allocations + 2);
	ngram_free(&want);
	ngram_free(&want); /* zeros */
}

static void test_bounds(void)
{
	struct ngram g;
	struct err e = {{0}};
	CHECK_INT(ngram_new(&g, 10, 0, 0, &e), -1);
	CHECK_HAS(e.msg, "order");
	CHECK_INT(ngram_new(&g, 10, NGRAM_MAX_ORDER + 1, 0, &e), -1);
	CHECK_INT(ngram_new(&g, 0, 2, 0, &e), -1);
	CHECK_INT(ngram_new(&g, 1, 2, 0, &e), 0);
	CHECK_NEAR(ngram_prob(&g, 0), 1, 0);
	CHECK_INT(ngram_add(&g, 0, &e), 0);
	CHECK_NEAR(ngram_prob(&g, 0), 1, 1e-12);
	ngram_free(&g);
}

static void test_case(void)
{
	struct ngram g;
	struct err e = {{0}};
	CHECK_INT(ngram_new(&g, 10, 4, 0, &e), 0);
	for (int i = 0; i < 20; i++) { /* 1 2 3 4 over and over */
		uint32_t id = 1 + (uint32_t)i % 4;
		CHECK_INT(ngram_add(&g, id, &e), 0);
	}
	int sure = ngram_case(&g);
	CHECK_INT(sure / NGRAM_CERTAINTIES, 3);
	CHECK(sure % NGRAM_CERTAINTIES > 0 && sure % NGRAM_CERTAINTIES < 4);
	CHECK(ngram_prob(&g, 1) > 0.8);
	ngram_read(&g, 9); /* never met */
	CHECK_INT(ngram_case(&g) / NGRAM_CERTAINTIES, 0);
	ngram_read(&g, 2);
	CHECK_INT(ngram_case(&g) / NGRAM_CERTAINTIES, 1);
	ngram_free(&g);
}

/* --- mixing ------------------------------------------------------------------------------ */

/* The weight goes to the better of the two, in each case by itself. */
static void test_mix(void)
{
	struct mix m;
	double nats[3] = {0};
	mix_init(&m);
	CHECK_NEAR(mix_prob(&m, 5, 0.3, 0.3), 0.3, 1e-15);
	double start = mix_prob(&m, 7, 0.0, 1.0);
	for (int i = 0; i < 2000; i++) {
		double a = i % 3 ? 0.1 : 0.5, b = i % 3 ? 0.6 : 0.2, p = mix_prob(&m, 5, a, b);
		CHECK(p >= 0.1 && p <= 0.6);
		nats[0] -= log(a);
		nats[1] -= log(b);
		nats[2] -= log(p);
		mix_learn(&m, 5, a, b);
		mix_learn(&m, 6, b, a);
	}
	CHECK(nats[2] < nats[0] && nats[2] < 1.05 * nats[1]);
	CHECK(mix_prob(&m, 5, 0, 1) > 0.6);
	CHECK(mix_prob(&m, 6, 0, 1) < 0.4);
	CHECK_NEAR(mix_prob(&m, 7, 0, 1), start, 0);
	/* Neither is given up for good. */
	for (int i = 0; i < 5000; i++)
		mix_learn(&m, 7, 0, 0.5);
	CHECK(mix_prob(&m, 7, 1, 0) > 1e-4);
	for (int i = 0; i < 5000; i++)
		mix_learn(&m, 7, 0.5, 0);
	CHECK(mix_prob(&m, 7, 0, 1) > 1e-4 && mix_prob(&m, 7, 0, 1) < 0.01);
}

TEST_MAIN("ngram", {"reference", test_reference}, {"texts", test_texts}, {"first", test_first},
          {"read", test_read}, {"sums", test_sums}, {"limit", test_limit}, {"no memory", test_no_memory},
          {"bounds", test_bounds}, {"case", test_case}, {"mix", test_mix})
