/* The AMX set: AVX512-BF16, and tiles for products of bf16. Whoever uses it has
 * asked for the tile registers first (cpu_amx_permit). */
#include "mat/kern_sets.h"

#if (defined(__AMX_BF16__) || defined(__AMXBF16__)) && defined(__AVX512BF16__) && \
	defined(__AVX512VL__) && !defined(REAL_DOUBLE) && !defined(ONLY_BASE)
#include "mat/avx512_tmpl.h"

#define CARRY
#define MR 12
#define KC 512
#define MC 144
#include "mat/gemm_tmpl.h"

/* The number of a tile is part of the instruction. */
#define EACH_TILE(t, X)                                                                    \
	switch (t) {                                                                           \
	case 0: X(0); break;                                                                   \
	case 1: X(1); break;                                                                   \
	case 2: X(2); break;                                                                   \
	case 3: X(3); break;                                                                   \
	case 4: X(4); break;                                                                   \
	case 5: X(5); break;                                                                   \
	case 6: X(6); break;                                                                   \
	case 7: X(7); break;                                                                   \
	}

/* gcc does not tell itself that these instructions read memory: what stands at
 * p must have been stored. */
static ALWAYS_INLINE void stored(const void *p)
{
	__asm__ volatile("" : : "r"(p) : "memory");
}

struct tile_config;

static ALWAYS_INLINE void tiles_config(const struct tile_config *cfg)
{
	stored(cfg);
	_tile_loadconfig(cfg);
}

static inline void tiles_release(void)
{
	_tile_release();
}

static ALWAYS_INLINE void tile_zero(const int t)
{
#define ZERO(n) _tile_zero(n)
	EACH_TILE(t, ZERO)
}

static ALWAYS_INLINE void tile_load(const int t, const void *p, size_t stride)
{
	stored(p);
#define LOAD(n) _tile_loadd(n, p, stride)
	EACH_TILE(t, LOAD)
}

static ALWAYS_INLINE void tile_store(const int t, void *p, size_t stride)
{
#define STORE(n) _tile_stored(n, p, stride)
	EACH_TILE(t, STORE)
	stored(p);
}

/* Sums are tiles 0 to 3, made of 4, 5 and 6, 7. */
static ALWAYS_INLINE void tile_madd(const int c, const int a, const int b)
{
	if (c == 0 && a == 4 && b == 6)
		_tile_dpbf16ps(0, 4, 6);
	else if (c == 1 && a == 4 && b == 7)
		_tile_dpbf16ps(1, 4, 7);
	else if (c == 2 && a == 5 && b == 6)
		_tile_dpbf16ps(2, 5, 6);
	else if (c == 3 && a == 5 && b == 7)
		_tile_dpbf16ps(3, 5, 7);
	else
		__builtin_trap();
}

#include "mat/gemm_amx_tmpl.h"

#include "mat/kern_tmpl.h"
#include "mat/spin_tmpl.h"

static uint64_t spin(enum precision p, uint64_t iterations)
{
	if (p != PREC_BF16)
		return spin_f32(iterations);
	tiles_for(TR, TR);
	for (int t = 0; t < 8; t++)
		tile_zero(t);
	for (uint64_t t = 0; t < iterations; t++) {
		tile_madd(0, 4, 6);
		tile_madd(1, 4, 7);
		tile_madd(2, 5, 6);
		tile_madd(3, 5, 7);
	}
	tiles_release();
	return iterations * 4 * TR * TR * TK * 2;
}

static const struct kern set = {
	.name = "amx",
	.isa = ISA_AVX512,
	.gemm = {[PREC_F32] = &gemm_f32, [PREC_BF16] = &gemm_bf16},
	.native_bf16 = true,
	.spin = spin,
	.read = spin_read,
	KERN_TMPL,
};

const struct kern *const kern_amx = &set;

#else

const struct kern *const kern_amx = NULL;

#endif
