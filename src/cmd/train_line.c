/* A report of rnnlm train as one line: as much of it as fits, the figures that people
 * look at first in any case. */
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/term.h"
#include "cmd/cmd.h"
#include "cmd/train.h"

enum { BAR_MIN = 8, BAR_MAX = 30, FIELDS = 16 };

/* The line is its fields in order; rank 0 is there always, and the higher the rank the
 * sooner a field goes. */
struct field {
	char text[48];
	int rank;
};
struct line {
	struct field f[FIELDS];
	size_t n;
};

static void add(struct line *l, int rank, const char *fmt, ...) ERR_PRINTF(3, 4);
static void add(struct line *l, int rank, const char *fmt, ...)
{
	va_list ap;
	va_start(ap, fmt);
	l->f[l->n].rank = rank;
	vsnprintf(l->f[l->n++].text, sizeof l->f->text, fmt, ap);
	va_end(ap);
}

/* Columns of the fields up to a rank. They are ASCII. */
static size_t columns(const struct line *l, int rank)
{
	size_t n = 0;
	for (size_t i = 0; i < l->n; i++)
		n += l->f[i].rank <= rank ? strlen(l->f[i].text) : 0;
	return n;
}

double train_bits_per_char(double nats, size_t symbols, size_t chars)
{
	return chars ? nats / LN2 * (double)symbols / (double)chars : NAN;
}

/* The figures of a loss: nats with so many places, bits beside them. Unless a symbol is
 * a character it is said what each is for. */
static void add_loss(struct line *l, const char *name, double nats, int places, double bits, bool chars, const int rank[2])
{
	add(l, rank[0], "  %s %.*f", name, places, nats);
	add(l, rank[1], chars ? " nats %.3f bits" : " nats/symbol %.3f bits/char", bits);
}

/* On the line that is redrawn, how far and how fast; on one that stays, the losses. */
static void fill(struct line *l, const struct train_session *r, const struct train_report *t, bool stays, int places)
{
	char left[32], speed[32];
	const struct corpus *c = r->corpus;
	const char *unit = c->vocab.unit == UNIT_BYTE ? "bytes" : c->vocab.unit == UNIT_CHAR ? "chars" : "symbols";
	const int rank[2] = {0, stays ? 2 : 4};
	bool chars = c->vocab.unit == UNIT_CHAR;
	/* The members to come take as long as this one. */
	term_time(t->left + (r->members - r->member) * (t->p->seconds + t->left), left, sizeof left);
	term_count(t->tokens_per_s, speed, sizeof speed);

	if (stays) {
		add(l, 1, "step %llu", (unsigned long long)t->p->step);
		add(l, 5, "  epoch %.2f", t->epoch);
	} else {
		add(l, 0, "%3.0f%%", floor(100 * (r->member - 1 + fmin(t->fraction, 1)) / r->members));
		add(l, 2, "  %s left", left);
	}
	add_loss(l, "loss", r->train_nats, places, train_bits_per_char(r->train_nats, c->ntrain, c->train_chars), chars, rank);
	if (isfinite(t->val_nats))
		add_loss(l, "held out", t->val_nats, places, train_bits_per_char(t->val_nats, c->nval, c->val_chars), chars, rank);
	if (stays && t->evaluated && t->improved && isfinite(t->val_nats))
		add(l, 1, " *");
	if (isfinite(t->norm))
		add(l, 6, "  gradient %.2g", t->norm);
	add(l, stays ? 4 : 3, "  %s %s/s", speed, unit);
	if (!stays)
		add(l, 7, "  step %llu", (unsigned long long)t->p->step);
	else if (!t->last)
		add(l, 3, "  %s left", left);
}

int train_line(const struct train_session *r, const struct train_report *t, bool stays, size_t width, struct buf *out,
               struct err *e)
{
	struct line l = {.n = 0};
	int rank = 7;
	fill(&l, r, t, stays, width ? 3 : 4);
	while (rank > 0 && width && columns(&l, rank) > width)
		rank--;
	size_t used = columns(&l, rank);
	if (!stays && used + BAR_MIN + 1 <= width) {
		size_t bar = width - used - 1;
		if (term_bar(t->fraction, bar < BAR_MAX ? (int)bar : BAR_MAX, r->utf8, out) || buf_puts(out, " ", e))
			return -1;
	}
	for (size_t i = 0; i < l.n; i++)
		if (l.f[i].rank <= rank && buf_puts(out, l.f[i].text, e))
			return -1;
	if (width && used > width) /* a very narrow terminal; no bar is in it, and all is ASCII */
		out->p[out->len = width] = 0;
	return 0;
}
