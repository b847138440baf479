/* What the files of struct work share: work_new.c makes it, work_table.c has the
 * input of layer 0, work.c runs a block. */
#ifndef RNNLM_NN_WORK_PRIVATE_H
#define RNNLM_NN_WORK_PRIVATE_H

#include "nn/layer.h"
#include "nn/work.h"

enum { MAX_BLOCKS = 32 * MODEL_MAX_LAYERS };

struct work {
	const struct model *m;
	struct work_config cfg;
	struct pool *pool;
	const struct gemm *g, *g32; /* of the model's precision; of f32 */
	size_t lhs_size;  /* bytes of an element of a left-hand side */
	uint64_t version; /* of the weights that are packed */
	int T, B;         /* of the block last run */

	struct layer *layer;  /* (layers) */
	real **x;             /* (layers+1) input of each layer, [layers]: of the output; x[0] NULL */
	void **lhs;           /* (layers+1) the same as left-hand sides of products */
	bool own_x;           /* x[l+1] is memory of its own, not the layer's h */
	real *mask;           /* (layers, B, hidden) dropout behind each layer */
	real *in_scale;       /* (T,B) dropout of input symbols */
	bool dropped;         /* the block last run had dropout of units or symbols */
	real **mask_hh;       /* (layers) (G*H,H) dropout of recurrent weights, or NULL */
	real **wh;            /* (layers) weights times mask */
	bool dropped_hh;

	/* the table of layer 0 */
	bool full;            /* a row for every symbol */
	size_t rows, nrows;   /* capacity; in use */
	uint32_t *row_of;     /* (vocab) row of a symbol, or NO_TARGET */
	uint32_t *row_id;     /* (rows) */
	uint32_t *row;        /* (T,B) of the block's symbols */
	real *table, *dtable; /* (rows, slots, hs) */
	real *emb, *demb;     /* (rows, embed) */
	size_t lde;

	struct mat_pack out, outt; /* (H, V), (V, H) */
	size_t piece, ldv;
	real *logits;  /* (piece, V) */
	void *dlogits; /* (piece, V) their gradient as a left-hand side; f32: logits itself */
	real *nats;    /* (T*B) */
	real *d;       /* (T,B,hidden) gradient of a layer's output, then of its input */
	real *ds[CELL_STATES]; /* (B,hidden) */
	void *scratch; /* of mat_mul_tn */

	double *seconds; /* by phase, or NULL */
	void *block[MAX_BLOCKS];
	int nblocks;
	size_t bytes;
};

/* What a pool job over rows of a block is given. */
struct block_job {
	struct work *w;
	const struct block *b;
	size_t rows; /* T*B, or those of a piece */
	size_t r0;
	int layer;
	real scale;
	real *d;
	size_t targets;
};

/* The table of layer 0: rows for the block's symbols (or, once per weights, for all), and
 * which row each position of the block reads. */
void table_make(struct work *w, const struct block *b, bool stale);
/* After layer 0's backward pass: adds the gradients of its input weights and of the
 * embedding. */
void table_back(struct work *w, struct block_job *j, real *grad);

#endif
