/* Beam search: the likeliest continuations of a given length, as far as keeping
 * the `width` best at every step finds them. Probabilities are the model's at
 * temperature 1. */
#ifndef RNNLM_NN_BEAM_H
#define RNNLM_NN_BEAM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/pool.h"
#include "nn/model.h"

#define BEAM_ENDS UINT32_MAX

/* Looks for the end while a continuation grows: from the mark that it has
 * and the id behind it to its new mark, or BEAM_ENDS: this id is its last. */
typedef uint32_t beam_fn(void *arg, uint32_t mark, uint32_t id);

struct beam_config {
	size_t width;  /* kept at every step, >= 1 */
	size_t wanted; /* of them, 1 .. width: the search is over when so many are sure */
	size_t length; /* of a continuation that does not end by itself, in ids */
	uint32_t ban;  /* an id that stands in none (the unknown), or NO_TARGET */
	beam_fn *end;  /* or NULL: all marks stay what they are at first */
	uint32_t mark; /* at first, not BEAM_ENDS */
	/* (vocab) 0: this id may not follow a path of this mark; NULL: all may. Or NULL. */
	const unsigned char *(*allow)(void *arg, uint32_t mark);
	void *arg;
};

struct beam_path {
	uint32_t *ids;
	size_t n;
	double nats; /* -log of its probability; not divided by its length */
	bool ended;  /* by the function, not by length */
};

/* Continues from `start` (one stream), which has still to read `first`. Those that
 * ended stay among the best and are compared as they are with those that go on, which
 * can only get less likely; there is no normalisation, so an early end is no
 * disadvantage. With a width of all continuations there are, the result is exact; with
 * a width of 1 it is the greedy choice. Where the model finds two equally likely, the
 * one whose beginning was likelier comes first, then the one with the lower id.
 *
 * Makes *paths, at most `wanted`, likeliest first; beam_free them. stop, if not NULL,
 * is looked at once a step: true ends early with what there is. Takes memory for a
 * work of `width` streams, and 8 bytes per step and path kept. */
int beam_search(const struct model *m, struct pool *pool, const struct beam_config *cfg, const struct state *start,
                uint32_t first, bool (*stop)(void), struct beam_path **paths, size_t *n, struct err *e);
void beam_free(struct beam_path *paths, size_t n);

#endif
