/* The parts of `rnnlm correct`: options, input and search (correct.c), what is made of
 * a result (correct_print.c). */
#ifndef RNNLM_CMD_CORRECT_H
#define RNNLM_CMD_CORRECT_H

#include <stddef.h>
#include <stdint.h>

#include "cmd/cmd.h"
#include "cmd/loaded.h"
#include "nn/correct.h"

struct correct_options {
	const char *model, *file;
	bool json, lines, open;
	double insert, delete, replace, swap;
	int64_t beam, tries, max_edits, candidates, threads;
	int precision, color;
	bool candidates_given;
};

/* A text and what was found for it. */
struct correct_item {
	const unsigned char *text;
	size_t len;
	uint64_t line; /* its number, from 1; 0: not a line */
	const struct correct_candidate *list; /* (n) best first, n >= 1 */
	size_t n;
	const struct correct_candidate *original; /* the text as it is */
};

struct correct_printer {
	const struct correct_options *o;
	const struct vocab *vocab;
	bool colour;
	bool tables; /* one has been printed */
	struct buf out;
};

/* Appends the item's text as the candidate has it. mark: what was put in stands out in
 * colour. */
int correct_text(const struct vocab *v, const struct correct_item *it, const struct correct_candidate *k,
                 bool mark, struct buf *out, struct err *e);

/* Prints the result: a line, a table or an object, as the options say. */
int correct_print(struct correct_printer *p, const struct correct_item *it, struct err *e);

#endif
