/* The vectors of the sets with AVX-512 (F, BW, DQ, VL): 32 registers of 16
 * floats. What the templates ask for, see gemm_tmpl.h. */
#include <immintrin.h>

typedef __m512 vec;

#define VW 16

static inline vec vec_zero(void)
{
	return _mm512_setzero_ps();
}

static inline vec vec_load(const float *p)
{
	return _mm512_loadu_ps(p);
}

static inline vec vec_set1(float x)
{
	return _mm512_set1_ps(x);
}

static inline vec vec_add(vec a, vec b)
{
	return _mm512_add_ps(a, b);
}

static inline vec vec_fma(vec a, vec b, vec c)
{
	return _mm512_fmadd_ps(a, b, c);
}

static inline void vec_store(float *p, vec v)
{
	_mm512_storeu_ps(p, v);
}

static inline __mmask16 first(size_t n)
{
	return (__mmask16)((1u << n) - 1);
}

static inline vec vec_load_part(const float *p, size_t n)
{
	return _mm512_maskz_loadu_ps(first(n), p);
}

static inline void vec_store_part(float *p, vec v, size_t n)
{
	_mm512_mask_storeu_ps(p, first(n), v);
}
