/* The AVX2 and FMA3 set: 16 registers of 8 floats. */
#include "mat/kern_sets.h"

#if defined(__AVX2__) && defined(__FMA__) && !defined(REAL_DOUBLE) && !defined(ONLY_BASE)
#include <immintrin.h>
#include <string.h>

typedef __m256 vec;

#define VW 8

static inline vec vec_zero(void)
{
	return _mm256_setzero_ps();
}

static inline vec vec_load(const float *p)
{
	return _mm256_loadu_ps(p);
}

static inline vec vec_set1(float x)
{
	return _mm256_set1_ps(x);
}

static inline vec vec_add(vec a, vec b)
{
	return _mm256_add_ps(a, b);
}

static inline vec vec_fma(vec a, vec b, vec c)
{
	return _mm256_fmadd_ps(a, b, c);
}

static inline void vec_store(float *p, vec v)
{
	_mm256_storeu_ps(p, v);
}

/* Through memory: masked moves are slow on AMD before Zen 5. */
static inline vec vec_load_part(const float *p, size_t n)
{
	float part[VW] = {0};
	memcpy(part, p, n * sizeof(float));
	return _mm256_loadu_ps(part);
}

static inline void vec_store_part(float *p, vec v, size_t n)
{
	float part[VW];
	_mm256_storeu_ps(part, v);
	memcpy(p, part, n * sizeof(float));
}

#define MR 6
#define KC 256
#define MC 144
#include "mat/gemm_tmpl.h"

#include "mat/pair_tmpl.h"
#define BF16
#define MR 4
#define KC 256
#define MC 144
#include "mat/gemm_tmpl.h"

#include "mat/kern_tmpl.h"
#include "mat/spin_tmpl.h"

static uint64_t spin(enum precision p, uint64_t iterations)
{
	(void)p; /* bf16 is multiplied by the same instruction */
	return spin_f32(iterations);
}

static const struct kern set = {
	.name = "avx2",
	.isa = ISA_AVX2,
	.gemm = {[PREC_F32] = &gemm_f32, [PREC_BF16] = &gemm_bf16},
	.spin = spin,
	.read = spin_read,
	KERN_TMPL,
};

const struct kern *const kern_avx2 = &set;

#else

const struct kern *const kern_avx2 = NULL;

#endif
