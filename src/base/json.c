/* The JSON reader: a cursor over text. Between calls it stands before a value,
 * or behind one and before what separates it from the next; which of the two
 * follows from the calls, and text (or a caller) that does otherwise meets an
 * error. The writer is in json_write.c. */
#include <float.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"

static bool at_end(const struct json_reader *r)
{
	return r->pos >= r->len;
}

static void skip_space(struct json_reader *r)
{
	while (!at_end(r) && strchr(" \t\n\r", r->text[r->pos]) && r->text[r->pos])
		r->pos++;
}

/* "byte 12: a ':' expected, not '}'" */
static int expected(const struct json_reader *r, const char *what, struct err *e)
{
	if (at_end(r))
		return err_set(e, "JSON, byte %zu: %s expected, but the text ends", r->pos, what);
	unsigned char c = (unsigned char)r->text[r->pos];
	if (c > ' ' && c < 0x7f)
		return err_set(e, "JSON, byte %zu: %s expected, not '%c'", r->pos, what, c);
	return err_set(e, "JSON, byte %zu: %s expected, not the byte 0x%02x", r->pos, what, c);
}

/* Steps over c if it is next. */
static bool accept(struct json_reader *r, char c)
{
	if (at_end(r) || r->text[r->pos] != c)
		return false;
	r->pos++;
	return true;
}

size_t json_utf8(const void *s, size_t n)
{
	const unsigned char *p = s;
	if (n == 0)
		return 0;
	if (p[0] < 0x80)
		return 1;
	size_t len = p[0] >= 0xF0 ? 4 : p[0] >= 0xE0 ? 3 : 2;
	if (p[0] < 0xC2 || p[0] > 0xF4 || n < len)
		return 0;
	for (size_t i = 1; i < len; i++)
		if ((p[i] & 0xC0) != 0x80)
			return 0;
	/* Overlong forms, surrogates, and what lies above U+10FFFF. */
	if ((p[0] == 0xE0 && p[1] < 0xA0) || (p[0] == 0xED && p[1] > 0x9F) ||
	    (p[0] == 0xF0 && p[1] < 0x90) || (p[0] == 0xF4 && p[1] > 0x8F))
		return 0;
	return len;
}

/* Bytes of a code point as UTF-8. */
static size_t encode(uint32_t c, char out[4])
{
	if (c < 0x80) {
		out[0] = (char)c;
		return 1;
	}
	size_t len = c < 0x800 ? 2 : c < 0x10000 ? 3 : 4;
	static const unsigned char lead[] = {0, 0, 0xC0, 0xE0, 0xF0};
	for (size_t i = len - 1; i > 0; i--, c >>= 6)
		out[i] = (char)(0x80 | (c & 0x3F));
	out[0] = (char)(lead[len] | c);
	return len;
}

/* The four digits of \uXXXX. */
static bool hex4(struct json_reader *r, uint32_t *v)
{
	*v = 0;
	for (int i = 0; i < 4; i++, r->pos++) {
		char c = at_end(r) ? 0 : r->text[r->pos];
		if (c >= '0' && c <= '9')
			*v = *v * 16 + (uint32_t)(c - '0');
		else if (c >= 'a' && c <= 'f')
			*v = *v * 16 + (uint32_t)(c - 'a') + 10;
		else if (c >= 'A' && c <= 'F')
			*v = *v * 16 + (uint32_t)(c - 'A') + 10;
		else
			return false;
	}
	return true;
}

/* What stands behind a backslash, as up to four bytes. Their number, or -1. */
static int escape(struct json_reader *r, char out[4], struct err *e)
{
	static const char from[] = "\"\\/bfnrt", to[] = "\"\\/\b\f\n\r\t";
	char c = at_end(r) ? 0 : r->text[r->pos];
	const char *known = c ? strchr(from, c) : NULL;
	uint32_t u, low;
	if (known) {
		r->pos++;
		out[0] = to[known - from];
		return 1;
	}
	if (c != 'u')
		return expected(r, "an escape (one of \\\" \\\\ \\/ \\b \\f \\n \\r \\t \\u)", e);
	size_t start = r->pos++ - 1;
	if (!hex4(r, &u))
		return expected(r, "a hexadecimal digit of \\uXXXX", e);
	if (u >= 0xD800 && u < 0xDC00) {
		if (accept(r, '\\') && accept(r, 'u') && hex4(r, &low) && low >= 0xDC00 && low < 0xE000)
			return (int)encode(0x10000 + ((u - 0xD800) << 10) + (low - 0xDC00), out);
	} else if (u >= 0xDC80 && u < 0xDD00) {
		out[0] = (char)(u - 0xDC00); /* a byte that is not UTF-8 */
		return 1;
	} else if (u < 0xDC00 || u >= 0xE000) {
		return (int)encode(u, out);
	}
	return err_set(e, "JSON, byte %zu: \\u%04x is half of a surrogate pair, and the other half is missing",
	               start, (unsigned)u);
}

/* Steps over a string. Its bytes go to out unless that is NULL; their number
 * to n. So the same code measures and fills. */
static int scan_string(struct json_reader *r, char *out, size_t *n, struct err *e)
{
	char esc[4];
	*n = 0;
	if (!accept(r, '"'))
		return expected(r, "a string", e);
	while (!accept(r, '"')) {
		const char *from = r->text + r->pos;
		int len;
		if (at_end(r))
			return expected(r, "the '\"' that ends a string", e);
		if (accept(r, '\\')) {
			from = esc;
			if ((len = escape(r, esc, e)) < 0)
				return -1;
		} else {
			if ((unsigned char)*from < 0x20)
				return err_set(e, "JSON, byte %zu: the control character 0x%02x must be written \\u%04x",
				               r->pos, (unsigned)*from, (unsigned)*from);
			if (!(len = (int)json_utf8(from, r->len - r->pos)))
				return err_set(e, "JSON, byte %zu: 0x%02x starts no UTF-8 sequence", r->pos,
				               (unsigned)(unsigned char)*from);
			r->pos += (size_t)len;
		}
		if (out)
			memcpy(out + *n, from, (size_t)len);
		*n += (size_t)len;
	}
	return 0;
}

static size_t scan_digits(struct json_reader *r)
{
	size_t start = r->pos;
	while (!at_end(r) && r->text[r->pos] >= '0' && r->text[r->pos] <= '9')
		r->pos++;
	return r->pos - start;
}

/* Numbers and words end before white space, a comma, a bracket or the end. */
static int scan_delimiter(const struct json_reader *r, const char *what, struct err *e)
{
	if (at_end(r) || (r->text[r->pos] && strchr(" \t\n\r,]}", r->text[r->pos])))
		return 0;
	return expected(r, what, e);
}

/* Steps over a number; *integer says whether it has neither fraction nor
 * exponent. */
static int scan_number(struct json_reader *r, bool *integer, struct err *e)
{
	*integer = true;
	accept(r, '-');
	if (!accept(r, '0') && !scan_digits(r))
		return expected(r, "a number", e);
	if (accept(r, '.')) {
		*integer = false;
		if (!scan_digits(r))
			return expected(r, "a digit", e);
	}
	if (accept(r, 'e') || accept(r, 'E')) {
		*integer = false;
		if (!accept(r, '+'))
			accept(r, '-');
		if (!scan_digits(r))
			return expected(r, "a digit", e);
	}
	return scan_delimiter(r, "the end of a number", e);
}

static int scan_word(struct json_reader *r, const char *word, struct err *e)
{
	for (; *word; word++)
		if (!accept(r, *word))
			return expected(r, "true, false or null", e);
	return scan_delimiter(r, "the end of a word", e);
}

void json_open(struct json_reader *r, const char *text, size_t len)
{
	*r = (struct json_reader){.text = text, .len = len};
}

enum json_kind json_peek(struct json_reader *r)
{
	skip_space(r);
	if (at_end(r))
		return JSON_END;
	switch (r->text[r->pos]) {
	case '{':
		return JSON_OBJECT;
	case '[':
		return JSON_ARRAY;
	case '"':
		return JSON_STRING;
	case 't':
	case 'f':
		return JSON_BOOL;
	case 'n':
		return JSON_NULL;
	case '-': case '0': case '1': case '2': case '3': case '4':
	case '5': case '6': case '7': case '8': case '9':
		return JSON_NUMBER;
	default:
		return JSON_BAD;
	}
}

static int enter(struct json_reader *r, char open, char close, const char *what, struct err *e)
{
	skip_space(r);
	if (at_end(r) || r->text[r->pos] != open)
		return expected(r, what, e);
	if (r->depth >= JSON_DEPTH)
		return err_set(e, "JSON, byte %zu: nested deeper than %d", r->pos, JSON_DEPTH);
	r->pos++;
	r->depth++;
	r->fresh[r->depth] = true;
	r->close[r->depth] = close;
	return 0;
}

int json_enter_object(struct json_reader *r, struct err *e)
{
	return enter(r, '{', '}', "an object", e);
}

int json_enter_array(struct json_reader *r, struct err *e)
{
	return enter(r, '[', ']', "a list", e);
}

/* Steps to the next member or item: 1, or 0 and out of the container. */
static int advance(struct json_reader *r, char close, struct err *e)
{
	if (r->close[r->depth] != close)
		return err_set(e, "JSON, byte %zu: not inside %s", r->pos, close == '}' ? "an object" : "a list");
	skip_space(r);
	if (accept(r, close)) {
		r->depth--;
		return 0;
	}
	if (!r->fresh[r->depth] && !accept(r, ','))
		return expected(r, close == '}' ? "',' or '}'" : "',' or ']'", e);
	r->fresh[r->depth] = false;
	skip_space(r);
	return 1;
}

int json_next_key(struct json_reader *r, char **key, struct err *e)
{
	int more = advance(r, '}', e);
	*key = NULL;
	if (more <= 0)
		return more;
	if (json_get_string(r, key, NULL, e))
		return -1;
	skip_space(r);
	if (accept(r, ':'))
		return 1;
	mem_free(*key);
	*key = NULL;
	return expected(r, "':' after a key", e);
}

int json_next_item(struct json_reader *r, struct err *e)
{
	int more = advance(r, ']', e);
	enum json_kind kind = more > 0 ? json_peek(r) : JSON_NULL;
	return kind == JSON_BAD || kind == JSON_END ? expected(r, "a value", e) : more;
}

int json_get_string(struct json_reader *r, char **s, size_t *n, struct err *e)
{
	size_t len;
	*s = NULL;
	skip_space(r);
	struct json_reader start = *r;
	if (scan_string(r, NULL, &len, e))
		return -1;
	if (!(*s = mem_new(len + 1, 1, e)))
		return -1;
	scan_string(&start, *s, &len, NULL);
	if (n) {
		*n = len;
	} else if (memchr(*s, 0, len)) {
		mem_free(*s);
		*s = NULL;
		return err_set(e, "JSON, byte %zu: the string before holds \\u0000, which has no place here", r->pos);
	}
	return 0;
}

/* An integer's sign and magnitude. */
static int get_integer(struct json_reader *r, bool *minus, uint64_t *v, struct err *e)
{
	bool integer;
	skip_space(r);
	size_t start = r->pos;
	if (scan_number(r, &integer, e))
		return -1;
	if (!integer)
		return err_set(e, "JSON, byte %zu: an integer expected, without fraction or exponent", start);
	*minus = r->text[start] == '-';
	*v = 0;
	for (size_t i = start + *minus; i < r->pos; i++) {
		unsigned digit = (unsigned)(r->text[i] - '0');
		if (*v > (UINT64_MAX - digit) / 10)
			return err_set(e, "JSON, byte %zu: the integer is too large", start);
		*v = *v * 10 + digit;
	}
	return 0;
}

int json_get_int(struct json_reader *r, int64_t *v, struct err *e)
{
	bool minus = false;
	uint64_t u = 0;
	if (get_integer(r, &minus, &u, e))
		return -1;
	if (u > (uint64_t)INT64_MAX + minus)
		return err_set(e, "JSON, before byte %zu: the integer is too large", r->pos);
	*v = minus && u ? -(int64_t)(u - 1) - 1 : (int64_t)u;
	return 0;
}

int json_get_uint(struct json_reader *r, uint64_t *v, struct err *e)
{
	bool minus = false;
	if (get_integer(r, &minus, v, e))
		return -1;
	if (minus)
		return err_set(e, "JSON, before byte %zu: the integer must not be negative", r->pos);
	return 0;
}

int json_get_number(struct json_reader *r, double *v, struct err *e)
{
	char small[64], *digits = small;
	bool integer;
	skip_space(r);
	size_t start = r->pos;
	if (scan_number(r, &integer, e))
		return -1;
	size_t n = r->pos - start;
	if (n < sizeof small) {
		memcpy(small, r->text + start, n);
		small[n] = 0;
	} else if (!(digits = mem_strndup(r->text + start, n, e))) {
		return -1;
	}
	*v = strtod(digits, NULL);
	if (digits != small)
		mem_free(digits);
	if (!(fabs(*v) <= DBL_MAX))
		return err_set(e, "JSON, byte %zu: the number is too large", start);
	return 0;
}

int json_get_bool(struct json_reader *r, bool *v, struct err *e)
{
	if (json_peek(r) != JSON_BOOL)
		return expected(r, "true or false", e);
	*v = r->text[r->pos] == 't';
	return scan_word(r, *v ? "true" : "false", e);
}

/* One value that is no container, or the way into one. */
static int skip_or_enter(struct json_reader *r, struct err *e)
{
	bool integer;
	size_t n;
	switch (json_peek(r)) {
	case JSON_OBJECT:
		return json_enter_object(r, e);
	case JSON_ARRAY:
		return json_enter_array(r, e);
	case JSON_STRING:
		return scan_string(r, NULL, &n, e);
	case JSON_NUMBER:
		return scan_number(r, &integer, e);
	case JSON_BOOL:
		return scan_word(r, r->text[r->pos] == 't' ? "true" : "false", e);
	case JSON_NULL:
		return scan_word(r, "null", e);
	default:
		return expected(r, "a value", e);
	}
}

int json_skip(struct json_reader *r, struct err *e)
{
	int outside = r->depth;
	size_t n;
	do {
		if (skip_or_enter(r, e))
			return -1;
		int more = 0;
		while (r->depth > outside && !more) {
			char close = r->close[r->depth];
			more = advance(r, close, e);
			if (more > 0 && close == '}') {
				if (scan_string(r, NULL, &n, e))
					return -1;
				skip_space(r);
				if (!accept(r, ':'))
					return expected(r, "':' after a key", e);
			}
		}
		if (more < 0)
			return -1;
	} while (r->depth > outside);
	return 0;
}

int json_finish(struct json_reader *r, struct err *e)
{
	skip_space(r);
	if (r->depth)
		return expected(r, r->close[r->depth] == '}' ? "'}'" : "']'", e);
	return at_end(r) ? 0 : expected(r, "the end of the text", e);
}
