/* Cuts a text in stretches. Pieces of several characters (units word and bpe) never
 * reach across the border of two stretches, so that what is learnt are words and parts
 * of words, and equal stretches are encoded alike wherever they stand. The rule:
 *
 *  1. A newline is a stretch of its own, so that a line is encoded the same alone and
 *     in its text.
 *  2. Other white space goes together, except that one space (U+0020) right before
 *     something else belongs to that: "a  b" is "a", " ", " b".
 *  3. A word is a run of letters, in which single apostrophes (' and U+2019) may stand
 *     between two letters. For the unit word digits count as letters; for bpe a run
 *     of digits is a stretch.
 *  4. Ideographs, kana and all other symbols: for the unit word each code point is a
 *     stretch; for bpe a run of ideographs and kana is one, a run of others is one.
 *  5. What would be longer than SPLIT_MOST bytes is cut between two code points.
 *
 * What a code point is comes from one short table (split.c), not from Unicode's: from
 * U+0080 on all that is not listed there as white space, ideograph or symbol counts as a
 * letter, marks of accents too. Of the bytes that are not UTF-8 those from 0xC0 on are
 * letters, as in Latin-1, and in the Cyrillic sets of 8 bits. */
#ifndef RNNLM_TEXT_SPLIT_H
#define RNNLM_TEXT_SPLIT_H

#include <stddef.h>

#define SPLIT_MOST 64 /* bytes */

enum split_rule { SPLIT_WORDS, SPLIT_BPE };

/* Length of the stretch at s (n >= 1 bytes there): 1 to SPLIT_MOST. */
size_t split_next(enum split_rule rule, const unsigned char *s, size_t n);

#endif
