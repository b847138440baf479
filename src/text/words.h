/* Words as symbols. A vocabulary holds the 256 bytes, the characters of the text that
 * are longer than a byte, and its frequent words. A text is cut in stretches
 * (split.h, SPLIT_WORDS): words, most with the space before them, and single symbols.
 * A stretch that is in the vocabulary is one piece. Else a space that it begins with
 * becomes a piece and the rest is looked for; what is not found then is spelled, by
 * characters, and a character that is not there by its bytes. So any bytes can be
 * encoded, each text in one way. */
#ifndef RNNLM_TEXT_WORDS_H
#define RNNLM_TEXT_WORDS_H

#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "text/pieces.h"

#define WORDS_BYTES 256u /* pieces 0 to 255 are the bytes */

/* Fills pieces (empty) with at most `most` (>= 256) pieces of a text: the bytes, then
 * characters, then words, both by falling frequency; none that occurs fewer than
 * min_count times. Something has to be left to be spelled, or a model will not learn
 * how: with a min_count of 2 that are the words seen once. */
int words_build(struct pieces *pieces, const unsigned char *text, size_t len, uint32_t most,
                uint64_t min_count, struct err *e);

/* Ids of one stretch; returns how many, at most len. */
size_t words_encode(const struct pieces *pieces, const unsigned char *s, size_t len, uint32_t *ids);

#endif
