/* The sampler against a plain reference that ranks by counting and adds up
 * probabilities one by one. */
#include "test.h"

#include <stdlib.h>

#include "base/mem.h"
#include "base/rng.h"
#include "nn/sampler.h"
#include "nn/work.h"

enum { MAX = 64 };

static const struct sampler_config plain = {.temp = 1, .top_p = 1, .ban = NO_TARGET};

/* Symbols that stand before id: likelier, or as likely with a lower id. */
static uint32_t rank_of(uint32_t id, const real *z, uint32_t n, uint32_t ban)
{
	uint32_t rank = 0;
	for (uint32_t v = 0; v < n; v++)
		rank += v != ban && v != id && (z[v] > z[id] || (z[v] == z[id] && v < id));
	return rank;
}

/* What each id's probability must be. */
static void reference(const struct sampler_config *c, const real *z, uint32_t n, double *want)
{
	double p[MAX] = {0}, max = -INFINITY, sum = 0, left = 0;
	uint32_t rank[MAX];
	bool keep[MAX];
	for (uint32_t v = 0; v < n; v++) {
		rank[v] = rank_of(v, z, n, c->ban);
		keep[v] = v != c->ban && (c->top_k == 0 || rank[v] < c->top_k);
		if (keep[v] && (double)z[v] > max)
			max = (double)z[v];
	}
	for (uint32_t v = 0; v < n; v++) {
		if (keep[v] && c->temp > 0)
			p[v] = exp(((double)z[v] - max) / c->temp);
		else if (keep[v])
			p[v] = rank[v] == 0;
		sum += p[v];
	}
	for (uint32_t v = 0; v < n; v++) {
		double likelier = 0, top = 0;
		for (uint32_t u = 0; u < n; u++) {
			likelier += keep[u] && rank[u] < rank[v] ? p[u] / sum : 0;
			top = fmax(top, p[u] / sum);
		}
		want[v] = keep[v] && (rank[v] == 0 || likelier < c->top_p) && p[v] / sum >= c->min_p * top ? p[v] / sum : 0;
	}
	for (uint32_t v = 0; v < n; v++)
		left += want[v];
	for (uint32_t v = 0; v < n; v++)
		want[v] /= left;
}

/* The filter's distribution: ids ascending, summing to 1, and the reference's. Returns
 * the number of ids kept. */
static uint32_t check(struct sampler_config c, const real *z, uint32_t n)
{
	struct sampler s;
	struct err e = {{0}};
	double want[MAX], got[MAX] = {0}, sum = 0;
	CHECK_INT(sampler_new(&s, &c, n, &e), 0);
	uint32_t kept = sampler_filter(&s, z);
	CHECK(kept >= 1 && kept <= n);
	for (uint32_t i = 0; i < kept; i++) {
		uint32_t id = s.id[i];
		CHECK(id < n && id != c.ban);
		if (id >= n)
			break;
		CHECK(i == 0 || s.id[i - 1] < id);
		got[id] = s.prob[i];
		sum += s.prob[i];
	}
	CHECK_NEAR(sum, 1, 1e-12);
	reference(&c, z, n, want);
	for (uint32_t v = 0; v < n; v++)
		CHECK_NEAR(got[v], want[v], 1e-12);
	sampler_free(&s);
	return kept;
}

static void random_logits(uint32_t seed, real *z, uint32_t n)
{
	for (uint32_t v = 0; v < n; v++) {
		uint32_t r[4];
		rng_draw(1, RNG_TEST, seed, 0, 0, v, r);
		z[v] = (real)(8 * rng_unit32(r[0]) - 4);
	}
}

static void temperature(void)
{
	static const double temps[] = {0, 0.01, 0.5, 0.8, 1, 1.7, 100};
	real z[MAX];
	for (uint32_t n = 1; n <= MAX; n += n < 4 ? 1 : 12)
		for (size_t i = 0; i < sizeof temps / sizeof *temps; i++) {
			struct sampler_config c = plain;
			c.temp = temps[i];
			random_logits(n, z, n);
			check(c, z, n);
		}
}

static void top_k(void)
{
	real z[MAX];
	random_logits(7, z, 40);
	for (uint32_t k = 0; k <= 42; k++) {
		struct sampler_config c = plain;
		c.top_k = k;
		CHECK_INT(check(c, z, 40), k == 0 || k > 40 ? 40 : k);
	}
}

static void top_p(void)
{
	static const double p[] = {1e-9, 0.1, 0.33, 0.5, 0.9, 0.99, 1};
	real z[MAX];
	for (size_t i = 0; i < sizeof p / sizeof *p; i++) {
		struct sampler_config c = plain;
		c.top_p = p[i];
		random_logits(9, z, 50);
		uint32_t kept = check(c, z, 50);
		CHECK(i > 0 || kept == 1);
		CHECK(p[i] < 1 || kept == 50);
	}
	/* Probabilities that add up without rounding: reached exactly is reached. */
	static const real equal[4] = {2, 2, 2, 2};
	struct sampler_config c = plain;
	c.top_p = 0.5;
	CHECK_INT(check(c, equal, 4), 2);
	c.top_p = 0.5 + 1e-9;
	CHECK_INT(check(c, equal, 4), 3);
}

static void min_p(void)
{
	static const double p[] = {0, 1e-6, 0.05, 0.3, 0.999, 1};
	real z[MAX];
	for (size_t i = 0; i < sizeof p / sizeof *p; i++) {
		struct sampler_config c = plain;
		c.min_p = p[i];
		random_logits(11, z, 50);
		check(c, z, 50);
	}
	/* All that are as likely as the likeliest stay at 1. */
	static const real tied[5] = {1, 3, 0, 3, 3};
	struct sampler_config c = plain;
	c.min_p = 1;
	CHECK_INT(check(c, tied, 5), 3);
}

static void ties(void)
{
	static const real z[6] = {1, 5, 5, 1, 5, 1};
	struct sampler s;
	struct sampler_config c = plain;
	c.top_k = 5;
	CHECK_INT(check(c, z, 6), 5);
	CHECK_INT(sampler_new(&s, &c, 6, NULL), 0);
	CHECK_INT(sampler_filter(&s, z), 5);
	for (uint32_t i = 0; i < 5; i++)
		CHECK_INT(s.id[i], i); /* of those at 1, id 5 is the one to go */
	sampler_free(&s);
	c.top_k = 2;
	CHECK_INT(check(c, z, 6), 2);
	/* Few values, so that every rule cuts through ties (but p is not met to the last bit:
	 * that would be for rounding to decide). */
	real few[MAX];
	for (uint32_t i = 0; i < 300; i++) {
		uint32_t n = 1 + i % 48;
		random_logits(1000 + i, few, n);
		for (uint32_t v = 0; v < n; v++)
			few[v] = (real)floor((double)few[v] / 2);
		c = (struct sampler_config){.temp = i % 2 ? 1 : 0.7, .top_k = i % 3 ? i % 11 : 0, .top_p = i % 5 ? 0.037 + 0.1 * (i % 9) : 1,
		                            .min_p = i % 7 ? 0 : 0.3, .ban = n > 1 && i % 4 == 0 ? i % n : NO_TARGET};
		check(c, few, n);
	}
}

static void ban(void)
{
	real z[MAX];
	for (uint32_t banned = 0; banned < 20; banned++) {
		struct sampler_config c = plain;
		random_logits(13, z, 20);
		z[banned] = 50; /* it would be drawn all the time */
		c.ban = banned;
		CHECK_INT(check(c, z, 20), 19);
		c.top_k = 19;
		CHECK_INT(check(c, z, 20), 19);
		c.temp = 0;
		CHECK_INT(check(c, z, 20), 1);
	}
}

static void combined(void)
{
	static const double temps[] = {0.3, 1, 2.5}, ps[] = {0.4, 0.95, 1}, mins[] = {0, 0.02, 0.4};
	static const uint32_t ks[] = {0, 1, 5, 30};
	real z[MAX];
	for (uint32_t i = 0; i < 3 * 3 * 3 * 4 * 2; i++) {
		struct sampler_config c = {.temp = temps[i % 3], .top_p = ps[i / 3 % 3], .min_p = mins[i / 9 % 3],
		                           .top_k = ks[i / 27 % 4], .ban = i / 108 ? 3 : NO_TARGET};
		random_logits(100 + i, z, 33);
		check(c, z, 33);
	}
	/* min-p leaves less than top-p asks for: all of it stays, however light. */
	static const real slope[8] = {0, -1, -2, -3, -4, -5, -6, -7};
	for (int i = 0; i < 20; i++) {
		struct sampler_config c = {.temp = 1, .top_p = 0.999, .min_p = 0.7 * pow(0.7, i), .ban = NO_TARGET};
		check(c, slope, 8);
	}
}

/* A vocabulary of thousands, the rules' results counted by a sort of their own. */
static int falling(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;
	return (x < y) - (x > y);
}

static void large(void)
{
	enum { N = 5000 };
	static const double ps[] = {0.01, 0.5, 0.95, 0.9999}, mins[] = {0, 1e-3, 0.2};
	static const uint32_t ks[] = {0, 1, 40, 2500, 4999, N, 6000};
	real *z = calloc(N, sizeof *z);
	double *p = calloc(N, sizeof *p);
	struct sampler s;
	CHECK(z && p);
	CHECK_INT(sampler_new(&s, &plain, N, NULL), 0);
	random_logits(21, z, N);
	for (uint32_t v = 0; v < N; v++)
		p[v] = exp((double)z[v]);
	qsort(p, N, sizeof *p, falling);
	for (size_t k = 0; k < sizeof ks / sizeof *ks; k++)
		for (size_t i = 0; i < sizeof ps / sizeof *ps; i++)
			for (size_t j = 0; j < sizeof mins / sizeof *mins; j++) {
				uint32_t n = ks[k] && ks[k] < N ? ks[k] : N, want = 0;
				double sum = 0, reached = 0;
				for (uint32_t v = 0; v < n; v++)
					sum += p[v];
				while (want < n && (want == 0 || (reached < ps[i] * sum && p[want] >= mins[j] * p[0])))
					reached += p[want++];
				s.cfg = (struct sampler_config){.temp = 1, .top_k = ks[k], .top_p = ps[i], .min_p = mins[j], .ban = NO_TARGET};
				CHECK_INT(sampler_filter(&s, z), want);
				double least = INFINITY, total = 0;
				for (uint32_t v = 0; v < want; v++) {
					least = fmin(least, exp((double)z[s.id[v]]));
					total += s.prob[v];
				}
				CHECK_NEAR(least, p[want - 1], 1e-12 * least);
				CHECK_NEAR(total, 1, 1e-12);
			}
	sampler_free(&s);
	free(z);
	free(p);
}

/* Draws, as rnnlm sample makes them. */
static uint32_t draw(struct sampler *s, const real *z, uint32_t step)
{
	uint32_t r[4];
	rng_draw(42, RNG_SAMPLE, step, 0, 0, 0, r);
	return sampler_draw(s, z, rng_unit53(r[0], r[1]));
}

static void greedy(void)
{
	static const real z[5] = {1, 3, 2, 3, -1};
	struct sampler_config c = plain;
	struct sampler s;
	c.temp = 0;
	CHECK_INT(sampler_new(&s, &c, 5, NULL), 0);
	for (uint32_t i = 0; i < 100; i++)
		CHECK_INT(draw(&s, z, i), 1);
	CHECK_INT(sampler_draw(&s, z, 0), 1);
	CHECK_INT(sampler_draw(&s, z, 1 - 0x1p-53), 1);
	sampler_free(&s);
}

/* u falls into the cumulative distribution, by ascending id. */
static void inverse(void)
{
	static const real z[4] = {0, (real)1.0986122886681098, 0, -INFINITY}; /* 1/5 3/5 1/5 0 */
	struct sampler s;
	CHECK_INT(sampler_new(&s, &plain, 4, NULL), 0);
	CHECK_INT(sampler_draw(&s, z, 0), 0);
	CHECK_INT(sampler_draw(&s, z, 0.199), 0);
	CHECK_INT(sampler_draw(&s, z, 0.201), 1);
	CHECK_INT(sampler_draw(&s, z, 0.799), 1);
	CHECK_INT(sampler_draw(&s, z, 0.801), 2);
	CHECK_INT(sampler_draw(&s, z, 1 - 0x1p-53), 2); /* not 3, which is never drawn */
	s.cfg.top_k = 2; /* 1/4 3/4 */
	CHECK_INT(sampler_draw(&s, z, 0.249), 0);
	CHECK_INT(sampler_draw(&s, z, 0.251), 1);
	CHECK_INT(sampler_draw(&s, z, 1 - 0x1p-53), 1);
	sampler_free(&s);
}

static double chi_squared(const uint32_t *seen, const double *p, uint32_t n, double draws)
{
	double chi = 0;
	for (uint32_t v = 0; v < n; v++)
		chi += p[v] > 0 ? (seen[v] - draws * p[v]) * (seen[v] - draws * p[v]) / (draws * p[v]) : 0;
	return chi;
}

/* Drawn with each rule alone and with all. */
static void frequencies(void)
{
	enum { DRAWS = 50000 };
	static const real z[8] = {1, 0.5, -1, 2, 2, -0.25, 0, 9};
	static const struct sampler_config rules[] = {
		{.temp = 0.7, .top_p = 1, .ban = 7}, {.temp = 0.7, .top_p = 1, .ban = 7, .top_k = 4},
		{.temp = 0.7, .top_p = 0.9, .ban = 7}, {.temp = 0.7, .top_p = 1, .ban = 7, .min_p = 0.05},
		{.temp = 1.5, .top_p = 0.95, .ban = 7, .min_p = 0.1, .top_k = 6},
	};
	for (size_t r = 0; r < sizeof rules / sizeof *rules; r++) {
		struct sampler_config c = rules[r];
		struct sampler s;
		uint32_t seen[8] = {0};
		double want[8];
		CHECK_INT(sampler_new(&s, &c, 8, NULL), 0);
		for (uint32_t i = 0; i < DRAWS; i++)
			seen[draw(&s, z, i)]++;
		sampler_free(&s);
		reference(&c, z, 8, want);
		for (int v = 0; v < 8; v++)
			CHECK((want[v] > 0) == (seen[v] > 0));
		/* At most 6 degrees of freedom: one run of good numbers in ten thousand is above 27.9. */
		CHECK(chi_squared(seen, want, 8, DRAWS) < 27.9);
		c.temp += 0.06; /* and the measure tells near distributions apart */
		c.top_p = 1;
		c.min_p = 0;
		c.top_k = 0;
		reference(&c, z, 8, want);
		CHECK(chi_squared(seen, want, 8, DRAWS) > 60);
	}
}

static void hot(void)
{
	real z[MAX];
	struct sampler_config c = plain;
	struct sampler s;
	random_logits(17, z, 16);
	c.temp = 1e6;
	CHECK_INT(sampler_new(&s, &c, 16, NULL), 0);
	CHECK_INT(sampler_filter(&s, z), 16);
	for (int i = 0; i < 16; i++)
		CHECK_NEAR(s.prob[i], 1.0 / 16, 1e-6);
	sampler_free(&s);
}

static void extreme(void)
{
	static const real far[4] = {-10000, 10000, 0, 9999}, none[4] = {-INFINITY, 2, -INFINITY, 1},
	                  large[3] = {(real)3e38, (real)-3e38, (real)3e38};
	static const double temps[] = {0, 1e-300, 1e-3, 1, 100};
	for (size_t i = 0; i < sizeof temps / sizeof *temps; i++) {
		struct sampler_config c = plain;
		c.temp = temps[i];
		check(c, far, 4);
		check(c, none, 4);
		check(c, large, 3);
		c.top_p = 0.9;
		c.min_p = 0.1;
		check(c, far, 4);
		check(c, none, 4);
	}
	struct sampler s;
	CHECK_INT(sampler_new(&s, &plain, 4, NULL), 0);
	for (uint32_t i = 0; i < 200; i++) {
		uint32_t id = draw(&s, none, i);
		CHECK(id == 1 || id == 3);
	}
	sampler_free(&s);
}

/* Numbers that mean nothing must not lead out of the vocabulary. */
static void not_numbers(void)
{
	static const real bad[3][4] = {{NAN, NAN, NAN, NAN}, {1, NAN, INFINITY, 2},
	                               {-INFINITY, -INFINITY, -INFINITY, -INFINITY}};
	struct sampler s;
	CHECK_INT(sampler_new(&s, &plain, 4, NULL), 0);
	for (int k = 0; k < 3; k++)
		for (uint32_t i = 0; i < 50; i++)
			CHECK(draw(&s, bad[k], i) < 4);
	sampler_free(&s);
}

static void one_left(void)
{
	static const real one[1] = {-3}, two[2] = {1, 100};
	struct sampler_config c = plain;
	CHECK_INT(check(c, one, 1), 1);
	c.ban = 1;
	CHECK_INT(check(c, two, 2), 1);
	struct sampler s;
	CHECK_INT(sampler_new(&s, &c, 2, NULL), 0);
	for (uint32_t i = 0; i < 50; i++)
		CHECK_INT(draw(&s, two, i), 0);
	sampler_free(&s);
}

/* What may not come is as if it were not there, whatever the rules. */
static void allowed(void)
{
	enum { N = 40 };
	real z[N], rest[N];
	unsigned char allow[N];
	for (uint32_t i = 0; i < 200; i++) {
		struct sampler_config c = {.temp = i % 4 ? 0.9 : 0, .top_k = i % 3 ? i % 13 : 0, .top_p = i % 5 ? 0.3 + 0.1 * (i % 7) : 1,
		                           .min_p = i % 7 ? 0 : 0.1, .ban = i % 2 ? N - 1 : NO_TARGET}, fewer = c;
		struct sampler some, all;
		uint32_t n = 0, kept, place[N];
		random_logits(500 + i, z, N);
		for (uint32_t v = 0; v < N; v++) {
			allow[v] = (v * 7 + i) % 11 < 4;
			if (!allow[v])
				z[v] += 20; /* it would be drawn all the time */
			place[v] = n;
			if (allow[v] && v != c.ban)
				rest[n++] = z[v];
		}
		fewer.ban = NO_TARGET;
		CHECK_INT(sampler_new(&some, &c, N, NULL), 0);
		CHECK_INT(sampler_new(&all, &fewer, n, NULL), 0);
		some.allow = allow;
		kept = sampler_filter(&some, z);
		CHECK_INT(kept, sampler_filter(&all, rest));
		for (uint32_t k = 0; k < kept; k++) {
			CHECK(allow[some.id[k]] && some.id[k] != c.ban);
			CHECK_INT(place[some.id[k]], all.id[k]);
			CHECK_NEAR(some.prob[k], all.prob[k], 0);
		}
		CHECK_INT(place[draw(&some, z, i)], draw(&all, rest, i));
		sampler_free(&some);
		sampler_free(&all);
	}
}

static void memory(void)
{
	struct sampler s;
	struct err e = {{0}};
	long n = 1;
	for (; n < 10; n++) {
		mem_fail_at(n);
		int rc = sampler_new(&s, &plain, 100, &e);
		mem_fail_at(0);
		if (rc == 0)
			break;
		CHECK(e.msg[0] != 0);
		CHECK(s.id == NULL && s.prob == NULL && s.heap == NULL);
	}
	CHECK_INT(n, 4);
	sampler_free(&s);
	sampler_free(&s); /* zeros */
}

TEST_MAIN("sampler", {"temperature", temperature}, {"top-k", top_k}, {"top-p", top_p}, {"min-p", min_p},
          {"ties", ties}, {"ban", ban}, {"allowed", allowed}, {"combined", combined}, {"large", large}, {"greedy", greedy}, {"inverse", inverse},
          {"frequencies", frequencies}, {"hot", hot}, {"extreme", extreme}, {"not numbers", not_numbers},
          {"one left", one_left}, {"memory", memory})
