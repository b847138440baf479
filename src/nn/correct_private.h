/* What the files of struct corrector share: correct_new.c makes it, and keeps states,
 * logits and edits for the hypotheses; correct.c searches. */
#ifndef RNNLM_NN_CORRECT_PRIVATE_H
#define RNNLM_NN_CORRECT_PRIVATE_H

#include "nn/correct.h"
#include "nn/work.h"

/* A list of edits, newest first, that hypotheses share. */
struct edit {
	struct correct_edit edit;
	uint32_t before; /* the rest of the list; 0: none */
	uint32_t refs;   /* hypotheses and edits that point here; in a free one, the next free */
};

struct hyp {
	double nats, cost;
	uint64_t text;  /* hash of what was put out */
	uint32_t edit;  /* newest edit, or 0 */
	uint32_t edits; /* how many */
	uint32_t slot;
	uint32_t owed;  /* by a swap, or NO_TARGET */
};

/* A symbol to be read in the state of slot `from`; what comes of it goes to slot `to`. */
struct lane {
	uint32_t from, to, id;
};

enum move { COPY, PAY, INSERT, DELETE, REPLACE, SWAP, END };

/* A move that could be made. */
struct option {
	double score; /* of the hypothesis that would come of it: -nats - cost */
	uint32_t hyp; /* index in c->now */
	uint32_t id;  /* put out */
	uint32_t edits;
	uint32_t order; /* as they were found: ties have one order */
	enum move move;
};

struct options {
	struct option *list;
	size_t n, cap;
};

struct corrector {
	struct correct_config cfg;
	const uint8_t *may;  /* (vocab) */
	size_t vocab, width; /* width: numbers of a state */
	struct work *work;
	struct state lanes;  /* (layers, states, beam+1, hidden) */
	uint32_t *in;        /* (beam+1) */
	struct lane *lane;   /* (beam+1) */

	/* Slots. */
	size_t nslots;
	real *state;     /* (slots, width) */
	real *logits;    /* (slots, vocab) */
	double *lse;     /* (slots) log of the softmax's denominator */
	uint32_t *top;   /* (slots, tries) likeliest symbols that may be put in */
	uint32_t *ntop;  /* (slots) */
	uint32_t *refs;  /* (slots) hypotheses that use it */
	uint32_t *spare; /* (slots) stack of unused slots */
	size_t nspare;

	struct edit *edit;
	size_t nedit, cap_edit;
	uint32_t free_edit; /* list of unused ones, or 0 */

	struct hyp *now, *next; /* ((inserts+1) * (beam+1)), (beam+1) */
	size_t nnow;
	struct options inserts, steps; /* from this position: to stay before it, to go on */

	struct correct_candidate *found; /* (beam+1) */
	struct correct_edit *found_edit;
	size_t cap_found_edit;
};

/* Nothing is in use: neither what a search left nor what one that failed did. */
void corrector_reset(struct corrector *c);

/* A slot that nobody uses: there are enough for all lists of hypotheses. */
uint32_t corrector_slot(struct corrector *c);
/* The model reads n <= beam + 1 symbols side by side. */
void corrector_read(struct corrector *c, const struct lane *lane, size_t n);

/* Puts an edit on the hypothesis's list. */
int corrector_edit(struct corrector *c, struct hyp *h, enum correct_op op, size_t pos, uint32_t id,
                   struct err *e);
/* Gives up what n hypotheses hold: slots and edits. */
void corrector_drop(struct corrector *c, const struct hyp *h, size_t n);

#endif
