/* Vocabularies: symbols <-> ids. A symbol is a code point (unit char, with
 * escapes for bytes that are not UTF-8) or a byte (unit byte); pieces of
 * several characters (word, bpe) have their place here later, which is why
 * encoding and decoding go through functions and nothing outside this module
 * assumes one symbol per id, one id per character. Ids ascend with the
 * symbol's number; the unknown symbol is always the last id. */
#ifndef RNNLM_TEXT_VOCAB_H
#define RNNLM_TEXT_VOCAB_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/mem.h"

enum unit { UNIT_CHAR, UNIT_BYTE };
extern const char *const unit_names[]; /* "char", "byte", NULL */

#define VOCAB_UNKNOWN UINT32_MAX /* the unknown's entry in symbols */

struct vocab {
	enum unit unit;
	uint32_t size;     /* ids, the unknown (size - 1) included */
	uint32_t *symbols; /* (size) ascending; the last is VOCAB_UNKNOWN */
	uint64_t *counts;  /* (size) occurrences in the text it was made from; the
	                      unknown's: of symbols below min_count. Zeros when read
	                      from a model that lacks them. */
	int32_t newline;   /* id of '\n', or -1 */
	uint32_t *low;     /* (256) ids of the first symbols, for speed */
};

/* From text; symbols that occur fewer than min_count times (0 and 1: none)
 * are left to the unknown. */
int vocab_build(struct vocab *v, enum unit unit, const unsigned char *text, size_t len,
                uint64_t min_count, struct err *e);
void vocab_free(struct vocab *v);

/* All symbols of a and b, which are of one unit. Counts are those of b. */
int vocab_merge(struct vocab *v, const struct vocab *a, const struct vocab *b, struct err *e);
/* (v->size) For each id of v the id of the same symbol in other, the unknown's for the
 * unknown; UINT32_MAX where other lacks it. */
void vocab_map(const struct vocab *v, const struct vocab *other, uint32_t *map);

uint32_t vocab_id(const struct vocab *v, uint32_t symbol); /* unknown's id if absent */

/* Ids of a text. ids is made (mem_free it). Number of unknowns in *unknown. */
int vocab_encode(const struct vocab *v, const unsigned char *text, size_t len, uint32_t **ids,
                 size_t *n, size_t *unknown, struct err *e);
/* Appends the text of an id; the unknown is U+FFFD, or '?' for bytes. */
int vocab_decode(const struct vocab *v, uint32_t id, struct buf *out, struct err *e);
/* The same for eyes: visible, newline as \n, space as ' ' in quotes where quoted. */
int vocab_show(const struct vocab *v, uint32_t id, struct buf *out, struct err *e);
/* Characters (code points, bytes that are not UTF-8 counting one each) of a
 * text: what "bits per character" divides by, whatever the unit. */
size_t vocab_chars(const unsigned char *text, size_t len);

/* The JSON list kept in a model file: integers, the unknown as -1; and back.
 * Reading refuses what is not ascending, out of range, without the unknown at
 * the end, or longer than the text could hold. counts may be absent (NULL). */
int vocab_to_json(const struct vocab *v, struct buf *out, struct err *e);
int vocab_from_json(struct vocab *v, enum unit unit, const char *json, size_t len, struct err *e);

#endif
