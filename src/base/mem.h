/* All allocation goes through this door: sizes are overflow-checked, a failure
 * is an error with the size in its message, and a test can make the n-th
 * allocation fail (mem_fail_at, or the environment variable RNNLM_FAIL_ALLOC
 * read once by mem_init). */
#ifndef RNNLM_BASE_MEM_H
#define RNNLM_BASE_MEM_H

#include <stddef.h>

#include "base/err.h"

/* count * size zeroed bytes; NULL with e set on failure. count * size == 0
 * gives a pointer that may be freed but not read. */
void *mem_new(size_t count, size_t size, struct err *e);

/* p (or NULL) at its new size; the added bytes are not cleared. On failure
 * returns NULL and p is untouched. */
void *mem_resize(void *p, size_t count, size_t size, struct err *e);

/* For lists that grow by one: list (or NULL) if it has room for more than n
 * items, else a larger one, *cap items long. On failure as mem_resize. */
void *mem_grow(void *list, size_t n, size_t *cap, size_t size, struct err *e);

/* Zeroed, aligned to 64 bytes; from 2 MB up aligned to 2 MB and offered to the
 * kernel as large pages (madvise, where there is such a thing). */
void *mem_block(size_t count, size_t size, struct err *e);

/* A copy of n bytes with a 0 behind them. */
char *mem_strndup(const char *s, size_t n, struct err *e);

/* Frees what any of the above returned; NULL is fine. */
void mem_free(void *p);

/* Asks for n bytes to be in cache when they are wanted, some time from now. They need not
 * exist. */
static inline void mem_fetch(const void *p, size_t n)
{
	for (size_t at = 0; at < n; at += 64)
		__builtin_prefetch((const char *)p + at, 0, 3);
}

/* Bytes of memory in this machine, or SIZE_MAX if that is not known: what is larger
 * need not be tried. (The kernel may promise more than there is.) */
size_t mem_physical(void);

/* The n-th allocation from now on fails (1 = the next); 0 = none. After it
 * has failed once the counter is off. mem_count: allocations so far. */
void mem_fail_at(long n);
long mem_count(void);

/* Reads RNNLM_FAIL_ALLOC. Called once by main. */
void mem_init(void);

/* A growable byte string. Starts {0}. p is always 0-terminated once len > 0 or
 * something was added. All return 0, or -1 with e set (contents kept). */
struct buf {
	char *p;
	size_t len, cap;
};
int buf_add(struct buf *b, const void *p, size_t n, struct err *e);
int buf_puts(struct buf *b, const char *s, struct err *e);
int buf_printf(struct buf *b, struct err *e, const char *fmt, ...) ERR_PRINTF(3, 4);
void buf_clear(struct buf *b); /* len = 0, memory kept */
void buf_free(struct buf *b);

#endif
