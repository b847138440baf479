/* The one door to the heap, and the growable string. */
#ifdef __linux__
#define _DEFAULT_SOURCE /* madvise */
#endif
#include <stdarg.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#ifdef __linux__
#include <sys/mman.h>
#endif
#include <unistd.h>

#include "base/mem.h"

#define LINE_BYTES 64
#define LARGE_PAGE ((size_t)2 << 20)

static atomic_long allocations; /* so far */
static atomic_long failing;     /* the one that fails, 0 = none */

void mem_fail_at(long n)
{
	atomic_store(&failing, n > 0 ? atomic_load(&allocations) + n : 0);
}

long mem_count(void)
{
	return atomic_load(&allocations);
}

size_t mem_physical(void)
{
#ifdef _SC_PHYS_PAGES
	long pages = sysconf(_SC_PHYS_PAGES), size = sysconf(_SC_PAGESIZE);
	if (pages > 0 && size > 0 && (size_t)pages < SIZE_MAX / (size_t)size)
		return (size_t)pages * (size_t)size;
#endif
	return SIZE_MAX;
}

void mem_init(void)
{
	const char *text = getenv("RNNLM_FAIL_ALLOC");
	if (text)
		mem_fail_at(strtol(text, NULL, 10));
}

/* Counts an allocation and gives its size in bytes, at least 1. 0 if it cannot
 * be made: the size overflows, or it is this one's turn to fail. */
static size_t admit(size_t count, size_t size, struct err *e)
{
	long mine = atomic_fetch_add(&allocations, 1) + 1;
	size_t bytes = 1;
	if (size && count > (size_t)PTRDIFF_MAX / size) {
		err_set(e, "out of memory: %zu times %zu bytes is more than can be addressed", count, size);
		return 0;
	}
	if (count && size)
		bytes = count * size;
	if (atomic_compare_exchange_strong(&failing, &mine, 0)) {
		err_set(e, "out of memory: %zu bytes wanted (failing on request)", bytes);
		return 0;
	}
	return bytes;
}

static void *given(void *p, size_t bytes, struct err *e)
{
	if (!p)
		err_set(e, "out of memory: %zu bytes wanted (%.1f MB)", bytes, (double)bytes / 1e6);
	return p;
}

void *mem_new(size_t count, size_t size, struct err *e)
{
	size_t bytes = admit(count, size, e);
	return bytes ? given(calloc(bytes, 1), bytes, e) : NULL;
}

void *mem_resize(void *p, size_t count, size_t size, struct err *e)
{
	size_t bytes = admit(count, size, e);
	return bytes ? given(realloc(p, bytes), bytes, e) : NULL;
}

void *mem_grow(void *list, size_t n, size_t *cap, size_t size, struct err *e)
{
	if (n < *cap)
		return list;
	size_t want = *cap ? *cap * 2 : 16;
	void *p = mem_resize(list, want, size, e);
	if (p)
		*cap = want;
	return p;
}

void *mem_block(size_t count, size_t size, struct err *e)
{
	size_t bytes = admit(count, size, e);
	size_t align = bytes >= LARGE_PAGE ? LARGE_PAGE : LINE_BYTES;
	void *p = NULL;
	if (!bytes)
		return NULL;
	/* The last page of a block is a large one too if most of it is used. */
	size_t large = (bytes + LARGE_PAGE / 2) / LARGE_PAGE * LARGE_PAGE;
	if (posix_memalign(&p, align, (bytes + align - 1) / align * align))
		return given(NULL, bytes, e);
#ifdef MADV_HUGEPAGE
	if (align == LARGE_PAGE)
		(void)madvise(p, large, MADV_HUGEPAGE); /* a hint: without it only slower */
#endif
	return memset(p, 0, bytes);
}

char *mem_strndup(const char *s, size_t n, struct err *e)
{
	size_t room = n < SIZE_MAX ? n + 1 : n;
	char *copy = mem_new(room, 1, e);
	if (copy && n)
		memcpy(copy, s, n);
	return copy;
}

void mem_free(void *p)
{
	free(p);
}

/* Room for n more bytes and the 0 behind them. */
static int reserve(struct buf *b, size_t n, struct err *e)
{
	if (b->p && n < b->cap - b->len)
		return 0;
	if (n > (size_t)PTRDIFF_MAX / 2 - b->len)
		return err_set(e, "out of memory: a text of %zu and %zu more bytes is too long", b->len, n);
	size_t want = b->len + n + 1, cap = b->cap ? b->cap : 64;
	while (cap < want)
		cap *= 2;
	char *p = mem_resize(b->p, cap, 1, e);
	if (!p)
		return -1;
	b->p = p;
	b->cap = cap;
	b->p[b->len] = 0;
	return 0;
}

int buf_add(struct buf *b, const void *p, size_t n, struct err *e)
{
	if (reserve(b, n, e))
		return -1;
	if (n)
		memcpy(b->p + b->len, p, n);
	b->len += n;
	b->p[b->len] = 0;
	return 0;
}

int buf_puts(struct buf *b, const char *s, struct err *e)
{
	return buf_add(b, s, strlen(s), e);
}

int buf_printf(struct buf *b, struct err *e, const char *fmt, ...)
{
	va_list ap, again;
	int res = -1;
	va_start(ap, fmt);
	va_copy(again, ap);
	int n = vsnprintf(NULL, 0, fmt, ap);
	if (n < 0) {
		err_sys(e, "cannot format \"%s\"", fmt);
	} else if (reserve(b, (size_t)n, e) == 0) {
		vsnprintf(b->p + b->len, (size_t)n + 1, fmt, again);
		b->len += (size_t)n;
		res = 0;
	}
	va_end(again);
	va_end(ap);
	return res;
}

void buf_clear(struct buf *b)
{
	b->len = 0;
	if (b->p)
		b->p[0] = 0;
}

void buf_free(struct buf *b)
{
	mem_free(b->p);
	*b = (struct buf){0};
}
