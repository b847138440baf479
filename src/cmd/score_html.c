/* rnnlm score --html: one page that needs nothing else. Texts are blocks, lines rows
 * of a table; what is known of a symbol appears at the foot of the window while it is
 * pointed at. Everything that comes from a text, a name or a vocabulary is escaped. */
#include "cmd/score.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/term.h"

static const char page[] =
	"<!doctype html>\n"
	"<html lang=\"und\">\n"
	"<meta charset=\"utf-8\">\n"
	"<meta name=\"viewport\" content=\"width=device-width\">\n"
	"<meta name=\"color-scheme\" content=\"light dark\">\n"
	"<title>rnnlm score</title>\n"
	"<style>\n"
	":root{color-scheme:light dark;--page:#fff;--ink:#1b1b1b;--dim:#666;--line:#ddd;--box:#f4f4f4;\n"
	"--b1:#fff3bf;--i1:#1b1b1b;--b2:#fedc7f;--i2:#1b1b1b;--b3:#feb24c;--i3:#1b1b1b;\n"
	"--b4:#fb7c3c;--i4:#1b1b1b;--b5:#d7191c;--i5:#fff;--b6:#7a0026;--i6:#fff}\n"
	"@media(prefers-color-scheme:dark){:root{--page:#14161a;--ink:#d8d8d8;--dim:#9a9a9a;--line:#33363c;"
	"--box:#22252b;\n"
	"--b1:#2d3440;--i1:#d8d8d8;--b2:#3f4a2f;--i2:#eee;--b3:#6b5a12;--i3:#fff;\n"
	"--b4:#a85a0a;--i4:#fff;--b5:#e2503a;--i5:#000;--b6:#ffa3a3;--i6:#000}}\n"
	"body{margin:2em auto 7em;padding:0 1em;max-width:60em;background:var(--page);color:var(--ink);"
	"font:15px/1.5 system-ui,sans-serif}\n"
	"h1{font-size:1.3em;margin:0 0 .3em}h2{font-size:1em;margin:2em 0 .3em;overflow-wrap:anywhere}\n"
	"p{margin:.3em 0}.dim,th{color:var(--dim);font-weight:normal}\n"
	"pre,i{font:15px/1.6 ui-monospace,monospace}\n"
	"pre{margin:0;white-space:pre-wrap;overflow-wrap:anywhere;tab-size:8}\n"
	"section{margin-top:1.5em}section pre{padding:.7em;border:1px solid var(--line);border-radius:4px}\n"
	"table{border-collapse:collapse;font-variant-numeric:tabular-nums}\n"
	"td,th{padding:0 1em .1em 0;text-align:right;vertical-align:top}\n"
	"td:last-child,th:last-child{text-align:left;padding-right:0}\n"
	".legend i{padding:.1em .5em;white-space:nowrap}\n"
	"i{font-style:normal;border-radius:2px;-webkit-print-color-adjust:exact;print-color-adjust:exact}\n"
	".b1{background:var(--b1);color:var(--i1)}.b2{background:var(--b2);color:var(--i2)}\n"
	".b3{background:var(--b3);color:var(--i3)}.b4{background:var(--b4);color:var(--i4)}\n"
	".b5{background:var(--b5);color:var(--i5)}.b6{background:var(--b6);color:var(--i6)}\n"
	".u{text-decoration:underline wavy 2px}\n"
	"pre i:hover{outline:2px solid var(--ink)}\n"
	"pre i[data-t]:hover::after{content:attr(data-t);position:fixed;left:0;right:0;bottom:0;z-index:1;\n"
	"padding:.6em 1.2em;white-space:pre-wrap;background:var(--box);color:var(--ink);"
	"border-top:1px solid var(--line);text-decoration:none;cursor:default}\n"
	"</style>\n"
	"<h1>How surprising is each symbol?</h1>\n";

/* Text with everything that means something in HTML escaped, in quotes or not. */
static int put_escaped(struct buf *out, const char *text, size_t len, struct err *e)
{
	size_t done = 0;
	for (size_t i = 0; i < len; i++) {
		const char *name = text[i] == '&' ? "&amp;" : text[i] == '<' ? "&lt;" : text[i] == '>' ? "&gt;" :
			text[i] == '"' ? "&quot;" : text[i] == '\'' ? "&#39;" : NULL;
		if (!name)
			continue;
		if (buf_add(out, text + done, i - done, e) || buf_puts(out, name, e))
			return -1;
		done = i + 1;
	}
	return buf_add(out, text + done, len - done, e);
}

/* The same of any bytes: control characters and what is not UTF-8 made visible. */
static int put_text(struct buf *out, const char *text, size_t len, struct err *e)
{
	struct buf seen = {0};
	int rc = term_visible(text, len, &seen, e);
	if (rc == 0)
		rc = put_escaped(out, seen.p, seen.len, e);
	buf_free(&seen);
	return rc;
}

int score_html_begin(struct scorer *s, struct err *e)
{
	struct buf *out = &s->out;
	if (buf_puts(out, page, e) || buf_puts(out, "<p>Model <b>", e) || put_text(out, s->l->path, strlen(s->l->path), e) ||
	    buf_puts(out, "</b></p>\n<p class=\"legend\">Surprisal in bits: ", e))
		return -1;
	for (int i = 0; i < SCORE_LEVELS; i++) {
		double from = score_level_bits[i];
		if (buf_printf(out, e, "<i class=\"b%d\">", i) ||
		    (i == 0 ? buf_printf(out, e, "below %g", score_level_bits[1]) :
		     i + 1 == SCORE_LEVELS ? buf_printf(out, e, "%g and more", from) :
		     buf_printf(out, e, "%g to %g", from, score_level_bits[i + 1])) ||
		    buf_puts(out, "</i> ", e))
			return -1;
	}
	return buf_puts(out, "<i class=\"u\">unknown symbol</i></p>\n"
	                     "<p class=\"dim\">Point at a symbol for its probability, its rank and the "
	                     "likeliest in its place.</p>\n", e);
}

/* --- symbols -------------------------------------------------------------------------- */

int score_html_tip(struct scorer *s, struct score_item *it, const struct score_row *r, struct buf *tip,
                   struct err *e)
{
	const struct vocab *v = &s->l->vocab;
	struct buf text = {0};
	double nats = r->nats > 0 ? r->nats : 0;
	int rc = -1;
	if (score_show_symbol(v, r->id, it->text + it->at, r->len, &text, e) ||
	    buf_printf(&text, e, "   p = %.4g   %.3f bits (%.3f nats)   rank %zu of %u\nlikeliest here:",
	               exp(-nats), nats / LN2, nats, r->rank, (unsigned)v->size))
		goto out;
	for (size_t i = 0; i < r->ntop; i++) {
		double other = r->lse - (double)s->top[i].logit;
		if (buf_puts(&text, "   ", e) || vocab_show(v, s->top[i].id, &text, e) ||
		    buf_printf(&text, e, " %.3f", other > 0 ? exp(-other) : 1))
			goto out;
	}
	if (buf_puts(&text, "\n", e))
		goto out;
	rc = put_escaped(tip, text.p, text.len, e);
out:
	buf_free(&text);
	return rc;
}

int score_html_cell(struct scorer *s, const struct score_cell *c, struct err *e)
{
	struct buf *out = &s->out;
	int level = score_level(c->nats);
	bool newline = c->bytes.p[0] == '\n';
	size_t tip = c->tip.len;
	if (tip && c->tip.p[tip - 1] == '\n')
		tip--;
	if (buf_printf(out, e, "<i class=\"b%d%s\"", level, c->unknown ? " u" : "") ||
	    buf_puts(out, " data-t=\"", e) ||
	    (c->scored ? buf_add(out, c->tip.p, tip, e) : buf_puts(out, "not scored: nothing is read before it", e)) ||
	    buf_puts(out, "\">", e))
		return -1;
	if (newline ? (level || c->unknown) && buf_puts(out, "\xE2\x86\xB5", e)
	            : c->bytes.p[0] == '\t' ? buf_puts(out, "\t", e) : put_text(out, c->bytes.p, c->bytes.len, e))
		return -1;
	return buf_puts(out, newline ? "</i>\n" : "</i>", e);
}

/* --- results -------------------------------------------------------------------------- */

/* A number, or a dash where there is none. */
static int put_figure(struct buf *out, const char *format, double v, struct err *e)
{
	char text[64];
	snprintf(text, sizeof text, format, v);
	return buf_puts(out, isfinite(v) ? text : "\xE2\x80\x93", e);
}

static int put_figures(struct scorer *s, const struct score_item *it, struct err *e)
{
	struct buf *out = &s->out;
	double chars = it->chars ? (double)it->chars : NAN, tokens = it->tokens ? (double)it->tokens : NAN;
	if (buf_puts(out, "<p class=\"dim\">", e) ||
	    (s->o->rank && buf_printf(out, e, "rank %zu, relative probability %.6f, ", it->rank, it->relative)) ||
	    put_figure(out, "%.4f bits per character, ", it->nats / LN2 / chars, e) ||
	    put_figure(out, "%.4f nats per character, ", it->nats / chars, e) ||
	    put_figure(out, "perplexity %.4f, ", exp(it->nats / tokens), e) ||
	    buf_printf(out, e, "%zu symbols, %.3f nats, log<sub>10</sub> P %.2f", it->tokens, it->nats,
	               it->nats > 0 ? -it->nats / log(10) : 0))
		return -1;
	if (it->unknown &&
	    buf_printf(out, e, ", %zu unknown (%.3f nats without)", it->unknown, it->nats_known))
		return -1;
	return buf_printf(out, e, "; protocol %s</p>\n", s->protocol);
}

int score_html_head(struct scorer *s, const struct score_item *it, struct err *e)
{
	struct buf *out = &s->out;
	if (!it->line)
		return buf_puts(out, "<section>\n", e) ||
		       (s->o->file && (buf_puts(out, "<h2>", e) || put_text(out, it->label, it->label_len, e) ||
		                       buf_puts(out, "</h2>\n", e))) ||
		       buf_puts(out, "<pre>", e) ? -1 : 0;
	if (!s->header &&
	    buf_printf(out, e, "<p class=\"dim\">Protocol: %s</p>\n<table>\n<tr>%s<th>bits/char<th>line%s<th>text\n",
	               s->protocol, s->o->rank ? "<th>rank<th>relative" : "", it->id ? "<th>id" : ""))
		return -1;
	s->header = true;
	if (buf_puts(out, "<tr>", e) ||
	    (s->o->rank && buf_printf(out, e, "<td>%zu<td>%.6f", it->rank, it->relative)) ||
	    buf_puts(out, "<td>", e) ||
	    put_figure(out, "%.4f", it->chars ? it->nats / LN2 / (double)it->chars : NAN, e) ||
	    buf_printf(out, e, "<td>%llu", (unsigned long long)it->line))
		return -1;
	if (it->id && (buf_puts(out, "<td>", e) || put_text(out, it->id, it->id_len, e)))
		return -1;
	return buf_puts(out, "<td><pre>", e);
}

int score_html_tail(struct scorer *s, const struct score_item *it, struct err *e)
{
	if (it->line)
		return buf_puts(&s->out, "</pre>\n", e);
	return buf_puts(&s->out, "</pre>\n", e) || put_figures(s, it, e) ||
	       buf_puts(&s->out, "</section>\n", e) ? -1 : 0;
}

int score_html_end(struct scorer *s, struct err *e)
{
	const struct score_total *t = &s->total;
	if (s->header && buf_puts(&s->out, "</table>\n", e))
		return -1;
	if (t->n < 2 || !t->chars)
		return 0;
	return buf_printf(&s->out, e, "<p>All %zu together: %.4f bits per character, %zu symbols, %.3f nats, %zu "
	                  "unknown</p>\n", t->n, t->nats / LN2 / (double)t->chars, t->tokens, t->nats, t->unknown);
}
