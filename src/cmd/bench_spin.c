/* Stand-in for kern_get()->spin: float32 multiply-adds of the set in use. */
#include "cmd/bench.h"

#include "mat/kern.h"

enum { CHAINS = 12 }; /* independent sums: latency times throughput, and some */

#ifdef __x86_64__
#include <immintrin.h>

/* Named sums: an array of them would live in memory. */
#define EACH(X) X(0) X(1) X(2) X(3) X(4) X(5) X(6) X(7) X(8) X(9) X(10) X(11)
#define MADD(k) s##k = FMADD(s##k, a, c);
#define KEEP(k) __asm__ volatile("" : "+v"(s##k));
#define SPIN(vec, set1)                                                                    \
	vec a = set1(0.999f), c = set1(0.001f);                                            \
	vec s0 = c, s1 = c, s2 = c, s3 = c, s4 = c, s5 = c, s6 = c, s7 = c, s8 = c, s9 = c, \
	    s10 = c, s11 = c;                                                              \
	for (uint64_t i = 0; i < n; i++) {                                                 \
		EACH(MADD) EACH(KEEP)                                                      \
	}                                                                                  \
	return n * CHAINS * 2 * (sizeof(vec) / sizeof(float))

#define FMADD _mm512_fmadd_ps
__attribute__((target("avx512f"))) static uint64_t spin512(uint64_t n)
{
	SPIN(__m512, _mm512_set1_ps);
}

#undef FMADD
#define FMADD _mm256_fmadd_ps
__attribute__((target("avx2,fma"))) static uint64_t spin256(uint64_t n)
{
	SPIN(__m256, _mm256_set1_ps);
}
#endif

uint64_t bench_spin(enum precision p, uint64_t n)
{
	(void)p;
#ifdef __x86_64__
	if (kern_get()->isa == ISA_AVX512)
		return spin512(n);
	if (kern_get()->isa == ISA_AVX2)
		return spin256(n);
#endif
	volatile float sum = 0;
	for (uint64_t i = 0; i < n; i++)
		sum = sum * 0.999f + 0.001f;
	return 2 * n;
}
