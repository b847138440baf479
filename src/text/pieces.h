/* Byte strings, numbered from 0 in the order in which they were added, and found
 * again by their bytes. */
#ifndef RNNLM_TEXT_PIECES_H
#define RNNLM_TEXT_PIECES_H

#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

#define PIECES_NONE UINT32_MAX

struct pieces {
	unsigned char *text; /* all of them, one behind the other */
	size_t room;
	size_t *start;       /* (n + 1) where each begins in text */
	size_t cap;          /* of start */
	uint32_t n;
	uint32_t *slot;      /* (slots, a power of two) number + 1 of a string, 0: free */
	size_t slots;
};

/* Number of the string, which is added if it is not there. */
int pieces_add(struct pieces *p, const unsigned char *s, size_t len, uint32_t *number, struct err *e);
/* Adds a string that is not looked for, and may be there already. */
int pieces_append(struct pieces *p, const unsigned char *s, size_t len, struct err *e);
/* Number of a string that pieces_add added, or PIECES_NONE. */
uint32_t pieces_find(const struct pieces *p, const unsigned char *s, size_t len);
void pieces_free(struct pieces *p);

static inline const unsigned char *pieces_get(const struct pieces *p, uint32_t number, size_t *len)
{
	*len = p->start[number + 1] - p->start[number];
	return p->text + p->start[number];
}

/* Of any bytes; for hash tables. Differs between machines of different byte order. */
uint64_t pieces_hash(const unsigned char *s, size_t len);

#endif
