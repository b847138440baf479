/* exp, tanh, sigmoid, log of vmath.h against libm in double, over all floats by
 * a stride, all floats around the edges, and what is special. This file is
 * compiled with base flags; the kernel tests see the other sets. */
#include "mat/vmath.h"

#include <float.h>
#include <stdbool.h>
#include <stdlib.h>

#include "test.h"

enum which { EXP, TANH, SIGMOID, LOG };

static real value(enum which f, real x)
{
	return f == EXP ? v_exp(x) : f == TANH ? v_tanh(x) : f == SIGMOID ? v_sigmoid(x) : v_log(x);
}

static void specials(void)
{
	CHECK(v_exp(0) == 1 && v_exp(-0.0f) == 1);
	CHECK(v_exp(INFINITY) == INFINITY && v_exp(-INFINITY) == 0);
	CHECK(v_tanh(INFINITY) == 1 && v_tanh(-INFINITY) == -1);
	CHECK(v_tanh(0) == 0 && !signbit(v_tanh((real)0)) && signbit(v_tanh((real)-0.0)));
	CHECK(v_sigmoid(INFINITY) == 1 && v_sigmoid(-INFINITY) == 0);
	CHECK_NEAR(v_sigmoid(0), 0.5, 0);
	CHECK(v_log(1) == 0 && v_log(0) == -INFINITY && v_log((real)-0.0) == -INFINITY);
	CHECK(v_log(INFINITY) == INFINITY && isnan(v_log(-1)) && isnan(v_log(-INFINITY)));
	for (int f = EXP; f <= LOG; f++)
		CHECK(isnan(value((enum which)f, NAN)) && isnan(value((enum which)f, -NAN)));
}

#ifndef REAL_DOUBLE

static double reference(enum which f, double x)
{
	return f == EXP ? exp(x) : f == TANH ? tanh(x) : f == SIGMOID ? 1 / (1 + exp(-x)) : log(x);
}

static const double ulps_allowed[] = {2, 3, 3, 2};

/* How far v_f(x) is from the truth, in ulps; infinite if it is wrong in kind. */
static double error_of(enum which f, float x)
{
	float y = value(f, x);
	double want = reference(f, (double)x);
	if (isnan(x) || isnan(want))
		return isnan(x) == isnan(y) || isnan(want) == isnan(y) ? 0 : INFINITY;
	if (isinf((float)want) || isinf(y))
		return y == (float)want ? 0 : INFINITY;
	if ((f == EXP || f == SIGMOID) && want < FLT_MIN)
		return y == 0 || y == (float)want ? 0 : INFINITY;
	if ((f == TANH || f == SIGMOID) && !(fabsf(y) <= 1))
		return INFINITY;
	int e;
	frexp(want, &e);
	return fabs((double)y - want) / ldexp(1, e < -125 ? -149 : e - 24);
}

static void all_from(enum which f, uint64_t lo, uint64_t hi, uint64_t step)
{
	double worst = 0;
	uint64_t at = lo;
	for (uint64_t b = lo; b < hi; b += step) {
		double err = error_of(f, v_from_bits((uint32_t)b));
		if (!(err <= worst)) {
			worst = err;
			at = b;
		}
	}
	if (!(worst <= ulps_allowed[f]))
		printf("  function %d at %a\n", (int)f, (double)v_from_bits((uint32_t)at));
	CHECK_NEAR(worst, 0, ulps_allowed[f]);
}

static void whole_range(void)
{
	const char *quick = getenv("QUICK");
	uint64_t step = quick && *quick ? 40009 : 4001;
	for (int f = EXP; f <= LOG; f++)
		all_from((enum which)f, 0, (uint64_t)1 << 32, step);
}

/* Every float next to a threshold, a rounding step or a change of exponent. */
static void edges(void)
{
	const float at[] = {0, FLT_MIN, 88.722839f, -87.336544f, 87.336544f, 9.01f, 10, 20, 0.34657359f,
	                    1.0397208f, 0.70710678f, 1, 1.4142136f, FLT_MAX, 0.125f, 0.17328680f, 2};
	for (int f = EXP; f <= LOG; f++)
		for (size_t i = 0; i < sizeof(at) / sizeof(at[0]); i++)
			for (uint32_t sign = 0; sign < 2; sign++) {
				uint32_t mid = v_bits(at[i]) & 0x7fffffffu, lo = mid < 2000 ? 0 : mid - 2000;
				all_from((enum which)f, lo | sign << 31, (uint64_t)(mid | sign << 31) + 2000, 1);
			}
}

static void odd(void)
{
	long bad = 0;
	for (uint32_t b = 0; b < 0x7f800000u; b += 9973) {
		float x = v_from_bits(b);
		bad += v_tanh(-x) != -v_tanh(x);
	}
	CHECK_INT(bad, 0);
}

TEST_MAIN("unit/vmath", {"specials", specials}, {"whole_range", whole_range}, {"edges", edges},
          {"odd", odd})

#else

TEST_MAIN("unit/vmath", {"specials", specials})

#endif
