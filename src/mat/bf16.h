/* bfloat16 in plain C that a compiler turns into vector code, and the packing
 * of bf16 right-hand sides in pairs of rows. Included by files that are
 * compiled once per instruction set. */
#ifndef RNNLM_MAT_BF16_H
#define RNNLM_MAT_BF16_H

#include <string.h>
#ifdef __AVX512BF16__
#include <immintrin.h>
#endif

#include "mat/kern.h"

/* Rounded as kern.h says. Selects, not branches. */
static inline uint16_t bf16_of(real x)
{
	float f = (float)x;
	uint32_t u;
	memcpy(&u, &f, sizeof(u));
	uint32_t y = u + 0x7fffu + (u >> 16 & 1u);
	y = (u & 0x7f800000u) == 0 ? u & 0x80000000u : y;
	y = (u & 0x7fffffffu) > 0x7f800000u ? u | 0x400000u : y;
	return (uint16_t)(y >> 16);
}

#ifdef __AVX512BF16__
/* Sixteen of them: the instruction rounds the same. */
static inline void bf16_round16(uint16_t *y, const real *x)
{
	_mm256_storeu_si256((void *)y, (__m256i)_mm512_cvtneps_pbh(_mm512_loadu_ps(x)));
}
#endif

static inline real bf16_wide(uint16_t x)
{
	uint32_t u = (uint32_t)x << 16;
	float f;
	memcpy(&f, &u, sizeof(f));
	return f;
}

/* What stands in for the missing partner of an odd last row, of either type. */
static const real bf16_no_row[32];

static inline const void *operand_at(const struct operand *x, size_t i, size_t j)
{
	size_t at = i * x->rs + j * x->cs;
	return x->type == PREC_BF16 ? (const void *)((const uint16_t *)x->data + at)
	                            : (const void *)((const real *)x->data + at);
}

static inline struct operand operand_from(struct operand x, size_t i, size_t j)
{
	x.data = operand_at(&x, i, j);
	return x;
}

#ifndef REAL_DOUBLE

static inline uint16_t operand_bf16(const struct operand *x, size_t i, size_t j)
{
	const void *p = operand_at(x, i, j);
	return x->type == PREC_BF16 ? *(const uint16_t *)p : bf16_of(*(const real *)p);
}

/* n pairs of neighbouring rows, contiguous each, n <= 32: dst[2q] of even,
 * dst[2q + 1] of odd. */
static inline __attribute__((always_inline)) void bf16_zip(const size_t n, uint16_t *dst,
                                                           const void *even, const void *odd,
                                                           enum precision type)
{
	const uint16_t *e16 = even, *o16 = odd;
	const real *e32 = even, *o32 = odd;
	size_t q = 0;
#ifdef __AVX512BF16__
	const __m512i order = _mm512_set_epi16(31, 15, 30, 14, 29, 13, 28, 12, 27, 11, 26, 10, 25, 9, 24, 8,
	                                       23, 7, 22, 6, 21, 5, 20, 4, 19, 3, 18, 2, 17, 1, 16, 0);
	for (; q + 16 <= n; q += 16) {
		__m512i both;
		if (type == PREC_BF16)
			both = _mm512_inserti64x4(
				_mm512_castsi256_si512(_mm256_loadu_si256((const void *)(e16 + q))),
				_mm256_loadu_si256((const void *)(o16 + q)), 1);
		else
			both = (__m512i)_mm512_cvtne2ps_pbh(_mm512_loadu_ps(o32 + q), _mm512_loadu_ps(e32 + q));
		_mm512_storeu_si512(dst + 2 * q, _mm512_permutexvar_epi16(order, both));
	}
#endif
	if (type == PREC_BF16)
		for (; q < n; q++) {
			uint32_t pair = e16[q] | (uint32_t)o16[q] << 16;
			memcpy(dst + 2 * q, &pair, sizeof(pair));
		}
	else
		for (; q < n; q++) {
			uint32_t pair = bf16_of(e32[q]) | (uint32_t)bf16_of(o32[q]) << 16;
			memcpy(dst + 2 * q, &pair, sizeof(pair));
		}
}

/* A panel of depth (k padded with zeros) from columns that are contiguous: each
 * is rounded in one go, pairs being neighbours then, and spread over the rows. */
static inline __attribute__((always_inline)) void
bf16_pack_columns(uint16_t *panel, size_t k, size_t depth, const real *b, size_t cs, size_t cols,
                  const size_t nr)
{
	enum { RUN = 64 };
	for (size_t p0 = 0; p0 < depth; p0 += RUN)
		for (size_t q = 0; q < nr; q++) {
			uint16_t run[RUN] = {0};
			size_t len = depth - p0 < RUN ? depth - p0 : RUN;
			if (q < cols && p0 + RUN <= k)
				for (size_t p = 0; p < RUN; p++)
					run[p] = bf16_of(b[q * cs + p0 + p]);
			else if (q < cols)
				for (size_t p = p0; p < k; p++)
					run[p - p0] = bf16_of(b[q * cs + p]);
			for (size_t p = 0; p < len; p += 2)
				memcpy(panel + (p0 + p) * nr + 2 * q, run + p, 2 * sizeof(*run));
		}
}

/* Panels [j0, j1) of B (k, n): blocks of kc rows, a block's depth padded with
 * zeros to a multiple of grain, panels of nr columns, (kb/2, nr, 2). */
static inline __attribute__((always_inline)) void
bf16_pack(uint16_t *dst, size_t k, size_t n, struct operand b, size_t j0, size_t j1, const size_t kc,
          const size_t nr, const size_t grain)
{
	size_t npad = (n + nr - 1) / nr * nr;
	for (size_t p0 = 0; p0 < k; p0 += kc) {
		size_t kb = k - p0 < kc ? k - p0 : kc, depth = (kb + grain - 1) / grain * grain;
		for (size_t j = j0; j < j1; j++) {
			uint16_t *row = dst + p0 * npad + j * nr * depth;
			size_t cols = n - j * nr < nr ? n - j * nr : nr;
			if (b.rs == 1 && b.type == PREC_F32) {
				bf16_pack_columns(row, kb, depth, operand_at(&b, p0, j * nr), b.cs, cols, nr);
				continue;
			}
			for (size_t p = 0; p < depth; p += 2, row += 2 * nr) {
				bool even = p < kb, odd = p + 1 < kb;
				if (b.cs == 1 && cols == nr && even) {
					bf16_zip(nr, row, operand_at(&b, p0 + p, j * nr),
					         odd ? operand_at(&b, p0 + p + 1, j * nr) : bf16_no_row, b.type);
					continue;
				}
				memset(row, 0, 2 * nr * sizeof(*row));
				for (size_t q = 0; q < cols; q++) {
					row[2 * q] = even ? operand_bf16(&b, p0 + p, j * nr + q) : 0;
					row[2 * q + 1] = odd ? operand_bf16(&b, p0 + p + 1, j * nr + q) : 0;
				}
			}
		}
	}
}

#endif
#endif
