/* exp, tanh, sigmoid and log as branch-free inline functions that a compiler
 * turns into vector code inside a plain loop: selects instead of branches, no
 * tables, no calls, integer work only on 32-bit lanes. Included only by files
 * that are compiled once per instruction set (kernel sets, cells). In the
 * double build they are libm's.
 *
 * Largest errors, over all finite floats, with and without fused multiply-add
 * (tests/unit/vmath.c): exp 2 ulp, tanh 3 ulp, sigmoid 3 ulp, log 2 ulp; |tanh|
 * and sigmoid never exceed 1. Results of exp and sigmoid below FLT_MIN are 0;
 * NaN gives NaN, infinities the limits, log(0) = -inf, log(x < 0) = NaN.
 *
 * The polynomials were fitted with Remez' algorithm for least relative error. */
#ifndef RNNLM_MAT_VMATH_H
#define RNNLM_MAT_VMATH_H

#include <math.h>
#include <stdint.h>
#include <string.h>

#include "mat/kern.h"

/* Stands before a loop whose arrays do not overlap (`restrict` on a local pointer
 * is not enough for gcc): the compiler need not prove it to make vector code. */
#if defined(REAL_DOUBLE)
#define V_LOOP /* calls libm: not vector code anyway */
#elif defined(__clang__)
#define V_LOOP _Pragma("clang loop vectorize(assume_safety)")
#elif defined(__GNUC__)
#define V_LOOP _Pragma("GCC ivdep")
#else
#define V_LOOP
#endif

/* a*b + c: one instruction and one rounding where the set has it. */
static inline real v_fma(real a, real b, real c)
{
#if defined(__FMA__) && defined(REAL_DOUBLE)
	return __builtin_fma(a, b, c);
#elif defined(__FMA__)
	return __builtin_fmaf(a, b, c);
#else
	return a * b + c;
#endif
}

#ifdef REAL_DOUBLE

static inline real v_exp(real x) { return exp(x); }
static inline real v_tanh(real x) { return tanh(x); }
static inline real v_log(real x) { return log(x); }
static inline real v_sigmoid(real x) { return 1 / (1 + exp(-x)); }

#else

static inline uint32_t v_bits(float x)
{
	uint32_t u;
	memcpy(&u, &x, sizeof(u));
	return u;
}

static inline float v_from_bits(uint32_t u)
{
	float x;
	memcpy(&x, &u, sizeof(x));
	return x;
}

/* ln(FLT_MIN) rounded up and ln(FLT_MAX) rounded down: between them exp is a
 * normal number. */
#define V_EXP_MIN (-0x1.5d589ep+6f)
#define V_EXP_MAX 0x1.62e42ep+6f
/* Added to |x| < 2^22 it leaves x, rounded to an integer, in the low bits. */
#define V_ROUND 0x1.8p+23f

/* exp(x) = 2^n (1 + q), n = x / ln 2 rounded, q = expm1(x - n ln 2) within
 * [-0.3, 0.42], good to its own last bit. Returns q; the low bits of *shifted
 * hold n + bias. ln 2 is subtracted in two parts: n times the first is exact. */
static inline float v_exp_parts(float x, float bias, uint32_t *shifted)
{
	float z = v_fma(x, 0x1.715476p+0f, V_ROUND + bias);
	float n = z - (V_ROUND + bias);
	float r = v_fma(n, -0x1.63p-1f, x);
	r = v_fma(n, 0x1.bd0106p-13f, r);
	float c = 0x1.6ab612p-10f;
	c = v_fma(c, r, 0x1.127084p-7f);
	c = v_fma(c, r, 0x1.5558aap-5f);
	c = v_fma(c, r, 0x1.555404p-3f);
	c = v_fma(c, r, 0x1.fffffap-2f);
	*shifted = v_bits(z);
	return v_fma(r * r, c, r);
}

static inline float v_exp(float x)
{
	uint32_t n;
	float p = 1.0f + v_exp_parts(x, 0.0f, &n);
	float y = v_from_bits(v_bits(p) + (n << 23));
	y = x >= V_EXP_MIN ? y : 0.0f;
	return x <= V_EXP_MAX ? y : x + INFINITY; /* also NaN */
}

/* 1 / (1 + e), e = exp(-x): never through tanh, which would lose the small
 * values on the left. */
static inline float v_sigmoid(float x)
{
	uint32_t n;
	float q = v_exp_parts(-x, 127.0f, &n);
	float s = v_from_bits(n << 23);
	float y = 1.0f / v_fma(s, q, s + 1.0f);
	y = x < V_EXP_MIN ? 0.0f : y;
	return x > -V_EXP_MIN ? 1.0f : y;
}

/* -d / (d + 2), d = expm1(-2|x|), with the sign of x: keeps every bit of small
 * x, is exactly odd, and cannot exceed 1. */
static inline float v_tanh(float x)
{
	float t = v_from_bits(v_bits(x) | 0x80000000u);
	t = t + t;
	t = -20.0f > t ? -20.0f : t; /* NaN stays */
	uint32_t n;
	float q = v_exp_parts(t, 127.0f, &n);
	float s = v_from_bits(n << 23);
	float d = v_fma(s, q, s - 1.0f);
	float y = d / (d + 2.0f);
	return v_from_bits((v_bits(y) & 0x7fffffffu) | (v_bits(x) & 0x80000000u));
}

/* x = 2^n (1 + f), f in [sqrt(1/2) - 1, sqrt(2) - 1];
 * log x = n ln 2 + f - f^2/2 + f^3 R(f). */
static inline float v_log(float x)
{
	const uint32_t sqrt_half = 0x3f3504f3u;
	float scaled = x < 0x1p-126f ? x * 0x1p+23f : x;
	float bias = x < 0x1p-126f ? 150.0f : 127.0f;
	uint32_t k = v_bits(scaled) + (0x3f800000u - sqrt_half);
	float n = (float)(int32_t)(k >> 23) - bias;
	float f = v_from_bits((k & 0x7fffffu) + sqrt_half) - 1.0f;
	float r = -0x1.38b738p-4f;
	r = v_fma(r, f, 0x1.055bcap-3f);
	r = v_fma(r, f, -0x1.0d8516p-3f);
	r = v_fma(r, f, 0x1.22da0ap-3f);
	r = v_fma(r, f, -0x1.547248p-3f);
	r = v_fma(r, f, 0x1.99a00ap-3f);
	r = v_fma(r, f, -0x1.000226p-2f);
	r = v_fma(r, f, 0x1.555554p-2f);
	float ff = f * f;
	float y = f * ff * r;
	y = v_fma(n, -0x1.bd0106p-13f, y);
	y = v_fma(ff, -0.5f, y);
	y = y + f;
	y = v_fma(n, 0x1.63p-1f, y);
	y = x < INFINITY ? y : x; /* also NaN */
	float edge = x == 0.0f ? -INFINITY : x - x + NAN;
	return x > 0.0f ? y : edge;
}

#endif
#endif
