/* The model: configuration and parameters, nothing else. Scratch for a block of
 * input is struct work (work.h), what is carried from block to block is struct
 * state.
 *
 *   x_0[t,b]  = embed[id] or the one-hot vector of id
 *   h_l       = cell_l(x_l)                         l = 0 .. layers-1
 *   y_l       = h_l + x_l  (residual, l > 0)  or  h_l
 *   x_l+1     = y_l, with dropout
 *   logits    = out.weight x_layers + out.bias
 *
 * Parameters carry PyTorch's names, shapes and gate order; parameters,
 * gradients and moments are one block each, seen through one list of views. */
#ifndef RNNLM_NN_MODEL_H
#define RNNLM_NN_MODEL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "mat/kern.h"
#include "nn/cell.h"

#define MODEL_MAX_LAYERS 64
#define MODEL_MAX_HIDDEN 65536
#define MODEL_MAX_VOCAB (1 << 24)

struct model_config {
	int cell; /* index into cell_names */
	int layers, hidden;
	int embed; /* width of the embedding; 0: one-hot */
	int vocab;
	bool tie;      /* out.weight is embed.weight; needs embed == hidden */
	bool residual; /* between layers of equal width */
	enum precision precision;
	int members; /* of an ensemble (join.h); 0 as 1: not joined */
};

/* One named view. The same offset serves parameters, gradients and moments. */
struct param {
	char name[40];
	int ndim;
	size_t rows, cols; /* cols 1 for a vector */
	size_t offset;     /* elements, a multiple of 16 */
};

struct layer_params {
	int wx, wh, bx, bh; /* indices into the list */
};

struct model {
	struct model_config cfg;
	const struct cell *cell; /* for the instruction set in use */
	struct param *list;
	int nlist;
	int embed;                   /* index of embed.weight, or -1 */
	struct layer_params *layer;  /* (layers) */
	int out_w, out_b;            /* out_w == embed when tied */
	size_t size;                 /* elements of a block, paddings included (zeros) */
	size_t count;                /* parameters */
	real *w;                     /* (size) */
	uint64_t version;            /* raised by whoever changes w; packed copies look at it */
};

/* Checks the configuration, builds the list, allocates w (zeros). */
int model_new(struct model *m, const struct model_config *cfg, struct err *e);
void model_free(struct model *m);

/* Initial weights: recurrent matrices orthogonal gate by gate (Saxe et al.
 * 2014), all others uniform in +-1/sqrt(fan in), but for one-hot input (+-3) and an
 * embedding (+-1; tied: as an output matrix), see the body; biases zero but for the cell's own (LSTM forget
 * gate 1). A function of the seed alone. */
int model_init(struct model *m, uint64_t seed, struct err *e);

/* Takes over the weights of another model of the same shape (cell, layers, widths, tie,
 * residual) with a vocabulary of its own: from[id] is the other's id of this model's
 * symbol id, or MODEL_NEW_SYMBOL for one that the other lacks, which keeps the weights
 * that it has. Precision may differ. */
#define MODEL_NEW_SYMBOL UINT32_MAX
int model_take(struct model *m, const struct model *old, const uint32_t *from, struct err *e);

/* Numbers of parameters and of a block without making the model. */
int model_count(const struct model_config *cfg, size_t *count, struct err *e);

static inline real *model_param(const struct model *m, int index)
{
	return m->w + m->list[index].offset;
}

/* What is carried between blocks: (layers, states, batch, hidden). */
struct state {
	int layers, states, batch, hidden;
	real *s;
};
int state_new(struct state *s, const struct model *m, int batch, struct err *e);
void state_clear(struct state *s);
/* Stream i of `to` becomes a copy of stream j of `from`, a state of the same model. */
void state_copy(struct state *to, int i, const struct state *from, int j);
void state_free(struct state *s);

#endif
