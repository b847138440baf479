/* rnnlm score --top-lines: the most surprising lines, by nats per symbol. A heap holds
 * as many as are wanted; its root is the least of them, the first to go. */
#include "cmd/score.h"

#include <math.h>
#include <stdlib.h>

/* Whether x is listed before y: the more surprising, and of equals the earlier. */
static bool before(const struct score_item *x, const struct score_item *y)
{
	if (x->key < y->key || x->key > y->key)
		return x->key < y->key;
	return x->line < y->line;
}

static void swap(struct score_item *x, struct score_item *y)
{
	struct score_item t = *x;
	*x = *y;
	*y = t;
}

static void sift_up(struct score_item *heap, size_t i)
{
	for (; i && before(&heap[(i - 1) / 2], &heap[i]); i = (i - 1) / 2)
		swap(&heap[i], &heap[(i - 1) / 2]);
}

static void sift_down(struct score_item *heap, size_t n)
{
	for (size_t i = 0, child; (child = 2 * i + 1) < n; i = child) {
		if (child + 1 < n && before(&heap[child], &heap[child + 1]))
			child++;
		if (!before(&heap[i], &heap[child]))
			return;
		swap(&heap[i], &heap[child]);
	}
}

int score_top_offer(struct scorer *s, struct score_item *it, struct err *e)
{
	struct score_kept *k = &s->kept;
	if (!it->tokens)
		return 0;
	it->key = -it->nats / (double)it->tokens;
	if (k->n == (size_t)s->o->top_lines) {
		if (!before(it, &k->item[0]))
			return 0;
		if (score_keep(s, it, 0, e))
			return -1;
		sift_down(k->item, k->n);
	} else {
		if (score_keep(s, it, k->n, e))
			return -1;
		sift_up(k->item, k->n - 1);
	}
	return 0;
}

static int compare(const void *a, const void *b)
{
	return before(a, b) ? -1 : before(b, a);
}

int score_top_put(struct scorer *s, const struct score_item *it, bool header, struct err *e)
{
	double chars = it->chars ? (double)it->chars : NAN;
	if (header)
		return buf_puts(&s->out, "bits/char nats/symbol  symbols  unk ", e);
	return score_put_number(&s->out, 9, 4, it->nats / LN2 / chars, e) ||
	       score_put_number(&s->out, 11, 4, -it->key, e) ||
	       buf_printf(&s->out, e, "%8zu %4zu ", it->tokens, it->unknown) ? -1 : 0;
}

int score_top_print(struct scorer *s, struct err *e)
{
	struct score_kept *k = &s->kept;
	if (k->n)
		qsort(k->item, k->n, sizeof *k->item, compare);
	for (size_t i = 0; i < k->n; i++) {
		k->item[i].rank = i + 1;
		if (score_print(s, &k->item[i], e))
			return -1;
	}
	score_kept_clear(s);
	return 0;
}
