/* What this CPU can do, on all threads of a pool together: the best of short loops of
 * nothing but multiplying, or of nothing but reading. */
#include <stdint.h>
#include <string.h>

#include "base/io.h"
#include "base/mem.h"
#include "cmd/bench.h"

static const double SLICE = 0.004; /* seconds: short, so that some slice is free of other programs */

struct loop {
	enum precision precision;
	uint64_t times;
	size_t count; /* numbers to read */
	real *numbers;
	double done;  /* result, of all parts together: operations or bytes */
};

/* Done a second, the best slice. */
static double best_rate(struct pool *pool, pool_fn *fn, struct loop *l, double seconds)
{
	double best = 0, now = io_now(), end = now + seconds;
	l->times = 1;
	while (now < end || best == 0) {
		double start = now;
		pool_run(pool, fn, l);
		now = io_now();
		double took = now - start;
		if (took < SLICE)
			l->times *= 2;
		else if (l->done / took > best)
			best = l->done / took;
	}
	return best;
}

static void multiply_part(void *arg, int part, int parts)
{
	struct loop *l = arg;
	uint64_t done = kern_get()->spin(l->precision, l->times);
	if (part == 0)
		l->done = (double)done * parts;
}

double bench_peak_flops(struct pool *pool, enum precision precision, double seconds)
{
	return best_rate(pool, multiply_part, &(struct loop){.precision = precision}, seconds);
}

static void fill_part(void *arg, int part, int parts)
{
	struct loop *l = arg;
	size_t lo, hi;
	pool_share(part, parts, l->count, 16, &lo, &hi);
	for (size_t i = lo; i < hi; i++)
		l->numbers[i] = 1;
}

/* Every part reads its share again and again, as it reads its units' weights at every
 * symbol: from its own cache if they fit. */
static void read_part(void *arg, int part, int parts)
{
	struct loop *l = arg;
	size_t lo, hi;
	pool_share(part, parts, l->count, 16, &lo, &hi);
	volatile real sum = 0;
	for (uint64_t i = 0; i < l->times; i++)
		sum = kern_get()->read(hi - lo, l->numbers + lo);
	(void)sum;
	if (part == 0)
		l->done = (double)l->times * (double)(l->count * sizeof(real));
}

int bench_peak_read(struct pool *pool, size_t bytes, double seconds, double *rate, struct err *e)
{
	struct loop l = {.count = bytes / sizeof(real) + 1};
	if (!(l.numbers = mem_block(l.count, sizeof *l.numbers, e)))
		return -1;
	pool_run(pool, fill_part, &l);
	*rate = best_rate(pool, read_part, &l, seconds);
	mem_free(l.numbers);
	return 0;
}
