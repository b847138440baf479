/* The parts of `rnnlm score`. What is scored as one sequence is an item: a
 * text, a line, a file, or one window of a file. Items are evaluated side by
 * side and printed in order. */
#ifndef RNNLM_CMD_SCORE_H
#define RNNLM_CMD_SCORE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/pool.h"
#include "cmd/cmd.h"
#include "cmd/loaded.h"
#include "cmd/score_adapt.h"
#include "nn/work.h"

#define SCORE_FLUSH 65536     /* bytes of output that are worth a write */
#define SCORE_TOP 5           /* likeliest symbols listed at each position */
#define SCORE_MOST_NEXT 1000  /* likeliest continuations that may be asked for */
#define SCORE_MISSING 5       /* unknown symbols named */

struct score_options {
	const char *model, *file;
	int64_t window; /* symbols; 0: none */
	int64_t tail;   /* millionths */
	int64_t next, threads;
	int precision;
	bool tail_set, lines, carry, rank, per_token, json;
	struct score_adapt_options adapt;
};

struct score_item {
	/* what is to be scored */
	const unsigned char *text; /* its bytes */
	size_t len;
	const uint32_t *ids; /* (n), and room for one more with --next */
	size_t n;
	uint32_t first; /* read before ids[0], or NO_TARGET */
	size_t skip;    /* symbols at the start that are context */
	/* what it is called */
	const char *label; /* the text, the file's name, the line without its end */
	size_t label_len;
	uint64_t line; /* its number, from 1; 0: not a line */
	/* the result */
	size_t tokens, chars, unknown;
	double nats, nats_known;
	struct score_adapt_nats adapt;
	struct buf rows, next; /* --per-token, --next: already formatted */
	size_t rank;
	double relative;
	/* while it is evaluated: symbol number pos begins at byte at */
	size_t pos, at;
};

struct score_top {
	uint32_t id;
	real logit;
};

struct score_kept {
	struct score_item *item;
	size_t n, cap;
};

struct scorer {
	const struct score_options *o;
	const struct loaded *l;
	uint32_t newline; /* id, or NO_TARGET */
	char protocol[96];
	struct buf out;      /* printed when it is worth it */
	bool header, blocks; /* a table's head, a block of tables has been printed */
	bool rows;           /* rows of the object or table that is open have been */
	int width;           /* of the terminal on stdout; 0: there is none */

	struct score_adapt *adapt; /* NULL: nothing adapts */

	/* score_eval.c */
	struct pool *pool;
	struct work *work;
	int T, B;
	struct score_item *items; /* being evaluated */
	bool stream;              /* the only item: its rows may be printed as they come */
	struct score_top top[SCORE_MOST_NEXT];
	struct err *e;
	bool failed;

	uint32_t missing[SCORE_MISSING]; /* unknown symbols met, the first few */
	int nmissing;
	bool more_missing;
	size_t unknown; /* of all results */

	struct score_kept kept; /* --rank: until all are known */
};

/* score_eval.c */

void score_item_free(struct score_item *it); /* what evaluation made, not text, ids, label */
/* Tokens, characters and unknown symbols of an item whose text and ids stand. */
void score_measure(struct scorer *s, struct score_item *it);
/* Nats, rows, continuations of n measured items. -1 with an empty message when
 * stdout cannot be written. */
int score_evaluate(struct scorer *s, struct score_item *items, size_t n, struct err *e);
void scorer_free(struct scorer *s);

/* score_input.c: each reads, evaluates and prints (or keeps, with --rank). */

int score_texts(struct scorer *s, char **texts, size_t n, struct err *e);
int score_file(struct scorer *s, const char *path, struct err *e);
int score_lines(struct scorer *s, const char *path, struct err *e);
/* --rank: orders what was kept and prints it. */
int score_ranked(struct scorer *s, struct err *e);

/* score_print.c. Output gathers in s->out; score_flush prints it. */

int score_print_head(struct scorer *s, const struct score_item *it, struct err *e);
int score_print_rows(struct scorer *s, struct buf *rows, struct err *e); /* clears rows */
int score_print_tail(struct scorer *s, const struct score_item *it, struct err *e);
int score_print(struct scorer *s, struct score_item *it, struct err *e); /* all three */
int score_flush(struct scorer *s);

/* A row of the table of symbols: the symbol at it->at, len bytes long. */
struct score_row {
	size_t len; /* bytes of the symbol */
	uint32_t id;
	double nats;
	size_t rank;
	double lse; /* log of the softmax's denominator */
	size_t ntop; /* of s->top */
};
int score_add_row(struct scorer *s, struct score_item *it, const struct score_row *r, struct err *e);
int score_add_next(struct scorer *s, struct score_item *it, size_t ntop, double lse, struct err *e);

#endif
