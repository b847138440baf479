/* The AVX512-BF16 set: AVX-512, and an instruction that multiplies pairs of
 * bf16 and adds both products to a float. */
#include "mat/kern_sets.h"

#if defined(__AVX512BF16__) && defined(__AVX512F__) && defined(__AVX512VL__) && \
	!defined(REAL_DOUBLE) && !defined(ONLY_BASE)
#include "mat/avx512_tmpl.h"

#define CARRY
#define MR 12
#define KC 512
#define MC 144
#include "mat/gemm_tmpl.h"

typedef __m512bh pair;
#define PAIR_NATIVE

static inline pair pair_load(const uint16_t *p)
{
	return (pair)_mm512_loadu_si512(p);
}

static inline pair pair_set1(uint32_t two)
{
	return (pair)_mm512_set1_epi32((int)two);
}

static inline vec pair_madd(pair a, pair b, vec c)
{
	return _mm512_dpbf16_ps(c, b, a);
}

static inline vec pair_sum(__m512i even, __m512i odd, vec sum)
{
	return _mm512_add_ps(_mm512_add_ps(sum, (vec)_mm512_slli_epi32(even, 16)), (vec)odd);
}

static inline vec pair_move(uint16_t *to, const uint16_t *even, const uint16_t *odd, vec sum)
{
	__m512i lo = _mm512_cvtepu16_epi32(_mm256_loadu_si256((const void *)even));
	__m512i hi = _mm512_slli_epi32(_mm512_cvtepu16_epi32(_mm256_loadu_si256((const void *)odd)), 16);
	_mm512_storeu_si512(to, _mm512_or_si512(lo, hi));
	return pair_sum(lo, hi, sum);
}

static inline vec pair_move_part(uint16_t *to, const uint16_t *even, const uint16_t *odd, size_t n, vec sum)
{
	uint16_t row[2][VW] = {{0}};
	memcpy(row[0], even, n * sizeof(*even));
	if (odd)
		memcpy(row[1], odd, n * sizeof(*odd));
	vec both = pair_move(to, row[0], row[1], sum);
	return odd ? both : _mm512_add_ps(sum, (vec)_mm512_slli_epi32(_mm512_cvtepu16_epi32(_mm256_loadu_si256((const void *)row[0])), 16));
}

#define BF16
#define CARRY
#define MR 12
#define KC 768
#define MC 192
#include "mat/gemm_tmpl.h"

#include "mat/kern_tmpl.h"
#include "mat/spin_tmpl.h"

static uint64_t spin(enum precision p, uint64_t iterations)
{
	return p == PREC_BF16 ? spin_bf16(iterations) : spin_f32(iterations);
}

static const struct kern set = {
	.name = "avx512bf16",
	.isa = ISA_AVX512,
	.gemm = {[PREC_F32] = &gemm_f32, [PREC_BF16] = &gemm_bf16},
	.native_bf16 = true,
	.spin = spin,
	.read = spin_read,
	KERN_TMPL,
};

const struct kern *const kern_avx512bf16 = &set;

#else

const struct kern *const kern_avx512bf16 = NULL;

#endif
