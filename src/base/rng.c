/* Philox4x32-10 and what is made from its words. Everything that decides the
 * value of a number is integer arithmetic or IEEE double operations that are
 * rounded the same everywhere (+ - * / sqrt), so that a seed means the same
 * run on every system. */
#include "base/rng.h"

#include <fcntl.h>
#include <math.h>
#include <stdbool.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

/* Multipliers and Weyl increments of the paper's table 2 and section 4.3. */
enum { ROUNDS = 10 };
#define MUL0 0xD2511F53u
#define MUL1 0xCD9E8D57u
#define WEYL0 0x9E3779B9u
#define WEYL1 0xBB67AE85u

void rng_philox(const uint32_t ctr[4], const uint32_t key[2], uint32_t out[4])
{
	uint32_t c0 = ctr[0], c1 = ctr[1], c2 = ctr[2], c3 = ctr[3];
	uint32_t k0 = key[0], k1 = key[1];
	for (int r = 0; r < ROUNDS; r++) {
		uint64_t p0 = (uint64_t)MUL0 * c0, p1 = (uint64_t)MUL1 * c2;
		c0 = (uint32_t)(p1 >> 32) ^ c1 ^ k0;
		c1 = (uint32_t)p1;
		c2 = (uint32_t)(p0 >> 32) ^ c3 ^ k1;
		c3 = (uint32_t)p0;
		k0 += WEYL0;
		k1 += WEYL1;
	}
	out[0] = c0;
	out[1] = c1;
	out[2] = c2;
	out[3] = c3;
}

void rng_draw(uint64_t seed, enum rng_purpose purpose, uint32_t step, uint32_t layer,
              uint32_t stream, uint32_t unit, uint32_t out[4])
{
	const uint32_t ctr[4] = {unit, stream, (layer & 0xFFFF) | (uint32_t)purpose << 16, step};
	const uint32_t key[2] = {(uint32_t)seed, (uint32_t)(seed >> 32)};
	rng_philox(ctr, key, out);
}

double rng_unit32(uint32_t x)
{
	return x * 0x1p-32;
}

double rng_unit53(uint32_t a, uint32_t b)
{
	return (double)((uint64_t)(a >> 5) << 26 | b >> 6) * 0x1p-53;
}

/* ln x for normal x > 0, error below 2 ulp: x = 2^e m with m in [1/sqrt 2,
 * sqrt 2), ln m = 2 artanh s with s = (m-1)/(m+1), |s| < 0.172. */
static double ln(double x)
{
	uint64_t bits;
	memcpy(&bits, &x, sizeof(bits));
	int e = (int)(bits >> 52) - 1023;
	bits = (bits & 0x000FFFFFFFFFFFFFu) | 0x3FF0000000000000u;
	double m;
	memcpy(&m, &bits, sizeof(m));
	if (m > 1.4142135623730951) {
		m *= 0.5;
		e++;
	}
	double s = (m - 1) / (m + 1), z = s * s, p = 0;
	for (int k = 21; k >= 3; k -= 2)
		p = (p + 1.0 / k) * z;
	return e * 0.6931471805599453 + 2 * (s + s * p);
}

/* cos and sin of 2 pi b / 2^32. The nearest quarter turn is split off in
 * integers, which is exact; Taylor series for the rest, |x| <= pi/4. */
static void turn(uint32_t b, double *c, double *s)
{
	uint64_t shifted = (uint64_t)b + (1u << 29);
	int quarter = (int)(shifted >> 30 & 3);
	int64_t rest = (int64_t)(shifted & ((1u << 30) - 1)) - (1 << 29);
	double x = (double)rest * (6.283185307179586 * 0x1p-32), z = x * x;
	double pc = 0, ps = 0;
	for (int k = 18; k >= 2; k -= 2) {
		pc = (1 - pc) * z / (k * (k - 1));
		ps = (1 - ps) * z / (k * (k + 1));
	}
	double cx = 1 - pc, sx = x * (1 - ps);
	*c = quarter == 0 ? cx : quarter == 1 ? -sx : quarter == 2 ? -cx : sx;
	*s = quarter == 0 ? sx : quarter == 1 ? cx : quarter == 2 ? -sx : -cx;
}

void rng_normal2(uint32_t a, uint32_t b, double out[2])
{
	/* a + 1/2 keeps the logarithm's argument off 0. */
	double radius = sqrt(-2 * ln((a + 0.5) * 0x1p-32)), c, s;
	turn(b, &c, &s);
	out[0] = radius * c;
	out[1] = radius * s;
}

/* 52 bits, so that the number can be typed after --seed and survives programs
 * that keep numbers as doubles. */
uint64_t rng_seed(void)
{
	uint64_t x = 0;
	int fd = open("/dev/urandom", O_RDONLY | O_CLOEXEC);
	bool full = fd >= 0 && read(fd, &x, sizeof(x)) == (ssize_t)sizeof(x);
	if (fd >= 0)
		close(fd);
	if (!full) { /* no such device, as in a bare chroot: clock and process */
		struct timespec now = {0};
		clock_gettime(CLOCK_REALTIME, &now);
		uint32_t out[4];
		rng_draw((uint64_t)now.tv_sec, RNG_SEED, (uint32_t)now.tv_nsec, 0,
		         (uint32_t)getpid(), 0, out);
		x = (uint64_t)out[0] << 32 | out[1];
	}
	return x & 0xFFFFFFFFFFFFFu;
}
