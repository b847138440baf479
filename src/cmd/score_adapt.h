/* rnnlm score with a model that adapts to what it reads: dynamic evaluation
 * (nn/dynamic.h), an n-gram model of the text so far (nn/ngram.h), or both. Every
 * symbol is scored before anything learns from it. Items come one after the other,
 * each from the zero state; what was learned is carried from one to the next. */
#ifndef RNNLM_CMD_SCORE_ADAPT_H
#define RNNLM_CMD_SCORE_ADAPT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/json.h"
#include "base/mem.h"
#include "nn/ngram.h"

struct scorer;
struct score_item;
struct score_options;
struct score_adapt;

struct score_adapt_options {
	int64_t order; /* of the n-gram model, 0: none */
	const char *corpus;
	double lr, decay;
	int64_t seq;
	bool dynamic; /* --dynamic was given, be it 0 */
	bool decay_given, seq_given;
};

/* Surprisal in nats of an item, summed; of what was not asked for: 0. */
struct score_adapt_nats {
	double fixed, dynamic; /* the model as it was trained; as it goes on learning */
	double mixed;          /* the former mixed with the n-gram model */
};

/* Rows for the table of options; T has a member adapt of the type above. */
#define SCORE_ADAPT_OPTIONS(T)                                                             \
	{.name = "dynamic", .type = OPT_REAL, .offset = offsetof(T, adapt.lr),                 \
	 .set_offset = offsetof(T, adapt.dynamic), .min = 0, .max = 1, .arg = "LR",            \
	 .group = "Adapting to the text",                                                      \
	 .help = "dynamic evaluation: after each segment a gradient step at this rate on what was just "   \
	         "scored (0.001 suits text like the corpus, 0.002 to 0.003 text unlike it); what was "     \
	         "learned is carried from text to text, the model file stays as it is"},                   \
	{.name = "dynamic-decay", .type = OPT_REAL, .offset = offsetof(T, adapt.decay), .def = "0.0001",   \
	 .set_offset = offsetof(T, adapt.decay_given), .min = 0, .max = 1, .arg = "D",                                                       \
	 .help = "fraction of the way back to the trained weights that each segment takes"},   \
	{.name = "dynamic-seq", .type = OPT_INT, .offset = offsetof(T, adapt.seq), .def = "32", .min = 1,  \
	 .max = 4096, .set_offset = offsetof(T, adapt.seq_given), .arg = "N", .help = "symbols of a segment"},                             \
	{.name = "mix-ngram", .type = OPT_INT, .offset = offsetof(T, adapt.order), .min = 1,   \
	 .max = NGRAM_MAX_ORDER, .arg = "ORDER",                                               \
	 .help = "mix in an n-gram model of this order that counts the text as it is scored, with weights " \
	         "learned on the way; 5 to 7 suit characters. It is carried from text to text"}, \
	{.name = "ngram-corpus", .type = OPT_STRING, .offset = offsetof(T, adapt.corpus), .arg = "FILE",   \
	 .help = "with --mix-ngram: count this text first, the model's training text, say"}

/* Whether any of it was asked for, and what does not go together. */
bool score_adapts(const struct score_options *o);
int score_adapt_check(const struct score_options *o, int ntexts, struct err *e);

/* Makes what s->o asks for, s->adapt; reads the corpus. */
int score_adapt_open(struct scorer *s, struct err *e);
void score_adapt_free(struct score_adapt *a); /* NULL is fine */

/* What a score_evaluate is to do for measured items. */
int score_adapt_evaluate(struct scorer *s, struct score_item *items, size_t n, struct err *e);

/* Adds to the name of the protocol: ",dynamic:LR:SEQ:DECAY", ",mix-ngram:ORDER",
 * "+corpus", and where there may be several texts ",carried". */
void score_adapt_protocol(struct scorer *s, bool several);

/* Columns of the table, bits a character each; keys of the object. */
int score_adapt_put_header(const struct scorer *s, struct buf *out, struct err *e);
int score_adapt_put(const struct scorer *s, const struct score_item *it, struct buf *out, struct err *e);
void score_adapt_json(const struct scorer *s, const struct score_item *it, struct json_writer *w);

#endif
