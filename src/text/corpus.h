/* A corpus: text in memory, cut in a training and a held-out part, as ids. */
#ifndef RNNLM_TEXT_CORPUS_H
#define RNNLM_TEXT_CORPUS_H

#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "text/vocab.h"

struct corpus {
	struct vocab vocab;   /* of the training part */
	uint32_t *train, *val; /* ids */
	size_t ntrain, nval;  /* symbols */
	size_t train_chars, val_chars;
	size_t bytes;         /* of all files together */
	size_t unknown_val;   /* held-out symbols that the vocabulary lacks */
	size_t invalid;       /* bytes that are not UTF-8 */
	uint64_t hash;        /* FNV-1a 64 of all bytes, training then validation files */
	char *stem;           /* first file's name without folder and last extension;
	                         "stdin" for "-" */
};

/* Number of leading code points of n that train when the fraction
 * val_millionths / 1e6 is held out: floor(n * (1 - f)), in integers. The last n
 * minus that are the tail, here and in `score --tail`. */
size_t corpus_cut(size_t n, int64_t val_millionths);

/* Offset in bytes of character number index of the text, for the unit byte of byte
 * number index. (Of symbols of any unit: vocab_spans.) */
size_t corpus_offset(enum unit unit, const unsigned char *text, size_t len, size_t index);

/* The bytes of files ("-": standard input, once), one behind the other; a 0
 * that is not counted ends them. Errors name the file. mem_free *text. */
int corpus_read(const char *const *files, int nfiles, unsigned char **text, size_t *len,
                struct err *e);

/* Reads and joins files as corpus_read does, then cuts. val_file NULL: the tail
 * is held out, the same characters whatever the unit; the two parts are encoded apart.
 * With fixed != NULL its vocabulary is copied instead of one being built, and its unit is
 * used; with base != NULL (char and byte) its symbols are in the vocabulary too. Too little
 * text for training (fewer than 2
 * symbols) is an error, as is an empty val_file; nval is 0 only if nothing was
 * asked for. */
struct corpus_source {
	const char *const *files;
	int nfiles;
	const char *val_file;
	int64_t val_millionths;
	enum unit unit;
	uint64_t min_count;
	uint32_t vocab_size; /* of word and bpe; 0: vocab_default_size */
	const struct vocab *fixed, *base;
};
/* Without folder and last extension: "stdin" for "-". mem_free it. */
char *corpus_stem(const char *file, struct err *e);
int corpus_load(struct corpus *c, const struct corpus_source *s, struct err *e);
void corpus_free(struct corpus *c);

#endif
