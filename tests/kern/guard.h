/* For the kernel tests: arrays that end, or start, at a page that may not be
 * touched, and numbers to put in them. */
#ifndef RNNLM_TESTS_KERN_GUARD_H
#define RNNLM_TESTS_KERN_GUARD_H

#if defined(__linux__) && !defined(_DEFAULT_SOURCE)
#define _DEFAULT_SOURCE /* MAP_ANONYMOUS */
#endif
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "mat/kern.h"

#if !defined(MAP_ANONYMOUS)
#define MAP_ANONYMOUS MAP_ANON
#endif

struct guard {
	char *lo, *hi; /* usable bytes [lo, hi); one forbidden page on each side */
};

static struct guard guard_new(size_t bytes)
{
	size_t page = (size_t)sysconf(_SC_PAGESIZE), room = (bytes + page - 1) / page * page;
	char *p = mmap(NULL, room + 2 * page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (p == MAP_FAILED || mprotect(p, page, PROT_NONE) || mprotect(p + page + room, page, PROT_NONE)) {
		perror("guard pages");
		exit(1);
	}
	return (struct guard){p + page, p + page + room};
}

static void guard_free(struct guard *g)
{
	size_t page = (size_t)sysconf(_SC_PAGESIZE);
	munmap(g->lo - page, (size_t)(g->hi - g->lo) + 2 * page);
	*g = (struct guard){0};
}

/* bytes right behind the front page, or right before the back page. */
static void *guard_bytes(const struct guard *g, size_t bytes, bool back)
{
	if (bytes > (size_t)(g->hi - g->lo)) {
		printf("guard: %zu bytes do not fit\n", bytes);
		exit(1);
	}
	return back ? g->hi - bytes : g->lo;
}

static real *guard_at(const struct guard *g, size_t count, bool back)
{
	return guard_bytes(g, count * sizeof(real), back);
}

static uint64_t test_state = 1;

static uint32_t test_random(void) /* splitmix64 */
{
	uint64_t z = test_state += 0x9e3779b97f4a7c15u;
	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
	z = (z ^ z >> 27) * 0x94d049bb133111ebu;
	return (uint32_t)((z ^ z >> 31) >> 32);
}

/* Uniform in [-1, 1). */
static real test_unit(void)
{
	return (real)((double)test_random() / 2147483648.0 - 1);
}

static void test_fill(real *x, size_t n)
{
	for (size_t i = 0; i < n; i++)
		x[i] = test_unit();
}

static bool test_quick(void)
{
	const char *q = getenv("QUICK");
	return q && *q && strcmp(q, "0") != 0;
}

#endif
