/* rnnlm bench: one task, measured. */
#ifndef RNNLM_CMD_BENCH_H
#define RNNLM_CMD_BENCH_H

#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"
#include "base/pool.h"
#include "nn/model.h"
#include "nn/phase.h"

enum bench_what { BENCH_TRAIN, BENCH_SCORE, BENCH_SAMPLE };

struct bench_task {
	enum bench_what what;
	struct model_config model;
	int batch, seq; /* of a block; sampling is one stream, symbol by symbol */
	int threads;
	double seconds; /* to measure for, at least three steps */
	bool profile;   /* time by phase: a clock is read at every change of phase */
};

struct bench_result {
	size_t params;
	double step_s, step_min_s, step_max_s; /* a step: median, fastest, slowest */
	double tokens_per_s;                   /* of the median step */
	double gflops, peak_gflops;            /* products really done; what the CPU can do */
	double read_gb_s, peak_read_gb_s;      /* sampling: weights read; what the CPU can read */
	double peak_mb;                        /* most memory that this process has held */
	double phase[PHASE_COUNT];             /* shares of the time, of the first thread */
	bool interrupted;                      /* nothing else is set */
};

/* Floating-point operations a second of the set's multiply instruction, and bytes a second
 * when as many are read again and again, each part its share: of all threads together,
 * the best of some slices of about so many seconds. */
double bench_peak_flops(struct pool *pool, enum precision precision, double seconds);
int bench_peak_read(struct pool *pool, size_t bytes, double seconds, double *rate, struct err *e);

/* Measures in this process, which should be a fresh one: peak_mb is the most it
 * ever held. */
int bench_run(const struct bench_task *t, struct bench_result *r, struct err *e);

/* The same in a child of its own. This process must have no threads. */
int bench_run_apart(const struct bench_task *t, struct bench_result *r, struct err *e);

#endif
