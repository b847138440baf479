/* rnnlm score --heat: the text in a terminal. With colours, a background for each
 * symbol; without, whole bits as digits under each line. */
#include "cmd/score.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/term.h"

#define TAB 8
#define LEAST_WIDTH 16 /* columns of text beside the margin on a narrow terminal */
#define UNDERLINED 16  /* added to a level */

/* Background and foreground are set together, so that both dark and light terminals
 * can be read; from calm and cool to dark and warm, in xterm's cube of 256 colours. */
static const char *const colours[SCORE_LEVELS] = {
	"", "48;5;109;38;5;16", "48;5;150;38;5;16", "48;5;221;38;5;16",
	"48;5;208;38;5;16", "48;5;160;38;5;231", "48;5;90;38;5;231",
};

/* Level, and UNDERLINED; nothing is sent while it stays. */
static int set_style(struct scorer *s, int style, struct err *e)
{
	if (!s->colour || style == s->shade.style)
		return 0;
	int level = style % UNDERLINED;
	s->shade.style = style;
	if (!style)
		return buf_puts(&s->out, "\033[0m", e);
	return buf_printf(&s->out, e, "\033[0%s%s%sm", style >= UNDERLINED ? ";1;4" : "", level ? ";" : "",
	                  colours[level]);
}

int score_heat_begin(struct scorer *s, struct err *e)
{
	struct buf *out = &s->out;
	if (!s->colour)
		return buf_puts(out, "under each symbol: its surprisal in whole bits (+: 10 and more; ?: unknown)\n\n", e);
	if (buf_puts(out, "bits:", e))
		return -1;
	for (int i = 0; i < SCORE_LEVELS; i++) {
		double from = score_level_bits[i];
		char bits[32];
		if (i == 0)
			snprintf(bits, sizeof bits, "below %g", score_level_bits[1]);
		else if (i + 1 == SCORE_LEVELS)
			snprintf(bits, sizeof bits, "%g and more", from);
		else
			snprintf(bits, sizeof bits, "%g to %g", from, score_level_bits[i + 1]);
		if (buf_puts(out, " ", e) || set_style(s, i, e) || buf_printf(out, e, " %s ", bits) ||
		    set_style(s, 0, e))
			return -1;
	}
	return buf_puts(out, "  ", e) || set_style(s, UNDERLINED, e) || buf_puts(out, "unknown symbol", e) ||
	       set_style(s, 0, e) || buf_puts(out, "\n\n", e) ? -1 : 0;
}

/* --- lines ---------------------------------------------------------------------------- */

static size_t margin(const struct scorer *s)
{
	return term_columns(s->shade.margin.p, s->shade.margin.len);
}

static int put_blanks(struct buf *out, size_t n, struct err *e)
{
	return n && buf_printf(out, e, "%*s", (int)n, "") ? -1 : 0;
}

/* Ends a line of text, and puts its marks under it. */
static int end_line(struct scorer *s, struct err *e)
{
	struct score_shade *h = &s->shade;
	if (set_style(s, 0, e) || buf_puts(&s->out, "\n", e))
		return -1;
	while (h->marks.len && h->marks.p[h->marks.len - 1] == ' ')
		h->marks.len--;
	if (!s->colour && h->open &&
	    ((h->marks.len && (put_blanks(&s->out, margin(s), e) || buf_add(&s->out, h->marks.p, h->marks.len, e))) ||
	     buf_puts(&s->out, "\n", e)))
		return -1;
	buf_clear(&h->marks);
	h->column = 0;
	h->open = false;
	return 0;
}

/* Columns of text in a line. Where a terminal breaks coloured lines itself, it may fill
 * the rest of the next with the colour. */
static size_t line_width(const struct scorer *s)
{
	size_t width = (size_t)(s->width ? s->width : term_width(-1)), used = margin(s);
	return width > used + LEAST_WIDTH ? width - used : LEAST_WIDTH;
}

/* Visible bytes that take so many columns, with the mark of what they stand for. */
static int put_visible(struct scorer *s, const struct score_cell *c, const char *text, size_t len,
                       size_t columns, struct err *e)
{
	struct score_shade *h = &s->shade;
	int level = score_level(c->nats), bits = c->nats < 100 * LN2 ? (int)(c->nats / LN2) : 100;
	char mark = (char)(c->unknown ? '?' : bits < 1 ? ' ' : bits < 10 ? '0' + bits : '+');
	if ((!s->colour || s->width) && h->column && h->column + columns > line_width(s) &&
	    (end_line(s, e) || put_blanks(&s->out, margin(s), e)))
		return -1;
	if (set_style(s, level + (c->unknown ? UNDERLINED : 0), e) || buf_add(&s->out, text, len, e))
		return -1;
	h->column += columns;
	h->open = true;
	if (s->colour || !columns)
		return 0;
	return buf_add(&h->marks, &mark, 1, e) || put_blanks(&h->marks, columns - 1, e) ? -1 : 0;
}

int score_heat_cell(struct scorer *s, const struct score_cell *c, struct err *e)
{
	struct buf seen = {0};
	int rc;
	if (c->bytes.p[0] == '\n') {
		const char *arrow = s->utf8 ? "\xE2\x86\xB5" : "\\n";
		rc = score_level(c->nats) || c->unknown ? put_visible(s, c, arrow, strlen(arrow), s->utf8 ? 1 : 2, e) : 0;
		return rc ? rc : end_line(s, e);
	}
	if (c->bytes.p[0] == '\t') {
		size_t columns = TAB - s->shade.column % TAB;
		return put_visible(s, c, "        ", columns, columns, e);
	}
	rc = term_visible(c->bytes.p, c->bytes.len, &seen, e);
	size_t columns = rc ? 0 : term_columns(seen.p, seen.len);
	if (rc == 0 && !columns && !s->shade.open) /* a mark with nothing to stand on */
		rc = put_visible(s, c, " ", 1, 1, e);
	if (rc == 0)
		rc = put_visible(s, c, seen.p, seen.len, columns, e);
	buf_free(&seen);
	return rc;
}

/* --- results -------------------------------------------------------------------------- */

/* Lines have their figures before them; texts and files a table behind. */
static int put_margin(struct scorer *s, const struct score_item *it, struct err *e)
{
	struct buf *m = &s->shade.margin, *out = &s->out;
	if (!s->header &&
	    (buf_puts(out, s->o->rank ? "rank relative " : "", e) ||
	     buf_printf(out, e, "bits/char   line  %stext, read as %s\n", it->id ? "id  " : "", s->protocol)))
		return -1;
	s->header = true;
	buf_clear(m);
	if (s->o->rank && buf_printf(m, e, "%4zu %8.6f ", it->rank, it->relative))
		return -1;
	if (score_put_number(m, 9, 4, it->chars ? it->nats / LN2 / (double)it->chars : NAN, e) ||
	    buf_printf(m, e, "%6llu  ", (unsigned long long)it->line))
		return -1;
	if (it->id && (term_visible(it->id, it->id_len, m, e) || buf_puts(m, "  ", e)))
		return -1;
	return buf_add(out, m->p, m->len, e);
}

int score_heat_head(struct scorer *s, const struct score_item *it, struct err *e)
{
	if (it->line)
		return put_margin(s, it, e);
	if (s->blocks && buf_puts(&s->out, "\n", e))
		return -1;
	s->blocks = true;
	return 0;
}

int score_heat_tail(struct scorer *s, const struct score_item *it, struct err *e)
{
	/* The last line of a text may end without a newline; that of an item ends. */
	if ((s->shade.open || (it->line && !(it->len > it->label_len))) && end_line(s, e))
		return -1;
	return !it->line ? buf_puts(&s->out, "\n", e) : 0;
}
