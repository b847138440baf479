/* Scratch for blocks of up to T steps of B streams: forward, loss, backward.
 * Everything is allocated when the work is made; nothing afterwards. */
#ifndef RNNLM_NN_WORK_H
#define RNNLM_NN_WORK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/pool.h"
#include "mat/mat.h"
#include "nn/model.h"

#define NO_TARGET UINT32_MAX /* nothing is predicted here: no loss, no gradient */

/* Dropout with rate p: what is kept is scaled by 1/(1-p). Locked (Gal and Ghahramani
 * 2016): one mask per step, layer, stream and unit for all T positions. On the input it
 * drops whole symbols; of the recurrent matrices it drops weights, the same for
 * all streams and positions (Wan et al. 2013, Merity et al. 2018). */
struct dropout {
	real input, layers, output, hh;
	uint64_t seed;
	uint32_t step;
};

/* A block of input: T steps of B streams; row t*B + b. */
struct block {
	int T, B;
	const uint32_t *in;     /* (T,B) ids */
	const uint32_t *target; /* (T,B) ids or NO_TARGET; NULL: no loss wanted */
	const uint8_t *reset;   /* (T,B) 1: the stream starts afresh before this step; or NULL */
	const struct dropout *drop; /* or NULL */
};

struct work;

struct work_config {
	int T, B;     /* the largest block */
	bool train;   /* backward will be called: activations are kept, memory for gradients */
	bool resets;  /* blocks with reset flags will be trained on */
	bool dropout; /* blocks with dropout will come */
	bool dropout_hh; /* ... of recurrent weights too */
};

struct work *work_new(const struct model *m, const struct work_config *cfg, struct pool *pool,
                      struct err *e);
void work_free(struct work *w);
size_t work_bytes(const struct work *w); /* memory held */
void work_shape(const struct work *w, int *T, int *B); /* of the largest block */

/* From now on adds the first thread's seconds by phase (phase.h) to these PHASE_COUNT
 * numbers; NULL: no more. What belongs to no other phase is PHASE_OTHER. */
void work_profile(struct work *w, double *seconds);

/* Reads the state in, runs the layers over the block, leaves the new state. */
void work_forward(struct work *w, const struct block *b, struct state *s);

/* Logits of rows [r0, r0 + n) of the block last run, n <= work_piece(w); the
 * result is (n, vocab) with row stride *ld and valid until the next call. */
real *work_logits(struct work *w, size_t r0, size_t n, size_t *ld);
size_t work_piece(const struct work *w);

/* Negative log-likelihood of each target in nats, (T*B), 0 where there is no
 * target. Returns the sum, in row order, and the number of targets. */
double work_loss(struct work *w, const struct block *b, real *nats, size_t *targets);

/* Forward, loss and gradients of the mean loss: grad (model's block) is
 * overwritten. ds_in: gradient of the state carried in, same layout as a state's s,
 * or NULL. Returns the mean loss in nats over the block's targets. */
double work_train(struct work *w, const struct block *b, struct state *s, real *grad, real *ds_in);

/* What work_loss gives in nats, of the block last given to work_loss or work_train. */
const real *work_nats(const struct work *w);

#endif
