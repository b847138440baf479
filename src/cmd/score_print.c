/* rnnlm score: tables and JSON. */
#include "cmd/score.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/term.h"

#define LN10 2.302585092994045684
#define TABLE_TOP 3   /* alternatives in a row of the table; JSON has SCORE_TOP */
#define LEAST_TEXT 16 /* columns of text shown on a narrow terminal */

/* Figures of one result; NaN where there is nothing to divide by. */
struct figures {
	double log10p, nats_per_char, bits_per_char, perplexity;
};

static struct figures figures_of(const struct score_item *it)
{
	double chars = it->chars ? (double)it->chars : NAN, tokens = it->tokens ? (double)it->tokens : NAN;
	return (struct figures){.log10p = it->nats != 0 ? -it->nats / LN10 : 0,
	                        .nats_per_char = it->nats / chars,
	                        .bits_per_char = it->nats / LN2 / chars,
	                        .perplexity = exp(it->nats / tokens)};
}

static double shown_nats(double nats)
{
	return nats > 0 ? nats : 0;
}

static bool shaded(const struct scorer *s)
{
	return s->o->heat || s->o->html;
}

int score_flush(struct scorer *s)
{
	cmd_out(&s->out);
	return cmd_out_failed() ? -1 : 0;
}

static int flush_if_large(struct scorer *s)
{
	return s->out.len >= SCORE_FLUSH ? score_flush(s) : 0;
}

int score_json_written(const struct json_writer *w, struct err *e)
{
	return w->failed ? err_set(e, "out of memory") : 0;
}

/* --- symbols -------------------------------------------------------------------------- */

int score_show_symbol(const struct vocab *v, uint32_t id, const unsigned char *text, size_t len,
                      struct buf *out, struct err *e)
{
	if (vocab_show_word(v, id, out, e))
		return -1;
	if (id != v->size - 1)
		return 0;
	return buf_puts(out, ":", e) ? -1 : text[0] == ' ' ? buf_puts(out, "\\s", e) :
		term_visible((const char *)text, len, out, e);
}

static int pad(struct buf *out, size_t from, size_t width, struct err *e)
{
	for (size_t c = term_columns(out->p + from, out->len - from); c < width; c++)
		if (buf_puts(out, " ", e))
			return -1;
	return 0;
}

/* null for the unknown: there is no text for it. */
static int json_symbol(struct json_writer *w, const struct vocab *v, uint32_t id, struct err *e)
{
	struct buf symbol = {0};
	int rc = 0;
	json_key(w, "symbol");
	if (id == v->size - 1)
		json_null(w);
	else if ((rc = vocab_decode(v, id, &symbol, e)) == 0)
		json_string(w, symbol.p, symbol.len);
	buf_free(&symbol);
	return rc;
}

static int row_json(struct scorer *s, struct score_item *it, const struct score_row *r, struct err *e)
{
	/* A comma before each; score_print_rows drops the first. */
	struct json_writer w = {.b = &it->rows, .comma = true};
	json_object_begin(&w);
	json_key(&w, "symbol");
	json_string(&w, (const char *)it->text + it->at, r->len);
	json_key(&w, "id");
	json_uint(&w, r->id);
	json_key(&w, "prob");
	json_number(&w, prob_of(r->nats));
	json_key(&w, "nats");
	json_number(&w, shown_nats(r->nats));
	json_key(&w, "rank");
	json_uint(&w, r->rank);
	json_key(&w, "top");
	json_array_begin(&w);
	for (size_t i = 0; i < r->ntop; i++) {
		json_object_begin(&w);
		if (json_symbol(&w, &s->l->vocab, s->top[i].id, e))
			return -1;
		json_key(&w, "prob");
		json_number(&w, prob_of(r->lse - (double)s->top[i].logit));
		json_object_end(&w);
	}
	json_array_end(&w);
	json_object_end(&w);
	return score_json_written(&w, e);
}

int score_add_row(struct scorer *s, struct score_item *it, const struct score_row *r, struct err *e)
{
	const struct vocab *v = &s->l->vocab;
	struct buf *out = &it->rows;
	size_t start = out->len;
	if (shaded(s))
		return score_shade_symbol(s, it, r, e);
	if (s->o->json)
		return row_json(s, it, r, e);
	if (score_show_symbol(v, r->id, it->text + it->at, r->len, out, e) || pad(out, start, 8, e) ||
	    buf_printf(out, e, " %12.6g %8.4f %8.4f %6zu ", prob_of(r->nats), shown_nats(r->nats),
	               shown_nats(r->nats) / LN2, r->rank))
		return -1;
	for (size_t i = 0; i < r->ntop && i < TABLE_TOP; i++) {
		if (buf_puts(out, " ", e))
			return -1;
		start = out->len;
		if (vocab_show_word(v, s->top[i].id, out, e) || pad(out, start, 2, e) ||
		    buf_printf(out, e, " %.3f", prob_of(r->lse - (double)s->top[i].logit)))
			return -1;
	}
	return buf_puts(out, "\n", e);
}

int score_add_next(struct scorer *s, struct score_item *it, size_t ntop, double lse, struct err *e)
{
	const struct vocab *v = &s->l->vocab;
	struct json_writer w = {.b = &it->next};
	if (s->o->json)
		json_array_begin(&w);
	for (size_t i = 0; i < ntop; i++) {
		uint32_t id = s->top[i].id;
		double nats = lse - (double)s->top[i].logit;
		if (!s->o->json) {
			if (buf_printf(&it->next, e, "%4zu %12.6g %8.4f  ", i + 1, prob_of(nats), shown_nats(nats) / LN2) ||
			    vocab_show_word(v, id, &it->next, e) || buf_puts(&it->next, "\n", e))
				return -1;
			continue;
		}
		json_object_begin(&w);
		if (json_symbol(&w, v, id, e))
			return -1;
		json_key(&w, "id");
		json_uint(&w, id);
		json_key(&w, "prob");
		json_number(&w, prob_of(nats));
		json_object_end(&w);
	}
	if (s->o->json)
		json_array_end(&w);
	return score_json_written(&w, e);
}

/* --- results as JSON ------------------------------------------------------------------- */

static int head_json(struct scorer *s, const struct score_item *it, struct err *e)
{
	struct json_writer w = {.b = &s->out};
	json_object_begin(&w);
	if (it->line) {
		json_key(&w, "line");
		json_uint(&w, it->line);
	}
	if (it->id) {
		json_key(&w, "id");
		json_string(&w, it->id, it->id_len);
	}
	json_key(&w, s->o->file ? it->line ? "text" : "file" : "text");
	json_string(&w, it->label, it->label_len);
	json_key(&w, "protocol");
	json_cstring(&w, s->protocol);
	if (s->o->per_token) {
		json_key(&w, "per_token");
		json_array_begin(&w);
	}
	return score_json_written(&w, e);
}

static int tail_json(struct scorer *s, const struct score_item *it, struct err *e)
{
	struct json_writer w = {.b = &s->out, .comma = true};
	struct figures f = figures_of(it);
	if (s->o->per_token)
		json_array_end(&w);
	json_key(&w, "tokens");
	json_uint(&w, it->tokens);
	json_key(&w, "chars");
	json_uint(&w, it->chars);
	json_key(&w, "nats");
	json_number(&w, it->nats);
	json_key(&w, "log10p");
	json_number(&w, f.log10p);
	json_key(&w, "nats_per_char");
	json_number(&w, f.nats_per_char);
	json_key(&w, "bits_per_char");
	json_number(&w, f.bits_per_char);
	json_key(&w, "perplexity");
	json_number(&w, f.perplexity);
	json_key(&w, "unknown");
	json_uint(&w, it->unknown);
	json_key(&w, "nats_known");
	json_number(&w, it->nats_known);
	if (s->adapt)
		score_adapt_json(s, it, &w);
	if (s->other && score_against_json(&w, it, e))
		return -1;
	if (s->o->rank || s->o->top_lines) {
		json_key(&w, "rank");
		json_uint(&w, it->rank);
	}
	if (s->o->rank && !s->other) {
		json_key(&w, "relative");
		json_number(&w, it->relative);
	}
	if (score_json_written(&w, e))
		return -1;
	if (s->o->next && (buf_puts(&s->out, ",\"next\":", e) ||
	                   buf_puts(&s->out, it->next.len ? it->next.p : "[]", e)))
		return -1;
	json_object_end(&w);
	return score_json_written(&w, e) || buf_puts(&s->out, "\n", e) ? -1 : 0;
}

/* --- results as tables ------------------------------------------------------------------ */

int score_put_label(struct scorer *s, const struct score_item *it, size_t line_start, struct err *e)
{
	struct buf *out = &s->out;
	size_t used = term_columns(out->p + line_start, out->len - line_start), from = out->len;
	if (term_visible(it->label, it->label_len, out, e))
		return -1;
	if (!s->width)
		return 0;
	size_t most = (size_t)s->width > used + LEAST_TEXT ? (size_t)s->width - used : LEAST_TEXT;
	if (term_columns(out->p + from, out->len - from) <= most)
		return 0;
	size_t end = from, columns = 0;
	while (end < out->len) {
		size_t len = json_utf8(out->p + end, out->len - end), wide = term_columns(out->p + end, len);
		if (columns + wide > most - 3)
			break;
		columns += wide;
		end += len;
	}
	out->len = end;
	return buf_puts(out, "...", e);
}

int score_put_number(struct buf *out, int width, int decimals, double v, struct err *e)
{
	if (isnan(v))
		return buf_printf(out, e, "%*s ", width, "-");
	if (fabs(v) >= 1e9)
		return buf_printf(out, e, "%*.*g ", width, decimals + 2, v);
	return buf_printf(out, e, "%*.*f ", width, decimals, v);
}

static int put_header(struct scorer *s, const struct score_item *it, struct err *e)
{
	struct buf *out = &s->out;
	const char *label = it->line || !s->o->file ? "text" : "file";
	int wide = (int)strlen(s->protocol);
	if (s->other ? score_against_put(s, it, true, e) :
	    s->o->top_lines ? score_top_put(s, it, true, e) :
	    s->o->rank ? buf_puts(out, "rank relative      nats   log10P bits/char  unk ", e)
	               : buf_puts(out, "tokens      nats   log10P nats/char bits/char perplexity  unk     known ", e))
		return -1;
	if (s->adapt && score_adapt_put_header(s, out, e))
		return -1;
	wide = wide < 8 ? 8 : wide;
	return buf_printf(out, e, " %-*s%s  %s\n", wide, "protocol", it->line ? "   line" : "", it->id ? "id  text" : label);
}

static int put_result(struct scorer *s, const struct score_item *it, struct err *e)
{
	struct buf *out = &s->out;
	struct figures f = figures_of(it);
	size_t start = out->len;
	double nats = shown_nats(it->nats);
	if (s->other ? score_against_put(s, it, false, e) :
	    s->o->top_lines ? score_top_put(s, it, false, e) :
	    s->o->rank
	    ? buf_printf(out, e, "%4zu %8.6f ", it->rank, it->relative) || score_put_number(out, 9, 3, nats, e) ||
	      score_put_number(out, 8, 2, f.log10p, e) || score_put_number(out, 9, 4, f.bits_per_char, e)
	    : buf_printf(out, e, "%6zu ", it->tokens) || score_put_number(out, 9, 3, nats, e) ||
	      score_put_number(out, 8, 2, f.log10p, e) || score_put_number(out, 9, 4, f.nats_per_char, e) ||
	      score_put_number(out, 9, 4, f.bits_per_char, e) || score_put_number(out, 10, 4, f.perplexity, e))
		return -1;
	bool own = s->other || s->o->top_lines; /* columns of their own */
	if ((!own && buf_printf(out, e, "%4zu ", it->unknown)) ||
	    (!own && !s->o->rank && score_put_number(out, 9, 3, shown_nats(it->nats_known), e)) ||
	    (s->adapt && score_adapt_put(s, it, out, e)) ||
	    buf_printf(out, e, " %-8s", s->protocol) ||
	    (it->line && buf_printf(out, e, " %6llu", (unsigned long long)it->line)) || buf_puts(out, "  ", e))
		return -1;
	if (it->id && (term_visible(it->id, it->id_len, out, e) || buf_puts(out, "  ", e)))
		return -1;
	return score_put_label(s, it, start, e) || buf_puts(out, "\n", e) ? -1 : 0;
}

static int put_next(struct scorer *s, const struct score_item *it, struct err *e)
{
	size_t start = s->out.len;
	if (buf_puts(&s->out, "rank         prob     bits  symbol", e) ||
	    buf_puts(&s->out, it->label_len ? " after: " : " at the start", e) || score_put_label(s, it, start, e) ||
	    buf_puts(&s->out, "\n", e))
		return -1;
	if (it->next.len)
		return buf_add(&s->out, it->next.p, it->next.len, e);
	return 0;
}

/* --- a result ----------------------------------------------------------------------------- */

int score_print_head(struct scorer *s, const struct score_item *it, struct err *e)
{
	s->rows = false;
	if (shaded(s))
		return score_shade_head(s, it, e);
	if (s->o->json)
		return head_json(s, it, e);
	bool block = s->o->per_token || s->o->next; /* tables of its own, set apart by blank lines */
	if (block && s->blocks && buf_puts(&s->out, "\n", e))
		return -1;
	s->blocks = true;
	if (s->o->per_token)
		return buf_puts(&s->out, "symbol           prob     nats     bits   rank  likeliest\n", e);
	return 0;
}

int score_print_rows(struct scorer *s, struct buf *rows, struct err *e)
{
	size_t comma = s->o->json && !s->rows;
	if (!rows->len)
		return 0;
	int rc = shaded(s) ? score_shade_rows(s, rows, e) : buf_add(&s->out, rows->p + comma, rows->len - comma, e);
	s->rows = true;
	buf_clear(rows);
	return rc ? rc : flush_if_large(s);
}

int score_print_tail(struct scorer *s, const struct score_item *it, struct err *e)
{
	if (s->o->json)
		return tail_json(s, it, e) ? -1 : flush_if_large(s);
	if (shaded(s) && score_shade_tail(s, it, e))
		return -1;
	if (s->o->html || (s->o->heat && it->line)) /* complete as it is */
		return flush_if_large(s);
	if (s->o->per_token && buf_puts(&s->out, "\n", e))
		return -1;
	if (s->o->per_token || !s->o->next) {
		if ((s->o->per_token || s->o->heat || !s->header) && put_header(s, it, e))
			return -1;
		s->header = true;
		if (put_result(s, it, e))
			return -1;
	}
	if (s->o->next && ((s->o->per_token && buf_puts(&s->out, "\n", e)) || put_next(s, it, e)))
		return -1;
	return flush_if_large(s);
}

int score_print(struct scorer *s, struct score_item *it, struct err *e)
{
	return score_print_head(s, it, e) || score_print_rows(s, &it->rows, e) || score_print_tail(s, it, e) ? -1 : 0;
}
