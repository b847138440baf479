/* Dynamic evaluation (Krause et al. 2018, "Dynamic evaluation of neural sequence
 * models"): a model that goes on learning from what it reads. A text is read in
 * segments; each is scored with the weights as they are, and only then comes a step
 * down the gradient g of its mean loss, and back towards the trained weights:
 *
 *   w += -lr g / (sqrt(v) + eps) + decay (trained - w)
 *
 * The paper takes v, the mean of g^2, from the training text, which is not at hand
 * here: it is the mean over the segments read so far (over the last thousand or so,
 * when there are more). eps is a small share of the root of v's mean over all
 * weights. A segment shorter than the others moves the weights by as much less. */
#ifndef RNNLM_NN_DYNAMIC_H
#define RNNLM_NN_DYNAMIC_H

#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/pool.h"
#include "nn/work.h"

struct dynamic_config {
	double lr;
	double decay; /* of the distance from the trained weights, per segment: 0 to 1 */
	int seq;      /* symbols of a segment */
};

struct dynamic {
	struct dynamic_config cfg;
	struct pool *pool;
	const struct model *trained; /* not changed; must stay */
	struct model model;          /* with the weights as they are */
	struct work *work;
	struct state state;          /* of one stream */
	real *grad, *v;              /* blocks like the model's weights */
	double norm2;                /* sum of v */
	uint64_t segments;           /* learned from */
};

int dynamic_new(struct dynamic *d, const struct model *trained, const struct dynamic_config *cfg,
                struct pool *pool, struct err *e);
void dynamic_free(struct dynamic *d);

/* A text begins: from the zero state, with what was learned. */
void dynamic_begin(struct dynamic *d);

/* Reads a segment, n <= seq: in (n) ids, target (n) the ids to predict, or NO_TARGET.
 * nats (n) is the surprisal at each target, 0 where there is none, before anything
 * was learned from the segment. -1: the weights have left all bounds, nats are of no
 * use. */
int dynamic_read(struct dynamic *d, const uint32_t *in, const uint32_t *target, size_t n, real *nats,
                 struct err *e);

#endif
