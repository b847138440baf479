/* Lanes: as many numbers as a vector holds, for pointwise loops where the compiler's
 * own vector code costs too much. With AVX-512 a lane is a register of 16 floats and its
 * functions are written for it: clamps are one instruction and not a comparison and a
 * blend, and nothing is computed that a gate does not need. Elsewhere a lane is one
 * number, its functions are those of vmath.h, and the loop is vectorised as any
 * other; + - * and / work on both.
 *
 *      LANE_LOOP
 *      for (size_t u = 0; u < n; u += LANE)
 *              lane_store(y + u, lane_tanh(lane_load(x + u)));
 *
 * Such a loop reads and writes whole lanes: arrays have room for n rounded up to
 * LANE_MAX.
 *
 * Out-of-order windows are short (some 150 vector instructions on Zen 5, a gate's chain
 * is 70 cycles): a loop should not hold two functions of which one waits for the other.
 * A division is cheaper there than an estimate and Newton's step (which take three
 * slots of the multipliers, a division about two). */
#ifndef RNNLM_MAT_LANE_H
#define RNNLM_MAT_LANE_H

#include "mat/vmath.h"

#define LANE_MAX 16

#if defined(__AVX512F__) && defined(__AVX512DQ__) && !defined(REAL_DOUBLE)
#include <immintrin.h>

#define LANE 16
#define LANE_LOOP /* is vector code already */
typedef __m512 lane;

static inline lane lane_load(const real *p) { return _mm512_loadu_ps(p); }
static inline void lane_store(real *p, lane x) { _mm512_storeu_ps(p, x); }
static inline lane lane_set(real x) { return _mm512_set1_ps(x); }
static inline lane lane_fma(lane a, lane b, lane c) { return _mm512_fmadd_ps(a, b, c); }
static inline lane lane_abs(lane x) { return _mm512_andnot_ps(lane_set(-0.0f), x); }
/* The smaller, the larger; NaN if x is. */
static inline lane lane_min(real most, lane x) { return _mm512_min_ps(lane_set(most), x); }
static inline lane lane_max(real least, lane x) { return _mm512_max_ps(lane_set(least), x); }

/* 2^n, n being in the low bits of z with the exponent's bias added. */
static inline lane lane_power(lane z)
{
	return _mm512_castsi512_ps(_mm512_slli_epi32(_mm512_castps_si512(z), 23));
}

/* Both functions are those of vmath.h in fewer steps. With r = -(x - n ln 2), whose
 * polynomial has the signs of odd powers turned, nothing is negated; ln 2 is subtracted
 * in one go, which is exact enough: n times the error of a float's ln 2 is 2e-9 n.
 *
 * Largest errors: sigmoid 3.2 ulp, 6 where x < -20; below -87 it is e^-87. */
static inline lane lane_sigmoid(lane x)
{
	const real bias = V_ROUND + 127.0f;
	lane t = lane_max(-87.0f, lane_min(87.0f, x));
	lane z = lane_fma(t, lane_set(-0x1.715476p+0f), lane_set(bias));
	lane n = z - lane_set(bias);
	lane r = lane_fma(n, lane_set(0x1.62e43p-1f), t);
	lane p = lane_set(0x1.6ab612p-10f); /* exp(-r) */
	p = lane_fma(p, r, lane_set(-0x1.127084p-7f));
	p = lane_fma(p, r, lane_set(0x1.5558aap-5f));
	p = lane_fma(p, r, lane_set(-0x1.555404p-3f));
	p = lane_fma(p, r, lane_set(0x1.fffffap-2f));
	p = lane_fma(p, r, lane_set(-1.0f));
	p = lane_fma(p, r, lane_set(1.0f));
	return lane_set(1.0f) / lane_fma(lane_power(z), p, lane_set(1.0f));
}

/* Largest error 3.2 ulp. -d / (d + 1), d = expm1(-2|x|) / 2: halves of everything, so that
 * |x| need not be doubled. */
static inline lane lane_tanh(lane x)
{
	const real bias = V_ROUND + 126.0f;
	lane t = lane_min(10.0f, lane_abs(x));
	lane z = lane_fma(t, lane_set(-0x1.715476p+1f), lane_set(bias));
	lane n = z - lane_set(bias);
	lane r = lane_fma(n, lane_set(0x1.62e43p-2f), t);
	lane p = lane_set(0x1.6ab612p-4f); /* expm1(-2r) / r */
	p = lane_fma(p, r, lane_set(-0x1.127084p-2f));
	p = lane_fma(p, r, lane_set(0x1.5558aap-1f));
	p = lane_fma(p, r, lane_set(-0x1.555404p-0f));
	p = lane_fma(p, r, lane_set(0x1.fffffap-0f));
	p = lane_fma(p, r, lane_set(-2.0f)) * r;
	lane s = lane_power(z); /* 2^n / 2 */
	lane d = lane_fma(s, p, s - lane_set(0.5f));
	lane y = d / (d + lane_set(1.0f));
	return _mm512_or_ps(lane_abs(y), _mm512_and_ps(lane_set(-0.0f), x));
}

#else

#define LANE 1
#define LANE_LOOP V_LOOP
typedef real lane;

static inline lane lane_load(const real *p) { return *p; }
static inline void lane_store(real *p, lane x) { *p = x; }
static inline lane lane_set(real x) { return x; }
static inline lane lane_fma(lane a, lane b, lane c) { return v_fma(a, b, c); }
static inline lane lane_abs(lane x) { return x < 0 ? -x : x; }
static inline lane lane_max(real least, lane x) { return least > x ? least : x; }
static inline lane lane_sigmoid(lane x) { return v_sigmoid(x); }
static inline lane lane_tanh(lane x) { return v_tanh(x); }

#endif
#endif
