/* The optimiser: global-norm clipping and Adam over the parameter block. */
#ifndef RNNLM_NN_OPTIM_H
#define RNNLM_NN_OPTIM_H

#include <stdint.h>

#include "base/err.h"
#include "base/pool.h"
#include "nn/model.h"

struct optim_config {
	double beta1, beta2, eps;
	double decay; /* decoupled weight decay, of matrices only */
	double clip;  /* largest global norm of the gradient; 0: no clipping */
};

struct optim {
	struct optim_config cfg;
	real *m, *v;     /* first and second moments: blocks like the model's */
	uint64_t steps;  /* taken */
	double *partial; /* of the norm, one per chunk */
	size_t chunks;
};

int optim_new(struct optim *o, const struct model *m, const struct optim_config *cfg, struct err *e);
void optim_free(struct optim *o);

/* Euclidean norm of a gradient block; the same bits at any number of threads. */
double optim_norm(struct optim *o, const struct model *m, const real *grad, struct pool *pool);

/* One step with a gradient of the given norm. */
void optim_step(struct optim *o, struct model *m, const real *grad, double norm, double lr,
                struct pool *pool);

#endif
