/* Byte-pair encoding (Gage 1994; Sennrich et al. 2016, over bytes as in Radford et al.
 * 2019). Ids 0 to 255 are the bytes; id 256 + i is what merge i made of two earlier
 * ids. A text is cut in stretches (split.h, SPLIT_BPE); a stretch begins as its bytes,
 * and again and again the pair with the lowest merge is put together, from left to
 * right, until no pair has one. Any bytes can be encoded, each text in one way. Two
 * ids may stand for the same bytes, reached by different merges. */
#ifndef RNNLM_TEXT_BPE_H
#define RNNLM_TEXT_BPE_H

#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "text/pieces.h"

#define BPE_BYTES 256u

struct bpe_merge {
	uint32_t left, right; /* ids, lower than the merge's own */
};

struct bpe_cached;

struct bpe {
	struct bpe_merge *merge; /* (n) */
	uint32_t n;
	size_t cap;
	uint32_t *slot; /* (slots, a power of two) number of a merge + 1 by its pair, 0: free */
	size_t slots;
	struct bpe_cached *cache; /* stretches encoded lately */
};

/* Learns up to `most` merges from a text: each time the most frequent pair of ids
 * that stand side by side within a stretch (of equals the one with the lower left,
 * then the lower right id), as long as it occurs at least min_count times. */
int bpe_train(struct bpe *b, const unsigned char *text, size_t len, uint32_t most, uint64_t min_count,
              struct err *e);

/* Adds a merge (for reading models). Refuses ids that are not earlier ones and pairs
 * that are there already. */
int bpe_add(struct bpe *b, uint32_t left, uint32_t right, struct err *e);

/* After the last merge: the bytes of all ids, appended to pieces, and what encoding
 * needs. Refuses pieces longer than SPLIT_MOST, which no stretch could hold. */
int bpe_finish(struct bpe *b, struct pieces *pieces, struct err *e);

/* Ids of one stretch of len <= SPLIT_MOST bytes; returns how many, at most len. Not for
 * two threads at a time: what was found is remembered. */
size_t bpe_encode(const struct bpe *b, const unsigned char *s, size_t len, uint32_t *ids);

void bpe_free(struct bpe *b);

#endif
