/* An n-gram model over ids that is grown symbol by symbol: how likely is an id
 * after the last order-1 ids?
 *
 * Interpolated Kneser-Ney smoothing with three discounts an order (Chen and
 * Goodman 1999). The longest context counts how often an id came after it; a
 * shorter one counts how many different longer contexts, one id longer, the id
 * came after. Counted as the text comes: an id that is new in a context counts in
 * the next shorter one, an id that is not counts no further down. The discounts
 * follow from how many pairs were counted once, twice, three and four times.
 * Below the empty context all ids are alike, so that none is impossible.
 *
 * Contexts are a tree of exact ids, held in a hash table with open addressing:
 * (context, id) leads to the count and to the context that is longer by the id. */
#ifndef RNNLM_NN_NGRAM_H
#define RNNLM_NN_NGRAM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

#define NGRAM_MAX_ORDER 16
#define NGRAM_CERTAINTIES 8
#define NGRAM_CASES (NGRAM_MAX_ORDER * NGRAM_CERTAINTIES)
#define NGRAM_NOTHING UINT32_MAX /* no id: nothing stands before */

struct ngram_slot {
	uint32_t context; /* 0: the slot is empty */
	uint32_t id;
	uint32_t count;
	uint32_t longer; /* the context that ends in this id, 0: there is none */
};

struct ngram_context {
	uint32_t total;    /* of its counts */
	uint32_t types[3]; /* ids counted once, twice, more often */
	uint32_t missed;   /* times that an id found no room to be counted */
};

struct ngram {
	uint32_t vocab;
	int order;
	size_t limit; /* bytes; 0: none */
	bool full;    /* something new found no room */
	struct ngram_slot *slot;
	size_t slots, used; /* slots: a power of two */
	struct ngram_context *context; /* [1] is the empty one */
	size_t contexts, room;
	uint32_t at[NGRAM_MAX_ORDER]; /* the context of the last k ids, 0: never met */
	uint64_t pairs[NGRAM_MAX_ORDER][4]; /* by length of context: counted 1, 2, 3, 4 times */
};

/* Of ids below vocab, order 1 (no context) to NGRAM_MAX_ORDER. With a limit,
 * never more bytes than that are held (but some 20 KB at least), not even while
 * the table grows: once it is full, ids go on being counted in the contexts that
 * have them and nothing is added; what finds no room leaves more to the shorter
 * contexts. */
int ngram_new(struct ngram *g, uint32_t vocab, int order, size_t limit, struct err *e);
void ngram_free(struct ngram *g);
size_t ngram_bytes(const struct ngram *g);

/* A text begins: what was counted stays, before it stands the id first, or
 * NGRAM_NOTHING. -1: out of memory. */
int ngram_begin(struct ngram *g, uint32_t first, struct err *e);

/* Probability of the id after what was read; all of them (vocab numbers). */
double ngram_prob(const struct ngram *g, uint32_t id);
void ngram_probs(const struct ngram *g, double *p);
/* What the model has to go by after what was read, as a number below NGRAM_CASES: the
 * length of the longest context that anything was counted in, and how sure it is:
 * whether only one id ever came after it, how often, or how many others did. */
int ngram_case(const struct ngram *g);

/* Counts the id after what was read, and reads it. -1: out of memory, nothing changed. */
int ngram_add(struct ngram *g, uint32_t id, struct err *e);
/* Reads the id without counting it. */
void ngram_read(struct ngram *g, uint32_t id);

#endif
