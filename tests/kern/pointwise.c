/* The elementwise kernels and reductions of every set: against double, element
 * by element and as a whole the same bits, in place and apart, behind guard
 * pages. */
#include "guard.h"
#include "base/io.h"
#include "test.h"

enum { MOST = 3000 };

static struct guard gx, gy, gz, gw;
static const real edges[] = {0, -0.0f, INFINITY, -INFINITY, NAN, 1e-40f, -1e-40f, 1e30f, -1e30f,
                             88.7f, -87.3f, 1, -1, 100, -100};
enum { EDGES = sizeof(edges) / sizeof(edges[0]) };

static void each_set(void (*run)(const struct kern *))
{
	const struct kern *sets[8];
	size_t n = kern_list(sets, 8);
	CHECK(n >= 1);
	gx = guard_new(MOST * sizeof(real));
	gy = guard_new(MOST * sizeof(real));
	gz = guard_new(MOST * sizeof(real));
	gw = guard_new(MOST * sizeof(real));
	for (size_t i = 0; i < n; i++) {
		test_state = 1;
		run(sets[i]);
	}
	guard_free(&gx);
	guard_free(&gy);
	guard_free(&gz);
	guard_free(&gw);
}

/* 0..130 and two that are longer than any unrolled loop. */
static size_t next_size(size_t n)
{
	return n < 130 ? n + (test_quick() ? 3 : 1) : n < 1000 ? 1000 : n == 1000 ? 2777 : MOST + 1;
}

static bool same(real a, real b)
{
	return memcmp(&a, &b, sizeof(a)) == 0 || (isnan(a) && isnan(b));
}

/* got is want within ulps of real; NaN only for NaN. Below the smallest normal
 * number 0 will do. */
static bool close_to(real got, double want, double ulps)
{
	if (isnan(want))
		return isnan(got);
	if (isinf((real)want))
		return got == (real)want;
	int e;
	frexp(want, &e);
	double smallest = sizeof(real) == 4 ? 0x1p-126 : 0x1p-1022;
	if (fabs(want) < smallest && got == 0)
		return true;
	double ulp = ldexp(1, e - (sizeof(real) == 4 ? 24 : 53));
	return fabs((double)got - want) <= ulps * (ulp > 1e-45 ? ulp : 1e-45);
}

static double ref_sigmoid(double x)
{
	return 1 / (1 + exp(-x));
}

/* See lane.h for the far left. */
static bool sigmoid_close(real got, real x)
{
	if (x < -87)
		return got >= 0 && got < (real)1.7e-38;
	return close_to(got, ref_sigmoid((double)x), x < -20 ? 6 : 3.2);
}

static void functions_set(const struct kern *k)
{
	const struct {
		void (*run)(size_t, real *, const real *);
		double (*ref)(double);
		double ulps;
	} f[] = {{k->exp, exp, 2}, {k->tanh, tanh, 3.2}, {k->sigmoid, ref_sigmoid, 3.2}, {k->log, log, 2}};
	for (size_t t = 0; t < 4; t++)
		for (size_t n = 0; n <= MOST; n = next_size(n)) {
			bool back = n % 2;
			real *x = guard_at(&gx, n, back), *y = guard_at(&gy, n, !back), one;
			for (size_t i = 0; i < n; i++)
				x[i] = i % 7 == 3 ? edges[test_random() % EDGES]
				                  : test_unit() * (i % 2 ? 1 : 60) + (t == 3 ? 50 : 0);
			f[t].run(n, y, x);
			long bad = 0, moved = 0;
			for (size_t i = 0; i < n; i++) {
				bad += t == 2 ? !sigmoid_close(y[i], x[i]) : !close_to(y[i], f[t].ref((double)x[i]), f[t].ulps);
				f[t].run(1, &one, x + i);
				moved += !same(one, y[i]);
			}
			CHECK_INT(bad, 0);
			CHECK_INT(moved, 0);
			f[t].run(n, x, x);
			for (size_t i = 0; i < n; i++)
				moved += !same(x[i], y[i]);
			CHECK_INT(moved, 0);
		}
}

static void functions(void)
{
	each_set(functions_set);
}

static void arithmetic_set(const struct kern *k)
{
	double eps = ldexp(1, sizeof(real) == 4 ? -23 : -52);
	for (size_t n = 0; n <= MOST; n = next_size(n)) {
		bool back = n % 2;
		real *x = guard_at(&gx, n, back), *y = guard_at(&gy, n, back), *z = guard_at(&gz, n, !back),
		     *old = guard_at(&gw, n, back);
		const real a = test_unit();
		for (int op = 0; op < 5; op++) {
			test_fill(x, n);
			test_fill(y, n);
			test_fill(z, n);
			if (n > 4)
				x[n - 3] = y[n / 2] = NAN;
			memcpy(old, y, n * sizeof(real));
			switch (op) {
			case 0: k->add(n, y, x); break;
			case 1: k->mul(n, y, x, z); break;
			case 2: k->mul_add(n, y, x, z); break;
			case 3: k->axpy(n, y, a, x); break;
			default: k->scale(n, y, a); break;
			}
			long bad = 0;
			for (size_t i = 0; i < n; i++) {
				double o = (double)old[i], p = (double)x[i], q = (double)z[i];
				const double want[] = {o + p, p * q, o + p * q, o + (double)a * p, o * (double)a};
				double size = op == 4 ? fabs(o) : op == 1 ? fabs(p) : fabs(o) + fabs(p);
				bad += isnan(want[op]) ? !isnan(y[i])
				                       : !(fabs((double)y[i] - want[op]) <= eps * size);
			}
			CHECK_INT(bad, 0);
		}
		test_fill(x, n); /* in place */
		memcpy(old, x, n * sizeof(real));
		k->mul(n, x, x, z);
		k->mul(n, y, old, z);
		CHECK(memcmp(x, y, n * sizeof(real)) == 0);
	}
}

static void arithmetic(void)
{
	each_set(arithmetic_set);
}

static void sumsq_set(const struct kern *k)
{
	for (size_t n = 0; n <= MOST; n = next_size(n)) {
		real *x = guard_at(&gx, n, true), *y = guard_at(&gy, n, false);
		test_fill(x, n);
		memcpy(y, x, n * sizeof(real));
		double want = 0, got = k->sumsq(n, x);
		for (size_t i = 0; i < n; i++)
			want += (double)x[i] * (double)x[i];
		CHECK_NEAR(got, want, 1e-14 * (1 + want));
		CHECK(got == k->sumsq(n, y)); /* wherever it stands */
		if (n) {
			x[test_random() % n] = NAN;
			CHECK(isnan(k->sumsq(n, x)));
		}
	}
	real huge[3] = {1e30f, 1e30f, 0}; /* squares that no float holds */
	CHECK_NEAR(k->sumsq(3, huge) / 2e60, 1, 1e-6);
}

static void sumsq(void)
{
	each_set(sumsq_set);
}

static void softmax_set(const struct kern *k)
{
	double eps = ldexp(1, sizeof(real) == 4 ? -23 : -52);
	for (size_t n = 1; n <= MOST; n = next_size(n)) {
		const real shift = (real[]){0, 1000, -1000, 90}[n % 4], spread = (real[]){1, 30, 0}[n % 3];
		real *x = guard_at(&gx, n, n % 2), *y = guard_at(&gy, n, true), *z = guard_at(&gz, n, false);
		for (size_t i = 0; i < n; i++)
			x[i] = shift + spread * test_unit();
		memcpy(z, x, n * sizeof(real));
		double top = -INFINITY, sum = 0;
		for (size_t i = 0; i < n; i++)
			top = fmax(top, (double)x[i]);
		for (size_t i = 0; i < n; i++)
			sum += exp((double)x[i] - top);
		double lse = top + log(sum);
		double tol = eps * (2 + fabs(lse) + fabs(top));
		CHECK_NEAR(k->logsumexp(n, x), lse, tol);
		CHECK(memcmp(x, z, n * sizeof(real)) == 0);
		CHECK_NEAR(k->softmax(n, y, x), lse, tol);
		CHECK(k->logsumexp(n, x) == k->logsumexp(n, z));
		long bad = 0;
		double total = 0;
		for (size_t i = 0; i < n; i++) {
			double want = exp((double)x[i] - top) / sum;
			bad += !(fabs((double)y[i] - want) <= eps * (8 + top - (double)x[i]) * want + 1e-37);
			total += (double)y[i];
		}
		CHECK_INT(bad, 0);
		CHECK_NEAR(total, 1, 8 * eps + (double)n * 0x1p-52); /* the sum here rounds too */
		k->softmax(n, z, z);
		CHECK(memcmp(y, z, n * sizeof(real)) == 0);
		x[test_random() % n] = NAN;
		CHECK(isnan(k->logsumexp(n, x)));
		CHECK(isnan(k->softmax(n, y, x)));
	}
}

static void softmax(void)
{
	each_set(softmax_set);
}

/* Rows are what one row is, however many there are. */
static void logsumexp_rows_set(const struct kern *k)
{
	enum { M = 70, LD = 40 };
	for (size_t n = 1; n <= LD; n += 13)
		for (size_t m = 0; m <= M; m += 7) {
			size_t size = m ? (m - 1) * LD + n : 0;
			real *x = guard_at(&gx, size, true), *y = guard_at(&gy, m, m % 2);
			test_fill(x, size);
			if (m > 3)
				x[3 * LD] = NAN;
			k->logsumexp_rows(m, n, y, x, LD);
			long bad = 0;
			for (size_t i = 0; i < m; i++)
				bad += i == 3 ? !isnan(y[i]) : y[i] != k->logsumexp(n, x + i * LD);
			CHECK_INT(bad, 0);
		}
}

static void logsumexp_rows(void)
{
	each_set(logsumexp_rows_set);
}

static void softmax_edges_set(const struct kern *k)
{
	real x[40], y[40];
	for (size_t n = 1; n <= 40; n++) {
		for (size_t i = 0; i < n; i++)
			x[i] = -INFINITY;
		CHECK(k->logsumexp(n, x) == -INFINITY);
		x[n / 2] = 3; /* one symbol possible */
		CHECK_NEAR(k->softmax(n, y, x), 3, 1e-6);
		CHECK(y[n / 2] == 1 && (n < 2 || y[0] == (n / 2 == 0)));
		x[n / 2] = INFINITY;
		CHECK(k->logsumexp(n, x) == INFINITY);
		for (size_t i = 0; i < n; i++)
			x[i] = 3e38f;
		CHECK_NEAR(k->softmax(n, y, x) / x[0], 1, 1e-6);
		CHECK_NEAR(y[n - 1], 1 / (double)n, 1e-6);
	}
}

static void softmax_edges(void)
{
	each_set(softmax_edges_set);
}

static void colsum_set(const struct kern *k)
{
	double u = ldexp(1, sizeof(real) == 4 ? -24 : -53);
	for (size_t m = 0; m <= 21; m++)
		for (size_t n = 0; n <= 130; n += 1 + m % 3) {
			size_t ld = n + m % 2, count = m && n ? (m - 1) * ld + n : 0;
			bool back = n % 2;
			real *x = guard_at(&gx, count, back), *y = guard_at(&gy, n, back),
			     *cut = guard_at(&gz, n, back), *old = guard_at(&gw, n, back);
			test_fill(x, count);
			test_fill(old, n);
			memcpy(y, old, n * sizeof(real));
			memcpy(cut, old, n * sizeof(real));
			k->colsum(m, n, y, PREC_F32, x, ld);
			long bad = 0;
			for (size_t j = 0; j < n; j++) {
				double want = (double)old[j], size = fabs(want);
				for (size_t i = 0; i < m; i++) {
					want += (double)x[i * ld + j];
					size += fabs((double)x[i * ld + j]);
				}
				bad += !(fabs((double)y[j] - want) <= (double)m * u * 1.01 * size);
			}
			CHECK_INT(bad, 0);
			size_t row = m ? test_random() % (m + 1) : 0, col = n ? test_random() % n : 0;
			k->colsum(row, col, cut, PREC_F32, x, ld);
			k->colsum(row, n - col, cut + col, PREC_F32, x + col, ld);
			k->colsum(m - row, n, cut, PREC_F32, x + row * ld, ld);
			CHECK(memcmp(y, cut, n * sizeof(real)) == 0);

			uint16_t *half = guard_bytes(&gz, count * sizeof(*half), back);
			k->round_bf16(count, half, x);
			k->widen_bf16(count, x, half);
			memcpy(y, old, n * sizeof(real));
			k->colsum(m, n, y, PREC_F32, x, ld);
			k->colsum(m, n, old, PREC_BF16, half, ld);
			CHECK(memcmp(y, old, n * sizeof(real)) == 0);
		}
}

static void colsum(void)
{
	CHECK(21 * 131 <= MOST);
	each_set(colsum_set);
}

static void adam_set(const struct kern *k)
{
	double eps = ldexp(1, sizeof(real) == 4 ? -23 : -52);
	const struct adam_step steps[] = {
		{.lr = 0.01f, .beta1 = 0.9f, .beta2 = 0.999f, .eps = 1e-8f, .bias1 = 10, .bias2 = 1000,
		 .decay = 0, .scale = 1},
		{.lr = 0.1f, .beta1 = 0.8f, .beta2 = 0.95f, .eps = 1e-3f, .bias1 = 1.5f, .bias2 = 2,
		 .decay = 0.5f, .scale = 0.25f},
	};
	for (size_t n = 0; n <= MOST; n = next_size(n)) {
		struct adam_step s = steps[n % 2];
		bool back = n % 3 > 0;
		real *w = guard_at(&gx, n, back), *g = guard_at(&gy, n, back), *m = guard_at(&gz, n, back),
		     *v = guard_at(&gw, n, back), old[3][MOST];
		test_fill(w, n);
		test_fill(g, n);
		test_fill(m, n);
		for (size_t i = 0; i < n; i++)
			v[i] = test_unit() * test_unit() + 1;
		if (n > 2)
			g[1] = m[1] = v[1] = 0; /* a weight that was never used */
		memcpy(old[0], w, n * sizeof(real));
		memcpy(old[1], m, n * sizeof(real));
		memcpy(old[2], v, n * sizeof(real));
		k->adam(n, w, g, m, v, &s);
		long bad = 0;
		for (size_t i = 0; i < n; i++) {
			double gi = (double)s.scale * (double)g[i], w0 = (double)old[0][i];
			double mi = (double)s.beta1 * (double)old[1][i] + (1 - (double)s.beta1) * gi;
			double vi = (double)s.beta2 * (double)old[2][i] + (1 - (double)s.beta2) * gi * gi;
			double part = (double)s.lr * mi * (double)s.bias1 / (sqrt(vi * (double)s.bias2) + (double)s.eps);
			double want = w0 - (double)s.lr * (double)s.decay * w0 - part;
			bad += !(fabs((double)m[i] - mi) <= 4 * eps * (fabs(mi) + fabs(gi)));
			bad += !(fabs((double)v[i] - vi) <= 4 * eps * (fabs(vi) + gi * gi));
			bad += !(fabs((double)w[i] - want) <= 16 * eps * (fabs(w0) + 1));
		}
		CHECK_INT(bad, 0);
		real w1[MOST];
		memcpy(w1, old[0], n * sizeof(real)); /* in two calls: the same bits */
		k->adam(n / 3, w1, g, old[1], old[2], &s);
		k->adam(n - n / 3, w1 + n / 3, g + n / 3, old[1] + n / 3, old[2] + n / 3, &s);
		CHECK(memcmp(w, w1, n * sizeof(real)) == 0);
		if (n) {
			g[n - 1] = NAN;
			k->adam(n, w, g, m, v, &s);
			CHECK(isnan(w[n - 1]) && isnan(m[n - 1]) && isnan(v[n - 1]));
			CHECK(n < 2 || isfinite(w[n - 2]));
		}
	}
}

static void adam(void)
{
	each_set(adam_set);
}

/* Nearest by arithmetic, not by bits: what bf16 holds is an integer of 8 bits
 * times a power of two. */
static uint16_t rounded(float x)
{
	int e;
	float y = x;
	if (isfinite(x)) {
		double part = frexp((double)x, &e);
		y = fabs((double)x) < 0x1p-126 ? copysignf(0, x) : (float)ldexp(nearbyint(ldexp(part, 8)), e - 8);
	}
	uint32_t u;
	memcpy(&u, &y, sizeof(u));
	return (uint16_t)(u >> 16);
}

/* Every upper half of a float with lower halves about the ties, so all bf16
 * numbers, infinities, NaN and denormals. */
static void round_bf16_set(const struct kern *k)
{
	static const uint32_t lower[] = {0, 1, 0x7fff, 0x8000, 0x8001, 0xffff, 0x1234, 0xfedc};
	enum { LOWERS = sizeof(lower) / sizeof(lower[0]), ROW = 131 };
	long bad = 0;
	for (uint32_t upper = 0; upper < 1u << 16; upper += ROW)
		for (size_t l = 0; l < LOWERS; l++) {
			real *x = guard_at(&gx, ROW, l % 2);
			uint16_t *y = guard_bytes(&gy, ROW * sizeof(*y), l % 2);
			for (uint32_t i = 0; i < ROW; i++) {
				uint32_t u = ((upper + i) & 0xffffu) << 16 | lower[l];
				memcpy(&x[i], &u, sizeof(u));
			}
			k->round_bf16(ROW, y, x);
			for (size_t i = 0; i < ROW; i++) {
				uint32_t u;
				memcpy(&u, &x[i], sizeof(u));
				if (isnan(x[i])) /* quiet, with its sign */
					bad += (y[i] & 0x7fc0u) != 0x7fc0u || (y[i] & 0x8000u) != (u >> 16 & 0x8000u);
				else
					bad += y[i] != rounded(x[i]);
			}
		}
	CHECK_INT(bad, 0);
	for (size_t n = 0; n <= MOST; n = next_size(n)) {
		real *x = guard_at(&gx, n, n % 2);
		uint16_t *y = guard_bytes(&gy, n * sizeof(*y), n % 2);
		test_fill(x, n);
		bad = 0;
		k->round_bf16(n, y, x);
		for (size_t i = 0; i < n; i++)
			bad += y[i] != rounded(x[i]);
		CHECK_INT(bad, 0);
	}
}

static void round_bf16(void)
{
	each_set(round_bf16_set);
}

/* All numbers of 16 bits there and back; what lies between is kept to half a step;
 * the wildest do no harm. */
static void wide_set(const struct kern *k)
{
	long bad = 0;
	for (size_t n = 0; n <= MOST; n = next_size(n)) {
		uint16_t *half = guard_bytes(&gx, n * sizeof(*half), n % 2);
		int16_t *unit = guard_bytes(&gz, n * sizeof(*unit), n % 2);
		real *y = guard_at(&gy, n, !(n % 2));
		for (size_t i = 0; i < n; i++)
			half[i] = (uint16_t)test_random();
		k->widen_bf16(n, y, half);
		for (size_t i = 0; i < n; i++) {
			float f = (float)y[i];
			uint32_t u;
			memcpy(&u, &f, sizeof(u));
			bad += u != (uint32_t)half[i] << 16;
		}
		for (size_t i = 0; i < n; i++)
			y[i] = i % 3 ? test_unit() : (real)((int)(i % 5) - 2) / 2;
		k->round_unit(n, unit, y);
		for (size_t i = 0; i < n; i++)
			bad += unit[i] != (int)lrint((double)((float)y[i] * 32767));
		real *back = guard_at(&gw, n, n % 2);
		k->widen_unit(n, back, unit);
		for (size_t i = 0; i < n; i++)
			bad += !(fabs((double)back[i] - (double)y[i]) <= 0.5 / 32767 + 1e-7);
	}
	int16_t all[1 << 8], again[1 << 8];
	real x[1 << 8];
	for (int first = -32767; first <= 32767; first += 1 << 8) {
		for (int i = 0; i < 1 << 8; i++)
			all[i] = (int16_t)(first + i > 32767 ? 32767 : first + i);
		k->widen_unit(1 << 8, x, all);
		k->round_unit(1 << 8, again, x);
		bad += memcmp(all, again, sizeof all) != 0;
	}
	CHECK_INT(bad, 0);
	k->round_unit(EDGES, all, edges); /* sanitizers would say if it were not defined */
}

static void wide(void)
{
	each_set(wide_set);
}

/* The loops that measure the peak do what they say, and take time for it. */
static void spin_set(const struct kern *k)
{
	for (int p = 0; p < PREC_COUNT; p++) {
		uint64_t one = k->spin((enum precision)p, 1);
		CHECK(one > 0 && k->spin((enum precision)p, 10) == 10 * one && k->spin((enum precision)p, 0) == 0);
		double took = 0, done = 0; /* seconds, operations of the last run */
		for (uint64_t n = 1000; took < 2e-3; n *= 2) {
			double start = io_now();
			done = (double)k->spin((enum precision)p, n);
			took = io_now() - start;
		}
		CHECK(done / took > 1e7 && done / took < 2e13);
	}
	for (size_t n = 0; n <= MOST; n = next_size(n)) {
		real *x = guard_at(&gx, n, n % 2);
		double sum = 0, size = 0;
		test_fill(x, n);
		for (size_t i = 0; i < n; i++) {
			sum += (double)x[i];
			size += fabs((double)x[i]);
		}
		CHECK_NEAR(k->read(n, x), sum, 1e-5 * size);
	}
	CHECK(k->native_bf16 == (strcmp(k->name, "avx512bf16") == 0 || strcmp(k->name, "amx") == 0));
}

static void spin(void)
{
	each_set(spin_set);
}

TEST_MAIN("kern/pointwise", {"round_bf16", round_bf16}, {"wide", wide}, {"spin", spin}, {"functions", functions}, {"arithmetic", arithmetic}, {"sumsq", sumsq},
          {"softmax", softmax}, {"logsumexp_rows", logsumexp_rows}, {"softmax_edges", softmax_edges}, {"colsum", colsum}, {"adam", adam})
