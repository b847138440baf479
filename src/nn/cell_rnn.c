/* The simple recurrent cell (Elman 1990), PyTorch's nn.RNN:
 *     h' = f(Wx x + bx + Wh h + bh),  f = tanh or max(0, .)
 * The slot keeps nothing for the backward pass: f' follows from h'. */
#include "mat/lane.h"
#include "nn/cell.h"

static void tanh_forward(size_t n, size_t ld, real *a, const real *in, const real *const prev[],
                         real *const next[])
{
	real *h = next[0];
	(void)ld, (void)prev;
	LANE_LOOP
	for (size_t u = 0; u < n; u += LANE)
		lane_store(h + u, lane_tanh(lane_load(a + u) + lane_load(in + u)));
}

static void tanh_backward(size_t n, size_t ld, real *a, const real *const prev[],
                          const real *const next[], const real *above, real *const ds[])
{
	real *da = a, *dh = ds[0];
	const real *h = next[0];
	(void)ld, (void)prev;
	V_LOOP
	for (size_t u = 0; u < n; u++) {
		da[u] = (dh[u] + above[u]) * (1 - h[u] * h[u]);
		dh[u] = 0;
	}
}

static void relu_forward(size_t n, size_t ld, real *a, const real *in, const real *const prev[],
                         real *const next[])
{
	real *h = next[0];
	(void)ld, (void)prev;
	V_LOOP
	for (size_t u = 0; u < n; u++) {
		real x = a[u] + in[u];
		h[u] = x < 0 ? 0 : x; /* NaN stays NaN */
	}
}

static void relu_backward(size_t n, size_t ld, real *a, const real *const prev[],
                          const real *const next[], const real *above, real *const ds[])
{
	real *da = a, *dh = ds[0];
	const real *h = next[0];
	(void)ld, (void)prev;
	V_LOOP
	for (size_t u = 0; u < n; u++) {
		da[u] = h[u] > 0 ? dh[u] + above[u] : 0;
		dh[u] = 0;
	}
}

const struct cell CELL(rnn) = {
	.name = "rnn",
	.summary = "simple recurrent cell, tanh",
	.gates = 1, .slots = 1, .states = 1,
	.in_slot = {0}, .rec_slot = {0},
	.backward_h = true,
	.forward = tanh_forward, .backward = tanh_backward,
};

const struct cell CELL(rnn_relu) = {
	.name = "rnn-relu",
	.summary = "simple recurrent cell, rectified",
	.gates = 1, .slots = 1, .states = 1,
	.in_slot = {0}, .rec_slot = {0},
	.backward_h = true,
	.forward = relu_forward, .backward = relu_backward,
};
