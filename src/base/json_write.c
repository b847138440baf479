/* The JSON writer. */
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"

static void add(struct json_writer *w, const char *s, size_t n)
{
	if (buf_add(w->b, s, n, NULL))
		w->failed = true;
}

/* The comma that may have to stand before what comes next. */
static void separate(struct json_writer *w)
{
	if (w->comma)
		add(w, ",", 1);
	w->comma = true;
}

static void value(struct json_writer *w, const char *text)
{
	separate(w);
	add(w, text, strlen(text));
}

static void quoted(struct json_writer *w, const char *s, size_t n)
{
	static const char plain[] = "\"\\\b\f\n\r\t", letter[] = "\"\\bfnrt";
	char esc[8];
	size_t i = 0, done = 0; /* s[done..i) needs no escape and is not written yet */
	add(w, "\"", 1);
	while (i < n) {
		unsigned char c = (unsigned char)s[i];
		const char *known = c ? strchr(plain, c) : NULL;
		size_t len = json_utf8(s + i, n - i);
		if (len && c >= 0x20 && !known) {
			i += len;
			continue;
		}
		add(w, s + done, i - done);
		if (known)
			snprintf(esc, sizeof esc, "\\%c", letter[known - plain]);
		else
			snprintf(esc, sizeof esc, "\\u%04x", len ? c : 0xDC00u + c);
		add(w, esc, strlen(esc));
		done = ++i;
	}
	add(w, s + done, i - done);
	add(w, "\"", 1);
}

void json_object_begin(struct json_writer *w)
{
	value(w, "{");
	w->comma = false;
}

void json_object_end(struct json_writer *w)
{
	add(w, "}", 1);
	w->comma = true;
}

void json_array_begin(struct json_writer *w)
{
	value(w, "[");
	w->comma = false;
}

void json_array_end(struct json_writer *w)
{
	add(w, "]", 1);
	w->comma = true;
}

void json_key(struct json_writer *w, const char *key)
{
	json_cstring(w, key);
	add(w, ":", 1);
	w->comma = false;
}

void json_string(struct json_writer *w, const char *s, size_t n)
{
	separate(w);
	quoted(w, s, n);
}

void json_cstring(struct json_writer *w, const char *s)
{
	json_string(w, s, strlen(s));
}

void json_int(struct json_writer *w, int64_t v)
{
	char text[32];
	snprintf(text, sizeof text, "%" PRId64, v);
	value(w, text);
}

void json_uint(struct json_writer *w, uint64_t v)
{
	char text[32];
	snprintf(text, sizeof text, "%" PRIu64, v);
	value(w, text);
}

/* Whole numbers up to 1e15 as such; else the fewest digits that read back the
 * same. More digits never read back worse, so the number is found by halving. */
void json_number(struct json_writer *w, double v)
{
	char text[400]; /* far more than 17 digits need: compilers count the widest double */
	int low = 1, high = 17;
	if (!isfinite(v)) {
		json_null(w);
		return;
	}
	if (fabs(v) < 1e15 && floor(v) == v) {
		snprintf(text, sizeof text, "%.0f", v);
		value(w, text);
		return;
	}
	while (low < high) {
		int mid = (low + high) / 2;
		snprintf(text, sizeof text, "%.*g", mid, v);
		if (strtod(text, NULL) == v)
			high = mid;
		else
			low = mid + 1;
	}
	snprintf(text, sizeof text, "%.*g", low, v);
	value(w, text);
}

void json_bool(struct json_writer *w, bool v)
{
	value(w, v ? "true" : "false");
}

void json_null(struct json_writer *w)
{
	value(w, "null");
}

int json_end_line(struct json_writer *w, struct err *e)
{
	return w->failed ? err_set(e, "out of memory") : buf_puts(w->b, "\n", e);
}
