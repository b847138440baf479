/* Code points from bytes and back. A byte that is not part of valid UTF-8 (RFC
 * 3629: shortest form, no surrogates, at most U+10FFFF) is a symbol of its own,
 * 0xDC80 + byte - 0x80, as Python's surrogateescape has it, so that any bytes
 * survive a round trip. */
#ifndef RNNLM_TEXT_UTF8_H
#define RNNLM_TEXT_UTF8_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define UTF8_ESCAPE 0xDC80u /* stands for byte 0x80 */

/* Decodes the symbol at s (n >= 1 bytes there) into *cp; returns its length in
 * bytes, 1 to 4. */
size_t utf8_decode(const unsigned char *s, size_t n, uint32_t *cp);
/* Like utf8_decode, but returns 0 when the n bytes are the valid beginning of a
 * longer sequence (for streams that arrive in pieces). */
size_t utf8_decode_part(const unsigned char *s, size_t n, uint32_t *cp);
/* Encodes a code point, or the byte that an escape stands for; returns the
 * length, 0 if cp is neither. */
size_t utf8_encode(uint32_t cp, unsigned char out[4]);
bool utf8_is_escape(uint32_t cp); /* 0xDC80 .. 0xDCFF */
/* Number of symbols in n bytes, and of the bytes among them that are not UTF-8. */
size_t utf8_count(const unsigned char *s, size_t n, size_t *invalid);

#endif
