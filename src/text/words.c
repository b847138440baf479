#include "text/words.h"

#include <stdbool.h>
#include <stdlib.h>

#include "base/mem.h"
#include "text/tally.h"
#include "text/utf8.h"

struct candidate {
	uint64_t count;
	uint32_t number; /* in the tally */
};

static int by_count(const void *a, const void *b)
{
	const struct candidate *x = a, *y = b;
	if (x->count != y->count)
		return x->count < y->count ? 1 : -1;
	return x->number < y->number ? -1 : x->number > y->number; /* as they came */
}

/* Adds the most frequent strings of the tally that are not there yet. */
static int add_frequent(struct pieces *pieces, const struct tally *t, uint32_t most, uint64_t min_count,
                        struct err *e)
{
	struct candidate *c = mem_new(t->pieces.n, sizeof *c, e);
	uint32_t n = 0, number;
	int rc = c ? 0 : -1;
	for (uint32_t i = 0; c && i < t->pieces.n; i++)
		if (t->count[i] >= min_count)
			c[n++] = (struct candidate){t->count[i], i};
	if (n)
		qsort(c, n, sizeof *c, by_count);
	for (uint32_t i = 0; rc == 0 && i < n && pieces->n < most; i++) {
		size_t len;
		const unsigned char *s = pieces_get(&t->pieces, c[i].number, &len);
		rc = pieces_add(pieces, s, len, &number, e);
	}
	mem_free(c);
	return rc;
}

/* Characters of more than one byte, from the words that hold them. */
static int tally_characters(struct tally *characters, const struct tally *words, struct err *e)
{
	for (uint32_t w = 0; w < words->pieces.n; w++) {
		size_t len, n;
		const unsigned char *s = pieces_get(&words->pieces, w, &len);
		for (size_t i = 0; i < len; i += n) {
			uint32_t cp;
			n = utf8_decode(s + i, len - i, &cp);
			if (n > 1 && tally_add(characters, s + i, n, words->count[w], e))
				return -1;
		}
	}
	return 0;
}

int words_build(struct pieces *pieces, const unsigned char *text, size_t len, uint32_t most,
                uint64_t min_count, struct err *e)
{
	struct tally words = {0}, characters = {0};
	int rc = -1;
	for (unsigned b = 0; b < WORDS_BYTES; b++) {
		unsigned char byte = (unsigned char)b;
		uint32_t number;
		if (pieces_add(pieces, &byte, 1, &number, e))
			goto out;
	}
	if (tally_text(&words, SPLIT_WORDS, text, len, e) || tally_characters(&characters, &words, e) ||
	    add_frequent(pieces, &characters, most, min_count, e) || add_frequent(pieces, &words, most, min_count, e))
		goto out;
	rc = 0;
out:
	tally_free(&words);
	tally_free(&characters);
	return rc;
}

size_t words_encode(const struct pieces *pieces, const unsigned char *s, size_t len, uint32_t *ids)
{
	uint32_t id = pieces_find(pieces, s, len), cp;
	size_t n = 0, i = 0;
	if (id == PIECES_NONE && s[0] == ' ' && len > 1) {
		ids[n++] = s[i++];
		id = pieces_find(pieces, s + i, len - i);
	}
	if (id != PIECES_NONE) {
		ids[n++] = id;
		return n;
	}
	while (i < len) {
		size_t length = utf8_decode(s + i, len - i, &cp);
		id = length > 1 ? pieces_find(pieces, s + i, length) : s[i];
		if (id != PIECES_NONE)
			ids[n++] = id;
		else
			for (size_t b = 0; b < length; b++)
				ids[n++] = s[i + b];
		i += length;
	}
	return n;
}
