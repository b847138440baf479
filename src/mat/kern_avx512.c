/* The AVX-512 set (F, BW, DQ, VL). */
#include "mat/kern_sets.h"

#if defined(__AVX512F__) && defined(__AVX512VL__) && !defined(REAL_DOUBLE) && !defined(ONLY_BASE)
#include "mat/avx512_tmpl.h"

#define CARRY
#define MR 12
#define KC 512
#define MC 144
#include "mat/gemm_tmpl.h"

#include "mat/pair_tmpl.h"
#define BF16
#define MR 12
#define KC 512
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
	.name = "avx512",
	.isa = ISA_AVX512,
	.gemm = {[PREC_F32] = &gemm_f32, [PREC_BF16] = &gemm_bf16},
	.spin = spin,
	.read = spin_read,
	KERN_TMPL,
};

const struct kern *const kern_avx512 = &set;

#else

const struct kern *const kern_avx512 = NULL;

#endif
