/* The optimiser: global-norm clipping, then a step of one of
 *
 *   muon     Jordan et al. 2024: momentum, and for every gate block of the recurrent matrices
 *            (and of the input matrices above layer 0) an update with all singular values
 *            near 1 (muon.h); Adam for everything else. Momentum takes in every gradient, but
 *            a matrix is stepped every MUON_TURNS steps only, that much further: no worse
 *            than in every step (README), for less than a tenth of a step's time
 *   adam     Kingma and Ba 2015; weight decay is added to the gradient
 *   adamw    decoupled weight decay (Loshchilov and Hutter 2019)
 *   rmsprop  Tieleman and Hinton 2012, PyTorch's form (no bias correction)
 *   sgd      with momentum, PyTorch's form: m = momentum m + g, w -= lr m
 */
#ifndef RNNLM_NN_OPTIM_H
#define RNNLM_NN_OPTIM_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "base/pool.h"
#include "nn/model.h"

enum { MUON_TURNS = 8 };
enum optimizer { OPTIM_MUON, OPTIM_ADAM, OPTIM_ADAMW, OPTIM_RMSPROP, OPTIM_SGD };
extern const char *const optimizer_names[];

struct optim_config {
	enum optimizer kind;
	double beta1, beta2, eps; /* adam, adamw and what muon leaves to them; rmsprop: beta2, eps */
	double momentum;          /* sgd, muon */
	double muon_ratio;        /* muon's rate over that of the rest */
	double decay;             /* weight decay, of matrices only */
	double clip;              /* largest global norm of the gradient; 0: no clipping */
};

/* One of muon's matrices within the parameter block. */
struct optim_matrix {
	size_t offset, rows, cols;
};

struct optim {
	struct optim_config cfg;
	real *m, *v;     /* first and second moments: blocks like the model's. v stays zero where
	                    there is none: sgd, muon's matrices */
	uint64_t steps;  /* taken */
	double *partial; /* of the norm, one per chunk */
	size_t chunks;
	/* muon */
	bool *by_matrix;             /* (m->nlist) views that are stepped matrix by matrix */
	struct optim_matrix *matrix;
	size_t nmatrices, largest;   /* largest: elements of one */
	struct muon *muon;           /* scratch */
	real *update;                /* (largest) */
};

int optim_new(struct optim *o, const struct model *m, const struct optim_config *cfg, struct err *e);
void optim_free(struct optim *o);

/* Euclidean norm of a gradient block; the same bits at any number of threads. */
double optim_norm(struct optim *o, const struct model *m, const real *grad, struct pool *pool);

/* One step with a gradient of the given norm (the gradient may be changed). Element by element, or matrix by
 * matrix, the same bits at any number of threads. */
void optim_step(struct optim *o, struct model *m, real *grad, double norm, double lr,
                struct pool *pool);

#endif
