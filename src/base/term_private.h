/* Shared by the term*.c files only. */
#ifndef RNNLM_BASE_TERM_PRIVATE_H
#define RNNLM_BASE_TERM_PRIVATE_H

#include <stddef.h>
#include <stdint.h>

#define TERM_INVALID UINT32_MAX

/* The symbol at s (n >= 1 bytes there): its length, and its code point, or
 * TERM_INVALID for one byte that is not UTF-8. (src/text has a decoder that can
 * do more, but base stands below it.) */
size_t term_symbol(const char *s, size_t n, uint32_t *cp);

#endif
