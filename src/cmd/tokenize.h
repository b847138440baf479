/* The parts of `rnnlm tokenize`. Each prints what its option asks for. */
#ifndef RNNLM_CMD_TOKENIZE_H
#define RNNLM_CMD_TOKENIZE_H

#include "cmd/cmd.h"
#include "text/vocab.h"

#define TOKENIZE_FLUSH 65536 /* bytes of output that are worth a write */

struct tokenize_options {
	const char *model;
	int unit;
	int64_t vocab_size; /* 0: by unit */
	bool unit_set, ids, decode, pieces, vocab, json;
};

/* tokenize_ids.c. model may be NULL: ids are code points or bytes. tokenize_pieces: v is
 * the model's vocabulary or the text's own. */
int tokenize_ids(const struct tokenize_options *o, const struct vocab *model,
                 const unsigned char *text, size_t len, struct err *e);
int tokenize_pieces(const struct tokenize_options *o, const struct vocab *v,
                    const unsigned char *text, size_t len, struct err *e);
int tokenize_decode(const struct tokenize_options *o, const struct vocab *model,
                    const char *const *files, int nfiles, struct err *e);

/* tokenize_table.c. The counts are those of the text, if there was one
 * (counted); the table shows the first `ids` ids. */
int tokenize_vocab(const struct vocab *v, uint32_t ids, bool counted, bool json, struct err *e);
int tokenize_summary(const struct tokenize_options *o, const struct vocab *v,
                     const unsigned char *text, size_t len, struct err *e);

#endif
