/* Loops of nothing but multiply-adds, for a set's `spin`, or loads, for its `read`.
 * Included after gemm_tmpl.h; PAIR_NATIVE: pair_madd is one instruction. Leaves
 * spin_f32, spin_read, and spin_bf16 if PAIR_NATIVE.
 *
 * Enough chains to hide latency. Where the compiler sees into the product, the
 * accumulator is a factor of it, and all begin differently: nothing can be
 * moved out of the loop or done once for all. */

#define CHAINS (VW == 16 ? 24 : 12)
#if defined(__clang__)
#define UNROLL_CHAINS _Pragma("clang loop unroll(full)")
#else
#define UNROLL_CHAINS _Pragma("GCC unroll 24")
#endif

#define SPIN(name, madd, flops)                                                            \
	static uint64_t name(uint64_t iterations)                                              \
	{                                                                                      \
		volatile real hidden = (real)0.5;                                                  \
		vec acc[CHAINS], x = vec_set1(hidden), y = vec_set1(hidden), sum = y;              \
		UNROLL_CHAINS                                                                      \
		for (int i = 0; i < CHAINS; i++)                                                   \
			acc[i] = vec_set1(hidden * (real)i);                                           \
		for (uint64_t t = 0; t < iterations * 4; t++) {                                    \
			UNROLL_CHAINS                                                                  \
			for (int i = 0; i < CHAINS; i++)                                               \
				acc[i] = madd;                                                             \
		}                                                                                  \
		UNROLL_CHAINS                                                                      \
		for (int i = 0; i < CHAINS; i++)                                                   \
			sum = vec_add(sum, acc[i]);                                                    \
		real out[VW];                                                                      \
		vec_store(out, sum);                                                               \
		hidden = out[0];                                                                   \
		return iterations * 4 * CHAINS * VW * (flops);                                     \
	}

SPIN(spin_f32, vec_fma(acc[i], x, y), 2)
#ifdef PAIR_NATIVE
SPIN(spin_bf16, pair_madd((pair)x, (pair)y, acc[i]), 4)
#endif

#define STREAMS 8 /* sums side by side: the latency of an addition shows in none */

static real spin_read(size_t n, const real *x)
{
	vec acc[STREAMS];
	real sum = 0, out[VW];
	size_t whole = n - n % (STREAMS * VW);
	UNROLL_CHAINS
	for (int i = 0; i < STREAMS; i++)
		acc[i] = vec_zero();
	for (size_t at = 0; at < whole; at += STREAMS * VW) {
		UNROLL_CHAINS
		for (int i = 0; i < STREAMS; i++)
			acc[i] = vec_add(acc[i], vec_load(x + at + i * VW));
	}
	UNROLL_CHAINS
	for (int i = 1; i < STREAMS; i++)
		acc[0] = vec_add(acc[0], acc[i]);
	vec_store(out, acc[0]);
	for (int i = 0; i < VW; i++)
		sum += out[i];
	for (size_t at = whole; at < n; at++)
		sum += x[at];
	return sum;
}

#undef STREAMS
#undef SPIN
#undef CHAINS
