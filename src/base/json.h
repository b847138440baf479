/* A small strict JSON reader (RFC 8259: no comments, no trailing commas, no
 * duplicate keys checked here, depth at most JSON_DEPTH, text must be UTF-8)
 * and a writer. The reader is a cursor over text held by the caller: nothing is
 * built, so hostile input costs no memory beyond the strings asked for.
 *
 * Bytes that are not UTF-8 travel as lone low surrogates: byte b >= 0x80 is
 * written \udcXX with XX = b (Python's surrogateescape), and read back as that
 * byte. Other lone surrogates are refused. */
#ifndef RNNLM_BASE_JSON_H
#define RNNLM_BASE_JSON_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/mem.h"

#define JSON_DEPTH 16

enum json_kind { JSON_END, JSON_OBJECT, JSON_ARRAY, JSON_STRING, JSON_NUMBER, JSON_BOOL, JSON_NULL, JSON_BAD };

/* Bytes of the UTF-8 sequence that s (of n bytes) starts with: 1 to 4, or 0 if
 * it is not one (overlong, a surrogate, above U+10FFFF, cut, or n = 0). */
size_t json_utf8(const void *s, size_t n);

struct json_reader {
	const char *text;
	size_t len, pos;
	int depth;
	bool fresh[JSON_DEPTH + 1]; /* no member or item of this level read yet */
	char close[JSON_DEPTH + 1];
};

void json_open(struct json_reader *r, const char *text, size_t len);
/* The kind of the value that stands at the cursor (JSON_BAD if none does). */
enum json_kind json_peek(struct json_reader *r);
/* Enters the object or array at the cursor. 0 or -1. */
int json_enter_object(struct json_reader *r, struct err *e);
int json_enter_array(struct json_reader *r, struct err *e);
/* Next member of the object: 1 with *key (mem_free it) and the cursor on its
 * value; 0 when the object ended (and is left); -1 on error. */
int json_next_key(struct json_reader *r, char **key, struct err *e);
/* Next item of the array: 1 with the cursor on it; 0 ended; -1. */
int json_next_item(struct json_reader *r, struct err *e);
/* The value at the cursor. Strings are 0-terminated, length in *n (n may be
 * NULL: then a string that holds U+0000 is refused); mem_free them. Integers
 * must be written without fraction or exponent and fit. */
int json_get_string(struct json_reader *r, char **s, size_t *n, struct err *e);
int json_get_int(struct json_reader *r, int64_t *v, struct err *e);
int json_get_uint(struct json_reader *r, uint64_t *v, struct err *e);
int json_get_number(struct json_reader *r, double *v, struct err *e);
int json_get_bool(struct json_reader *r, bool *v, struct err *e);
int json_skip(struct json_reader *r, struct err *e);
/* Only white space may follow. Errors name the byte offset. */
int json_finish(struct json_reader *r, struct err *e);

/* Writer: appends to a buf; puts the commas. A failed allocation is remembered
 * in failed. Numbers: shortest text that reads back the same; NaN and the
 * infinities are written null. */
struct json_writer {
	struct buf *b;
	bool comma, failed;
};
void json_object_begin(struct json_writer *w);
void json_object_end(struct json_writer *w);
void json_array_begin(struct json_writer *w);
void json_array_end(struct json_writer *w);
void json_key(struct json_writer *w, const char *key);
void json_string(struct json_writer *w, const char *s, size_t n);
void json_cstring(struct json_writer *w, const char *s);
void json_int(struct json_writer *w, int64_t v);
void json_uint(struct json_writer *w, uint64_t v);
void json_number(struct json_writer *w, double v);
void json_bool(struct json_writer *w, bool v);
void json_null(struct json_writer *w);
/* A line break behind what was written: the end of an object per line. -1 if this, or
 * anything before it, found no memory. */
int json_end_line(struct json_writer *w, struct err *e);

#endif
