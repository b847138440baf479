/* The parts of `rnnlm score`. What is scored as one sequence is an item: a
 * text, a line, a file, or one window of a file. Items are evaluated side by
 * side and printed in order. */
#ifndef RNNLM_CMD_SCORE_H
#define RNNLM_CMD_SCORE_H

#include <math.h>
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
#define SCORE_MISSING 5       /* unknown symbols named */
#define SCORE_LEVELS 7        /* shades of surprisal, none among them */

struct score_options {
	const char *model, *file, *against;
	int64_t window; /* symbols; 0: none */
	int64_t tail;   /* millionths */
	int64_t next, top_lines, threads;
	int precision, color;
	bool tail_set, lines, id, carry, rank, per_token, heat, html, json;
	bool each; /* made from the others: something is printed for each symbol */
	struct score_adapt_options adapt;
};

/* What another model says of the same characters: --against. */
struct score_other {
	size_t tokens, unknown;
	double nats, nats_known;
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
	const char *id; /* --id: what stands before the tab */
	size_t id_len;
	/* the result */
	size_t tokens, chars, unknown;
	double nats, nats_known;
	struct score_adapt_nats adapt;
	struct score_other other;
	struct buf rows, next; /* --per-token, --next: already formatted; --heat, --html: records */
	size_t rank;
	double relative;
	double key; /* what it is ordered by, the least first; NaN: nothing is known */
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

/* What stands in one place of a terminal or a page: a symbol, with the marks
 * that combine with it, or the bytes of a character, surprisals added. */
struct score_cell {
	struct buf bytes, tip; /* tip: a paragraph for each symbol (--html) */
	double nats;
	bool scored, unknown;
};

struct score_shade {
	struct score_cell cell; /* not printed yet: more may join it */
	int style;              /* that is switched on in the terminal */
	struct buf margin, marks; /* before the lines; under the line that is open */
	size_t column;          /* columns of the open line that are in use */
	bool open;              /* something stands in it */
};

/* Of all results. */
struct score_total {
	size_t n, tokens, chars, unknown;
	double nats;
	struct score_other other;
	size_t likelier, less; /* by this model, by that of --against */
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
	bool colour, utf8;   /* what stdout and the locale can show */
	struct score_shade shade;

	struct score_adapt *adapt; /* NULL: nothing adapts */

	/* score_eval.c */
	struct pool *pool;
	struct work *work;
	int T, B;
	struct score_item *items; /* being evaluated */
	bool stream;              /* the only item: its rows may be printed as they come */
	struct score_top *top;    /* room for SCORE_TOP, with --next for the vocabulary */
	struct err *e;
	bool failed;

	uint32_t missing[SCORE_MISSING]; /* unknown symbols met, the first few */
	int nmissing;
	bool more_missing;
	size_t unknown; /* of all results */

	struct score_kept kept; /* --rank, --top-lines: until all are known */
	struct score_total total;

	struct scorer *other; /* --against */
	bool first_char;      /* of the two, one reads bytes, and neither scores what is first */
};

/* score_eval.c */

void score_item_free(struct score_item *it); /* what evaluation made, not text, ids, label */
/* Bytes of the symbol that stands at text[0]. */
size_t score_symbol(const struct scorer *s, const unsigned char *text, size_t len, uint32_t *symbol);
/* Tokens, characters and unknown symbols of an item whose text and ids stand. */
void score_measure(struct scorer *s, struct score_item *it);
/* Nats, rows, continuations of n measured items. -1 with an empty message when
 * stdout cannot be written. */
int score_evaluate(struct scorer *s, struct score_item *items, size_t n, struct err *e);
void scorer_free(struct scorer *s);

/* score_input.c: each reads, evaluates and prints (or keeps, with --rank and
 * --top-lines). */

int score_texts(struct scorer *s, char **texts, size_t n, struct err *e);
int score_file(struct scorer *s, const char *path, struct err *e);
int score_lines(struct scorer *s, const char *path, struct err *e);
/* A whole file, encoded and measured, in windows: its nats, and its rows printed. */
int score_windows(struct scorer *s, struct score_item *whole, struct err *e);
/* Copies an item with its label and id behind those that are kept, or over
 * the one at slot `at`; the rows are the copy's then. */
int score_keep(struct scorer *s, struct score_item *it, size_t at, struct err *e);
void score_kept_clear(struct scorer *s);
/* --rank: orders what was kept, prints and forgets it. */
int score_ranked(struct scorer *s, struct err *e);

/* score_top.c: --top-lines. */

/* Keeps the item if it belongs to the most surprising so far: a heap whose root is
 * the first to go. */
int score_top_offer(struct scorer *s, struct score_item *it, struct err *e);
int score_top_print(struct scorer *s, struct err *e);
int score_top_put(struct scorer *s, const struct score_item *it, bool header, struct err *e);

/* score_against.c: --against. */

/* What both models must agree on, once both are open. */
int score_pair(struct scorer *s, struct scorer *other, struct err *e);
/* Symbols at the start that neither model scores. */
void score_align(const struct scorer *s, struct score_item *it);
/* The same characters by the other model; results in items[].other. */
int score_evaluate_other(struct scorer *s, struct score_item *items, size_t n, struct err *e);
void score_total_add(struct scorer *s, const struct score_item *it);
/* Differences, NaN without characters: nats that the other needs more, and per
 * character. */
double score_ratio(const struct score_item *it);
double score_ratio_per_char(const struct score_item *it);
int score_against_json(struct json_writer *w, const struct score_item *it, struct err *e);
int score_against_put(struct scorer *s, const struct score_item *it, bool header, struct err *e);
int score_against_total(struct scorer *s, struct err *e);

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

/* Rounding in the softmax can leave a certain symbol with a probability a few parts in
 * 1e7 above 1: its nats are then below 0. */
static inline double prob_of(double nats)
{
	return nats <= 0 ? 1 : exp(-nats); /* NaN stays */
}

/* A number and a blank, or "-" where there is none. */
int score_put_number(struct buf *out, int width, int decimals, double v, struct err *e);
/* The text in visible form; on a terminal cut to what is left of the line that
 * started at byte line_start. */
int score_put_label(struct scorer *s, const struct score_item *it, size_t line_start, struct err *e);
int score_json_written(const struct json_writer *w, struct err *e);
/* A symbol of the text as one word; "<unk>:" before one that the vocabulary lacks. */
int score_show_symbol(const struct vocab *v, uint32_t id, const unsigned char *text, size_t len,
                      struct buf *out, struct err *e);

/* score_shade.c: what --heat and --html have in common. Rows are records of
 * symbols while they wait, cells when they are printed. */

int score_shade_begin(struct scorer *s, struct err *e); /* once, before all; and after */
int score_shade_end(struct scorer *s, struct err *e);
int score_shade_symbol(struct scorer *s, struct score_item *it, const struct score_row *r, struct err *e);
/* Symbols at the start that are not scored for want of anything before them. */
int score_shade_unscored(struct scorer *s, struct score_item *it, size_t n, struct err *e);
int score_shade_head(struct scorer *s, const struct score_item *it, struct err *e);
int score_shade_rows(struct scorer *s, const struct buf *rows, struct err *e);
int score_shade_tail(struct scorer *s, const struct score_item *it, struct err *e);
void score_shade_free(struct score_shade *h);
/* The level of a surprisal, 0 (none) to SCORE_LEVELS - 1, and the bits it begins at. */
int score_level(double nats);
extern const double score_level_bits[SCORE_LEVELS];

/* score_heat.c */

int score_heat_begin(struct scorer *s, struct err *e);
int score_heat_head(struct scorer *s, const struct score_item *it, struct err *e);
int score_heat_cell(struct scorer *s, const struct score_cell *c, struct err *e);
int score_heat_tail(struct scorer *s, const struct score_item *it, struct err *e);

/* score_html.c */

int score_html_begin(struct scorer *s, struct err *e);
int score_html_end(struct scorer *s, struct err *e);
int score_html_tip(struct scorer *s, struct score_item *it, const struct score_row *r, struct buf *tip,
                   struct err *e);
int score_html_head(struct scorer *s, const struct score_item *it, struct err *e);
int score_html_cell(struct scorer *s, const struct score_cell *c, struct err *e);
int score_html_tail(struct scorer *s, const struct score_item *it, struct err *e);

#endif
