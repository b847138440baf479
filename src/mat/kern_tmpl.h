/* The kernels that need no particular vector width: plain loops, which the
 * compiler turns into vector code of the set's width. Included once by each
 * set's file; leaves static functions k_*, and KERN_TMPL, the initialisers of
 * struct kern for them.
 *
 * Reductions keep LANES partial results, element i going to partial i % LANES,
 * and combine them in one fixed order: the order depends on n alone and is the
 * same in every set. */

#include "mat/bf16.h"
#include "mat/kern.h"
#include "mat/lane.h"

#ifdef REAL_DOUBLE
#define R_SQRT sqrt
#else
#define R_SQRT sqrtf
#endif

#define LANES 16

/* The iterations of the next loop are independent, y and x being either the
 * same array or apart: no check at run time, in-place calls are fast too. */
#if defined(REAL_DOUBLE) /* calls libm: nothing to vectorise */
#define INDEPENDENT
#elif defined(__clang__)
#pragma clang diagnostic ignored "-Wpass-failed" /* -O1 vectorises nothing and says so */
#define INDEPENDENT _Pragma("clang loop vectorize(assume_safety)")
#elif defined(__GNUC__)
#define INDEPENDENT _Pragma("GCC ivdep")
#else
#define INDEPENDENT
#endif

static void k_round_bf16(size_t n, uint16_t *y, const real *x)
{
	size_t i = 0;
#ifdef __AVX512BF16__
	for (; i + 16 <= n; i += 16)
		bf16_round16(y + i, x + i);
#endif
	INDEPENDENT
	for (size_t k = i; k < n; k++)
		y[k] = bf16_of(x[k]);
}

static inline real number_at(const void *x, const enum precision type, size_t i)
{
	return type == PREC_BF16 ? bf16_wide(((const uint16_t *)x)[i]) : ((const real *)x)[i];
}

static void k_widen_bf16(size_t n, real *y, const uint16_t *x)
{
	INDEPENDENT
	for (size_t i = 0; i < n; i++)
		y[i] = bf16_wide(x[i]);
}

/* 1.5 * 2^23 more, a number below 2^22 is rounded to an integer in the low bits. */
static void k_round_unit(size_t n, int16_t *y, const real *x)
{
	INDEPENDENT
	for (size_t i = 0; i < n; i++) {
		float f = (float)x[i] * 32767 + 0x1.8p+23f;
		uint32_t u;
		memcpy(&u, &f, sizeof(u));
		y[i] = (int16_t)(uint16_t)u;
	}
}

static void k_widen_unit(size_t n, real *y, const int16_t *x)
{
	INDEPENDENT
	for (size_t i = 0; i < n; i++)
		y[i] = (real)x[i] * (real)(1.0 / 32767);
}

static void k_exp(size_t n, real *y, const real *x)
{
	INDEPENDENT
	for (size_t i = 0; i < n; i++)
		y[i] = v_exp(x[i]);
}

/* What the cells use, see lane.h. */
#define LANE_FUNCTION(name, function)                                                      \
	static void name(size_t n, real *y, const real *x)                                     \
	{                                                                                      \
		size_t whole = n - n % LANE;                                                       \
		real last[LANE_MAX] = {0};                                                         \
		LANE_LOOP                                                                          \
		for (size_t i = 0; i < whole; i += LANE)                                           \
			lane_store(y + i, function(lane_load(x + i)));                                 \
		memcpy(last, x + whole, (n - whole) * sizeof(real));                               \
		lane_store(last, function(lane_load(last)));                                       \
		memcpy(y + whole, last, (n - whole) * sizeof(real));                               \
	}
LANE_FUNCTION(k_tanh, lane_tanh)
LANE_FUNCTION(k_sigmoid, lane_sigmoid)

static void k_log(size_t n, real *y, const real *x)
{
	INDEPENDENT
	for (size_t i = 0; i < n; i++)
		y[i] = v_log(x[i]);
}

static void k_add(size_t n, real *y, const real *x)
{
	INDEPENDENT
	for (size_t i = 0; i < n; i++)
		y[i] += x[i];
}

static void k_mul(size_t n, real *y, const real *x, const real *z)
{
	INDEPENDENT
	for (size_t i = 0; i < n; i++)
		y[i] = x[i] * z[i];
}

static void k_mul_add(size_t n, real *y, const real *x, const real *z)
{
	INDEPENDENT
	for (size_t i = 0; i < n; i++)
		y[i] = v_fma(x[i], z[i], y[i]);
}

static void k_axpy(size_t n, real *y, real a, const real *x)
{
	INDEPENDENT
	for (size_t i = 0; i < n; i++)
		y[i] = v_fma(a, x[i], y[i]);
}

static void k_scale(size_t n, real *y, real a)
{
	for (size_t i = 0; i < n; i++)
		y[i] *= a;
}

/* In halves: 8 + 8, 4 + 4, 2 + 2, 1 + 1. */
static double lanes_sum(double s[LANES])
{
	for (size_t j = 0; j < 8; j++)
		s[j] += s[j + 8];
	for (size_t j = 0; j < 4; j++)
		s[j] += s[j + 4];
	for (size_t j = 0; j < 2; j++)
		s[j] += s[j + 2];
	return s[0] + s[1];
}

static double k_sumsq(size_t n, const real *x)
{
	double s[LANES] = {0};
	size_t whole = n - n % LANES;
	for (size_t i = 0; i < whole; i += LANES)
		for (size_t j = 0; j < LANES; j++)
			s[j] += (double)x[i + j] * (double)x[i + j];
	for (size_t j = 0; j < n - whole; j++)
		s[j] += (double)x[whole + j] * (double)x[whole + j];
	return lanes_sum(s);
}

/* The largest of x, for exp to subtract; 0 if that is an infinity. A NaN may or
 * may not be seen here: it comes out of the sum of exp anyway. */
static real shift_of(size_t n, const real *x)
{
#ifdef REAL_DOUBLE
	real top = -INFINITY;
	for (size_t i = 0; i < n; i++)
		top = x[i] > top ? x[i] : top;
#else
	/* As integers, which can be compared in any order: floats are ordered as
	 * their bits are, once those below the sign of negative ones are flipped. */
	int32_t key = INT32_MIN;
	for (size_t i = 0; i < n; i++) {
		uint32_t u = v_bits(x[i]);
		int32_t k = (int32_t)(u ^ ((0u - (u >> 31)) & 0x7fffffffu));
		key = k > key ? k : key;
	}
	uint32_t u = (uint32_t)key;
	real top = v_from_bits(u ^ ((0u - (u >> 31)) & 0x7fffffffu));
#endif
	return top > -INFINITY && top < INFINITY ? top : 0;
}

static inline __attribute__((always_inline)) void exp_lanes(real e[LANES], const real *x, real shift, double s[LANES])
{
	for (size_t j = 0; j < LANES; j++)
		e[j] = v_exp(x[j] - shift);
	for (size_t j = 0; j < LANES; j++)
		s[j] += (double)e[j];
}

/* The last n % LANES of x, and -inf, whose exp is 0, for those that lack. */
static void last_lanes(real last[LANES], size_t n, const real *x)
{
	for (size_t j = 0; j < LANES; j++)
		last[j] = -INFINITY;
	memcpy(last, x + n - n % LANES, n % LANES * sizeof(real));
}

static double sum_exp(size_t n, const real *x, real shift)
{
	real e[LANES], last[LANES];
	double s[LANES] = {0};
	for (size_t i = 0; i + LANES <= n; i += LANES)
		exp_lanes(e, x + i, shift, s);
	last_lanes(last, n, x);
	exp_lanes(e, last, shift, s);
	return lanes_sum(s);
}

/* Each of the three is a chain that waits for itself; those of several rows overlap. */
static void k_logsumexp_rows(size_t m, size_t n, real *y, const real *x, size_t ld)
{
	enum { ROWS = 64 };
	real sum[ROWS];
	for (size_t r = 0; r < m; r += ROWS, y += ROWS, x += ROWS * ld) {
		size_t rows = m - r < ROWS ? m - r : ROWS;
		for (size_t i = 0; i < rows; i++)
			y[i] = shift_of(n, x + i * ld);
		for (size_t i = 0; i < rows; i++)
			sum[i] = (real)sum_exp(n, x + i * ld, y[i]);
		INDEPENDENT
		for (size_t i = 0; i < rows; i++)
			y[i] += v_log(sum[i]);
	}
}

static real k_logsumexp(size_t n, const real *x)
{
	real y;
	k_logsumexp_rows(1, n, &y, x, n);
	return y;
}

static real k_softmax(size_t n, real *y, const real *x)
{
	real shift = shift_of(n, x), e[LANES], last[LANES];
	double s[LANES] = {0};
	for (size_t i = 0; i + LANES <= n; i += LANES) {
		exp_lanes(e, x + i, shift, s);
		memcpy(y + i, e, sizeof(e));
	}
	last_lanes(last, n, x);
	exp_lanes(e, last, shift, s);
	memcpy(y + n - n % LANES, e, n % LANES * sizeof(real));
	double sum = lanes_sum(s);
	k_scale(n, y, (real)(1 / sum));
	return shift + v_log((real)sum);
}

/* Four rows in one pass over y: the same additions in the same order, with a
 * quarter of the traffic. */
static inline __attribute__((always_inline)) void
colsum_of(size_t m, size_t n, real *y, const enum precision type, const void *x, size_t ld)
{
	size_t i = 0;
	for (; i + 4 <= m; i += 4) {
		INDEPENDENT
		for (size_t j = 0; j < n; j++) {
			size_t at = i * ld + j;
			y[j] = y[j] + number_at(x, type, at) + number_at(x, type, at + ld) +
			       number_at(x, type, at + 2 * ld) + number_at(x, type, at + 3 * ld);
		}
	}
	for (; i < m; i++) {
		INDEPENDENT
		for (size_t j = 0; j < n; j++)
			y[j] += number_at(x, type, i * ld + j);
	}
}

static void k_colsum(size_t m, size_t n, real *y, enum precision type, const void *x, size_t ld)
{
	if (type == PREC_BF16)
		colsum_of(m, n, y, PREC_BF16, x, ld);
	else
		colsum_of(m, n, y, PREC_F32, x, ld);
}

static void k_adam(size_t n, real *w, const real *g, real *m, real *v, const struct adam_step *s)
{
	const struct adam_step p = *s;
	const real keep = 1 - p.lr * p.decay;
	INDEPENDENT
	for (size_t i = 0; i < n; i++) {
		real gi = p.scale * g[i];
		real mi = p.beta1 * m[i] + (1 - p.beta1) * gi;
		real vi = p.beta2 * v[i] + (1 - p.beta2) * (gi * gi);
		m[i] = mi;
		v[i] = vi;
		w[i] = w[i] * keep - p.lr * (mi * p.bias1) / (R_SQRT(vi * p.bias2) + p.eps);
	}
}

#define KERN_TMPL                                                                          \
	.round_bf16 = k_round_bf16, .widen_bf16 = k_widen_bf16, .round_unit = k_round_unit,    \
	.widen_unit = k_widen_unit, .exp = k_exp, .tanh = k_tanh, .sigmoid = k_sigmoid, .log = k_log, .add = k_add,        \
	.mul = k_mul, .mul_add = k_mul_add, .axpy = k_axpy, .scale = k_scale,                  \
	.sumsq = k_sumsq, .logsumexp = k_logsumexp, .logsumexp_rows = k_logsumexp_rows,            \
	.softmax = k_softmax,                                                                  \
	.colsum = k_colsum, .adam = k_adam
