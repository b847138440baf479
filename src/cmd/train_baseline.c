/* rnnlm train: what simple models say of the held-out text, so that the loss can be
 * judged. Only after training, when the model is safe on disk. */
#include <math.h>

#include "base/term.h"
#include "cmd/cmd.h"
#include "cmd/train.h"
#include "nn/ngram.h"

/* A million symbols take a few tenths of a second. */
static const size_t MOST_COUNTED = 8000000, MOST_SCORED = 8000000;
static const size_t LOOK_EVERY = 65536; /* symbols between looks for Ctrl-C */
static const double ADD = 0.5;          /* to each frequency: no symbol is impossible */

/* Where nothing stands before the first symbol, it is not scored. */
static size_t first_scored(const struct corpus *c)
{
	return c->vocab.newline < 0 ? 1 : 0;
}

static double unigram(const struct corpus *c, struct err *e)
{
	uint32_t V = c->vocab.size;
	size_t from = first_scored(c);
	double nats = 0;
	uint64_t *count = mem_new(V, sizeof *count, e);
	if (!count)
		return NAN;
	for (size_t i = 0; i < c->ntrain; i++)
		count[c->train[i]]++;
	for (size_t i = from; i < c->nval; i++)
		nats -= log(((double)count[c->val[i]] + ADD) / ((double)c->ntrain + ADD * V));
	mem_free(count);
	return nats / (double)(c->nval - from);
}

static int count_and_score(struct ngram *g, const struct corpus *c, size_t counted, double *nats, struct err *e)
{
	uint32_t newline = c->vocab.newline < 0 ? NGRAM_NOTHING : (uint32_t)c->vocab.newline;
	const uint32_t *ids = c->train + c->ntrain - counted;
	size_t from = first_scored(c);
	for (size_t i = 0; i < counted; i++)
		if ((i % LOOK_EVERY == 0 && cmd_interrupted()) || ngram_add(g, ids[i], e))
			return -1;
	if (ngram_begin(g, newline, e))
		return -1;
	*nats = 0;
	for (size_t i = 0; i < c->nval; i++) {
		if (i % LOOK_EVERY == 0 && cmd_interrupted())
			return -1;
		if (i >= from)
			*nats -= log(ngram_prob(g, c->val[i]));
		ngram_read(g, c->val[i]);
	}
	return 0;
}

void train_baseline(struct train_baseline *b, const struct corpus *c)
{
	struct ngram g = {0};
	struct err e = {{0}};
	double nats;
	*b = (struct train_baseline){.unigram = NAN, .ngram = NAN};
	if (c->nval <= first_scored(c))
		return;
	if (c->nval > MOST_SCORED) {
		cmd_note("no n-gram model to compare with: the held-out text is too long for that (more than %zu symbols)",
		         MOST_SCORED);
		return;
	}
	b->unigram = unigram(c, &e);
	b->counted = c->ntrain < MOST_COUNTED ? c->ntrain : MOST_COUNTED;
	if (isfinite(b->unigram) && ngram_new(&g, c->vocab.size, BASELINE_ORDER, mem_physical() / 4, &e) == 0 &&
	    count_and_score(&g, c, b->counted, &nats, &e) == 0) {
		b->ngram = nats / (double)(c->nval - first_scored(c));
		b->bytes = ngram_bytes(&g);
	} else {
		cmd_note("no n-gram model to compare with: %s", cmd_interrupted() ? "interrupted" : e.msg);
	}
	ngram_free(&g);
}

void train_print_baseline(const struct train_baseline *b, const struct corpus *c)
{
	double symbols = c->val_chars ? (double)c->nval / (double)c->val_chars : NAN; /* per character */
	char bytes[32], last[64] = "", counted[32];
	if (!isfinite(b->ngram))
		return;
	term_count((double)b->bytes, bytes, sizeof bytes);
	term_count((double)b->counted, counted, sizeof counted);
	if (b->counted < c->ntrain)
		snprintf(last, sizeof last, ", of the last %s symbols", counted);
	cmd_note("to compare: unigram %.4f nats %.4f bits; %d-gram %.4f nats %.4f bits (%sB%s)", b->unigram * symbols,
	         b->unigram * symbols / LN2, BASELINE_ORDER, b->ngram * symbols, b->ngram * symbols / LN2, bytes, last);
}
