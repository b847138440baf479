/* The training loop: truncated BPTT over parallel streams with the state carried,
 * global-norm clipping, a step of the optimiser, warm-up and schedule, validation at
 * intervals of steps, the best weights kept. Knows ids, never text; what is printed and
 * where it is saved is the caller's business, through hooks. */
#ifndef RNNLM_NN_TRAIN_H
#define RNNLM_NN_TRAIN_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "base/pool.h"
#include "base/tensorfile.h"
#include "nn/model.h"
#include "nn/optim.h"
#include "nn/streams.h"
#include "nn/work.h"

enum schedule { SCHEDULE_COSINE, SCHEDULE_LINEAR, SCHEDULE_CONSTANT, SCHEDULE_PLATEAU };
extern const char *const schedule_names[];

struct train_config {
	int batch, seq;
	double lr;
	enum schedule schedule; /* falls from lr to FINAL_RATE of it at the end */
	uint64_t plateau;       /* SCHEDULE_PLATEAU: the rate is halved, down to a 64th, at every so many
	                           validations in a row without improvement; 0: never */
	uint64_t patience;      /* the run ends after so many of them; 0: never */
	uint64_t warmup;        /* steps of linear rise */
	struct optim_config optim;
	double dropout_in, dropout, dropout_out, dropout_hh; /* struct dropout: of input symbols, between layers, of the output, of recurrent weights */
	double restart; /* chance of a stream to start a block from the zero state */
	uint64_t seed;
	/* Length: the first of these that is not zero. */
	uint64_t steps;
	double epochs;
	double seconds; /* wall clock, everything included: the schedule ends on the deadline */
	uint64_t eval_every; /* steps; 0: chosen so that validation takes a few percent of the time */
};

/* What a run is given. */
struct train_data {
	const uint32_t *train, *val;
	size_t ntrain, nval; /* nval 0: no validation, the last weights are the best */
	uint32_t first;      /* read before the validation text: newline, or NO_TARGET */
};

/* Where a run stands: all of it is in a checkpoint. */
struct train_progress {
	uint64_t step, tokens;
	double seconds;     /* of this and earlier sessions of the run */
	double smooth_nats; /* training loss, exponential mean */
	double val_nats;    /* last validation; NaN before the first */
	double best_nats;   /* NaN before the first */
	uint64_t best_step;
	/* Of the weights that the model file offers: the best, or, when a run was
	 * stopped between two validations, the last ones if those are better. That
	 * a run was stopped must leave no trace in what it does when it goes on. */
	double offer_nats;
	uint64_t offer_step;
	double rate;        /* factor on the rate: halved when training diverged, and on a plateau */
	uint64_t diverged;  /* how often */
	double sum_nats;    /* training loss since the last row: of so many steps */
	uint64_t sum_steps;
	uint64_t ended;     /* the step at which the run came to its end; 0: it did not yet */
};

struct train_report {
	const struct train_progress *p;
	uint64_t steps;     /* planned, 0 if the length is in seconds */
	double fraction;    /* of the run, 0 .. 1 */
	double left;        /* seconds, estimated */
	double epoch;       /* passes over the training text so far */
	double val_nats; /* of the last validation, NaN before the first */
	double nats, norm, lr; /* of this step: loss, gradient norm before clipping, rate */
	double tokens_per_s;
	bool evaluated, improved, diverged;
	bool halved; /* this step is the first with half the rate, for the plateau */
	bool last; /* the validation after the last step */
	bool row; /* a row of the log is due: each validation, and every few steps; not of a validation
	             that is only because the run was stopped, and once for a step */
};

struct train;

struct train_hooks {
	void *arg;
	/* After every step. */
	void (*report)(void *arg, const struct train_report *r);
	/* Writes a checkpoint (train_put). Called after the report of a step when the last
	 * one is save_seconds old, every save_steps (0: never for that reason), and at the
	 * end; never with weights that are not finite. A failure on the way is handed to
	 * save_failed (may be NULL) and tried again when the next is due; at the end it
	 * is the run's failure. */
	int (*save)(void *arg, struct train *t, struct err *e);
	void (*save_failed)(void *arg, const struct err *e);
	double save_seconds;
	double save_share; /* save_seconds grows until saving takes at most this share of the time; 0: it does not */
	uint64_t save_steps;
	/* True: finish the step, save, return. */
	bool (*stop)(void);
};

struct train *train_new(struct model *m, const struct train_config *cfg, const struct train_data *data,
                        struct pool *pool, struct err *e);
void train_free(struct train *t);
/* The validation loss of any model, in nats per symbol, as a run works it out; NaN if
 * there is nothing to validate on. stop as in eval_sequences. */
int train_val_nats(const struct model *m, const struct train_data *data, struct pool *pool, bool (*stop)(void),
                   double *nats, struct err *e);

size_t train_bytes(const struct train *t); /* memory held */
const struct train_progress *train_progress(const struct train *t);
/* Counts seconds of earlier sessions that a file does not tell of: it holds none once
 * a run of so many steps has come to its end. */
void train_add_seconds(struct train *t, double seconds);
/* Whether the run that train_get took up had come to its end, and its length has not
 * been made longer since: there is nothing left to do. */
bool train_done(struct train *t);

/* Validations in turn since the one that found the best weights. What a run does about
 * them is a function of the step, the best step and the rate, so that it needs
 * no more in a checkpoint to do the same when it was stopped and goes on. */
uint64_t train_stale(const struct train *t);
/* There have been config.patience of them: the run has ended, or ends at once. */
bool train_out_of_patience(const struct train *t);

/* Runs to the end of the length, or of patience. 0; 1 if stopped by the hook; -1 on
 * error. After it the model holds the weights offered. */
int train_run(struct train *t, const struct train_hooks *h, struct err *e);

/* Adds to a writer: the weights offered under the plain names, and under train.* the
 * last weights, moments, carried state, counters, and the best weights if
 * others are offered. */
int train_put(struct train *t, struct tf_writer *w, struct err *e);
/* Takes up what train_put wrote: the run goes on where the file stopped. All is checked
 * first: after a failure the run is what it was before. */
int train_get(struct train *t, const struct tensorfile *f, struct err *e);

#endif
