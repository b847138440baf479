/* Every part runs once; barriers hold everyone back and publish plain memory;
 * sleeping and spinning both work; shares cover the range. Run under TSan by
 * `make tsan`. */
#include "base/pool.h"

#include <stdbool.h>
#include <stdint.h>
#include <time.h>

#include "base/mem.h"
#include "test.h"

static const int sizes[] = {1, 2, 3, 8};
enum { SIZES = sizeof(sizes) / sizeof(sizes[0]), MAX_PARTS = 8 };

static void nap(long microseconds)
{
	struct timespec t = {.tv_nsec = microseconds * 1000};
	nanosleep(&t, NULL);
}

struct tally {
	int runs[MAX_PARTS], parts[MAX_PARTS];
};

static void count_run(void *arg, int part, int parts)
{
	struct tally *t = arg;
	t->runs[part]++;
	t->parts[part] = parts;
}

static void every_part_once(void)
{
	for (int s = 0; s < SIZES; s++) {
		struct err e = {0};
		struct pool *p = pool_new(sizes[s], &e);
		CHECK(p != NULL);
		CHECK_INT(pool_size(p), sizes[s]);
		struct tally t = {0};
		for (int job = 1; job <= 300; job++) {
			pool_run(p, count_run, &t);
			for (int i = 0; i < MAX_PARTS; i++)
				CHECK_INT(t.runs[i], i < sizes[s] ? job : 0);
		}
		for (int i = 0; i < sizes[s]; i++)
			CHECK_INT(t.parts[i], sizes[s]);
		pool_free(p);
	}
}

static void no_pool(void)
{
	struct tally t = {0};
	pool_run(NULL, count_run, &t);
	CHECK_INT(t.runs[0], 1);
	CHECK_INT(t.parts[0], 1);
	CHECK_INT(pool_size(NULL), 1);
	pool_barrier(NULL);
	pool_free(NULL);
	struct err e = {0};
	CHECK(pool_new(0, &e) == NULL);
	CHECK_HAS(e.msg, "0 threads");
}

/* A ring: in each round every part reads what its neighbour wrote in the round
 * before. Plain memory, so that a barrier that does not publish it is seen. */
struct ring {
	struct pool *pool;
	long rounds;
	long value[2][MAX_PARTS * 16];
	long wrong[MAX_PARTS * 16];
};

static void go_round(void *arg, int part, int parts)
{
	struct ring *r = arg;
	for (long round = 0; round < r->rounds; round++) {
		long *now = r->value[round & 1], *before = r->value[(round + 1) & 1];
		long next = before[(part + 1) % parts * 16];
		if (next != round)
			r->wrong[part * 16]++;
		now[part * 16] = round + 1;
		pool_barrier(r->pool);
	}
}

static void barriers(void)
{
	for (int s = 0; s < SIZES; s++) {
		struct err e = {0};
		struct ring r = {.pool = pool_new(sizes[s], &e), .rounds = sizes[s] > 2 ? 2000 : 20000};
		CHECK(r.pool != NULL);
		for (int again = 0; again < 2; again++) {
			memset(r.value, 0, sizeof(r.value));
			pool_run(r.pool, go_round, &r);
			for (int i = 0; i < sizes[s]; i++) {
				CHECK_INT(r.wrong[i * 16], 0);
				CHECK_INT(r.value[(r.rounds + 1) & 1][i * 16], r.rounds);
			}
		}
		pool_free(r.pool);
	}
}

/* Late parts: those that wait have long gone to sleep. */
static void late_round(void *arg, int part, int parts)
{
	struct ring *r = arg;
	for (long round = 0; round < r->rounds; round++) {
		if (round % parts == part)
			nap(500);
		r->value[0][part * 16]++;
		pool_barrier(r->pool);
		for (int i = 0; i < parts; i++)
			if (r->value[0][i * 16] != round + 1)
				r->wrong[part * 16]++;
		pool_barrier(r->pool);
	}
}

static void sleepers_wake(void)
{
	for (int s = 0; s < SIZES; s++) {
		struct err e = {0};
		struct ring r = {.pool = pool_new(sizes[s], &e), .rounds = 60};
		CHECK(r.pool != NULL);
		for (int again = 0; again < 3; again++) {
			memset(r.value, 0, sizeof(r.value));
			nap(2000);
			pool_run(r.pool, late_round, &r);
			for (int i = 0; i < sizes[s]; i++)
				CHECK_INT(r.wrong[i * 16], 0);
		}
		pool_free(r.pool);
	}
}

static void set_mark(void *arg, int part, int parts)
{
	long *mark = arg;
	(void)parts;
	if (part)
		nap(300);
	mark[part]++;
}

/* pool_run returns only when the last part is done, and shows what it wrote. */
static void run_waits(void)
{
	struct err e = {0};
	struct pool *p = pool_new(3, &e);
	CHECK(p != NULL);
	long mark[3] = {0};
	for (int job = 1; job <= 100; job++) {
		pool_run(p, set_mark, mark);
		CHECK(mark[0] == job && mark[1] == job && mark[2] == job);
	}
	pool_free(p);
}

struct slow {
	struct pool *pool;
	int runs, parts;
	long others; /* microseconds that parts but the first take */
};

static void slow_run(void *arg, int part, int parts)
{
	struct slow *s = arg;
	if (part)
		nap(s->others);
	else
		s->runs++;
	pool_barrier(s->pool);
	if (!part)
		s->parts = parts;
}

/* Jobs until the number of parts is the wanted one; false if that takes a minute. */
static bool comes_to(struct slow *s, int parts)
{
	time_t end = time(NULL) + 60;
	int runs = s->runs;
	while (pool_parts(s->pool) != parts && time(NULL) < end) {
		int before = pool_parts(s->pool);
		pool_run(s->pool, slow_run, s);
		CHECK(s->parts == before && s->runs == ++runs);
		CHECK_INT(pool_parts(s->pool), before); /* changes nowhere else */
		pool_adapt(s->pool);
	}
	return pool_parts(s->pool) == parts;
}

/* A caller that does nothing but wait works alone, and tries the team again. */
static void adapts(void)
{
	struct err e = {0};
	struct slow s = {.pool = pool_new(3, &e), .others = 2000};
	CHECK(s.pool && pool_parts(s.pool) == 3);
	for (int again = 0; again < 2; again++) {
		CHECK(comes_to(&s, 1));
		CHECK_INT(pool_size(s.pool), 3);
		CHECK(comes_to(&s, 3));
	}
	pool_free(s.pool);

	struct slow one = {.pool = pool_new(1, &e)};
	pool_adapt(one.pool);
	pool_adapt(NULL);
	CHECK(pool_parts(one.pool) == 1 && pool_parts(NULL) == 1);
	pool_free(one.pool);
}

static void idle_pools(void)
{
	for (int i = 0; i < 50; i++) {
		struct err e = {0};
		struct pool *p = pool_new(1 + i % MAX_PARTS, &e);
		CHECK(p != NULL);
		pool_free(p);
	}
}

static void shares(void)
{
	static const size_t counts[] = {0, 1, 2, 7, 15, 16, 17, 64, 100, 1000, SIZE_MAX};
	static const size_t grains[] = {0, 1, 4, 16, 33, 2000};
	for (size_t c = 0; c < sizeof(counts) / sizeof(counts[0]); c++)
		for (size_t g = 0; g < sizeof(grains) / sizeof(grains[0]); g++)
			for (int parts = 1; parts <= 9; parts++) {
				size_t n = counts[c], grain = grains[g] ? grains[g] : 1, end = 0;
				size_t least = SIZE_MAX, most = 0;
				for (int i = 0; i < parts; i++) {
					size_t lo, hi;
					pool_share(i, parts, n, grains[g], &lo, &hi);
					CHECK(lo == end && hi >= lo && hi <= n);
					CHECK(lo % grain == 0 || lo == n);
					size_t have = (hi - lo) / grain + ((hi - lo) % grain != 0);
					least = have < least ? have : least;
					most = have > most ? have : most;
					end = hi;
				}
				CHECK(end == n);
				CHECK(most - least <= 1);
			}
}

static void cpus(void)
{
	CHECK(pool_cpus() >= 1);
}

static void no_memory(void)
{
	struct err e = {0};
	struct pool *p = NULL;
	long n = 0;
	while (!p && n < 10) {
		e.msg[0] = 0;
		mem_fail_at(++n);
		p = pool_new(2, &e);
		CHECK(p || e.msg[0]);
	}
	mem_fail_at(0);
	CHECK_INT(n, 3);
	pool_free(p);
}

TEST_MAIN("pool", {"every_part_once", every_part_once}, {"no_pool", no_pool},
          {"barriers", barriers}, {"sleepers_wake", sleepers_wake}, {"run_waits", run_waits}, {"adapts", adapts},
          {"idle_pools", idle_pools}, {"shares", shares}, {"cpus", cpus},
          {"no_memory", no_memory})
