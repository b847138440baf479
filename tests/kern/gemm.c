/* The product of every set against double, with a bound from the data; its
 * promise about the order of additions to the bit; memory behind guard pages. */
#include "guard.h"
#include "test.h"

enum { DIM = 134, DEEP = 2200 };

static struct guard ga, gb, gc, gp, gs;
static real *plain; /* copy of C before the product */

/* One product and all there is to say about it. */
struct shape {
	size_t m, k, n;
	bool at; /* A stored transposed */
	bool bt; /* B stored transposed */
	bool add, back;
	size_t gap; /* beyond the last column, in all three */
};

struct operands {
	real *a, *b, *c, *packed, *scratch;
	size_t ars, acs, brs, bcs, ldc, ncells;
};

static size_t extent(size_t rows, size_t ld, size_t cols)
{
	return rows && cols ? (rows - 1) * ld + cols : 0;
}

static struct operands prepare(const struct gemm *g, const struct shape *s)
{
	struct operands o = {0};
	size_t lda = (s->at ? s->m : s->k) + s->gap, ldb = (s->bt ? s->k : s->n) + s->gap;
	size_t na = s->at ? extent(s->k, lda, s->m) : extent(s->m, lda, s->k);
	size_t nb = s->bt ? extent(s->n, ldb, s->k) : extent(s->k, ldb, s->n);
	o.ars = s->at ? 1 : lda;
	o.acs = s->at ? lda : 1;
	o.brs = s->bt ? 1 : ldb;
	o.bcs = s->bt ? ldb : 1;
	o.ldc = s->n + s->gap;
	o.ncells = extent(s->m, o.ldc, s->n);
	o.a = guard_at(&ga, na, s->back);
	o.b = guard_at(&gb, nb, s->back);
	o.c = guard_at(&gc, o.ncells, s->back);
	size_t bytes = g->pack_bytes(s->k, s->n);
	o.packed = guard_at(&gp, bytes / sizeof(real), s->back);
	bytes = g->scratch_bytes(s->m, s->k, s->n);
	o.scratch = guard_at(&gs, (bytes + 63) / 64 * 64 / sizeof(real), s->back);
	test_fill(o.a, na);
	test_fill(o.b, nb);
	test_fill(o.c, o.ncells);
	if (!s->add) /* must not be read */
		for (size_t i = 0; i < s->m; i++)
			for (size_t j = 0; j < s->n; j++)
				o.c[i * o.ldc + j] = NAN;
	memcpy(plain, o.c, o.ncells * sizeof(real));
	memset(o.packed, 0xff, g->pack_bytes(s->k, s->n)); /* NaN: all of it must be written */
	g->pack(o.packed, s->k, s->n, o.b, o.brs, o.bcs, 0, (s->n + (size_t)g->nr - 1) / (size_t)g->nr);
	return o;
}

static void multiply(const struct gemm *g, const struct shape *s, const struct operands *o)
{
	g->mul(s->m, s->k, s->n, o->a, o->ars, o->acs, o->packed, 0,
	       (s->n + (size_t)g->nr - 1) / (size_t)g->nr, o->c, o->ldc, s->add, s->at ? o->scratch : NULL);
}

static void against_double(const struct gemm *g, const struct shape *s)
{
	struct operands o = prepare(g, s);
	multiply(g, s, &o);
	double u = ldexp(1, sizeof(real) == 4 ? -24 : -53);
	long bad = 0;
	for (size_t i = 0; i < s->m; i++) {
		for (size_t j = 0; j < o.ldc && i * o.ldc + j < o.ncells; j++) {
			size_t at = i * o.ldc + j;
			if (j >= s->n) {
				bad += o.c[at] != plain[at];
				continue;
			}
			double want = s->add ? (double)plain[at] : 0, size = fabs(want);
			for (size_t p = 0; p < s->k; p++) {
				double term = (double)o.a[i * o.ars + p * o.acs] * (double)o.b[p * o.brs + j * o.bcs];
				want += term;
				size += fabs(term);
			}
			double steps = (double)(s->k + s->k / (size_t)g->kc + 2) * u; /* Higham's gamma */
			bad += !(fabs((double)o.c[at] - want) <= steps / (1 - steps) * size);
		}
	}
	if (bad)
		printf("  m %zu k %zu n %zu at %d bt %d add %d back %d: %ld wrong\n", s->m, s->k, s->n,
		       s->at, s->bt, s->add, s->back, bad);
	CHECK_INT(bad, 0);
}

/* All orientations, add or not, both ends of the page. */
static void all_ways(const struct gemm *g, size_t m, size_t k, size_t n, bool thin)
{
	for (unsigned w = 0; w < 16; w++) {
		if (thin && w != (m + k + n) % 16 && w != (m + k + n + 7) % 16)
			continue;
		struct shape s = {m, k, n, w & 1, w & 2, w & 4, w & 8, w % 3};
		against_double(g, &s);
	}
}

static void each_set(void (*run)(const struct kern *))
{
	const struct kern *sets[8];
	size_t n = kern_list(sets, 8);
	CHECK(n >= 1 && sets[0] == &kern_scalar);
	ga = guard_new(64 * DEEP * sizeof(real) + DIM * DIM * sizeof(real));
	gb = guard_new(64 * DEEP * sizeof(real) + DIM * DIM * sizeof(real));
	gc = guard_new(1200 * DIM * sizeof(real));
	gp = guard_new(2 * 64 * DEEP * sizeof(real) + 2 * DIM * DIM * sizeof(real));
	gs = guard_new(1024 * 1024 * sizeof(real));
	plain = malloc(1200 * DIM * sizeof(real));
	for (size_t i = 0; i < n && plain; i++) {
		test_state = 1;
		run(sets[i]);
	}
	free(plain);
	guard_free(&ga);
	guard_free(&gb);
	guard_free(&gc);
	guard_free(&gp);
	guard_free(&gs);
}

static const size_t awkward[][2] = {{1, 7}, {13, 33}, {33, 1}, {7, 65}, {70, 19}, {3, 130}};
enum { PAIRS = sizeof(awkward) / sizeof(awkward[0]) };

static void sweep_set(const struct kern *k)
{
	const struct gemm *g = k->gemm[PREC_F32];
	size_t step = test_quick() ? 7 : 1;
	for (size_t i = 0; i <= 130; i += step)
		for (size_t q = 0; q < PAIRS; q++) {
			all_ways(g, i, awkward[q][0], awkward[q][1], true);
			all_ways(g, awkward[q][0], i, awkward[q][1], true);
			all_ways(g, awkward[q][0], awkward[q][1], i, true);
		}
}

static void sweep(void)
{
	each_set(sweep_set);
}

static void small_set(const struct kern *k)
{
	const struct gemm *g = k->gemm[PREC_F32];
	size_t top = test_quick() ? 3 : 5;
	for (size_t m = 0; m <= top; m++)
		for (size_t kk = 0; kk <= top; kk++)
			for (size_t n = 0; n <= top; n++)
				all_ways(g, m, kk, n, false);
}

static void small(void)
{
	each_set(small_set);
}

static void random_set(const struct kern *k)
{
	for (int t = test_quick() ? 40 : 400; t > 0; t--)
		all_ways(k->gemm[PREC_F32], test_random() % 131, test_random() % 131, test_random() % 131, true);
}

static void random_triples(void)
{
	each_set(random_set);
}

/* Around the depth of a block, and more rows than stay in L2 at once. */
static void deep_set(const struct kern *k)
{
	const struct gemm *g = k->gemm[PREC_F32];
	size_t kc = (size_t)g->kc;
	const size_t ks[] = {kc - 1, kc, kc + 1, 2 * kc, 2 * kc + 3, 4 * kc + 1};
	for (size_t i = 0; i < sizeof(ks) / sizeof(ks[0]); i++) {
		all_ways(g, 3, ks[i], 37, true);
		all_ways(g, 25, ks[i], 40, true);
		all_ways(g, 1, ks[i], 60, true);
	}
	all_ways(g, 385, 5, 40, true);
	all_ways(g, 800, 40, 9, true);
	all_ways(g, 1153, 33, 3, true);
}

static void deep(void)
{
	each_set(deep_set);
}

/* The chain that the header promises, written out: bits, not bounds. */
static real chain(const struct kern *set, const struct shape *s, const struct operands *o, size_t i,
                  size_t j)
{
	size_t kc = (size_t)set->gemm[PREC_F32]->kc;
	real sum = s->add ? plain[i * o->ldc + j] : 0;
	for (size_t p0 = 0; p0 < s->k; p0 += kc) {
		real acc = 0;
		for (size_t p = p0; p < s->k && p < p0 + kc; p++) {
			real a = o->a[i * o->ars + p * o->acs], b = o->b[p * o->brs + j * o->bcs];
			if (set->isa == ISA_BASE)
				acc = a * b + acc;
			else
				acc = (real)fmaf((float)a, (float)b, (float)acc);
		}
		sum = p0 || s->add ? sum + acc : acc;
	}
	return sum;
}

static bool same_bits(const real *x, const real *y, size_t n)
{
	return memcmp(x, y, n * sizeof(real)) == 0;
}

static void order_set(const struct kern *set)
{
	const struct gemm *g = set->gemm[PREC_F32];
	for (int t = test_quick() ? 10 : 60; t > 0; t--) {
		size_t k = t % 4 ? test_random() % 131 : (size_t)g->kc + test_random() % 700;
		struct shape s = {test_random() % 60, k, test_random() % 131, t & 1, t & 2, t & 4, t & 8, 1};
		struct operands o = prepare(g, &s);
		multiply(g, &s, &o);
		long bad = 0;
		for (size_t i = 0; i < s.m; i++)
			for (size_t j = 0; j < s.n; j++) {
				real want = chain(set, &s, &o, i, j);
				bad += !same_bits(&o.c[i * o.ldc + j], &want, 1);
			}
		CHECK_INT(bad, 0);
	}
}

static void order(void)
{
	each_set(order_set);
}

/* Cut along rows and panels at random, packed panel by panel: the same bits. */
static void cut_set(const struct kern *set)
{
	const struct gemm *g = set->gemm[PREC_F32];
	size_t nr = (size_t)g->nr;
	for (int t = test_quick() ? 20 : 200; t > 0; t--) {
		struct shape s = {1 + test_random() % 80, test_random() % 700, 1 + test_random() % 131,
		                  t & 1, t & 2, t & 4, t & 8, t % 3};
		struct operands o = prepare(g, &s);
		size_t panels = (s.n + nr - 1) / nr, bytes = g->pack_bytes(s.k, s.n);
		char *whole_pack = malloc(bytes + 1);
		real *whole = malloc(o.ncells * sizeof(real));
		CHECK(whole_pack && whole);
		if (whole_pack && whole) {
			multiply(g, &s, &o);
			memcpy(whole, o.c, o.ncells * sizeof(real));
			memcpy(whole_pack, o.packed, bytes);
			long unwritten = 0;
			for (size_t i = 0; i < bytes / sizeof(real); i++)
				unwritten += isnan(o.packed[i]);
			CHECK_INT(unwritten, 0);
			memset(o.packed, 0xff, bytes);
			memcpy(o.c, plain, o.ncells * sizeof(real));
			for (size_t j = panels; j-- > 0;)
				g->pack(o.packed, s.k, s.n, o.b, o.brs, o.bcs, j, j + 1);
			CHECK(memcmp(whole_pack, o.packed, bytes) == 0);
			size_t row = test_random() % (s.m + 1), panel = test_random() % (panels + 1);
			const size_t rows[] = {0, row, s.m}, cols[] = {0, panel, panels};
			for (size_t r = 0; r < 2; r++)
				for (size_t q = 0; q < 2; q++)
					g->mul(rows[r + 1] - rows[r], s.k, s.n, o.a + rows[r] * o.ars, o.ars, o.acs,
					       o.packed, cols[q], cols[q + 1], o.c + rows[r] * o.ldc, o.ldc, s.add,
					       o.scratch);
			CHECK(same_bits(whole, o.c, o.ncells));
		}
		free(whole);
		free(whole_pack);
	}
}

static void cut(void)
{
	each_set(cut_set);
}

/* A NaN or infinity reaches its row, or column, and nothing else. */
static void special_set(const struct kern *set)
{
	const struct gemm *g = set->gemm[PREC_F32];
	const real specials[] = {NAN, INFINITY};
	for (int t = 0; t < 40; t++) {
		struct shape s = {1 + test_random() % 40, 1 + test_random() % 60, 1 + test_random() % 80,
		                  t & 1, t & 2, t & 4, t & 8, 0};
		struct operands o = prepare(g, &s);
		size_t i = test_random() % s.m, p = test_random() % s.k, j = test_random() % s.n;
		bool in_b = t % 5 < 2;
		if (in_b) {
			o.b[p * o.brs + j * o.bcs] = specials[t % 2];
			g->pack(o.packed, s.k, s.n, o.b, o.brs, o.bcs, 0, (s.n + (size_t)g->nr - 1) / (size_t)g->nr);
		} else {
			o.a[i * o.ars + p * o.acs] = specials[t % 2];
		}
		multiply(g, &s, &o);
		long bad = 0;
		for (size_t r = 0; r < s.m; r++)
			for (size_t q = 0; q < s.n; q++)
				bad += isfinite(o.c[r * o.ldc + q]) == (in_b ? q == j : r == i);
		CHECK_INT(bad, 0);
	}
}

static void special(void)
{
	each_set(special_set);
}

TEST_MAIN("kern/gemm", {"sweep", sweep}, {"small", small}, {"random", random_triples},
          {"deep", deep}, {"order", order}, {"cut", cut}, {"special", special})
