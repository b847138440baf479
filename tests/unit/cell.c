/* nn/cell: what a cell leaves for its backward pass may be kept as 16-bit fixed point,
 * for pre-activations large and small. */
#include "nn/cell.h"

#include "nn.h"

enum { N = 336, STATES = 2 }; /* whole lanes */

struct back {
	real a[CELL_SLOTS][N], ds[STATES][N];
};

static void run_back(const struct cell *c, struct back *b, real s[][STATES][N])
{
	const real *prev[STATES] = {s[0][0], s[0][1]}, *next[STATES] = {s[1][0], s[1][1]};
	real *const ds[STATES] = {b->ds[0], b->ds[1]};
	for (int k = 0; k < STATES; k++)
		for (size_t u = 0; u < N; u++)
			b->ds[k][u] = (real)noise(20 + (uint32_t)k, u);
	static const real none[N];
	c->backward(N, N, b->a[0], prev, next, none, ds);
}

/* Numbers that backward does not want (those of the simple cells) come back as anything. */
static void check_cell(const struct cell *c, const struct kern *kern, double scale)
{
	static real s[2][STATES][N];
	static struct back exact, kept;
	static real none[CELL_SLOTS * N];
	int16_t unit[N];
	for (int k = 0; k < STATES; k++)
		for (size_t u = 0; u < N; u++)
			s[0][k][u] = (real)noise(10 + (uint32_t)k, u);
	for (int k = 0; k < c->slots; k++)
		for (size_t u = 0; u < N; u++)
			exact.a[k][u] = (real)(scale * noise((uint32_t)k, u));
	const real *const prev[STATES] = {s[0][0], s[0][1]};
	real *const next[STATES] = {s[1][0], s[1][1]};
	c->forward(N, N, exact.a[0], none, prev, next);
	for (int k = 0; k < c->slots; k++) {
		kern->round_unit(N, unit, exact.a[k]);
		kern->widen_unit(N, kept.a[k], unit);
	}
	run_back(c, &exact, s);
	run_back(c, &kept, s);
	double apart = 0, size = 0;
	for (int k = 0; k < c->slots; k++)
		for (size_t u = 0; u < N; u++) {
			apart += fabs((double)kept.a[k][u] - (double)exact.a[k][u]);
			size += fabs((double)exact.a[k][u]);
		}
	CHECK(size > 0 && apart < 1e-3 * size);
	for (int k = 0; k < c->states; k++)
		CHECK_NEAR(distance(kept.ds[k], exact.ds[k], N), 0, 1e-3);
}

static void kept_in_16_bits(void)
{
	const struct kern *sets[8];
	size_t n = kern_list(sets, 8);
	CHECK(n >= 1);
	for (size_t i = 0; i < n; i++)
		for (int c = 0; cell_names[c]; c++)
			for (double scale = 0.01; scale < 200; scale *= 10)
				check_cell(cell_get(c, sets[i]->isa), sets[i], scale);
}

TEST_MAIN("cell", {"kept_in_16_bits", kept_in_16_bits})
