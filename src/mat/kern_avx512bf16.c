/* The AVX512-BF16 set: AVX-512, and an instruction that multiplies pairs of
 * bf16 and adds both products to a float. */
#include "mat/kern_sets.h"

#if defined(__AVX512BF16__) && defined(__AVX512F__) && defined(__AVX512VL__) && \
	!defined(REAL_DOUBLE) && !defined(ONLY_BASE)
#include "mat/avx512_tmpl.h"

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

#define BF16
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
