/* Long short-term memory (Hochreiter and Schmidhuber 1997, with the forget gate
 * of Gers et al. 2000), PyTorch's nn.LSTM:
 *     i = sigmoid(a_i)  f = sigmoid(a_f)  g = tanh(a_g)  o = sigmoid(a_o)
 *     c' = f c + i g
 *     h' = o tanh(c')
 * The slots keep i, f, g, o; tanh(c') is computed again in the backward pass,
 * which costs less than keeping it. */
#include "mat/lane.h"
#include "nn/cell.h"

static void forward(size_t n, size_t ld, real *a, const real *in, const real *const prev[], real *const next[])
{
	real *ai = a, *af = a + ld, *ag = a + 2 * ld, *ao = a + 3 * ld;
	const real *xi = in, *xf = in + ld, *xg = in + 2 * ld, *xo = in + 3 * ld;
	const real *c0 = prev[1];
	real *h1 = next[0], *c1 = next[1];
	LANE_LOOP
	for (size_t u = 0; u < n; u += LANE) {
		lane i = lane_sigmoid(lane_load(ai + u) + lane_load(xi + u));
		lane f = lane_sigmoid(lane_load(af + u) + lane_load(xf + u));
		lane g = lane_tanh(lane_load(ag + u) + lane_load(xg + u));
		lane o = lane_sigmoid(lane_load(ao + u) + lane_load(xo + u));
		lane_store(ai + u, i);
		lane_store(af + u, f);
		lane_store(ag + u, g);
		lane_store(ao + u, o);
		lane_store(c1 + u, f * lane_load(c0 + u) + i * g);
	}
	LANE_LOOP
	for (size_t u = 0; u < n; u += LANE)
		lane_store(h1 + u, lane_load(ao + u) * lane_tanh(lane_load(c1 + u)));
}

static void backward(size_t n, size_t ld, real *a, const real *const prev[],
                     const real *const next[], const real *above, real *const ds[])
{
	real *ai = a, *af = a + ld, *ag = a + 2 * ld, *ao = a + 3 * ld;
	const real *c0 = prev[1], *c1 = next[1];
	real *dh = ds[0], *dc = ds[1];
	const lane one = lane_set(1);
	LANE_LOOP
	for (size_t u = 0; u < n; u += LANE) {
		lane i = lane_load(ai + u), f = lane_load(af + u), g = lane_load(ag + u), o = lane_load(ao + u);
		lane t = lane_tanh(lane_load(c1 + u)), e = lane_load(dh + u) + lane_load(above + u);
		lane d = lane_load(dc + u) + e * o * (one - t * t); /* of c' */
		lane_store(ai + u, d * g * i * (one - i));
		lane_store(af + u, d * lane_load(c0 + u) * f * (one - f));
		lane_store(ag + u, d * i * (one - g * g));
		lane_store(ao + u, e * t * o * (one - o));
		lane_store(dc + u, d * f);
		lane_store(dh + u, lane_set(0));
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
