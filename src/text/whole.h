/* Symbols that keep a text whole: which bytes, words or pieces may come next if the text
 * so far is valid UTF-8, or the beginning of it, and is to stay so. For sampling from
 * models whose symbols can be parts of a character. */
#ifndef RNNLM_TEXT_WHOLE_H
#define RNNLM_TEXT_WHOLE_H

#include "base/err.h"
#include "text/vocab.h"

/* What is missing of the sequence that a text ends in: nothing, or a number of bytes, of
 * which the first may be narrowed by the lead (RFC 3629, section 4). */
enum whole_state {
	WHOLE,
	WHOLE_1, WHOLE_2, WHOLE_3,                 /* so many, 80..BF each */
	WHOLE_E0, WHOLE_ED, WHOLE_F0, WHOLE_F4,    /* behind this lead */
	WHOLE_STATES
};

struct whole {
	uint32_t size;       /* ids */
	unsigned char *next; /* (WHOLE_STATES, size) the state after an id, plus 1; 0: it may not come */
	bool stuck[WHOLE_STATES]; /* no id may come: a vocabulary that lacks bytes */
};

int whole_new(struct whole *w, const struct vocab *v, struct err *e);
void whole_free(struct whole *w);
/* The state that a text ends in; WHOLE behind bytes that are not UTF-8. */
enum whole_state whole_after(const void *text, size_t len);
/* (size) Not 0 where the id may come, the unknown symbol never; NULL: nothing can keep the
 * text whole, and any may come. */
const unsigned char *whole_allowed(const struct whole *w, enum whole_state state);
/* The state behind an id; WHOLE if it was not allowed. */
enum whole_state whole_step(const struct whole *w, enum whole_state state, uint32_t id);

#endif
