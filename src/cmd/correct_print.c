/* rnnlm correct: texts from edits; lines, tables and JSON. */
#include "cmd/correct.h"

#include <string.h>

#include "base/term.h"
#include "text/utf8.h"

static const char mark_on[] = "\033[1;32m", mark_off[] = "\033[0m";

/* --- edits as text -------------------------------------------------------------------- */

/* Goes through the edits of a candidate. */
struct changes {
	const struct vocab *vocab;
	const unsigned char *text; /* (len) what the edits so far have not reached */
	size_t len, pos;           /* pos: symbols that they have */
	/* of the edit last met */
	const unsigned char *kept, *from; /* what stands before it; what it takes away */
	size_t nkept, nfrom;
	struct buf to; /* what it puts there */
};

/* Bytes of the first n symbols of what is left from byte `at` on. */
static size_t span(const struct changes *c, size_t at, size_t n)
{
	size_t end = at;
	for (uint32_t symbol; n-- && end < c->len;)
		end += c->vocab->unit == UNIT_BYTE ? 1 : utf8_decode(c->text + end, c->len - end, &symbol);
	return end - at;
}

static int next_change(struct changes *c, const struct correct_edit *edit, struct err *e)
{
	static const size_t covers[] = {[CORRECT_INSERT] = 0, [CORRECT_DELETE] = 1, [CORRECT_REPLACE] = 1,
	                                [CORRECT_SWAP] = 2};
	int rc = 0;
	c->kept = c->text;
	c->nkept = span(c, 0, edit->pos - c->pos);
	c->from = c->text + c->nkept;
	c->nfrom = span(c, c->nkept, covers[edit->op]);
	buf_clear(&c->to);
	if (edit->op == CORRECT_SWAP) {
		size_t first = span(c, c->nkept, 1);
		rc = buf_add(&c->to, c->from + first, c->nfrom - first, e) || buf_add(&c->to, c->from, first, e);
	} else if (edit->op != CORRECT_DELETE) {
		rc = vocab_decode(c->vocab, edit->id, &c->to, e);
	}
	c->text += c->nkept + c->nfrom;
	c->len -= c->nkept + c->nfrom;
	c->pos = edit->pos + covers[edit->op];
	return rc ? -1 : 0;
}

int correct_text(const struct vocab *v, const struct correct_item *it, const struct correct_candidate *k,
                 bool mark, struct buf *out, struct err *e)
{
	struct changes c = {.vocab = v, .text = it->text, .len = it->len};
	int rc = 0;
	for (size_t i = 0; rc == 0 && i < k->nedits; i++) {
		bool marked = mark && k->edits[i].op != CORRECT_DELETE;
		rc = next_change(&c, &k->edits[i], e) || buf_add(out, c.kept, c.nkept, e) ||
		     (marked && buf_puts(out, mark_on, e)) || buf_add(out, c.to.p, c.to.len, e) ||
		     (marked && buf_puts(out, mark_off, e));
	}
	rc = rc || buf_add(out, c.text, c.len, e) ? -1 : 0;
	buf_free(&c.to);
	return rc;
}

/* --- JSON -------------------------------------------------------------------------- */

static int put_edits(struct json_writer *w, const struct vocab *v, const struct correct_item *it,
                     const struct correct_candidate *k, struct err *e)
{
	static const char *const names[] = {[CORRECT_INSERT] = "insert", [CORRECT_DELETE] = "delete",
	                                    [CORRECT_REPLACE] = "replace", [CORRECT_SWAP] = "swap"};
	struct changes c = {.vocab = v, .text = it->text, .len = it->len};
	int rc = 0;
	json_key(w, "edits");
	json_array_begin(w);
	for (size_t i = 0; rc == 0 && i < k->nedits; i++) {
		rc = next_change(&c, &k->edits[i], e);
		json_object_begin(w);
		json_key(w, "op");
		json_cstring(w, names[k->edits[i].op]);
		json_key(w, "pos");
		json_uint(w, k->edits[i].pos);
		json_key(w, "from");
		json_string(w, (const char *)c.from, c.nfrom);
		json_key(w, "to");
		json_string(w, c.to.len ? c.to.p : "", c.to.len);
		json_object_end(w);
	}
	json_array_end(w);
	buf_free(&c.to);
	return rc;
}

static void put_number(struct json_writer *w, const char *key, double v)
{
	json_key(w, key);
	json_number(w, v);
}

static int put_text(struct json_writer *w, const char *key, const struct vocab *v, const struct correct_item *it,
                    const struct correct_candidate *k, struct err *e)
{
	struct buf text = {0};
	int rc = correct_text(v, it, k, false, &text, e);
	json_key(w, key);
	json_string(w, text.len ? text.p : "", text.len);
	buf_free(&text);
	return rc;
}

static int print_json(struct correct_printer *p, const struct correct_item *it, struct err *e)
{
	struct json_writer w = {.b = &p->out};
	const struct correct_candidate *best = it->list;
	json_object_begin(&w);
	if (it->line) {
		json_key(&w, "line");
		json_uint(&w, it->line);
	}
	json_key(&w, "text");
	json_string(&w, (const char *)it->text, it->len);
	if (put_text(&w, "correction", p->vocab, it, best, e))
		return -1;
	json_key(&w, "changed");
	json_bool(&w, best->nedits > 0);
	put_number(&w, "nats", best->nats);
	put_number(&w, "original_nats", it->original->nats);
	put_number(&w, "cost", best->cost);
	if (put_edits(&w, p->vocab, it, best, e))
		return -1;
	json_key(&w, "candidates");
	json_array_begin(&w);
	for (size_t i = 0; i < it->n; i++) {
		const struct correct_candidate *k = &it->list[i];
		json_object_begin(&w);
		if (put_text(&w, "text", p->vocab, it, k, e))
			return -1;
		put_number(&w, "score", -k->nats - k->cost);
		put_number(&w, "nats", k->nats);
		put_number(&w, "cost", k->cost);
		if (put_edits(&w, p->vocab, it, k, e))
			return -1;
		json_object_end(&w);
	}
	json_array_end(&w);
	json_object_end(&w);
	return json_end_line(&w, e);
}

/* --- for eyes ------------------------------------------------------------------------ */

static int print_table(struct correct_printer *p, const struct correct_item *it, struct err *e)
{
	struct buf text = {0};
	int rc = p->tables ? buf_puts(&p->out, "\n", e) : 0;
	p->tables = true;
	rc = rc || buf_puts(&p->out, "    score      nats     cost  edits  text\n", e);
	for (size_t i = 0; rc == 0 && i < it->n; i++) {
		const struct correct_candidate *k = &it->list[i];
		buf_clear(&text);
		rc = correct_text(p->vocab, it, k, false, &text, e) ||
		     buf_printf(&p->out, e, "%9.3f %9.3f %8.3f %6zu  ", -k->nats - k->cost, k->nats, k->cost, k->nedits) ||
		     (text.len && term_visible(text.p, text.len, &p->out, e)) || buf_puts(&p->out, "\n", e);
	}
	buf_free(&text);
	return rc ? -1 : 0;
}

int correct_print(struct correct_printer *p, const struct correct_item *it, struct err *e)
{
	int rc;
	if (p->o->json)
		rc = print_json(p, it, e);
	else if (p->o->candidates_given)
		rc = print_table(p, it, e);
	else
		rc = correct_text(p->vocab, it, it->list, p->colour, &p->out, e) || buf_puts(&p->out, "\n", e) ? -1 : 0;
	if (rc == 0)
		cmd_out(&p->out);
	return rc;
}
