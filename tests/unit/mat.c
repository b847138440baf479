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
		CHECK(mat_stride(n) >= mat_round(n) && mat_stride(n) <= mat_round(n) + 16);
		CHECK(n == 0 || mat_stride(n) * sizeof(real) % 4096 != 0);
		CHECK_INT(mat_stride(n) % 16, 0);
	}
}

static double bound(size_t k, double size)
{
	return (double)(k + 4) * ldexp(1, sizeof(real) == 4 ? -24 : -53) * 1.01 * size;
}

/* A (m, k) times B (k, n) by 1 and by more threads, B as it stands and
 * transposed, whole and in parts. */
static void mul_case(const struct gemm *g, size_t m, size_t k, size_t n, bool add)
{
	size_t lda = mat_stride(k), ldb = mat_stride(n), ldc = mat_stride(n), ldt = mat_stride(k);
	real *a = numbers(m * lda, 1), *b = numbers(k * ldb, 2), *c0 = numbers(m * ldc, 3);
	real *bt = numbers(n * ldt, 4), *c[4] = {0};
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
			mat_mul(pool, &bp, m, a, lda, c[t], ldc, add);
		} else {
			size_t cut = (n / 2 + (size_t)g->nr - 1) / (size_t)g->nr * (size_t)g->nr;
			cut = cut < n ? cut : n / (size_t)g->nr * (size_t)g->nr;
			mat_mul_part(&bp, m, a, lda, cut, n, c[t], ldc, add);
			mat_mul_part(&bp, m, a, lda, 0, cut, c[t], ldc, add);
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
				want += (double)a[i * lda + p] * (double)b[p * ldb + j];
				size += fabs((double)a[i * lda + p] * (double)b[p * ldb + j]);
			}
			bad += !(fabs((double)c[0][i * ldc + j] - want) <= (j < n ? bound(k, size) : 0));
		}
	CHECK_INT(bad, 0);
	for (int t = 0; t < 4; t++)
		mem_free(c[t]);
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
			mul_case(sets[s]->gemm[PREC_F32], shapes[i][0], shapes[i][1], shapes[i][2], i % 2);
}

static void tn_case(const struct gemm *g, size_t m, size_t n, size_t k)
{
	size_t lda = mat_stride(m), ldb = mat_stride(n), ldc = mat_stride(n);
	real *a = numbers(k * lda, 1), *b = numbers(k * ldb, 2), *c0 = numbers(m * ldc, 3), *first = NULL;
	for (int t = 1; t <= THREADS; t++) {
		struct pool *pool = t > 1 ? pool_new(t, NULL) : NULL;
		real *c = numbers(m * ldc, 3);
		size_t bytes = mat_mul_tn_scratch(g, t, m, n, k);
		unsigned char *scratch = mem_block(bytes + 64, 1, NULL);
		memset(scratch + bytes, 0x5a, 64);
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
				want += (double)a[p * lda + i] * (double)b[p * ldb + j];
				size += fabs((double)a[p * lda + i] * (double)b[p * ldb + j]);
			}
			bad += !(fabs((double)first[i * ldc + j] - want) <= (j < n ? bound(k, size) : 0));
		}
	CHECK_INT(bad, 0);
	mem_free(first);
	mem_free(a);
	mem_free(b);
	mem_free(c0);
}

static void mul_tn(void)
{
	static const size_t shapes[][3] = {{1, 1, 1},   {0, 5, 5},    {5, 0, 5},   {5, 5, 0},    {40, 33, 600},
	                                   {130, 7, 90}, {7, 130, 1300}, {33, 65, 511}, {450, 20, 30}, {3, 200, 64}};
	size_t n = all_sets();
	for (size_t s = 0; s < n; s++)
		for (size_t i = 0; i < sizeof(shapes) / sizeof(shapes[0]); i++)
			tn_case(sets[s]->gemm[PREC_F32], shapes[i][0], shapes[i][1], shapes[i][2]);
}

TEST_MAIN("unit/mat", {"strides", strides}, {"mul", mul}, {"mul_tn", mul_tn})
