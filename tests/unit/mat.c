/* Products with threads: right, and the same bits at any number of them. */
#include "mat/mat.h"

#include <stdlib.h>

#include "base/mem.h"
#include "test.h"

enum { THREADS = 3 };

static real *numbers(size_t n, unsigned seed)
{
	real *x = mem_block(n + 1, sizeof(real), NULL);
	CHECK(x != NULL);
	if (!x)
		exit(1);
	for (size_t i = 0; i < n; i++) {
		seed = seed * 1664525u + 1013904223u;
		x[i] = (real)((double)(seed >> 8) / (1 << 23) - 1);
	}
	return x;
}

static void strides(void)
{
	for (size_t n = 0; n < 5000; n++) {
		CHECK(mat_round(n) >= n && mat_round(n) < n + 16 && mat_round(n) % 16 == 0);
		CHECK(mat_stride(n) >= mat_round(n) && mat_stride(n) <= mat_round(n) + 32);
		CHECK(n == 0 || mat_stride(n) * sizeof(real) % 2048 != 0);
		CHECK_INT(mat_stride(n) % 16, 0);
	}
}

static double bound(size_t k, double size)
{
	return (double)(k + 4) * ldexp(1, sizeof(real) == 4 ? -24 : -53) * 1.01 * size;
}

/* What g multiplies where x stands: rounded, for bf16. */
static double as_multiplied(const struct gemm *g, real x)
{
	if (g->prec == PREC_F32)
		return (double)x;
	uint16_t half;
	kern_scalar.round_bf16(1, &half, &x);
	uint32_t u = (uint32_t)half << 16;
	float f;
	memcpy(&f, &u, sizeof(f));
	return (double)f;
}

/* n numbers as g takes them on the left: bf16 for a bf16 product. */
static void *left(const struct gemm *g, const real *x, size_t n)
{
	void *y = mem_block(n + 1, sizeof(real), NULL);
	CHECK(y != NULL);
	if (!y)
		exit(1);
	if (g->prec == PREC_BF16)
		kern_scalar.round_bf16(n, y, x);
	else
		memcpy(y, x, n * sizeof(real));
	return y;
}

/* A (m, k) times B (k, n) by 1 and by more threads, B as it stands and
 * transposed, whole and in parts. */
static void mul_case(const struct gemm *g, size_t m, size_t k, size_t n, bool add)
{
	size_t lda = mat_stride(k), ldb = mat_stride(n), ldc = mat_stride(n), ldt = mat_stride(k);
	real *a = numbers(m * lda, 1), *b = numbers(k * ldb, 2), *c0 = numbers(m * ldc, 3);
	real *bt = numbers(n * ldt, 4), *c[4] = {0};
	void *la = left(g, a, m * lda);
	for (size_t p = 0; p < k; p++)
		for (size_t j = 0; j < n; j++)
			bt[j * ldt + p] = b[p * ldb + j];
	for (int t = 0; t < 4; t++) {
		struct pool *pool = t ? pool_new(t < 3 ? t + 1 : THREADS, NULL) : NULL;
		c[t] = numbers(m * ldc, 3);
		struct mat_pack bp;
		void *data = mem_block(mat_pack_bytes(g, k, n), 1, NULL);
		mat_pack_init(&bp, g, k, n, data);
		if (t % 2)
			mat_pack_fill(&bp, bt, 1, ldt, pool);
		else
			mat_pack_fill(&bp, b, ldb, 1, pool);
		if (t < 3) {
			mat_mul(pool, &bp, m, la, lda, c[t], ldc, add);
		} else {
			size_t cut = (n / 2 + (size_t)g->nr - 1) / (size_t)g->nr * (size_t)g->nr;
			cut = cut < n ? cut : n / (size_t)g->nr * (size_t)g->nr;
			mat_mul_part(&bp, m, la, lda, cut, n, c[t], ldc, add);
			mat_mul_part(&bp, m, la, lda, 0, cut, c[t], ldc, add);
		}
		CHECK(memcmp(c[t], c[0], m * ldc * sizeof(real)) == 0);
		mem_free(data);
		pool_free(pool);
	}
	long bad = 0;
	for (size_t i = 0; i < m; i++)
		for (size_t j = 0; j < ldc; j++) {
			double want = add || j >= n ? (double)c0[i * ldc + j] : 0, size = fabs(want);
			for (size_t p = 0; p < k && j < n; p++) {
				double term = as_multiplied(g, a[i * lda + p]) * as_multiplied(g, b[p * ldb + j]);
				want += term;
				size += fabs(term);
			}
			bad += !(fabs((double)c[0][i * ldc + j] - want) <= (j < n ? bound(k, size) : 0));
		}
	CHECK_INT(bad, 0);
	for (int t = 0; t < 4; t++)
		mem_free(c[t]);
	mem_free(la);
	mem_free(a);
	mem_free(b);
	mem_free(bt);
	mem_free(c0);
}

static const struct kern *sets[8];

static size_t all_sets(void)
{
	return kern_list(sets, 8);
}

static void mul(void)
{
	static const size_t shapes[][3] = {{0, 3, 3},   {1, 1, 1},    {1, 600, 70}, {2, 17, 300}, {25, 128, 96},
	                                   {64, 32, 65}, {301, 20, 31}, {7, 0, 9},    {5, 9, 0},    {40, 700, 33}};
	size_t n = all_sets();
	for (size_t s = 0; s < n; s++)
		for (size_t i = 0; i < sizeof(shapes) / sizeof(shapes[0]); i++)
			for (int p = 0; p < PREC_COUNT; p++)
				mul_case(sets[s]->gemm[p], shapes[i][0], shapes[i][1], shapes[i][2], i % 2);
}

/* Two right-hand sides at once are the same as one after the other. */
static void tn_two(const struct gemm *g, size_t m, size_t n, size_t k, struct mat_rows a, struct mat_rows b, size_t ldc)
{
	real *other = numbers(k * b.ld, 4);
	void *rounded = left(g, other, k * b.ld);
	struct mat_rows b2 = {a.type == g->prec ? rounded : other, b.ld, a.type};
	for (int t = 1; t <= THREADS; t++) {
		struct pool *pool = t > 1 ? pool_new(t, NULL) : NULL;
		real *c[4] = {numbers(m * ldc, 3), numbers(m * ldc, 5), numbers(m * ldc, 3), numbers(m * ldc, 5)};
		size_t bytes = mat_mul_tn_scratch(g, t, m, n, k, 2);
		unsigned char *scratch = mem_block(bytes + 64, 1, NULL);
		memset(scratch + bytes, 0x5a, 64);
		mat_mul_tn_of(pool, g, m, n, k, a, &(struct mat_tn){b, c[0]}, 1, ldc, NULL, scratch);
		mat_mul_tn_of(pool, g, m, n, k, a, &(struct mat_tn){b2, c[1]}, 1, ldc, NULL, scratch);
		real *sums = numbers(m, 6), *expect = numbers(m, 6);
		mat_mul_tn_of(pool, g, m, n, k, a, (struct mat_tn[]){{b, c[2]}, {b2, c[3]}}, 2, ldc, sums, scratch);
		kern_get()->colsum(k, m, expect, a.type, a.x, a.ld);
		CHECK(n == 0 || memcmp(sums, expect, m * sizeof(real)) == 0);
		mem_free(sums);
		mem_free(expect);
		CHECK(memcmp(c[0], c[2], m * ldc * sizeof(real)) == 0);
		CHECK(memcmp(c[1], c[3], m * ldc * sizeof(real)) == 0);
		for (size_t i = 0; i < 64; i++)
			CHECK_INT(scratch[bytes + i], 0x5a);
		for (int i = 0; i < 4; i++)
			mem_free(c[i]);
		mem_free(scratch);
		pool_free(pool);
	}
	mem_free(rounded);
	mem_free(other);
}

static void tn_case(const struct gemm *g, size_t m, size_t n, size_t k)
{
	size_t lda = mat_stride(m), ldb = mat_stride(n), ldc = mat_stride(n);
	real *a = numbers(k * lda, 1), *b = numbers(k * ldb, 2), *c0 = numbers(m * ldc, 3), *first = NULL;
	void *la = left(g, a, k * lda), *lb = left(g, b, k * ldb);
	for (int r = 0; r < 4 * THREADS; r++) { /* threads; which operands are rounded already */
		int t = r / 4 + 1;
		struct mat_rows ra = {a, lda, PREC_F32}, rb = {b, ldb, PREC_F32};
		if (r & 1)
			ra = (struct mat_rows){la, lda, g->prec};
		if (r & 2)
			rb = (struct mat_rows){lb, ldb, g->prec};
		struct pool *pool = t > 1 ? pool_new(t, NULL) : NULL;
		real *c = numbers(m * ldc, 3);
		size_t bytes = mat_mul_tn_scratch(g, t, m, n, k, 1);
		unsigned char *scratch = mem_block(bytes + 64, 1, NULL);
		memset(scratch + bytes, 0x5a, 64);
		if (r & 3)
			mat_mul_tn_of(pool, g, m, n, k, ra, &(struct mat_tn){rb, c}, 1, ldc, NULL, scratch);
		else
			mat_mul_tn(pool, g, m, n, k, a, lda, b, ldb, c, ldc, scratch);
		long over = 0;
		for (size_t i = 0; i < 64; i++)
			over += scratch[bytes + i] != 0x5a;
		CHECK_INT(over, 0);
		if (!first)
			first = c;
		CHECK(memcmp(first, c, m * ldc * sizeof(real)) == 0);
		if (c != first)
			mem_free(c);
		mem_free(scratch);
		pool_free(pool);
	}
	long bad = 0;
	for (size_t i = 0; i < m; i++)
		for (size_t j = 0; j < ldc; j++) {
			double want = (double)c0[i * ldc + j], size = fabs(want);
			for (size_t p = 0; p < k && j < n; p++) {
				double term = as_multiplied(g, a[p * lda + i]) * as_multiplied(g, b[p * ldb + j]);
				want += term;
				size += fabs(term);
			}
			bad += !(fabs((double)first[i * ldc + j] - want) <= (j < n ? bound(k, size) : 0));
		}
	CHECK_INT(bad, 0);
	tn_two(g, m, n, k, (struct mat_rows){a, lda, PREC_F32}, (struct mat_rows){lb, ldb, g->prec}, ldc);
	tn_two(g, m, n, k, (struct mat_rows){la, lda, g->prec}, (struct mat_rows){lb, ldb, g->prec}, ldc);
	mem_free(first);
	mem_free(la);
	mem_free(lb);
	mem_free(a);
	mem_free(b);
	mem_free(c0);
}

static void mul_tn(void)
{
	static const size_t shapes[][3] = {{1, 1, 1},   {0, 5, 5},    {5, 0, 5},   {5, 5, 0},    {40, 33, 600},
	                                   {130, 7, 90}, {7, 130, 1300}, {33, 65, 511}, {450, 20, 30}, {3, 200, 64}, {310, 70, 1700}};
	size_t n = all_sets();
	for (size_t s = 0; s < n; s++)
		for (size_t i = 0; i < sizeof(shapes) / sizeof(shapes[0]); i++)
			for (int p = 0; p < PREC_COUNT; p++)
				tn_case(sets[s]->gemm[p], shapes[i][0], shapes[i][1], shapes[i][2]);
}

TEST_MAIN("unit/mat", {"strides", strides}, {"mul", mul}, {"mul_tn", mul_tn})
