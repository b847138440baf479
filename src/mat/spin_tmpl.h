/* Loops of nothing but multiply-adds, for a set's `spin`. Included after
 * gemm_tmpl.h; PAIR_NATIVE: pair_madd is one instruction. Leaves spin_f32, and
 * spin_bf16 if PAIR_NATIVE.
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

#undef SPIN
#undef CHAINS
