/* The generator against Random123's known answers, its numbers against the
 * moments and frequencies they should have, the normal numbers' arithmetic
 * against libm. */
#include "base/rng.h"

#include "test.h"

static void known_answers(void)
{
	static const struct {
		uint32_t ctr[4], key[2], want[4];
	} kat[] = {
		{{0, 0, 0, 0}, {0, 0}, {0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8}},
		{{~0u, ~0u, ~0u, ~0u}, {~0u, ~0u}, {0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd}},
		{{0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344}, {0xa4093822, 0x299f31d0},
		 {0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1}},
	};
	for (size_t i = 0; i < sizeof(kat) / sizeof(kat[0]); i++) {
		uint32_t out[4];
		rng_philox(kat[i].ctr, kat[i].key, out);
		for (int w = 0; w < 4; w++)
			CHECK_INT(out[w], kat[i].want[w]);
	}
}

static void draw_is_philox(void)
{
	uint32_t ctr[4] = {7, 6, 5 | RNG_TEST << 16, 4}, key[2] = {0x89abcdef, 0x01234567};
	uint32_t want[4], got[4];
	rng_philox(ctr, key, want);
	rng_draw(0x0123456789abcdefu, RNG_TEST, 4, 5, 6, 7, got);
	CHECK(memcmp(got, want, sizeof(want)) == 0);
	/* Each coordinate counts. */
	uint32_t other[4];
	rng_draw(0x0123456789abcdeeu, RNG_TEST, 4, 5, 6, 7, other);
	CHECK(memcmp(got, other, sizeof(got)) != 0);
	rng_draw(0x1123456789abcdefu, RNG_TEST, 4, 5, 6, 7, other);
	CHECK(memcmp(got, other, sizeof(got)) != 0);
	rng_draw(0x0123456789abcdefu, RNG_INIT, 4, 5, 6, 7, other);
	CHECK(memcmp(got, other, sizeof(got)) != 0);
	rng_draw(0x0123456789abcdefu, RNG_TEST, 5, 5, 6, 7, other);
	CHECK(memcmp(got, other, sizeof(got)) != 0);
	rng_draw(0x0123456789abcdefu, RNG_TEST, 4, 6, 6, 7, other);
	CHECK(memcmp(got, other, sizeof(got)) != 0);
}

static void unit_ends(void)
{
	CHECK(rng_unit32(0) == 0);
	CHECK(rng_unit32(1) == 0x1p-32);
	CHECK(rng_unit32(~0u) == 1 - 0x1p-32);
	CHECK(rng_unit53(0, 0) == 0);
	CHECK(rng_unit53(0, 1u << 6) == 0x1p-53);
	CHECK(rng_unit53(1u << 31, 0) == 0.5);
	CHECK(rng_unit53(1u << 5, 0) == 0x1p-27);
	CHECK(rng_unit53(~0u, ~0u) == 1 - 0x1p-53);
}

/* 4 * 2^18 uniform numbers; bounds of five standard errors. */
static void uniform_moments(void)
{
	enum { DRAWS = 1 << 18, CELLS = 256 };
	static long count[CELLS];
	double n = 4.0 * DRAWS, sum = 0, square = 0, serial = 0, before = 0.5;
	for (uint32_t i = 0; i < DRAWS; i++) {
		uint32_t w[4];
		rng_draw(42, RNG_TEST, 1, 2, 3, i, w);
		for (int k = 0; k < 4; k++) {
			double u = rng_unit32(w[k]);
			sum += u;
			square += u * u;
			serial += (u - 0.5) * (before - 0.5);
			before = u;
			count[(int)(u * CELLS)]++;
		}
	}
	CHECK_NEAR(sum / n, 0.5, 5 * sqrt(1 / 12.0 / n));
	CHECK_NEAR(square / n, 1 / 3.0, 5 * sqrt(4 / 45.0 / n));
	CHECK_NEAR(serial / n, 0, 5 / 12.0 / sqrt(n));
	double chi2 = 0, expected = n / CELLS;
	for (int c = 0; c < CELLS; c++)
		chi2 += (count[c] - expected) * (count[c] - expected) / expected;
	/* 255 degrees of freedom: mean 255, standard deviation 22.6. */
	CHECK_NEAR(chi2, CELLS - 1, 5 * sqrt(2.0 * (CELLS - 1)));
}

/* Neighbouring counters share no bits more often than chance has it. */
static void neighbours_differ(void)
{
	enum { PAIRS = 1 << 14 };
	double bits = 0;
	for (uint32_t i = 0; i < PAIRS; i++) {
		uint32_t a[4], b[4];
		rng_draw(1, RNG_TEST, i, 0, 0, 0, a);
		rng_draw(1, RNG_TEST, i + 1, 0, 0, 0, b);
		for (int k = 0; k < 4; k++)
			for (uint32_t x = a[k] ^ b[k]; x; x &= x - 1)
				bits++;
	}
	CHECK_NEAR(bits / PAIRS, 64, 5 * sqrt(32.0 / PAIRS));
}

static void normal_is_box_muller(void)
{
	static const uint32_t ends[] = {0, 1, 2, 0x1FFFFFFF, 0x20000000, 0x20000001, 0x3FFFFFFF,
	                                0x40000000, 0x60000000, 0x7FFFFFFF, 0x80000000, 0xA0000000,
	                                0xB504F333, 0xC0000000, 0xDFFFFFFF, 0xE0000000, 0xFFFFFFFE,
	                                0xFFFFFFFF};
	enum { ENDS = sizeof(ends) / sizeof(ends[0]) };
	const double pi = 3.14159265358979323846;
	for (uint32_t i = 0; i < 20000 + ENDS * ENDS; i++) {
		uint32_t w[4] = {ends[i % ENDS], ends[i / ENDS % ENDS]};
		if (i >= ENDS * ENDS)
			rng_draw(3, RNG_TEST, 0, 0, 0, i, w);
		double z[2], r = sqrt(-2 * log((w[0] + 0.5) / 4294967296.0));
		double angle = 2 * pi * (w[1] / 4294967296.0);
		rng_normal2(w[0], w[1], z);
		CHECK_NEAR(z[0], r * cos(angle), 1e-14 * (1 + r));
		CHECK_NEAR(z[1], r * sin(angle), 1e-14 * (1 + r));
	}
}

static void normal_moments(void)
{
	enum { DRAWS = 1 << 18 };
	double n = 4.0 * DRAWS, m[5] = {0}, cross = 0;
	long beyond2 = 0;
	for (uint32_t i = 0; i < DRAWS; i++) {
		uint32_t w[4];
		double z[4];
		rng_draw(7, RNG_TEST, 0, 0, 1, i, w);
		rng_normal2(w[0], w[1], z);
		rng_normal2(w[2], w[3], z + 2);
		cross += z[0] * z[1] + z[2] * z[3];
		for (int k = 0; k < 4; k++) {
			double p = 1;
			for (int e = 0; e < 5; e++, p *= z[k])
				m[e] += p;
			beyond2 += fabs(z[k]) > 2;
		}
	}
	CHECK_NEAR(m[1] / n, 0, 5 * sqrt(1 / n));
	CHECK_NEAR(m[2] / n, 1, 5 * sqrt(2 / n));
	CHECK_NEAR(m[3] / n, 0, 5 * sqrt(15 / n));
	CHECK_NEAR(m[4] / n, 3, 5 * sqrt(96 / n));
	CHECK_NEAR(cross / (n / 2), 0, 5 / sqrt(n / 2));
	CHECK_NEAR(beyond2 / n, 0.0455002639, 5 * sqrt(0.0455 / n));
}

/* The bits themselves: they must be the same on every system. */
static void normal_bits(void)
{
	double z[2];
	rng_normal2(0x12345678, 0x9abcdef0, z);
	CHECK(z[0] == -0x1.d25e6f397b433p+0);
	CHECK(z[1] == -0x1.672701dbbedddp+0);
}

static void seeds(void)
{
	uint64_t a = rng_seed(), b = rng_seed(), c = rng_seed();
	CHECK(a != b || b != c);
	CHECK(a < (uint64_t)1 << 52 && b < (uint64_t)1 << 52);
}

TEST_MAIN("rng", {"known_answers", known_answers}, {"draw_is_philox", draw_is_philox},
          {"unit_ends", unit_ends}, {"uniform_moments", uniform_moments},
          {"neighbours_differ", neighbours_differ},
          {"normal_is_box_muller", normal_is_box_muller}, {"normal_moments", normal_moments},
          {"normal_bits", normal_bits}, {"seeds", seeds})
