/* One recurrent layer over a block of T steps of B streams: all products of the
 * cell, forward and backward. See layer.c for how the time loop is organised. */
#ifndef RNNLM_NN_LAYER_H
#define RNNLM_NN_LAYER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/pool.h"
#include "mat/mat.h"
#include "nn/model.h"

/* Gates whose slots stand one behind the other and can go through one product. */
struct run {
	int gate, slot, len;
};

struct layer {
	const struct cell *cell;
	int hidden, in;     /* in: width of the input (layer 0: of the embedding, or 0) */
	size_t ldh, lda;    /* row strides of states and of slots */
	size_t hs;          /* numbers per slot: hidden rounded up to 16 */
	real *bias;         /* (slots, hs) sums of bias_ih and bias_hh where they meet */
	real *a;            /* (rows,slots,hs) pre-activations, activations, their gradients */
	bool all_steps;     /* a has rows for all steps, else for as many as layer_rows says */
	real *s[CELL_STATES]; /* (kept,B,hidden), see layer_state */
	size_t kept[CELL_STATES]; /* T+1, or 2 where nothing reads older ones */
	real *zero;         /* (hs) */
	/* The left-hand sides of the products. In f32 they are s[0] and a themselves, in
	 * bf16 copies rounded once. What the backward pass wants of the slots is then kept
	 * in the place of their gradients, as 16-bit fixed point (kern's round_unit). */
	bool half;          /* bf16 */
	void *h;            /* (T+1,B,hidden) */
	void *da;           /* (T,B,slots,hs) gradients of the slots; NULL: none wanted */
	void *hin;          /* (T,B,hidden) h as the steps read it; only used by blocks with resets */
	bool keep_hin;      /* hin has T steps, else one */
	double *seconds;    /* by phase (phase.h), or NULL */
	struct mat_pack wx[CELL_GATES], wh[CELL_GATES]; /* forward: (in, H), (H, H) by gate */
	struct run in_run[CELL_GATES], rec_run[CELL_GATES];
	int in_runs, rec_runs;
	struct mat_pack wxt[CELL_GATES], wht[CELL_GATES]; /* backward, by run: (len*H, in), (len*H, H) */
};

/* Finds the runs; sizes hidden, hs, lda, ldh must be set. */
void layer_init(struct layer *l);

/* Rows of a for blocks of up to T steps of B streams where not all T*B are kept. */
size_t layer_rows(size_t T, size_t B);

/* Before packing for passes forward alone: of a joined model (join.h) only the members' own
 * weights are packed and multiplied, as long as the others are zero. */
void layer_find_blocks(struct layer *l, const struct model *m, int index);
/* Packs this step's weights, one part's share of a running job. wh: the recurrent
 * weights, the model's or what dropout leaves of them. */
void layer_pack_part(struct layer *l, const struct model *m, int index, const real *wh, bool backward, int part,
                     int parts);

/* Row i of a left-hand side with row stride ld. */
static inline void *layer_row(const struct layer *l, const void *p, size_t i, size_t ld)
{
	return (char *)p + i * ld * (l->half ? sizeof(uint16_t) : sizeof(real));
}

/* After the backward pass: to += scale times the gradients of n units from unit u of a slot
 * on, of row i of (T*B); where slots stand together n may reach into those behind. */
void layer_add_slot_grad(const struct layer *l, size_t i, int slot, size_t u, size_t n, real scale, real *to);
/* Asks for what it will read. */
void layer_fetch_slot_grad(const struct layer *l, size_t i, int slot, size_t u, size_t n);

/* Row b of state k after t steps: 0 is what is carried in. B: streams of the block. */
static inline real *layer_state(const struct layer *l, int k, size_t t, size_t B, size_t b)
{
	return l->s[k] + (t % l->kept[k] * B + b) * l->ldh;
}

/* What a layer reads: rows of a left-hand side x, or, at layer 0, rows of a table
 * that holds the input product of every symbol (slots, hs; row stride lda), and but with
 * scale the bias. */
struct layer_input {
	const void *x; /* (T*B, in), row stride ldx; NULL: the table */
	size_t ldx;
	const real *table;
	const uint32_t *row; /* (T*B) rows of the table */
	const real *scale;   /* (T*B) factors of these rows, or NULL */
};

/* Runs T steps of B streams; the states after 0 steps and h row block 0 hold what is
 * carried in. reset (T,B) or NULL. */
void layer_forward(struct layer *l, struct pool *pool, int T, int B, const uint8_t *reset,
                   const struct layer_input *in);

/* Backwards: d (T,B,hidden) in: gradient of the outputs; ds[s] (B,hidden) in: gradient of
 * the last states, out: of the states carried in. Leaves the gradients of the slots
 * in da. With dx (layers whose input has rows) that of the input takes the place of
 * the outputs' in d, or is added to it (residual). */
enum layer_dx { DX_NONE, DX_STORE, DX_ADD };
void layer_backward(struct layer *l, struct pool *pool, int T, int B, const uint8_t *reset, real *d,
                    real *const ds[], enum layer_dx dx);

/* After layer_backward: adds the gradients of wh, bx, bh to their views, and with x (a
 * left-hand side of rows) that of wx. */
void layer_grads(struct layer *l, struct pool *pool, const struct model *m, int index, int T, int B,
                 bool resets, const void *x, size_t ldx, real *grad, void *scratch);

#endif
