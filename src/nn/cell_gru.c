/* Gated recurrent unit, PyTorch's nn.GRU (reset after the product, as in cuDNN;
 * Cho et al. 2014 reset before it):
 *     r = sigmoid(a_r)  z = sigmoid(a_z)  n = tanh(a_nx + r a_nh)
 *     h' = (1 - z) n + z h
 * The slots keep r, z, n and, because what is kept is at most 1, a_nh / (1 + |a_nh|). */
#include "mat/lane.h"
#include "nn/cell.h"

/* 1 - a_nh / (1 + |a_nh|) where rounding left nothing of it: a_nh is 65536 then. */
#define SMALL ((real)0x1p-16)

static void forward(size_t n, size_t ld, real *a, const real *in, const real *const prev[], real *const next[])
{
	real *ar = a, *az = a + ld, *ax = a + 2 * ld, *ah = a + 3 * ld;
	const real *xr = in, *xz = in + ld, *xx = in + 2 * ld, *xh = in + 3 * ld;
	const real *h0 = prev[0];
	real *h1 = next[0];
	LANE_LOOP
	for (size_t u = 0; u < n; u += LANE) {
		lane r = lane_sigmoid(lane_load(ar + u) + lane_load(xr + u));
		lane z = lane_sigmoid(lane_load(az + u) + lane_load(xz + u));
		lane x = lane_load(ah + u) + lane_load(xh + u);
		lane_store(ar + u, r);
		lane_store(az + u, z);
		lane_store(ax + u, lane_load(ax + u) + lane_load(xx + u) + r * x);
		lane_store(ah + u, x / (lane_set(1) + lane_abs(x)));
	}
	LANE_LOOP
	for (size_t u = 0; u < n; u += LANE) {
		lane c = lane_tanh(lane_load(ax + u));
		lane_store(ax + u, c);
		lane_store(h1 + u, c + lane_load(az + u) * (lane_load(h0 + u) - c));
	}
}

static void backward(size_t n, size_t ld, real *a, const real *const prev[],
                     const real *const next[], const real *above, real *const ds[])
{
	real *ar = a, *az = a + ld, *ax = a + 2 * ld, *ah = a + 3 * ld;
	const real *h0 = prev[0];
	real *dh = ds[0];
	const lane one = lane_set(1);
	(void)next;
	LANE_LOOP
	for (size_t u = 0; u < n; u += LANE) {
		lane r = lane_load(ar + u), z = lane_load(az + u), c = lane_load(ax + u), s = lane_load(ah + u);
		lane d = lane_load(dh + u) + lane_load(above + u);
		lane x = s / lane_max(SMALL, one - lane_abs(s));
		lane dc = d * (one - z) * (one - c * c); /* of a_nx + r a_nh */
		lane_store(ar + u, dc * x * r * (one - r));
		lane_store(az + u, d * (lane_load(h0 + u) - c) * z * (one - z));
		lane_store(ax + u, dc);
		lane_store(ah + u, dc * r);
		lane_store(dh + u, d * z);
	}
}

const struct cell CELL(gru) = {
	.name = "gru",
	.summary = "gated recurrent unit",
	.gates = 3, .slots = 4, .states = 1,
	.in_slot = {0, 1, 2}, .rec_slot = {0, 1, 3},
	.backward_h = true,
	.forward = forward, .backward = backward,
};
