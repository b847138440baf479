/* Long short-term memory (Hochreiter and Schmidhuber 1997, with the forget gate
 * of Gers et al. 2000), PyTorch's nn.LSTM:
 *     i = sigmoid(a_i)  f = sigmoid(a_f)  g = tanh(a_g)  o = sigmoid(a_o)
 *     c' = f c + i g
 *     h' = o tanh(c')
 * The slots keep i, f, g, o; tanh(c') is computed again in the backward pass,
 * which costs less than keeping it. */
#include "mat/vmath.h"
#include "nn/cell.h"

static void forward(size_t n, size_t ld, real *a, const real *const prev[], real *const next[])
{
	real *ai = a, *af = a + ld, *ag = a + 2 * ld, *ao = a + 3 * ld;
	const real *c0 = prev[1];
	real *h1 = next[0], *c1 = next[1];
	V_LOOP
	for (size_t u = 0; u < n; u++) {
		real i = v_sigmoid(ai[u]), f = v_sigmoid(af[u]), g = v_tanh(ag[u]), o = v_sigmoid(ao[u]);
		real c = f * c0[u] + i * g;
		ai[u] = i;
		af[u] = f;
		ag[u] = g;
		ao[u] = o;
		c1[u] = c;
		h1[u] = o * v_tanh(c);
	}
}

static void backward(size_t n, size_t ld, real *a, const real *const prev[],
                     const real *const next[], real *const ds[])
{
	real *ai = a, *af = a + ld, *ag = a + 2 * ld, *ao = a + 3 * ld;
	const real *c0 = prev[1], *c1 = next[1];
	real *dh = ds[0], *dc = ds[1];
	V_LOOP
	for (size_t u = 0; u < n; u++) {
		real i = ai[u], f = af[u], g = ag[u], o = ao[u];
		real t = v_tanh(c1[u]);
		real d = dc[u] + dh[u] * o * (1 - t * t); /* of c' */
		ai[u] = d * g * i * (1 - i);
		af[u] = d * c0[u] * f * (1 - f);
		ag[u] = d * i * (1 - g * g);
		ao[u] = dh[u] * t * o * (1 - o);
		dc[u] = d * f;
		dh[u] = 0;
	}
}

const struct cell CELL(lstm) = {
	.name = "lstm",
	.summary = "long short-term memory",
	.gates = 4, .slots = 4, .states = 2,
	.in_slot = {0, 1, 2, 3}, .rec_slot = {0, 1, 2, 3},
	/* Forget gate open at the start: Gers et al. 2000; Jozefowicz et al. 2015. */
	.bias = {0, 1, 0, 0},
	.forward = forward, .backward = backward,
};
