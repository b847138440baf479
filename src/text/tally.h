/* The different stretches of a text (split.h), and how often each occurs. */
#ifndef RNNLM_TEXT_TALLY_H
#define RNNLM_TEXT_TALLY_H

#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "text/pieces.h"
#include "text/split.h"

struct tally {
	struct pieces pieces; /* as they came */
	uint64_t *count;      /* (pieces.n) */
	size_t cap;
};

/* Occurrences of a string more. */
int tally_add(struct tally *t, const unsigned char *s, size_t len, uint64_t times, struct err *e);
int tally_text(struct tally *t, enum split_rule rule, const unsigned char *text, size_t len, struct err *e);
void tally_free(struct tally *t);

#endif
