/* Vocabularies: symbols <-> ids. A symbol is a code point (unit char, with escapes for
 * bytes that are not UTF-8), a byte (unit byte), or a piece of text: a word or what
 * words are spelled with (unit word, words.h), a byte or what merges made of them
 * (unit bpe, bpe.h). The unknown symbol is always the last id. For char and byte, ids
 * ascend with the symbol's number; for word and bpe ids 0 to 255 are the bytes, so
 * that any text can be encoded and nothing is unknown. A text is encoded in one way;
 * newline is a symbol of its own in every unit, so that the lines of a text encoded
 * one by one give the ids of the text.
 *
 * Encoding and decoding go through functions: nothing outside this module assumes
 * one symbol per character, or one character per symbol. */
#ifndef RNNLM_TEXT_VOCAB_H
#define RNNLM_TEXT_VOCAB_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/mem.h"
#include "text/bpe.h"
#include "text/pieces.h"

enum unit { UNIT_CHAR, UNIT_BYTE, UNIT_WORD, UNIT_BPE };
extern const char *const unit_names[]; /* "char", "byte", "word", "bpe", NULL */
/* Word and bpe: symbols are pieces of several characters. */
static inline bool unit_pieces(enum unit unit)
{
	return unit == UNIT_WORD || unit == UNIT_BPE;
}

#define VOCAB_UNKNOWN UINT32_MAX /* the unknown's entry in symbols */
#define VOCAB_LEAST 257u         /* ids of word and bpe: the bytes and the unknown */
#define VOCAB_MOST (1u << 24)    /* ids */

struct vocab {
	enum unit unit;
	uint32_t size;     /* ids, the unknown (size - 1) included */
	uint64_t *counts;  /* (size) occurrences in the text it was made from; the
	                      unknown's: of symbols below min_count. Zeros when read
	                      from a model. */
	int32_t newline;   /* id of '\n', or -1 */
	/* char, byte */
	uint32_t *symbols; /* (size) ascending; the last is VOCAB_UNKNOWN */
	uint32_t *low;     /* (256) ids of the first symbols, for speed */
	/* word, bpe */
	struct pieces pieces; /* (size - 1) bytes of each id */
	struct bpe bpe;       /* unit bpe */
};

/* From text; symbols that occur fewer than min_count times are left to the unknown
 * (0: characters that do not occur, and no byte at all). For word and bpe this is vocab_build_sized with the size 0. */
int vocab_build(struct vocab *v, enum unit unit, const unsigned char *text, size_t len,
                uint64_t min_count, struct err *e);
/* The same with at most `size` ids, the bytes and the unknown among them, for word
 * and bpe (0: vocab_default_size; others ignore it); words, characters and merges that
 * occur fewer than min_count times are left out (0: fewer than 2). */
int vocab_build_sized(struct vocab *v, enum unit unit, const unsigned char *text, size_t len,
                      uint64_t min_count, uint32_t size, struct err *e);
/* 0 for char and byte, whose text decides. */
uint32_t vocab_default_size(enum unit unit);
int vocab_copy(struct vocab *to, const struct vocab *from, struct err *e);
void vocab_free(struct vocab *v);

/* All symbols of a and b, which are of one unit, char or byte. Counts are those of b. */
int vocab_merge(struct vocab *v, const struct vocab *a, const struct vocab *b, struct err *e);
/* (v->size) For each id of v the id of the same symbol in other, the unknown's for the
 * unknown; UINT32_MAX where other lacks it. Of word and bpe the two are the same. */
void vocab_map(const struct vocab *v, const struct vocab *other, uint32_t *map);

/* Char and byte: the id of a symbol, the unknown's if absent. */
uint32_t vocab_id(const struct vocab *v, uint32_t symbol);

/* Ids of a text. ids is made (mem_free it). Number of unknowns in *unknown. Not with
 * one vocabulary in two threads at a time (see bpe.h). */
int vocab_encode(const struct vocab *v, const unsigned char *text, size_t len, uint32_t **ids,
                 size_t *n, size_t *unknown, struct err *e);
/* Bytes of text that the id stands for where vocab_encode put it at text[0], len >= 1. */
size_t vocab_span(const struct vocab *v, uint32_t id, const unsigned char *text, size_t len);
/* The same of n ids. */
size_t vocab_spans(const struct vocab *v, const uint32_t *ids, size_t n, const unsigned char *text, size_t len);
/* Appends the text of an id; the unknown is U+FFFD, or '?' for bytes. */
int vocab_decode(const struct vocab *v, uint32_t id, struct buf *out, struct err *e);
/* The same for eyes (vocab_show.c): visible, newline as \n, space as ' ' in quotes. Of a
 * piece: always one word: a space is \s, a backslash \\. */
int vocab_show(const struct vocab *v, uint32_t id, struct buf *out, struct err *e);
/* vocab_show, but a space is \s in every unit: columns can be counted. */
int vocab_show_word(const struct vocab *v, uint32_t id, struct buf *out, struct err *e);
/* Characters (code points, bytes that are not UTF-8 counting one each) of a
 * text: what "bits per character" divides by, whatever the unit. */
size_t vocab_chars(const unsigned char *text, size_t len);

/* The JSON list kept in a model file, one item per id, the unknown as -1 (vocab_json.c):
 *   char, byte  the symbols' numbers, ascending
 *   word        strings; a byte that is not part of UTF-8 is the escape \udcXX, as
 *               Python's surrogateescape has it; the first 256 are the bytes
 *   bpe         the bytes 0 to 255, then the merges [left, right], ids both
 * Reading refuses what is not so: another order, out of range, twice the same, an id
 * that is not earlier, a piece that is empty or longer than SPLIT_MOST bytes, no unknown
 * at the end. */
int vocab_to_json(const struct vocab *v, struct buf *out, struct err *e);
int vocab_from_json(struct vocab *v, enum unit unit, const char *json, size_t len, struct err *e);

#endif
