/* The scalar set: plain C at the compiler's base flags, complete, and the only
 * one of the double build and of other architectures. Its vectors are those of
 * the compiler's generic vector type, 16 bytes wide (SSE2, NEON, or none). */
#include <string.h>

#include "mat/kern.h"

typedef real vec __attribute__((vector_size(16)));

#ifdef REAL_DOUBLE
#define VW 2
#else
#define VW 4
#endif

static inline vec vec_zero(void)
{
	return (vec){0};
}

static inline vec vec_load(const real *p)
{
	vec v;
	memcpy(&v, p, sizeof(v));
	return v;
}

static inline vec vec_set1(real x)
{
	return x - (vec){0}; /* not 0 + x, which turns -0 into 0 */
}

static inline vec vec_add(vec a, vec b)
{
	return a + b;
}

static inline vec vec_fma(vec a, vec b, vec c)
{
	return a * b + c;
}

static inline void vec_store(real *p, vec v)
{
	memcpy(p, &v, sizeof(v));
}

static inline vec vec_load_part(const real *p, size_t n)
{
	vec v = {0};
	memcpy(&v, p, n * sizeof(real));
	return v;
}

static inline void vec_store_part(real *p, vec v, size_t n)
{
	memcpy(p, &v, n * sizeof(real));
}

#define MR 4
#define KC 256
#define MC 144
#include "mat/gemm_tmpl.h"

#ifndef REAL_DOUBLE
#include "mat/pair_tmpl.h"
#define BF16
#define MR 4
#define KC 256
#define MC 144
#include "mat/gemm_tmpl.h"
#endif

#include "mat/kern_tmpl.h"
#include "mat/spin_tmpl.h"

static uint64_t spin(enum precision p, uint64_t iterations)
{
	return kern_scalar.gemm[p] ? spin_f32(iterations) : 0;
}

const struct kern kern_scalar = {
	.name = "scalar",
	.isa = ISA_BASE,
#ifdef REAL_DOUBLE
	.gemm = {[PREC_F32] = &gemm_f32},
#else
	.gemm = {[PREC_F32] = &gemm_f32, [PREC_BF16] = &gemm_bf16},
#endif
	.spin = spin,
	.read = spin_read,
	KERN_TMPL,
};
