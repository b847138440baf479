/* rnnlm score: texts, files and lines become items. */
#include "cmd/score.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/io.h"
#include "text/corpus.h"

#define BATCH_LINES 1024
#define BATCH_BYTES 131072
#define WINDOWS 4096       /* evaluated at a time */
#define WINDOW_ROWS 65536u /* symbols at a time when each gives a row */

/* --- what all have in common ------------------------------------------------------ */

/* Where the vocabulary has no newline nothing stands before the first symbol. */
static void name_protocol(struct scorer *s, const char *name, bool first_scored)
{
	snprintf(s->protocol, sizeof s->protocol, "%s%s", name, first_scored ? "" : ",first-unscored");
	if (s->adapt)
		score_adapt_protocol(s, !s->o->file || s->o->lines);
}

/* ids of it->text, with room for one more: with --next something is predicted
 * after the last. */
static int encode(struct scorer *s, struct score_item *it, uint32_t **ids, struct err *e)
{
	if (vocab_encode(&s->l->vocab, it->text, it->len, ids, &it->n, NULL, e))
		return -1;
	if (s->o->next) {
		uint32_t *more = mem_resize(*ids, it->n + 1, sizeof *more, e);
		if (!more)
			return -1;
		more[it->n] = 0;
		*ids = more;
	}
	it->ids = *ids;
	return 0;
}

static void forget(struct score_item *it)
{
	mem_free((char *)it->label);
	mem_free((char *)it->id);
	score_item_free(it);
}

int score_keep(struct scorer *s, struct score_item *it, size_t at, struct err *e)
{
	struct score_kept *k = &s->kept;
	struct score_item *more = mem_grow(k->item, k->n, &k->cap, sizeof *more, e);
	if (!more)
		return -1;
	k->item = more;
	char *label = mem_strndup(it->label, it->label_len, e);
	char *id = label && it->id ? mem_strndup(it->id, it->id_len, e) : NULL;
	if (!label || (it->id && !id)) {
		mem_free(label);
		return -1;
	}
	if (at < k->n)
		forget(&k->item[at]);
	else
		k->n++;
	k->item[at] = *it;
	k->item[at].label = label;
	k->item[at].id = id;
	it->rows = it->next = (struct buf){0}; /* they are the copy's */
	return 0;
}

void score_kept_clear(struct scorer *s)
{
	for (size_t i = 0; i < s->kept.n; i++)
		forget(&s->kept.item[i]);
	s->kept.n = 0;
}

/* With --id each run of equal ids is ranked for itself, as soon as it ends. */
static int keep_ranked(struct scorer *s, struct score_item *it, struct err *e)
{
	const struct score_item *first = s->kept.item;
	if (s->o->id && s->kept.n && (first->id_len != it->id_len || memcmp(first->id, it->id, it->id_len)) &&
	    score_ranked(s, e))
		return -1;
	return score_keep(s, it, s->kept.n, e);
}

/* What becomes of a result. */
static int deliver(struct scorer *s, struct score_item *it, struct err *e)
{
	score_total_add(s, it);
	if (s->o->rank)
		return keep_ranked(s, it, e);
	return s->o->top_lines ? score_top_offer(s, it, e) : score_print(s, it, e);
}

/* Items whose text and label stand: evaluated, and printed or kept. */
static int score_batch(struct scorer *s, struct score_item *items, size_t n, struct err *e)
{
	int rc = -1;
	uint32_t **ids = mem_new(n, sizeof *ids, e);
	if (!ids)
		return -1;
	for (size_t i = 0; i < n; i++) {
		if (encode(s, &items[i], &ids[i], e))
			goto out;
		items[i].first = s->newline;
		score_align(s, &items[i]);
		score_measure(s, &items[i]);
	}
	if (score_evaluate(s, items, n, e) || score_evaluate_other(s, items, n, e))
		goto out;
	for (size_t i = 0; i < n; i++)
		if (deliver(s, &items[i], e))
			goto out;
	rc = 0;
out:
	for (size_t i = 0; i < n; i++) {
		mem_free(ids[i]);
		score_item_free(&items[i]);
	}
	mem_free(ids);
	return rc;
}

int score_texts(struct scorer *s, char **texts, size_t n, struct err *e)
{
	struct score_item *items = mem_new(n, sizeof *items, e);
	if (!items)
		return -1;
	for (size_t i = 0; i < n; i++) {
		size_t len = strlen(texts[i]);
		items[i] = (struct score_item){.text = (const unsigned char *)texts[i], .len = len,
		                               .label = texts[i], .label_len = len};
	}
	name_protocol(s, "text", s->newline != NO_TARGET);
	int rc = score_batch(s, items, n, e);
	mem_free(items);
	return rc;
}

/* --- a file as a stream, or in windows ---------------------------------------------- */

/* Windows [at, at + *n) of the whole, each from the zero state with the symbol
 * before it as first input, added to the whole's result. */
int score_windows(struct scorer *s, struct score_item *whole, struct err *e)
{
	size_t W = (size_t)s->o->window, most = s->o->each ? WINDOW_ROWS / W : WINDOWS, byte = 0;
	most = most ? most : 1;
	struct score_item *items = mem_new(most, sizeof *items, e);
	int rc = items ? 0 : -1;
	for (size_t at = 0; rc == 0 && at < whole->n;) {
		size_t n = 0;
		for (; n < most && at < whole->n; n++) {
			struct score_item *it = &items[n];
			*it = (struct score_item){.text = whole->text + byte, .ids = whole->ids + at,
			                          .first = at ? whole->ids[at - 1] : whole->first};
			it->n = whole->n - at < W ? whole->n - at : W;
			it->len = vocab_spans(&s->l->vocab, it->ids, it->n, it->text, whole->len - byte);
			for (size_t i = 0; i < it->n && !it->unknown; i++) /* whether there are any */
				it->unknown = it->ids[i] == s->l->vocab.size - 1;
			at += it->n;
			byte += it->len;
		}
		s->stream = n == 1;
		rc = score_evaluate(s, items, n, e);
		for (size_t i = 0; i < n; i++) {
			whole->nats += items[i].nats;
			whole->nats_known += items[i].nats_known;
			if (rc == 0)
				rc = score_print_rows(s, &items[i].rows, e);
			score_item_free(&items[i]);
		}
	}
	mem_free(items);
	return rc;
}

/* "tail:0.1+carry,window:256", "window:256", "tail:0.1", "stream" */
static void name_file_protocol(struct scorer *s, const struct score_item *it)
{
	const struct score_options *o = s->o;
	char name[64] = "stream";
	size_t n = 0;
	if (o->tail_set)
		n = (size_t)snprintf(name, sizeof name, "tail:%.6g%s", (double)o->tail / 1e6, o->carry ? "+carry" : "");
	if (o->window)
		snprintf(name + n, sizeof name - n, "%swindow:%lld", n ? "," : "", (long long)o->window);
	name_protocol(s, name, it->first != NO_TARGET || it->skip > 0);
}

/* --carry: puts what stands before the tail, the first len bytes of text, in front of the
 * item. The two are encoded apart, so that the tail's symbols are the same as without. */
static int put_before(struct scorer *s, struct score_item *it, const unsigned char *text, size_t len,
                      uint32_t **ids, struct err *e)
{
	uint32_t *before = NULL;
	size_t n = 0, tail = it->n + (s->o->next > 0);
	if (vocab_encode(&s->l->vocab, text, len, &before, &n, NULL, e))
		return -1;
	uint32_t *all = mem_resize(before, n + tail, sizeof *all, e);
	if (!all) {
		mem_free(before);
		return -1;
	}
	memcpy(all + n, *ids, tail * sizeof *all);
	mem_free(*ids);
	it->ids = *ids = all;
	it->text = text;
	it->len += len;
	it->n += n;
	it->skip = n;
	return 0;
}

int score_file(struct scorer *s, const char *path, struct err *e)
{
	unsigned char *text = NULL;
	uint32_t *ids = NULL;
	size_t len = 0, cut = 0;
	struct score_item it = {.first = s->newline, .label = path, .label_len = strlen(path)};
	int rc = -1;

	if (io_read_all(path, &text, &len, e))
		goto out;
	if (s->o->tail_set) /* the characters that train holds out, whatever the unit */
		cut = corpus_offset(UNIT_CHAR, text, len, corpus_cut(vocab_chars(text, len), s->o->tail));
	it.text = text + cut;
	it.len = len - cut;
	if (encode(s, &it, &ids, e) || (s->o->carry && put_before(s, &it, text, cut, &ids, e)))
		goto out;
	name_file_protocol(s, &it);
	score_align(s, &it);
	score_measure(s, &it);
	if (score_print_head(s, &it, e))
		goto out;
	s->stream = true;
	if (s->o->window ? score_windows(s, &it, e) : score_evaluate(s, &it, 1, e))
		goto out;
	if (score_print_rows(s, &it.rows, e) || score_evaluate_other(s, &it, 1, e))
		goto out;
	score_total_add(s, &it);
	rc = score_print_tail(s, &it, e);
out:
	score_item_free(&it);
	mem_free(ids);
	mem_free(text);
	return rc;
}

/* --- lines -------------------------------------------------------------------------- */

struct batch {
	struct score_item item[BATCH_LINES];
	size_t offset[BATCH_LINES]; /* of the line in bytes */
	size_t n;
	struct buf bytes;
};

static int score_lines_batch(struct scorer *s, struct batch *b, struct err *e)
{
	for (size_t i = 0; i < b->n; i++) { /* only now do the bytes stay where they are */
		struct score_item *it = &b->item[i];
		const char *line = b->bytes.p + b->offset[i];
		it->id = s->o->id ? line : NULL;
		it->label = s->o->id ? line + it->id_len + 1 : line;
		it->text = (const unsigned char *)it->label;
	}
	int rc = score_batch(s, b->item, b->n, e);
	b->n = 0;
	buf_clear(&b->bytes);
	return rc;
}

static int add_line(struct batch *b, const struct io_lines *r, const unsigned char *line, size_t len,
                    bool newline, bool with_id, struct err *e)
{
	const unsigned char *tab = with_id ? memchr(line, '\t', len) : NULL;
	size_t id_len = tab ? (size_t)(tab - line) : 0, text = tab ? id_len + 1 : 0;
	if (with_id && !tab)
		return err_set(e, "%s:%llu: no tab: with --id each line is an id, a tab and the text", r->name,
		               (unsigned long long)r->number);
	b->offset[b->n] = b->bytes.len;
	b->item[b->n] = (struct score_item){.len = len + newline - text, .label_len = len - text,
	                                      .line = r->number, .id_len = id_len};
	if (buf_add(&b->bytes, line, len, e) || buf_add(&b->bytes, "\n", newline, e))
		return -1;
	b->n++;
	return 0;
}

int score_lines(struct scorer *s, const char *path, struct err *e)
{
	struct io_lines r;
	struct batch *b = NULL;
	const unsigned char *line;
	size_t len;
	bool newline;
	int more = -1, rc = -1;

	if (io_lines_open(&r, path, e))
		return -1;
	name_protocol(s, "lines", s->newline != NO_TARGET);
	if (!(b = mem_new(1, sizeof *b, e)))
		goto out;
	for (;;) {
		while (!io_lines_ready(&r)) {
			if (b->n && (score_lines_batch(s, b, e) || score_flush(s)))
				goto out;
			if (cmd_wait_for_line(&r, e))
				goto out;
		}
		if ((more = io_lines_next(&r, &line, &len, &newline, e)) <= 0)
			break;
		if (add_line(b, &r, line, len, newline, s->o->id, e)) {
			if (b->n) /* the lines before it still count; its own message is the one to keep */
				(void)score_lines_batch(s, b, NULL);
			goto out;
		}
		if ((b->n == BATCH_LINES || b->bytes.len >= BATCH_BYTES) && score_lines_batch(s, b, e))
			goto out;
	}
	rc = more == 0 && b->n ? score_lines_batch(s, b, e) : more;
out:
	score_flush(s); /* what is known of the lines before stays true */
	if (b)
		buf_free(&b->bytes);
	mem_free(b);
	io_lines_close(&r);
	return rc;
}

/* --- ranking ------------------------------------------------------------------------- */

static int by_key(const void *a, const void *b)
{
	const struct score_item *x = a, *y = b;
	if (isnan(x->key) != isnan(y->key))
		return isnan(x->key) ? 1 : -1;
	if (x->key < y->key || x->key > y->key)
		return x->key < y->key ? -1 : 1;
	return x->rank < y->rank ? -1 : x->rank > y->rank; /* as they came */
}

int score_ranked(struct scorer *s, struct err *e)
{
	struct score_kept *k = &s->kept;
	double sum = 0; /* of P relative to the likeliest: no underflow */
	for (size_t i = 0; i < k->n; i++) {
		k->item[i].rank = i;
		k->item[i].key = s->other ? -score_ratio_per_char(&k->item[i]) : k->item[i].nats;
	}
	if (k->n)
		qsort(k->item, k->n, sizeof *k->item, by_key);
	for (size_t i = 0; i < k->n; i++)
		sum += exp(k->item[0].nats - k->item[i].nats);
	for (size_t i = 0; i < k->n; i++) {
		struct score_item *it = &k->item[i];
		it->relative = exp(k->item[0].nats - it->nats) / sum;
		it->rank = i && it->key == it[-1].key ? it[-1].rank : i + 1;
		if (score_print(s, it, e))
			return -1;
	}
	score_kept_clear(s);
	return 0;
}
