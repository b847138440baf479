/* Sequences in lanes. A lane that has come to the end of its sequence takes the
 * longest one that nobody has, with a reset flag at its first step: so all lanes
 * come to their end at about the same time, and few steps are done for a part of them.
 * Rows do not influence each other, so which lane a sequence falls to changes nothing. */
#include "nn/eval.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

enum { STEPS = 64 };

struct lane {
	size_t seq, pos; /* pos: next input; position p reads ids[p-1] (p = 0: first), predicts ids[p] */
	bool busy;
};

/* Whose turn it is: the longest first, of equals the first. */
struct turn {
	size_t seq, n;
};

struct lanes {
	struct lane *lane;
	struct turn *turn; /* (sequences) */
	uint32_t *in, *target; /* (T,B) */
	uint8_t *reset;
	size_t *seq, *pos; /* (T,B) whose prediction this is */
	real *nats;
	struct state state;
};

static void lanes_free(struct lanes *l)
{
	mem_free(l->lane);
	mem_free(l->turn);
	mem_free(l->in);
	mem_free(l->target);
	mem_free(l->reset);
	mem_free(l->seq);
	mem_free(l->pos);
	mem_free(l->nats);
	state_free(&l->state);
}

static int by_length(const void *a, const void *b)
{
	const struct turn *x = a, *y = b;
	if (x->n != y->n)
		return x->n > y->n ? -1 : 1;
	return x->seq < y->seq ? -1 : 1;
}

static int lanes_new(struct lanes *l, const struct model *m, size_t T, size_t B, const struct seq *seqs,
                     size_t n, struct err *e)
{
	*l = (struct lanes){
		.lane = mem_new(B, sizeof *l->lane, e),
		.turn = mem_new(n, sizeof *l->turn, e),
		.in = mem_new(T * B, sizeof *l->in, e),
		.target = mem_new(T * B, sizeof *l->target, e),
		.reset = mem_new(T * B, 1, e),
		.seq = mem_new(T * B, sizeof *l->seq, e),
		.pos = mem_new(T * B, sizeof *l->pos, e),
		.nats = mem_new(T * B, sizeof *l->nats, e),
	};
	if (!l->lane || !l->turn || !l->in || !l->target || !l->reset || !l->seq || !l->pos || !l->nats ||
	    state_new(&l->state, m, (int)B, e)) {
		lanes_free(l);
		return -1;
	}
	for (size_t i = 0; i < n; i++)
		l->turn[i] = (struct turn){i, seqs[i].n};
	qsort(l->turn, n, sizeof *l->turn, by_length);
	return 0;
}

/* Positions of a sequence: the first is skipped when nothing is read before. */
static size_t start_of(const struct seq *s)
{
	return s->first == NO_TARGET ? 1 : 0;
}

/* One step of one lane: what it reads and predicts. False when all is done. */
static bool advance(struct lanes *l, size_t i, size_t b, const struct seq *seqs, size_t n, size_t *next)
{
	struct lane *a = &l->lane[b];
	l->reset[i] = 0;
	while (!a->busy || a->pos >= seqs[a->seq].n) {
		if (*next == n) {
			a->busy = false;
			l->in[i] = 0;
			l->target[i] = NO_TARGET;
			return false;
		}
		size_t seq = l->turn[(*next)++].seq;
		*a = (struct lane){.seq = seq, .pos = start_of(&seqs[seq]), .busy = true};
		l->reset[i] = 1;
	}
	const struct seq *s = &seqs[a->seq];
	l->in[i] = a->pos ? s->ids[a->pos - 1] : s->first;
	l->target[i] = a->pos < s->skip ? NO_TARGET : s->ids[a->pos];
	l->seq[i] = a->seq;
	l->pos[i] = a->pos++;
	return true;
}

/* Results of a block, in the order of its rows. */
static int deliver(struct work *w, struct lanes *l, const struct block *b, struct seq *seqs, eval_fn *fn,
                   void *arg)
{
	size_t rows = (size_t)b->T * (size_t)b->B, piece = work_piece(w), targets;
	work_loss(w, b, l->nats, &targets);
	for (size_t r = 0; r < rows; r += piece) {
		size_t n = rows - r < piece ? rows - r : piece, ld = 0;
		const real *logits = fn ? work_logits(w, r, n, &ld) : NULL;
		for (size_t i = r; i < r + n; i++) {
			if (l->target[i] == NO_TARGET)
				continue;
			seqs[l->seq[i]].nats += (double)l->nats[i];
			seqs[l->seq[i]].scored++;
			if (fn && fn(arg, l->seq[i], l->pos[i], l->target[i], l->nats[i], logits + (i - r) * ld))
				return -1;
		}
	}
	return 0;
}

int eval_sequences(struct work *w, const struct model *m, struct seq *seqs, size_t n, eval_fn *fn,
                   void *arg, bool (*stop)(void), struct err *e)
{
	int maxT, maxB;
	work_shape(w, &maxT, &maxB);
	size_t T = maxT < STEPS ? (size_t)maxT : STEPS, B = n < (size_t)maxB ? n : (size_t)maxB, next = 0;
	struct lanes l;
	int rc = 0;

	for (size_t i = 0; i < n; i++) {
		seqs[i].nats = 0;
		seqs[i].scored = 0;
	}
	if (!n)
		return 0;
	if (lanes_new(&l, m, T, B, seqs, n, e))
		return -1;
	for (;;) {
		size_t t = 0;
		for (; t < T; t++) {
			bool some = false;
			for (size_t b = 0; b < B; b++)
				some |= advance(&l, t * B + b, b, seqs, n, &next);
			if (!some)
				break;
		}
		if (!t)
			break;
		struct block b = {.T = (int)t, .B = (int)B, .in = l.in, .target = l.target, .reset = l.reset};
		work_forward(w, &b, &l.state);
		if (deliver(w, &l, &b, seqs, fn, arg)) {
			rc = -1;
			break;
		}
		if (stop && stop()) {
			rc = err_set(e, "interrupted");
			break;
		}
		if (t < T)
			break;
	}
	lanes_free(&l);
	return rc;
}

size_t eval_pieces(struct seq *seqs, size_t pieces, const uint32_t *ids, size_t n, uint32_t first,
                   size_t warm)
{
	size_t per = (n + pieces - 1) / pieces, made = 0;
	if (per < 4 * warm) /* warming up should stay a small part of the work */
		per = 4 * warm;
	for (size_t at = 0; at < n; at += per) {
		size_t before = at < warm ? at : warm, len = n - at < per ? n - at : per;
		/* The first id of a warm-up has nothing before it but the text goes on. */
		seqs[made++] = (struct seq){.ids = ids + at - before, .n = before + len,
		                            .first = at - before ? ids[at - before - 1] : first, .skip = before};
	}
	return made;
}
