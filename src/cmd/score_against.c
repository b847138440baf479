/* rnnlm score --against: the same texts by a second model. Both score the same
 * characters, whatever their units; the difference of their cross-entropies per
 * character is what Moore and Lewis (2010), "Intelligent Selection of Language Model
 * Training Data", order sentences by. */
#include "cmd/score.h"

#include <math.h>

#include "text/corpus.h"
#include "text/utf8.h"

int score_pair(struct scorer *s, struct scorer *other, struct err *e)
{
	enum unit a = s->l->vocab.unit, b = other->l->vocab.unit;
	if (a != b && s->o->window)
		return err_set(e, "--window counts symbols, which are a %s each in %s but a %s in %s: windows of the "
		               "same text cannot be had from both", unit_names[a], s->l->path, unit_names[b], other->l->path);
	if (s->newline == NO_TARGET || other->newline == NO_TARGET) {
		s->newline = other->newline = NO_TARGET;
		s->first_char = other->first_char = a != b;
	}
	s->other = other;
	return 0;
}

/* Its symbols up to byte `at` of the text; one that goes on behind it is whole. */
static size_t symbols_to(const struct scorer *s, const struct score_item *it, size_t at)
{
	size_t n = 0;
	for (size_t byte = 0; byte < at && n < it->n; n++)
		byte += vocab_span(&s->l->vocab, it->ids[n], it->text + byte, it->len - byte);
	return n;
}

void score_align(const struct scorer *s, struct score_item *it)
{
	uint32_t cp;
	if (s->first_char && !it->skip && it->n)
		it->skip = symbols_to(s, it, utf8_decode(it->text, it->len, &cp));
}

int score_evaluate_other(struct scorer *s, struct score_item *items, size_t n, struct err *e)
{
	struct scorer *x = s->other;
	struct score_item *theirs = NULL;
	uint32_t **ids = NULL;
	int rc = -1;
	if (!x)
		return 0;
	if (!(theirs = mem_new(n, sizeof *theirs, e)) || !(ids = mem_new(n, sizeof *ids, e)))
		goto out;
	for (size_t i = 0; i < n; i++) {
		struct score_item *it = &theirs[i];
		size_t context = vocab_spans(&s->l->vocab, items[i].ids, items[i].skip, items[i].text, items[i].len);
		*it = (struct score_item){.text = items[i].text, .len = items[i].len, .first = x->newline};
		if (vocab_encode(&x->l->vocab, it->text, it->len, &ids[i], &it->n, NULL, e))
			goto out;
		it->ids = ids[i];
		it->skip = symbols_to(x, it, context); /* that is context */
		score_measure(x, it);
	}
	if (s->o->window ? score_windows(x, theirs, e) : score_evaluate(x, theirs, n, e))
		goto out;
	for (size_t i = 0; i < n; i++)
		items[i].other = (struct score_other){.tokens = theirs[i].tokens, .unknown = theirs[i].unknown,
		                                      .nats = theirs[i].nats, .nats_known = theirs[i].nats_known};
	rc = 0;
out:
	for (size_t i = 0; ids && i < n; i++)
		mem_free(ids[i]);
	mem_free(ids);
	mem_free(theirs);
	return rc;
}

/* --- figures --------------------------------------------------------------------------- */

double score_ratio(const struct score_item *it)
{
	return it->other.nats - it->nats;
}

double score_ratio_per_char(const struct score_item *it)
{
	return it->chars ? score_ratio(it) / (double)it->chars : NAN;
}

void score_total_add(struct scorer *s, const struct score_item *it)
{
	struct score_total *t = &s->total;
	double ratio = s->other ? score_ratio(it) : 0;
	t->n++;
	t->tokens += it->tokens;
	t->chars += it->chars;
	t->unknown += it->unknown;
	t->nats += it->nats;
	t->other.tokens += it->other.tokens;
	t->other.unknown += it->other.unknown;
	t->other.nats += it->other.nats;
	t->other.nats_known += it->other.nats_known;
	t->likelier += ratio > 0;
	t->less += ratio < 0;
}

/* The total as if it were one text. */
static struct score_item as_item(const struct score_total *t)
{
	return (struct score_item){.tokens = t->tokens, .chars = t->chars, .unknown = t->unknown, .nats = t->nats,
	                           .other = t->other};
}

int score_against_json(struct json_writer *w, const struct score_item *it, struct err *e)
{
	double chars = it->chars ? (double)it->chars : NAN, tokens = it->other.tokens ? (double)it->other.tokens : NAN;
	json_key(w, "against_tokens");
	json_uint(w, it->other.tokens);
	json_key(w, "against_nats");
	json_number(w, it->other.nats);
	json_key(w, "against_nats_per_char");
	json_number(w, it->other.nats / chars);
	json_key(w, "against_bits_per_char");
	json_number(w, it->other.nats / LN2 / chars);
	json_key(w, "against_perplexity");
	json_number(w, exp(it->other.nats / tokens));
	json_key(w, "against_unknown");
	json_uint(w, it->other.unknown);
	json_key(w, "against_nats_known");
	json_number(w, it->other.nats_known);
	json_key(w, "log_ratio");
	json_number(w, score_ratio(it));
	json_key(w, "log_ratio_per_char");
	json_number(w, score_ratio_per_char(it));
	return score_json_written(w, e);
}

int score_against_put(struct scorer *s, const struct score_item *it, bool header, struct err *e)
{
	struct buf *out = &s->out;
	double chars = it->chars ? (double)it->chars : NAN;
	if (header)
		return buf_printf(out, e, "%s chars      nats    a:nats log-ratio bits/char    a:bits      diff  unk a:unk ",
		                  s->o->rank ? "rank " : "");
	if ((s->o->rank && buf_printf(out, e, "%4zu ", it->rank)) || buf_printf(out, e, "%6zu ", it->chars) ||
	    score_put_number(out, 9, 3, it->nats, e) || score_put_number(out, 9, 3, it->other.nats, e) ||
	    score_put_number(out, 9, 3, score_ratio(it), e) ||
	    score_put_number(out, 9, 4, it->nats / LN2 / chars, e) ||
	    score_put_number(out, 9, 4, it->other.nats / LN2 / chars, e) ||
	    score_put_number(out, 9, 4, score_ratio_per_char(it) / LN2, e))
		return -1;
	return buf_printf(out, e, "%4zu %5zu ", it->unknown, it->other.unknown);
}

int score_against_total(struct scorer *s, struct err *e)
{
	const struct score_total *t = &s->total;
	struct score_item all = as_item(t);
	struct buf *out = &s->out;
	if (!s->o->json) {
		/* The place of the rank stays empty. */
		size_t start = out->len;
		all.rank = 0;
		if (score_against_put(s, &all, false, e))
			return -1;
		if (s->o->rank)
			for (size_t i = start; i < start + 4; i++)
				out->p[i] = ' ';
		return buf_printf(out, e, " total of %zu: %zu likelier by the model, %zu by that of --against\n", t->n,
		                  t->likelier, t->less);
	}
	struct json_writer w = {.b = out};
	json_object_begin(&w);
	json_key(&w, "total");
	json_uint(&w, t->n);
	json_key(&w, "protocol");
	json_cstring(&w, s->protocol);
	json_key(&w, "tokens");
	json_uint(&w, t->tokens);
	json_key(&w, "chars");
	json_uint(&w, t->chars);
	json_key(&w, "nats");
	json_number(&w, t->nats);
	json_key(&w, "bits_per_char");
	json_number(&w, t->chars ? t->nats / LN2 / (double)t->chars : NAN);
	json_key(&w, "unknown");
	json_uint(&w, t->unknown);
	if (score_against_json(&w, &all, e))
		return -1;
	json_key(&w, "likelier");
	json_uint(&w, t->likelier);
	json_key(&w, "against_likelier");
	json_uint(&w, t->less);
	json_object_end(&w);
	return score_json_written(&w, e) || buf_puts(out, "\n", e) ? -1 : 0;
}
