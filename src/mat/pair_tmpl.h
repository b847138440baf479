/* Pairs of bf16 for sets without an instruction that multiplies them: a bf16
 * number is the upper half of a float, so a shift and a mask make two floats of
 * a pair. Included after vec, VW and vec_fma; see gemm_tmpl.h. */
#ifndef REAL_DOUBLE
#include <stdint.h>
#include <string.h>

typedef uint32_t bits __attribute__((vector_size(VW * sizeof(float))));
typedef struct {
	vec even, odd;
} pair;

static inline pair pair_of(bits u)
{
	return (pair){(vec)(u << 16), (vec)(u & 0xffff0000u)};
}

static inline pair pair_load(const uint16_t *p)
{
	bits u;
	memcpy(&u, p, sizeof(u));
	return pair_of(u);
}

static inline pair pair_set1(uint32_t two)
{
	return pair_of((bits){0} + two);
}

static inline vec pair_madd(pair a, pair b, vec c)
{
	return vec_fma(a.odd, b.odd, vec_fma(a.even, b.even, c));
}
#endif
