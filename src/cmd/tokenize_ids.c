/* rnnlm tokenize --ids, --pieces and --decode. */
#include "cmd/tokenize.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/io.h"
#include "base/term.h"
#include "text/utf8.h"

static void note_unknown(uint64_t n, const char *one, const char *many)
{
	if (n)
		cmd_note("%" PRIu64 " %s unknown to the model", n, n == 1 ? one : many);
}

/* --- --ids --- */

static int put_number(struct buf *out, uint32_t n, char after, struct err *e)
{
	char digits[12], *p = digits + sizeof digits;
	*--p = after;
	do
		*--p = (char)('0' + n % 10);
	while (n /= 10);
	return buf_add(out, p, (size_t)(digits + sizeof digits - p), e);
}

static int put_ids(struct buf *out, const struct vocab *v, uint64_t line, const unsigned char *text, size_t len,
                   const uint32_t *ids, size_t n, struct err *e)
{
	(void)v, (void)line, (void)text, (void)len;
	for (size_t i = 0; i < n; i++) {
		if (put_number(out, ids[i], i + 1 < n ? ' ' : '\n', e))
			return -1;
		if (out->len >= TOKENIZE_FLUSH)
			cmd_out(out);
	}
	return 0;
}

static int put_ids_json(struct buf *out, const struct vocab *v, uint64_t line, const unsigned char *text, size_t len,
                        const uint32_t *ids, size_t n, struct err *e)
{
	(void)v, (void)text, (void)len;
	struct json_writer w = {.b = out};
	json_object_begin(&w);
	json_key(&w, "line");
	json_uint(&w, line);
	json_key(&w, "ids");
	json_array_begin(&w);
	for (size_t i = 0; i < n; i++)
		json_uint(&w, ids[i]);
	json_array_end(&w);
	json_object_end(&w);
	return json_end_line(&w, e);
}

/* Ids of a line: of the model, or the symbols' own numbers. */
static int line_ids(const struct vocab *model, enum unit unit, const unsigned char *line, size_t len,
                    uint32_t **ids, size_t *n, size_t *unknown, struct err *e)
{
	*unknown = 0;
	if (model)
		return vocab_encode(model, line, len, ids, n, unknown, e);
	*ids = mem_new(len, sizeof **ids, e);
	if (!*ids)
		return -1;
	*n = 0;
	for (size_t i = 0; i < len; (*n)++) {
		if (unit == UNIT_BYTE)
			(*ids)[*n] = line[i++];
		else
			i += utf8_decode(line + i, len - i, &(*ids)[*n]);
	}
	return 0;
}

/* Prints what put makes of each line's ids. */
typedef int put_line(struct buf *out, const struct vocab *v, uint64_t line, const unsigned char *text, size_t len,
                     const uint32_t *ids, size_t n, struct err *e);

static int each_line(const struct vocab *v, enum unit unit, const unsigned char *text, size_t len, put_line *put,
                     struct err *e)
{
	struct buf out = {0};
	uint64_t unknown = 0, line = 0;
	int rc = 0;
	for (size_t pos = 0, end; rc == 0 && pos < len && !cmd_out_failed(); pos = end) {
		const unsigned char *newline = memchr(text + pos, '\n', len - pos);
		uint32_t *ids = NULL;
		size_t n = 0, misses = 0;
		end = newline ? (size_t)(newline - text) + 1 : len;
		line++;
		rc = line_ids(v, unit, text + pos, end - pos, &ids, &n, &misses, e);
		if (rc == 0)
			rc = put(&out, v, line, text + pos, end - pos, ids, n, e);
		unknown += misses;
		mem_free(ids);
		if (out.len >= TOKENIZE_FLUSH)
			cmd_out(&out);
	}
	cmd_out(&out);
	note_unknown(unknown, "symbol is", "symbols are");
	buf_free(&out);
	return rc;
}

int tokenize_ids(const struct tokenize_options *o, const struct vocab *model, const unsigned char *text,
                 size_t len, struct err *e)
{
	return each_line(model, (enum unit)o->unit, text, len, o->json ? put_ids_json : put_ids, e);
}

/* --- --pieces --- */

static int put_pieces(struct buf *out, const struct vocab *v, uint64_t line, const unsigned char *text, size_t len,
                      const uint32_t *ids, size_t n, struct err *e)
{
	(void)line, (void)text, (void)len;
	for (size_t i = 0; i < n; i++) {
		if (vocab_show_word(v, ids[i], out, e) || buf_puts(out, i + 1 < n ? " " : "\n", e))
			return -1;
		if (out->len >= TOKENIZE_FLUSH)
			cmd_out(out);
	}
	return 0;
}

/* The text that each symbol stands for, of unknown ones too. */
static int put_pieces_json(struct buf *out, const struct vocab *v, uint64_t line, const unsigned char *text, size_t len,
                           const uint32_t *ids, size_t n, struct err *e)
{
	struct json_writer w = {.b = out};
	size_t at = 0;
	json_object_begin(&w);
	json_key(&w, "line");
	json_uint(&w, line);
	json_key(&w, "pieces");
	json_array_begin(&w);
	for (size_t i = 0; i < n; i++) {
		size_t span = vocab_span(v, ids[i], text + at, len - at);
		json_string(&w, (const char *)text + at, span);
		at += span;
	}
	json_array_end(&w);
	json_object_end(&w);
	return json_end_line(&w, e);
}

int tokenize_pieces(const struct tokenize_options *o, const struct vocab *v, const unsigned char *text, size_t len,
                    struct err *e)
{
	return each_line(v, v->unit, text, len, o->json ? put_pieces_json : put_pieces, e);
}

/* --- --decode --- */

struct decoder {
	const struct vocab *model; /* or NULL: ids are symbols */
	enum unit unit;
	const char *file;
	uint64_t line;
	uint64_t unknown;
	struct buf out;
};

static bool is_blank(unsigned char c)
{
	return c == ' ' || (c >= '\t' && c <= '\r');
}

/* 1 if the id stands for nothing. */
static int decode_id(struct decoder *d, uint64_t id, struct err *e)
{
	unsigned char bytes[4];
	size_t n = 0;
	if (d->model) {
		if (id >= d->model->size)
			return 1;
		d->unknown += id == d->model->size - 1;
		return vocab_decode(d->model, (uint32_t)id, &d->out, e);
	}
	if (d->unit == UNIT_CHAR && id <= UINT32_MAX) {
		n = utf8_encode((uint32_t)id, bytes);
	} else if (d->unit == UNIT_BYTE && id < 256) {
		bytes[0] = (unsigned char)id;
		n = 1;
	}
	return n ? buf_add(&d->out, bytes, n, e) : 1;
}

static int bad_item(const struct decoder *d, size_t item, const unsigned char *s, size_t len,
                    struct err *e)
{
	struct buf shown = {0};
	char range[128];
	if (d->model)
		snprintf(range, sizeof range, "the model's ids are 0 to %" PRIu32, d->model->size - 1);
	else if (d->unit == UNIT_BYTE)
		snprintf(range, sizeof range, "bytes are 0 to 255");
	else
		snprintf(range, sizeof range, "code points are 0 to 55295 and 57344 to 1114111, bytes that are "
		                              "not UTF-8 are 56448 to 56575");
	term_visible((const char *)s, len < 40 ? len : 40, &shown, NULL);
	err_set(e, "%s: line %" PRIu64 ", item %zu: \"%s%s\" is not an id: %s", d->file, d->line, item,
	        shown.p ? shown.p : "", len > 40 ? "..." : "", range);
	buf_free(&shown);
	return -1;
}

static int decode_line(struct decoder *d, const unsigned char *s, size_t len, struct err *e)
{
	size_t i = 0;
	for (size_t item = 1;; item++) {
		while (i < len && is_blank(s[i]))
			i++;
		if (i == len)
			return 0;
		size_t start = i;
		uint64_t id = 0;
		bool number = true;
		for (; i < len && !is_blank(s[i]); i++) {
			if (s[i] < '0' || s[i] > '9')
				number = false;
			else if (id <= UINT32_MAX) /* beyond that it is too large anyway */
				id = 10 * id + (uint64_t)(s[i] - '0');
		}
		int rc = number ? decode_id(d, id, e) : 1;
		if (rc)
			return rc < 0 ? -1 : bad_item(d, item, s + start, i - start, e);
	}
}

static int print_text(struct decoder *d, struct err *e)
{
	struct buf line = {0};
	struct json_writer w = {.b = &line};
	json_object_begin(&w);
	json_key(&w, "text");
	json_string(&w, d->out.p ? d->out.p : "", d->out.len);
	json_object_end(&w);
	int rc = json_end_line(&w, e);
	if (rc == 0)
		cmd_out(&line);
	buf_free(&line);
	return rc;
}

int tokenize_decode(const struct tokenize_options *o, const struct vocab *model, const char *const *files,
                         int nfiles, struct err *e)
{
	struct decoder d = {.model = model, .unit = (enum unit)o->unit};
	int rc = 0;
	for (int i = 0; rc == 0 && i < nfiles; i++) {
		struct io_lines lines = {0};
		const unsigned char *s;
		size_t len;
		bool newline;
		if (io_lines_open(&lines, files[i], e)) {
			rc = -1;
			break;
		}
		d.file = strcmp(files[i], "-") == 0 ? "standard input" : files[i];
		while (!cmd_out_failed() && (rc = io_lines_next(&lines, &s, &len, &newline, e)) == 1) {
			d.line = lines.number;
			rc = decode_line(&d, s, len, e);
			if (rc)
				break;
			if (!o->json && d.out.len >= TOKENIZE_FLUSH)
				cmd_out(&d.out);
		}
		io_lines_close(&lines);
	}
	/* What stood before a bad id is printed all the same, but not half an object. */
	if (!o->json)
		cmd_out(&d.out);
	else if (rc == 0)
		rc = print_text(&d, e);
	note_unknown(d.unknown, "id stands for a symbol", "ids stand for symbols");
	buf_free(&d.out);
	return rc;
}
