/* How likely are sequences? Any number of them, of any lengths, run side by
 * side in lanes; each starts from the zero state. A line, a window, a piece of
 * validation text, a whole file: all are sequences. */
#ifndef RNNLM_NN_EVAL_H
#define RNNLM_NN_EVAL_H

#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "nn/work.h"

struct seq {
	const uint32_t *ids; /* targets, in order */
	size_t n;
	uint32_t first; /* read before ids[0]; NO_TARGET: there is nothing, and ids[0] is
	                   read but not scored */
	size_t skip;    /* targets at the start that are read but not scored (warm-up) */
	double nats;    /* result: sum over scored targets */
	size_t scored;  /* result */
};

/* Called for each target in each sequence's order, with the logits of its
 * position (vocab numbers). Returns 0, or -1 to stop. */
typedef int eval_fn(void *arg, size_t seq, size_t pos, uint32_t target, real nats, const real *logits);

/* Scores all; lanes = the work's B. fn may be NULL. stop, if not NULL, is looked at
 * once a block: true ends early with -1 and the message "interrupted". */
int eval_sequences(struct work *w, const struct model *m, struct seq *seqs, size_t n, eval_fn *fn,
                   void *arg, bool (*stop)(void), struct err *e);

/* Validation: one text as `pieces` sequences, each but the first warmed by
 * the `warm` ids before it. first: read before the text (see struct seq).
 * seqs holds `pieces`. Returns how many were made (fewer for a short text). */
size_t eval_pieces(struct seq *seqs, size_t pieces, const uint32_t *ids, size_t n, uint32_t first,
                   size_t warm);

#endif
