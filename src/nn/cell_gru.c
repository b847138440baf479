/* Gated recurrent unit, PyTorch's nn.GRU (reset after the product, as in cuDNN;
 * Cho et al. 2014 reset before it):
 *     r = sigmoid(a_r)  z = sigmoid(a_z)  n = tanh(a_nx + r a_nh)
 *     h' = (1 - z) n + z h
 * The slots keep r, z, n and, because what is kept is at most 1, a_nh / (1 + |a_nh|). */
#include "mat/vmath.h"
#include "nn/cell.h"

/* 1 - a_nh / (1 + |a_nh|) where rounding left nothing of it: a_nh is 65536 then. */
#define SMALL ((real)0x1p-16)

static inline real size_of(real x)
{
	return x < 0 ? -x : x;
}

static void forward(size_t n, size_t ld, real *a, const real *const prev[], real *const next[])
{
	real *ar = a, *az = a + ld, *ax = a + 2 * ld, *ah = a + 3 * ld;
	const real *h0 = prev[0];
	real *h1 = next[0];
	V_LOOP
	for (size_t u = 0; u < n; u++) {
		real r = v_sigmoid(ar[u]), z = v_sigmoid(az[u]), x = ah[u], c = v_tanh(ax[u] + r * x);
		ar[u] = r;
		az[u] = z;
		ax[u] = c;
		ah[u] = x / (1 + size_of(x));
		h1[u] = c + z * (h0[u] - c);
	}
}

static void backward(size_t n, size_t ld, real *a, const real *const prev[],
                     const real *const next[], real *const ds[])
{
	real *ar = a, *az = a + ld, *ax = a + 2 * ld, *ah = a + 3 * ld;
	const real *h0 = prev[0];
	real *dh = ds[0];
	(void)next;
	V_LOOP
	for (size_t u = 0; u < n; u++) {
		real r = ar[u], z = az[u], c = ax[u], s = ah[u], d = dh[u];
		real room = 1 - size_of(s);
		real x = s / (room > SMALL ? room : SMALL);
		real dc = d * (1 - z) * (1 - c * c); /* of a_nx + r a_nh */
		ar[u] = dc * x * r * (1 - r);
		az[u] = d * (h0[u] - c) * z * (1 - z);
		ax[u] = dc;
		ah[u] = dc * r;
		dh[u] = d * z;
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
