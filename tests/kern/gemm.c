/* The products of every set, float32 and bf16, against double, with a bound from
 * the data; their promise about the order of additions to the bit; memory behind
 * guard pages. The AMX product takes part with tiles in plain C. */
#include "guard.h"
#include "amx_plain.h"
#include "test.h"

enum { DIM = 134, DEEP = 3200 };

static struct guard ga, gb, gc, gp, gs, gx[4];
static real *plain; /* copy of C before the product */

/* One product and all there is to say about it. */
struct shape {
	size_t m, k, n;
	bool at; /* A stored transposed */
	bool bt; /* B stored transposed */
	bool add, back;
	size_t gap; /* beyond the last column, in all three */
	bool a16, b16; /* bf16 products: a transposed A, and B, are rounded already */
};

struct operands {
	struct operand a, b;
	real *c;
	void *packed, *scratch;
	size_t ldc, ncells, panels;
};

/* A product, and what is known of its order of additions. */
struct product {
	const struct gemm *g;
	enum { PLAIN_CHAIN, FUSED_CHAIN, OTHER_ORDER } order;
};

static size_t extent(size_t rows, size_t ld, size_t cols)
{
	return rows && cols ? (rows - 1) * ld + cols : 0;
}

static double widen(uint16_t half)
{
	uint32_t u = (uint32_t)half << 16;
	float f;
	memcpy(&f, &u, sizeof(f));
	return (double)f;
}

/* The number that takes part in the product. */
static double value_at(const struct gemm *g, const struct operand *x, size_t i, size_t j)
{
	size_t at = i * x->rs + j * x->cs;
	uint16_t half;
	if (x->type == PREC_BF16)
		return widen(((const uint16_t *)x->data)[at]);
	real number = ((const real *)x->data)[at];
	if (g->prec == PREC_F32)
		return (double)number;
	kern_scalar.round_bf16(1, &half, &number);
	return widen(half);
}

static void set_at(const struct operand *x, size_t i, size_t j, real number)
{
	size_t at = i * x->rs + j * x->cs;
	if (x->type == PREC_BF16)
		kern_scalar.round_bf16(1, (uint16_t *)x->data + at, &number);
	else
		((real *)x->data)[at] = number;
}

/* rows by cols random numbers between guard pages, or transposed. */
static struct operand random_operand(const struct guard *gd, enum precision type, size_t rows,
                                     size_t cols, const struct shape *s, bool transposed)
{
	size_t ld = (transposed ? rows : cols) + s->gap;
	size_t count = transposed ? extent(cols, ld, rows) : extent(rows, ld, cols);
	void *data = guard_bytes(gd, count * (type == PREC_BF16 ? sizeof(uint16_t) : sizeof(real)), s->back);
	struct operand x = {.data = data, .type = type, .rs = 1, .cs = 1};
	for (size_t i = 0; i < count; i++)
		set_at(&x, i, 0, test_unit());
	x.rs = transposed ? 1 : ld;
	x.cs = transposed ? ld : 1;
	return x;
}

static struct operands prepare(const struct gemm *g, const struct shape *s)
{
	struct operands o = {0};
	bool bf16 = g->prec == PREC_BF16;
	o.a = random_operand(&ga, bf16 && (!s->at || s->a16) ? PREC_BF16 : PREC_F32, s->m, s->k, s, s->at);
	o.b = random_operand(&gb, bf16 && s->b16 ? PREC_BF16 : PREC_F32, s->k, s->n, s, s->bt);
	o.ldc = s->n + s->gap;
	o.ncells = extent(s->m, o.ldc, s->n);
	o.c = guard_at(&gc, o.ncells, s->back);
	o.packed = guard_bytes(&gp, g->pack_bytes(s->k, s->n), s->back);
	o.scratch = guard_bytes(&gs, (g->scratch_bytes(s->m, s->k, s->n) + 63) / 64 * 64, s->back);
	o.panels = (s->n + (size_t)g->nr - 1) / (size_t)g->nr;
	test_fill(o.c, o.ncells);
	if (!s->add) /* must not be read */
		for (size_t i = 0; i < s->m; i++)
			for (size_t j = 0; j < s->n; j++)
				o.c[i * o.ldc + j] = NAN;
	if (o.ncells)
		memcpy(plain, o.c, o.ncells * sizeof(real));
	memset(o.packed, 0xff, g->pack_bytes(s->k, s->n)); /* NaN: all of it must be written */
	g->pack(o.packed, s->k, s->n, o.b, 0, o.panels);
	return o;
}

static void multiply(const struct gemm *g, const struct shape *s, const struct operands *o)
{
	g->mul(s->m, s->k, s->n, o->a, o->packed, 0, o->panels, o->c, o->ldc, s->add,
	       s->at ? o->scratch : NULL, NULL, 0);
}

static double exact_a[64 * DEEP + DIM * DIM], exact_b[64 * DEEP + DIM * DIM];

static void against_double(const struct gemm *g, const struct shape *s)
{
	struct operands o = prepare(g, s);
	multiply(g, s, &o);
	for (size_t p = 0; p < s->k; p++) {
		for (size_t i = 0; i < s->m; i++)
			exact_a[i * s->k + p] = value_at(g, &o.a, i, p);
		for (size_t j = 0; j < s->n; j++)
			exact_b[j * s->k + p] = value_at(g, &o.b, p, j);
	}
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
				double term = exact_a[i * s->k + p] * exact_b[j * s->k + p];
				want += term;
				size += fabs(term);
			}
			double steps = (double)(s->k + s->k / (size_t)g->kc + 2) * u; /* Higham's gamma */
			bad += !(fabs((double)o.c[at] - want) <= steps / (1 - steps) * size);
		}
	}
	if (bad)
		printf("  %s m %zu k %zu n %zu at %d bt %d add %d back %d: %ld wrong\n",
		       g->prec == PREC_BF16 ? "bf16" : "f32", s->m, s->k, s->n, s->at, s->bt, s->add, s->back, bad);
	CHECK_INT(bad, 0);
}

/* All orientations, add or not, both ends of the page. */
static void all_ways(const struct gemm *g, size_t m, size_t k, size_t n, bool thin)
{
	for (unsigned w = 0; w < 16; w++) {
		if (thin && w != (m + k + n) % 16 && w != (m + k + n + 7) % 16)
			continue;
		struct shape s = {m, k, n, w & 1, w & 2, w & 4, w & 8, w % 3, (w + m + k) & 1, (w + k + n) & 1};
		against_double(g, &s);
	}
}

static struct product product_of(const struct kern *k, enum precision p)
{
	struct product q = {k->gemm[p], k->isa == ISA_BASE ? PLAIN_CHAIN : FUSED_CHAIN};
	if (p == PREC_BF16 && k->native_bf16)
		q.order = OTHER_ORDER;
	return q;
}

static void each_product(void (*run)(const struct product *))
{
	const struct kern *sets[8];
	size_t n = kern_list(sets, 8);
	CHECK(n >= 1 && sets[0] == &kern_scalar);
	ga = guard_new(64 * DEEP * sizeof(real) + DIM * DIM * sizeof(real));
	gb = guard_new(64 * DEEP * sizeof(real) + DIM * DIM * sizeof(real));
	gc = guard_new(1200 * DIM * sizeof(real));
	gp = guard_new(2 * 64 * DEEP * sizeof(real) + 2 * DIM * DIM * sizeof(real));
	gs = guard_new(1024 * 1024 * sizeof(real));
	for (int i = 0; i < 4; i++)
		gx[i] = guard_new(1024 * 1024 * sizeof(real));
	plain = malloc(1200 * DIM * sizeof(real));
	for (size_t i = 0; i <= n && plain; i++)
		for (int p = 0; p < PREC_COUNT; p++) {
			struct product q = {&gemm_bf16, OTHER_ORDER}; /* amx_plain.h's */
			if (i < n)
				q = product_of(sets[i], (enum precision)p);
			else if (p != PREC_BF16)
				continue;
			CHECK(q.g && q.g->prec == (enum precision)p && q.g->kc % 2 == 0);
			test_state = 1;
			if (q.g)
				run(&q);
		}
	free(plain);
	guard_free(&ga);
	guard_free(&gb);
	guard_free(&gc);
	guard_free(&gp);
	guard_free(&gs);
	for (int i = 0; i < 4; i++)
		guard_free(&gx[i]);
}

static const size_t awkward[][2] = {{1, 7}, {13, 33}, {33, 1}, {7, 65}, {70, 19}, {3, 130}};
enum { PAIRS = sizeof(awkward) / sizeof(awkward[0]) };

static void sweep_run(const struct product *q)
{
	const struct gemm *g = q->g;
	size_t step = test_quick() ? 7 : 1;
	for (size_t i = 0; i <= 130; i += step)
		for (size_t r = 0; r < PAIRS; r++) {
			all_ways(g, i, awkward[r][0], awkward[r][1], true);
			all_ways(g, awkward[r][0], i, awkward[r][1], true);
			all_ways(g, awkward[r][0], awkward[r][1], i, true);
		}
}

static void sweep(void)
{
	each_product(sweep_run);
}

static void small_run(const struct product *q)
{
	const struct gemm *g = q->g;
	size_t top = test_quick() ? 3 : 5;
	for (size_t m = 0; m <= top; m++)
		for (size_t kk = 0; kk <= top; kk++)
			for (size_t n = 0; n <= top; n++)
				all_ways(g, m, kk, n, false);
}

static void small(void)
{
	each_product(small_run);
}

static void random_run(const struct product *q)
{
	for (int t = test_quick() ? 40 : 400; t > 0; t--)
		all_ways(q->g, test_random() % 131, test_random() % 131, test_random() % 131, true);
}

static void random_triples(void)
{
	each_product(random_run);
}

/* Around the depth of a block, and more rows than stay in L2 at once. */
static void deep_run(const struct product *q)
{
	const struct gemm *g = q->g;
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
	each_product(deep_run);
}

static struct operand from_row(const struct operand *x, size_t i)
{
	struct operand y = *x;
	y.data = (const char *)x->data + i * x->rs * (x->type == PREC_BF16 ? sizeof(uint16_t) : sizeof(real));
	return y;
}

static bool same_bits(const real *x, const real *y, size_t n)
{
	return n == 0 || memcmp(x, y, n * sizeof(real)) == 0;
}

/* The chain that the header promises, written out: bits, not bounds. */
static real chain(const struct product *q, const struct shape *s, const struct operands *o, size_t i,
                  size_t j)
{
	size_t kc = (size_t)q->g->kc;
	real sum = s->add ? plain[i * o->ldc + j] : 0;
	for (size_t p0 = 0; p0 < s->k; p0 += kc) {
		real acc = 0;
		for (size_t p = p0; p < s->k && p < p0 + kc; p++) {
			real a = (real)value_at(q->g, &o->a, i, p), b = (real)value_at(q->g, &o->b, p, j);
			if (q->order == PLAIN_CHAIN)
				acc = a * b + acc;
			else
				acc = (real)fmaf((float)a, (float)b, (float)acc);
		}
		sum = p0 || s->add ? sum + acc : acc;
	}
	return sum;
}

/* The element as a product of its own, of one row and one column. */
static real alone(const struct product *q, const struct shape *s, const struct operands *o, size_t i,
                  size_t j)
{
	const struct gemm *g = q->g;
	void *packed = malloc(g->pack_bytes(s->k, 1) + 1), *scratch = malloc(g->scratch_bytes(1, s->k, 1) + 64);
	real c = plain[i * o->ldc + j];
	struct operand a = from_row(&o->a, i), b = o->b;
	size_t size_b = b.type == PREC_BF16 ? sizeof(uint16_t) : sizeof(real);
	b.data = (const char *)b.data + j * b.cs * size_b;
	CHECK(packed && scratch);
	if (packed && scratch) {
		g->pack(packed, s->k, 1, b, 0, 1);
		g->mul(1, s->k, 1, a, packed, 0, 1, &c, 1, s->add, scratch, NULL, 0);
	}
	free(packed);
	free(scratch);
	return c;
}

static void order_run(const struct product *q)
{
	const struct gemm *g = q->g;
	for (int t = test_quick() ? 10 : 60; t > 0; t--) {
		size_t k = t % 4 ? test_random() % 131 : (size_t)g->kc + test_random() % 700;
		struct shape s = {test_random() % 60, k, test_random() % 131, t & 1, t & 2, t & 4, t & 8, 1, t & 16, t & 32};
		struct operands o = prepare(g, &s);
		multiply(g, &s, &o);
		long bad = 0;
		for (size_t i = 0; i < s.m; i++)
			for (size_t j = 0; j < s.n; j++) {
				if (q->order != OTHER_ORDER) {
					real want = chain(q, &s, &o, i, j);
					bad += !same_bits(&o.c[i * o.ldc + j], &want, 1);
				}
				if ((i + j) % 7 == 0) {
					real want = alone(q, &s, &o, i, j);
					bad += !same_bits(&o.c[i * o.ldc + j], &want, 1);
				}
			}
		CHECK_INT(bad, 0);
	}
}

static void order(void)
{
	each_product(order_run);
}

/* Cut along rows and panels at random, packed panel by panel: the same bits. */
static void cut_run(const struct product *q)
{
	const struct gemm *g = q->g;
	for (int t = test_quick() ? 20 : 200; t > 0; t--) {
		struct shape s = {1 + test_random() % 80, test_random() % 700, 1 + test_random() % 131,
		                  t & 1, t & 2, t & 4, t & 8, t % 3, t & 16, t & 32};
		struct operands o = prepare(g, &s);
		size_t panels = o.panels, bytes = g->pack_bytes(s.k, s.n);
		char *whole_pack = malloc(bytes + 1);
		real *whole = malloc(o.ncells * sizeof(real));
		CHECK(whole_pack && whole);
		if (whole_pack && whole) {
			multiply(g, &s, &o);
			memcpy(whole, o.c, o.ncells * sizeof(real));
			memcpy(whole_pack, o.packed, bytes);
			memset(o.packed, 0, bytes); /* prepare had 0xff there: a byte not written differs */
			memcpy(o.c, plain, o.ncells * sizeof(real));
			for (size_t j = panels; j-- > 0;)
				g->pack(o.packed, s.k, s.n, o.b, j, j + 1);
			CHECK(memcmp(whole_pack, o.packed, bytes) == 0);
			size_t row = test_random() % (s.m + 1), panel = test_random() % (panels + 1);
			const size_t rows[] = {0, row, s.m}, cols[] = {0, panel, panels};
			for (size_t r = 0; r < 2; r++)
				for (size_t p = 0; p < 2; p++)
					g->mul(rows[r + 1] - rows[r], s.k, s.n, from_row(&o.a, rows[r]), o.packed, cols[p],
					       cols[p + 1], o.c + rows[r] * o.ldc, o.ldc, s.add, o.scratch, NULL, 0);
			CHECK(same_bits(whole, o.c, o.ncells));
		}
		free(whole);
		free(whole_pack);
	}
}

static void cut(void)
{
	each_product(cut_run);
}

/* What is packed while a product is computed is packed as ever, and the product is as ever. */
static void meanwhile_run(const struct product *q)
{
	const struct gemm *g = q->g;
	enum precision type = g->prec;
	size_t mr = (size_t)g->mr, nr = (size_t)g->nr, kc = (size_t)g->kc, mc = (size_t)g->mc;
	if (!g->carries)
		return;
	for (int t = test_quick() ? 60 : 400; t > 0; t--) {
		struct shape s = {1 + test_random() % (2 * mr), 1 + test_random() % 90, 1 + test_random() % 134,
		                  true, false, t & 1, t & 2, t % 3, true, t & 4};
		struct operands o = prepare(g, &s);
		/* B of another product, and A of it, some deeper than this one. */
		size_t k = 1 + test_random() % (t % 9 ? 100 : kc), n = 1 + test_random() % 134, m = 1 + test_random() % mc;
		struct shape next = {m, k, n, true, false, true, t & 8, t % 5 * 8, true, true};
		struct operand b = random_operand(&gx[0], type, k, n, &next, false);
		struct operand a = random_operand(&gx[1], type, m, k, &next, true);
		size_t panels = (n + nr - 1) / nr, j0 = test_random() % (panels + 1), j1 = j0 + test_random() % (panels - j0 + 1);
		size_t bytes = g->pack_bytes(k, n), scratch = (g->scratch_bytes(m, k, n) + 63) / 64 * 64;
		char *to = guard_bytes(&gx[2], bytes, true), *as_ever = malloc(bytes);
		void *slivers = guard_bytes(&gx[3], scratch, true);
		real *whole = malloc((o.ncells + 1) * sizeof(real)), sums[2][1024];
		CHECK(as_ever && whole && m <= 1024);
		if (!as_ever || !whole)
			return;
		multiply(g, &s, &o);
		memcpy(whole, o.c, o.ncells * sizeof(real));
		memset(as_ever, 0x5a, bytes);
		g->pack(as_ever, k, n, b, j0, j1);
		memset(to, 0x5a, bytes);
		memset(slivers, 0xff, scratch);
		for (size_t i = 0; i < m; i++)
			sums[0][i] = sums[1][i] = (real)i / 3;
		const struct packing list[] = {{.x = b, .k = k, .n = n, .j0 = j0, .j1 = j1, .to = to},
		                               {.slivers = true, .x = a, .k = k, .n = m, .to = slivers, .sums = t % 4 ? sums[1] : NULL}};
		memcpy(o.c, plain, o.ncells * sizeof(real));
		g->mul(s.m, s.k, s.n, o.a, o.packed, 0, o.panels, o.c, o.ldc, s.add, o.scratch, list, 2);
		CHECK(same_bits(whole, o.c, o.ncells));
		CHECK(memcmp(as_ever, to, bytes) == 0);
		if (t % 4)
			kern_get()->colsum(k, m, sums[0], type, a.data, a.cs);
		CHECK(same_bits(sums[0], sums[1], m));
		/* The slivers as a product reads them. */
		size_t cells = m * n;
		real *c[2] = {calloc(cells, sizeof(real)), calloc(cells, sizeof(real))};
		g->pack(to, k, n, b, 0, panels);
		g->mul(m, k, n, a, to, 0, panels, c[0], n, true, gs.lo, NULL, 0);
		a.packed = true;
		g->mul(m, k, n, a, to, 0, panels, c[1], n, true, slivers, NULL, 0);
		CHECK(same_bits(c[0], c[1], cells));
		free(c[0]);
		free(c[1]);
		free(as_ever);
		free(whole);
	}
}

static void meanwhile(void)
{
	each_product(meanwhile_run);
}

/* A NaN or infinity reaches its row, or column, and nothing else. */
static void special_run(const struct product *q)
{
	const struct gemm *g = q->g;
	const real specials[] = {NAN, INFINITY};
	for (int t = 0; t < 40; t++) {
		struct shape s = {1 + test_random() % 40, 1 + test_random() % 60, 1 + test_random() % 80,
		                  t & 1, t & 2, t & 4, t & 8, 0, t & 16, t & 32};
		struct operands o = prepare(g, &s);
		size_t i = test_random() % s.m, p = test_random() % s.k, j = test_random() % s.n;
		bool in_b = t % 5 < 2;
		if (in_b) {
			set_at(&o.b, p, j, specials[t % 2]);
			g->pack(o.packed, s.k, s.n, o.b, 0, o.panels);
		} else {
			set_at(&o.a, i, p, specials[t % 2]);
		}
		multiply(g, &s, &o);
		long bad = 0;
		for (size_t r = 0; r < s.m; r++)
			for (size_t l = 0; l < s.n; l++)
				bad += isfinite(o.c[r * o.ldc + l]) == (in_b ? l == j : r == i);
		CHECK_INT(bad, 0);
	}
}

static void special(void)
{
	each_product(special_run);
}

/* Random bits, most of which bf16 cannot hold; NaN and denormals among them. */
static void fill_bits(const struct operand *x, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		uint32_t u = test_random();
		u = i % 5 == 0 ? (u & 0x807fffffu) : i % 7 == 0 ? (u | 0x7f800000u) : u;
		memcpy((real *)x->data + i, &u, sizeof(u));
	}
}

/* What packing rounds is what round_bf16 makes of it: the same bytes. */
static void rounding_run(const struct product *q)
{
	const struct gemm *g = q->g;
	if (g->prec != PREC_BF16) {
		CHECK(g->prec == PREC_F32);
		return;
	}
	for (int t = 0; t < 60; t++) {
		size_t k = test_random() % 300, n = test_random() % 131, bytes = g->pack_bytes(k, n);
		size_t panels = (n + (size_t)g->nr - 1) / (size_t)g->nr;
		size_t ld = t % 2 ? k : n;
		struct operand x = {.data = guard_at(&ga, k * n, true), .type = PREC_F32, .rs = t % 2 ? 1 : ld, .cs = t % 2 ? ld : 1};
		struct operand y = {.data = guard_bytes(&gb, k * n * sizeof(uint16_t), true), .type = PREC_BF16, .rs = x.rs, .cs = x.cs};
		char *from_x = guard_bytes(&gp, bytes, true), *from_y = guard_bytes(&gs, bytes, true);
		fill_bits(&x, k * n);
		kern_scalar.round_bf16(k * n, (uint16_t *)y.data, x.data);
		g->pack(from_x, k, n, x, 0, panels);
		g->pack(from_y, k, n, y, 0, panels);
		CHECK(bytes == 0 || memcmp(from_x, from_y, bytes) == 0);
	}
	/* And on the left, where products show it: C = A' with B the unit matrix. */
	for (size_t m = 1; m < 40; m++) {
		enum { K = 33 };
		real b[K * K] = {0}, c[K * 40];
		for (size_t p = 0; p < K; p++)
			b[p * K + p] = 1;
		struct operand unit = {.data = b, .type = PREC_F32, .rs = K, .cs = 1};
		struct operand a = {.data = guard_at(&ga, m * K, true), .type = PREC_F32, .rs = 1, .cs = m};
		g->pack(gp.lo, K, K, unit, 0, (K + (size_t)g->nr - 1) / (size_t)g->nr);
		test_fill((real *)a.data, m * K);
		g->mul(m, K, K, a, gp.lo, 0, (K + (size_t)g->nr - 1) / (size_t)g->nr, c, K, false, gs.lo, NULL, 0);
		long bad = 0;
		for (size_t i = 0; i < m; i++)
			for (size_t p = 0; p < K; p++)
				bad += (double)c[i * K + p] != value_at(g, &a, i, p);
		CHECK_INT(bad, 0);
	}
}

static void rounding(void)
{
	each_product(rounding_run);
}

TEST_MAIN("kern/gemm", {"rounding", rounding}, {"sweep", sweep}, {"small", small}, {"random", random_triples},
          {"deep", deep}, {"order", order}, {"cut", cut},
          {"meanwhile", meanwhile}, {"special", special})
