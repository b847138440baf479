/* The text of a sample: from ids to bytes, where it ends, how it is printed. */
#include <string.h>

#include "base/io.h"
#include "cmd/cmd.h"
#include "cmd/sample.h"
#include "text/utf8.h"

enum {
	MOST_OVER = 3,     /* a UTF-8 sequence has up to three bytes behind its first */
	FLUSH_BYTES = 4096 /* of output that are worth a write off a terminal ... */
};
static const double FLUSH_SECONDS = 0.25; /* ... or as old as this */

/* --- where it ends ------------------------------------------------------------------ */

int sample_unescape(const char *option, const char *s, struct buf *out, struct err *e)
{
	static const char names[] = "nt0\\", bytes[] = "\n\t\0\\";
	for (; *s; s++) {
		const char *name = *s == '\\' && s[1] ? strchr(names, s[1]) : NULL;
		if (*s == '\\' && !name)
			return err_set(e, "--%s: \\%c is no escape; there are \\n, \\t, \\0 and \\\\", option, s[1] ? s[1] : ' ');
		if (buf_add(out, name ? &bytes[name - names] : s, 1, e))
			return -1;
		s += name != NULL;
	}
	return 0;
}

static uint32_t step(const struct stop *stop, uint32_t mark, char c)
{
	while (mark && stop->text.p[mark] != c)
		mark = stop->border[mark - 1];
	return mark + (stop->text.p[mark] == c);
}

int stop_set(struct stop *stop, const char *escaped, struct err *e)
{
	struct stop made = {.border = NULL};
	if (sample_unescape("stop", escaped, &made.text, e) ||
	    !(made.border = mem_new(made.text.len, sizeof *made.border, e))) {
		stop_free(&made);
		return -1;
	}
	for (size_t i = 1; i < made.text.len; i++)
		made.border[i] = step(&made, made.border[i - 1], made.text.p[i]);
	stop_free(stop);
	*stop = made;
	return 0;
}

void stop_free(struct stop *stop)
{
	buf_free(&stop->text);
	mem_free(stop->border);
	*stop = (struct stop){.border = NULL};
}

size_t stop_find(const struct stop *stop, uint32_t *mark, const char *p, size_t n)
{
	for (size_t i = 0; stop->text.len && i < n; i++)
		if ((*mark = step(stop, *mark, p[i])) == stop->text.len)
			return i + 1;
	return 0;
}

int sample_add(const struct sampling *s, struct sample *a, uint32_t id, double nats, bool interrupted, struct err *e)
{
	size_t before = a->text.len, n;
	uint32_t symbol;
	if (vocab_decode(&s->l.vocab, id, &a->text, e))
		return -1;
	a->nats += nats;
	a->drawn++;
	a->state = whole_step(&s->whole, a->state, id);
	if ((n = stop_find(&s->stop, &a->mark, a->text.p + before, a->text.len - before)) > 0) {
		a->stopped = true;
		a->text.len = before + n;
	}
	/* Characters are whole; smaller and larger pieces can end inside one, and so can what
	 * the string to stop at has cut. */
	const unsigned char *p = (const unsigned char *)a->text.p;
	if (s->l.vocab.unit == UNIT_CHAR && !a->stopped)
		a->whole = a->text.len;
	while ((n = utf8_decode_part(p + a->whole, a->text.len - a->whole, &symbol)) > 0)
		a->whole += n;
	bool over = interrupted || a->drawn >= s->o->length;
	a->done = a->stopped || (over && (a->whole == a->text.len || a->over++ == MOST_OVER));
	if (a->done)
		a->text.len = a->whole;
	return 0;
}

/* --- output ------------------------------------------------------------------------- */

int sample_head(const struct sampling *s, struct sample *a, bool first, struct err *e)
{
	struct buf all = {0};
	if (s->o->json)
		return 0;
	if ((!first && buf_add(&all, s->separator.p, s->separator.len, e)) ||
	    buf_add(&all, s->prompt, s->prompt_len, e)) {
		buf_free(&all);
		return -1;
	}
	size_t front = all.len;
	if (buf_add(&all, a->text.p, a->text.len, e)) {
		buf_free(&all);
		return -1;
	}
	buf_free(&a->text);
	a->text = all;
	a->whole += front;
	a->flushed = io_now();
	return 0;
}

void sample_stream(const struct sampling *s, struct sample *a, bool now)
{
	if (s->o->json || a->whole == 0)
		return;
	if (!now && !s->tty && a->whole < FLUSH_BYTES && io_now() - a->flushed < FLUSH_SECONDS)
		return;
	size_t rest = a->text.len - a->whole;
	char begun[4];
	memcpy(begun, a->text.p + a->whole, rest); /* of a UTF-8 sequence, which is shorter */
	a->last = (unsigned char)a->text.p[a->whole - 1];
	a->text.len = a->whole;
	cmd_out(&a->text); /* clears it; what was allocated holds the rest */
	memcpy(a->text.p, begun, rest);
	a->text.len = rest;
	a->whole = 0;
	a->flushed = io_now();
}

static int print_json(const struct sampling *s, const struct sample *a, struct err *e)
{
	struct buf line = {0};
	struct json_writer w = {.b = &line};
	json_object_begin(&w);
	json_key(&w, "sample");
	json_uint(&w, a->number);
	if (!s->o->beam) {
		json_key(&w, "seed");
		json_uint(&w, s->seed);
	}
	json_key(&w, "prompt");
	json_string(&w, s->prompt_len ? (const char *)s->prompt : "", s->prompt_len);
	json_key(&w, "text");
	json_string(&w, a->text.len ? a->text.p : "", a->text.len);
	json_key(&w, "tokens");
	json_int(&w, a->drawn);
	json_key(&w, "nats");
	json_number(&w, a->nats);
	json_key(&w, "stopped");
	json_bool(&w, a->stopped);
	json_object_end(&w);
	int rc = json_end_line(&w, e);
	if (rc == 0)
		cmd_out(&line);
	buf_free(&line);
	return rc;
}

int sample_finish(const struct sampling *s, struct sample *a, struct err *e)
{
	if (s->o->json)
		return print_json(s, a, e);
	int last = a->whole ? (unsigned char)a->text.p[a->whole - 1] : a->last;
	if (last >= 0 && last != '\n') {
		if (buf_puts(&a->text, "\n", e))
			return -1;
		a->whole++;
	}
	sample_stream(s, a, true);
	return 0;
}

void sample_free(struct sample *a)
{
	buf_free(&a->text);
	*a = (struct sample){0};
}
