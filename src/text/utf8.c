#include "text/utf8.h"

#include <string.h>

/* Length of the sequence that a lead byte announces (0: it leads none), and the
 * range of the byte behind it. The narrowed ranges keep out overlong forms,
 * surrogates and what lies above U+10FFFF (RFC 3629, section 4). */
static size_t announced(unsigned char lead, unsigned char *lo, unsigned char *hi)
{
	*lo = lead == 0xE0 ? 0xA0 : lead == 0xF0 ? 0x90 : 0x80;
	*hi = lead == 0xED ? 0x9F : lead == 0xF4 ? 0x8F : 0xBF;
	return lead < 0xC2 ? 0 : lead < 0xE0 ? 2 : lead < 0xF0 ? 3 : lead < 0xF5 ? 4 : 0;
}

size_t utf8_decode_part(const unsigned char *s, size_t n, uint32_t *cp)
{
	if (n == 0)
		return 0;
	if (s[0] < 0x80) {
		*cp = s[0];
		return 1;
	}
	unsigned char lo, hi;
	size_t need = announced(s[0], &lo, &hi);
	uint32_t value = s[0] & (0x7Fu >> need);
	for (size_t i = 1; i < need; i++) {
		if (i == n)
			return 0;
		if (s[i] < lo || s[i] > hi) {
			need = 0;
			break;
		}
		value = value << 6 | (s[i] & 0x3Fu);
		lo = 0x80;
		hi = 0xBF;
	}
	*cp = need ? value : UTF8_ESCAPE + (s[0] - 0x80u);
	return need ? need : 1;
}

size_t utf8_decode(const unsigned char *s, size_t n, uint32_t *cp)
{
	size_t len = utf8_decode_part(s, n, cp);
	if (len)
		return len;
	*cp = UTF8_ESCAPE + (s[0] - 0x80u);
	return 1;
}

bool utf8_is_escape(uint32_t cp)
{
	return cp >= UTF8_ESCAPE && cp < UTF8_ESCAPE + 0x80;
}

size_t utf8_encode(uint32_t cp, unsigned char out[4])
{
	if (cp < 0x80) {
		out[0] = (unsigned char)cp;
		return 1;
	}
	if (cp < 0x800) {
		out[0] = (unsigned char)(0xC0 | cp >> 6);
		out[1] = (unsigned char)(0x80 | (cp & 0x3F));
		return 2;
	}
	if (utf8_is_escape(cp)) {
		out[0] = (unsigned char)(cp - UTF8_ESCAPE + 0x80);
		return 1;
	}
	if (cp > 0x10FFFF || (cp >= 0xD800 && cp <= 0xDFFF))
		return 0;
	if (cp < 0x10000) {
		out[0] = (unsigned char)(0xE0 | cp >> 12);
		out[1] = (unsigned char)(0x80 | (cp >> 6 & 0x3F));
		out[2] = (unsigned char)(0x80 | (cp & 0x3F));
		return 3;
	}
	out[0] = (unsigned char)(0xF0 | cp >> 18);
	out[1] = (unsigned char)(0x80 | (cp >> 12 & 0x3F));
	out[2] = (unsigned char)(0x80 | (cp >> 6 & 0x3F));
	out[3] = (unsigned char)(0x80 | (cp & 0x3F));
	return 4;
}

size_t utf8_count(const unsigned char *s, size_t n, size_t *invalid)
{
	size_t symbols = 0, bad = 0, i = 0;
	while (i < n) {
		/* Eight ASCII bytes at a time: most text is made of them. */
		uint64_t eight;
		if (n - i >= sizeof eight) {
			memcpy(&eight, s + i, sizeof eight);
			if (!(eight & UINT64_C(0x8080808080808080))) {
				symbols += sizeof eight;
				i += sizeof eight;
				continue;
			}
		}
		uint32_t cp;
		i += utf8_decode(s + i, n - i, &cp);
		symbols++;
		bad += utf8_is_escape(cp);
	}
	if (invalid)
		*invalid = bad;
	return symbols;
}
