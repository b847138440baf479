/* Where the time goes: the first thread's seconds by phase, counted only when
 * asked for (a clock is read at every change of phase). */
#ifndef RNNLM_NN_PHASE_H
#define RNNLM_NN_PHASE_H

#include <stddef.h>

#include "base/io.h"

enum phase { PHASE_PRODUCTS, PHASE_GATES, PHASE_SOFTMAX, PHASE_OPTIMISER, PHASE_OTHER, PHASE_COUNT };

/* A stopwatch over seconds[PHASE_COUNT], or over nothing (NULL). */
struct stopwatch {
	double *seconds, last;
};

static inline struct stopwatch phase_start(double *seconds)
{
	return (struct stopwatch){seconds, seconds ? io_now() : 0};
}

/* The time since the last call belongs to this phase. */
static inline void phase_end(struct stopwatch *s, enum phase phase)
{
	if (s->seconds) {
		double now = io_now();
		s->seconds[phase] += now - s->last;
		s->last = now;
	}
}

#endif
