/* Parallel streams over ids for truncated BPTT: stream b of B reads
 * ids[b*L .. (b+1)*L) with L = (n - 1) / B, the target being the next id (so the
 * last target of a stream is the first input of the following one). Blocks come in
 * order and the state is carried from block to block; the last block of an
 * epoch is shorter. */
#ifndef RNNLM_NN_STREAMS_H
#define RNNLM_NN_STREAMS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct streams {
	const uint32_t *ids;
	size_t batch, length; /* length: steps per stream and epoch */
	size_t pos;           /* next step, 0 .. length */
	uint64_t epoch;       /* epochs begun before the current one */
};

/* With fewer than batch targets the number of streams is reduced; n < 2 leaves
 * streams of no length. */
void streams_init(struct streams *s, const uint32_t *ids, size_t n, size_t batch);

/* Fills in[t*batch + b] and target[...] for up to seq steps; returns how many (>= 1).
 * *fresh: the block starts an epoch, the carried state is to be cleared. */
size_t streams_next(struct streams *s, size_t seq, uint32_t *in, uint32_t *target, bool *fresh);

#endif
