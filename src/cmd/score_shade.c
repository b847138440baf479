/* rnnlm score: the text itself, shaded by surprisal, for terminals (--heat) and
 * browsers (--html). While they wait, symbols are records in an item's rows; they
 * become cells when they are printed, in order, since a character may be spread
 * over several symbols (of bytes), and over two windows. */
#include "cmd/score.h"

#include <string.h>

#include "base/term.h"
#include "text/utf8.h"

struct record {
	double nats;
	size_t len, tip; /* bytes of the symbol and of its tip, which follow */
	bool scored, unknown;
};

const double score_level_bits[SCORE_LEVELS] = {0, 1, 2, 4, 6, 9, 12};

int score_level(double nats)
{
	int level = 0;
	while (level + 1 < SCORE_LEVELS && nats >= score_level_bits[level + 1] * LN2)
		level++;
	return level;
}

void score_shade_free(struct score_shade *h)
{
	buf_free(&h->cell.bytes);
	buf_free(&h->cell.tip);
	buf_free(&h->margin);
	buf_free(&h->marks);
}

int score_shade_begin(struct scorer *s, struct err *e)
{
	return s->o->html ? score_html_begin(s, e) : s->o->heat ? score_heat_begin(s, e) : 0;
}

int score_shade_end(struct scorer *s, struct err *e)
{
	return s->o->html ? score_html_end(s, e) : 0;
}

/* --- records ------------------------------------------------------------------------- */

static int add_record(struct buf *rows, struct record r, const unsigned char *symbol, const struct buf *tip,
                      struct err *e)
{
	r.tip = tip ? tip->len : 0;
	if (buf_add(rows, &r, sizeof r, e) || buf_add(rows, symbol, r.len, e))
		return -1;
	return r.tip ? buf_add(rows, tip->p, r.tip, e) : 0;
}

int score_shade_symbol(struct scorer *s, struct score_item *it, const struct score_row *r, struct err *e)
{
	struct buf tip = {0};
	struct record rec = {.nats = r->nats > 0 ? r->nats : 0, .len = r->len, .scored = true,
	                     .unknown = r->id == s->l->vocab.size - 1};
	int rc = s->o->html ? score_html_tip(s, it, r, &tip, e) : 0;
	if (rc == 0)
		rc = add_record(&it->rows, rec, it->text + it->at, &tip, e);
	buf_free(&tip);
	return rc;
}

int score_shade_unscored(struct scorer *s, struct score_item *it, size_t n, struct err *e)
{
	size_t at = 0;
	for (size_t i = 0; i < n && at < it->len; i++) {
		struct record rec = {.len = vocab_span(&s->l->vocab, it->ids[i], it->text + at, it->len - at)};
		if (add_record(&it->rows, rec, it->text + at, NULL, e))
			return -1;
		at += rec.len;
	}
	return 0;
}

/* --- cells --------------------------------------------------------------------------- */

/* Whether a symbol belongs to what stands before it: it continues a character, or
 * takes no column of its own. */
static bool joins(const struct score_cell *c, const unsigned char *symbol, size_t len)
{
	uint32_t cp;
	const unsigned char *bytes = (const unsigned char *)c->bytes.p;
	if (!c->bytes.len || bytes[0] < 0x20 || bytes[0] == 0x7F)
		return false;
	if (utf8_decode_part(bytes, c->bytes.len, &cp) == 0)
		return (symbol[0] & 0xC0) == 0x80;
	return symbol[0] >= 0x80 && term_columns((const char *)symbol, len) == 0;
}

static int put_cell(struct scorer *s, struct err *e)
{
	struct score_cell *c = &s->shade.cell;
	if (!c->bytes.len)
		return 0;
	int rc = s->o->html ? score_html_cell(s, c, e) : score_heat_cell(s, c, e);
	buf_clear(&c->bytes);
	buf_clear(&c->tip);
	c->nats = 0;
	c->scored = c->unknown = false;
	return rc;
}

int score_shade_rows(struct scorer *s, const struct buf *rows, struct err *e)
{
	struct score_cell *c = &s->shade.cell;
	for (size_t at = 0; at < rows->len;) {
		struct record r;
		memcpy(&r, rows->p + at, sizeof r);
		const char *symbol = rows->p + at + sizeof r;
		at += sizeof r + r.len + r.tip;
		if (!joins(c, (const unsigned char *)symbol, r.len) && put_cell(s, e))
			return -1;
		if (buf_add(&c->bytes, symbol, r.len, e) || buf_add(&c->tip, symbol + r.len, r.tip, e))
			return -1;
		c->nats += r.nats;
		c->scored |= r.scored;
		c->unknown |= r.unknown;
	}
	return 0;
}

int score_shade_head(struct scorer *s, const struct score_item *it, struct err *e)
{
	return s->o->html ? score_html_head(s, it, e) : score_heat_head(s, it, e);
}

int score_shade_tail(struct scorer *s, const struct score_item *it, struct err *e)
{
	if (put_cell(s, e))
		return -1;
	return s->o->html ? score_html_tail(s, it, e) : score_heat_tail(s, it, e);
}
