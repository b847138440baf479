/* What the files of struct train share: train.c makes it and runs the loop, train_ckpt.c
 * puts it in a checkpoint and takes it up again. */
#ifndef RNNLM_NN_TRAIN_PRIVATE_H
#define RNNLM_NN_TRAIN_PRIVATE_H

#include "nn/eval.h"
#include "nn/train.h"

/* In a checkpoint: train.counters (I64) and train.numbers (F64). */
enum { C_STEP, C_TOKENS, C_BEST_STEP, C_DIVERGED, C_OPTIM_STEPS, C_POS, C_EPOCH, C_SEED, C_SUM_STEPS, C_ENDED, COUNTERS };
enum { N_SECONDS, N_SMOOTH_NATS, N_VAL_NATS, N_BEST_NATS, N_RATE, N_SUM_NATS, NUMBERS };

struct train {
	struct train_config cfg;
	struct train_data data;
	struct model *model;
	struct pool *pool;
	struct streams streams;
	struct optim optim;
	struct work *work, *eval;
	struct state state;
	struct seq *pieces;
	size_t npieces;
	real *grad, *best;
	uint32_t *in, *target;
	uint64_t steps, eval_every;
	double eval_seconds; /* of the last validation */
	double val_nats;     /* of the last validation, also one out of turn */
	uint64_t first_step; /* where this session of the run began */
	double first_seconds;
	double done;         /* fraction of the run, never falling */
	bool offer_last;     /* the last weights are offered, not the best */
	struct train_progress p;
	int64_t counters[COUNTERS]; /* as last put in a checkpoint */
	double numbers[NUMBERS];
};

/* Whether weights and moments are finite. The last step may have gone too far, which the
 * next would find out: such weights are not saved, since they could not be read back. */
bool train_finite(struct train *t);

#endif
