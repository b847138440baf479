/* Recurrent cells. A cell is pointwise: its layer computes every product and
 * hands it, for one stream and a range of units, the pre-activations; the cell
 * turns them into new states, and backwards turns the gradients of the new
 * states into those of the pre-activations.
 *
 * Pre-activations stand in slots of `hidden` numbers. Gate g of the input
 * product (rows g*H.. of weight_ih, plus bias_ih) is added to slot in_slot[g],
 * gate g of the recurrent product (weight_hh, bias_hh) to slot rec_slot[g].
 * Where both name the same slot the cell sees only the sum, and dGx and dGh are
 * one; the GRU keeps the two halves of its candidate apart, because the reset
 * gate stands between them:
 *
 *              slots              in_slot   rec_slot
 *      rnn     a                  0         0
 *      lstm    i f g o            0 1 2 3   0 1 2 3
 *      gru     r z nx nh          0 1 2     0 1 3
 *
 * A new cell is one file, src/nn/cell_NAME.c, and one line in CELL_LIST: the
 * options, help, checkpoint names and tests follow from the list. Cell files
 * are plain C compiled once per instruction set (see vmath.h), so their loops
 * must vectorise: no branches, V_LOOP or LANE_LOOP in front; lane.h has what the
 * compiler is not good at. */
#ifndef RNNLM_NN_CELL_H
#define RNNLM_NN_CELL_H

#include <stdbool.h>
#include <stddef.h>

#include "mat/kern.h"

#define CELL_GATES 4
#define CELL_SLOTS 4
#define CELL_STATES 2 /* state 0 is the output h */

/* For n units: a and in are (slots, n) with row stride ld, and pre-activations are their
 * sum. Out: a is whatever the backward pass wants of them, in [-1, 1] (the layer may keep
 * it as fixed point); numbers that it does not want may be any. prev, next: (states) x (n).
 * All rows have room for n rounded up to LANE_MAX (lane.h): what stands there may be read
 * and overwritten. */
typedef void cell_forward_fn(size_t n, size_t ld, real *a, const real *in, const real *const prev[],
                             real *const next[]);

/* The same room. a in: as forward left it; out: gradients of the slots. above: gradient of
 * next[0] that does not come through later steps; ds[s] in: the rest, of next[s]; out: the
 * elementwise part of the gradient of prev[s] (the layer adds to ds[0] what comes back
 * through the recurrent product). */
typedef void cell_backward_fn(size_t n, size_t ld, real *a, const real *const prev[],
                              const real *const next[], const real *above, real *const ds[]);

struct cell {
	const char *name;    /* as in --cell and in model files */
	const char *summary;
	int gates, slots, states;
	int in_slot[CELL_GATES], rec_slot[CELL_GATES];
	real bias[CELL_GATES]; /* initial value of bias_ih, gate by gate */
	bool backward_h;       /* backward reads h, of prev or next */
	cell_forward_fn *forward;
	cell_backward_fn *backward;
};

#define CELL_LIST(X)          \
	X(rnn, "rnn")           \
	X(rnn_relu, "rnn-relu") \
	X(lstm, "lstm")         \
	X(gru, "gru")

/* Names in the order of the list, NULL-terminated; an option's choices. */
extern const char *const cell_names[];
/* The cell compiled for an instruction set. index < number of names. */
const struct cell *cell_get(int index, enum kern_isa isa);
/* Index of a name, or -1. */
int cell_index(const char *name);

/* In a cell's file: const struct cell CELL(lstm) = {...}; */
#define CELL_PASTE2(a, b, c) a##b##c
#define CELL_PASTE(a, b, c) CELL_PASTE2(a, b, c)
#define CELL(name) CELL_PASTE(cell_, name##_, CELL_ISA)

#define CELL_DECLARE_BASE(name, text) extern const struct cell cell_##name##_base;
#define CELL_DECLARE_ALL(name, text) \
	extern const struct cell cell_##name##_base, cell_##name##_avx2, cell_##name##_avx512;
#ifdef ONLY_BASE
CELL_LIST(CELL_DECLARE_BASE)
#else
CELL_LIST(CELL_DECLARE_ALL)
#endif

#endif
