/* The likeliest rewriting of a text: a noisy channel. What was meant, y, is
 * likely under the model; what is there, x, came of it by edits, each of which
 * costs some nats. Sought is the y with the largest
 *
 *   log P(y, end) - sum of the costs of the edits that lead from x to y
 *
 * over insertions, deletions and replacements of one symbol and swaps of two
 * neighbours; no symbol is edited twice (optimal string alignment), and
 * insertions in one place are bounded. It is a beam search: the hypotheses
 * advance together over the positions of x, so that those compared account for
 * the same part of it; of those that put out the same text the cheapest stays;
 * the text as it is always stays.
 *
 * Memory does not grow with the length of the text but for the edits of the
 * hypotheses that live; time is linear in it. Results do not depend on the
 * number of threads. */
#ifndef RNNLM_NN_CORRECT_H
#define RNNLM_NN_CORRECT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/pool.h"
#include "nn/model.h"

enum correct_op { CORRECT_INSERT, CORRECT_DELETE, CORRECT_REPLACE, CORRECT_SWAP };

struct correct_config {
	double cost[4];     /* nats of each enum correct_op, >= 0 */
	size_t beam;        /* hypotheses kept per position, >= 1 */
	size_t inserts;     /* most insertions in one place */
	size_t tries;       /* likeliest symbols tried in an insertion or a replacement, >= 1 */
	size_t most_edits;  /* of a whole text; 0: any number */
	uint32_t first;     /* read before the text; NO_TARGET: there is nothing, and the text's
	                       first symbol is read as it is, not scored */
	uint32_t end;       /* ends the text and is scored, or NO_TARGET */
};

struct correct_edit {
	enum correct_op op;
	size_t pos;  /* in the text as it was: before which is inserted, which is deleted or
	                replaced, the first of the two swapped */
	uint32_t id; /* inserted, or put in place of another */
};

struct correct_candidate {
	double nats; /* -log P(text, end) */
	double cost; /* of the edits */
	size_t nedits;
	struct correct_edit *edits; /* by position */
};

struct corrector;

struct corrector *corrector_new(const struct model *m, const struct correct_config *cfg,
                                struct pool *pool, struct err *e);
void corrector_free(struct corrector *c);

/* may (vocab): 1 for symbols that may be put in and edited; others are never put in, and
 * stay where they stand. Not copied. Must be called before a search. */
void corrector_allow(struct corrector *c, const uint8_t *may);

/* Searches. *found is the number of *list, best first (at equal scores fewer edits):
 * at most beam + 1, texts that all differ, the unchanged one (no edits) among them. An
 * empty text has only itself. Valid until the next call. stop, if not NULL, is looked at
 * once a position: true ends early with -1 and the message "interrupted". */
int correct_search(struct corrector *c, const uint32_t *ids, size_t n, bool (*stop)(void),
                   const struct correct_candidate **list, size_t *found, struct err *e);

#endif
