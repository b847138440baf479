/* rnnlm score --dynamic, --mix-ngram: symbol after symbol. */
#include "cmd/score_adapt.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/term.h"
#include "cmd/score.h"
#include "nn/dynamic.h"
#include "nn/mix.h"
#include "text/corpus.h"

#define STEPS 64               /* of a segment without --dynamic */
#define THREADS_STEP 1e6       /* parameters from which threads pay */
#define MEMORY_SHARE 4         /* the n-gram model takes at most 1/4 of the machine's memory */
#define LOOK_EVERY 65536u      /* symbols of the corpus between looks for Ctrl-C */

struct score_adapt {
	const struct score_options *o;
	struct pool *pool;
	size_t steps; /* of a segment */
	uint32_t *in, *target;       /* (steps) */
	real *fixed_nats, *dyn_nats; /* (steps) */

	struct work *work; /* the model as it was trained */
	struct state state;
	struct dynamic dyn;
	struct ngram ngram;
	struct mix mix, dyn_mix; /* with the one and with the other */
};

bool score_adapts(const struct score_options *o)
{
	return o->adapt.dynamic || o->adapt.order;
}

int score_adapt_check(const struct score_options *o, int ntexts, struct err *e)
{
	const char *what = o->adapt.dynamic ? "--dynamic" : "--mix-ngram";
	const char *not = o->window ? "--window" : o->rank ? "--rank" : o->next ? "--next" :
		o->per_token ? "--per-token" : o->heat ? "--heat" : o->html ? "--html" : o->against ? "--against" : o->top_lines ? "--top-lines" : NULL;
	bool from_stdin = !ntexts && (!o->file || strcmp(o->file, "-") == 0);
	if (o->adapt.corpus && !o->adapt.order)
		return err_set(e, "--ngram-corpus is counted by an n-gram model: it needs --mix-ngram=ORDER");
	if ((o->adapt.decay_given || o->adapt.seq_given) && !o->adapt.dynamic)
		return err_set(e, "%s is for dynamic evaluation: it needs --dynamic=LR",
		               o->adapt.decay_given ? "--dynamic-decay" : "--dynamic-seq");
	if (!score_adapts(o))
		return 0;
	if (o->window || o->rank || o->against || o->top_lines)
		return err_set(e, "%s and %s exclude each other: what is learned from one text changes the figures "
		                  "of the next", what, not);
	if (not)
		return err_set(e, "%s and %s exclude each other: only the symbols of the text itself get a "
		                  "probability", what, not);
	if (o->adapt.corpus && strcmp(o->adapt.corpus, "-") == 0 && from_stdin)
		return err_set(e, "standard input cannot be both the text and --ngram-corpus: give a file for one of them");
	return 0;
}

/* --- before --------------------------------------------------------------------------- */

/* The corpus is counted as one text. */
static int count_corpus(struct scorer *s, struct err *e)
{
	struct score_adapt *a = s->adapt;
	const char *path = s->o->adapt.corpus;
	unsigned char *text = NULL;
	uint32_t *ids = NULL;
	size_t len, n = 0;
	char symbols[32], bytes[32];
	int rc = -1;

	if (corpus_read(&path, 1, &text, &len, e))
		return -1;
	if (vocab_encode(&s->l->vocab, text, len, &ids, &n, NULL, e) || ngram_begin(&a->ngram, s->newline, e))
		goto out;
	for (size_t i = 0; i < n; i++) {
		if (i % LOOK_EVERY == 0 && cmd_interrupted()) {
			err_set(e, "interrupted");
			goto out;
		}
		if (ngram_add(&a->ngram, ids[i], e))
			goto out;
	}
	term_count((double)n, symbols, sizeof symbols);
	term_count((double)ngram_bytes(&a->ngram), bytes, sizeof bytes);
	cmd_note("%s: %s symbols counted, %sB%s", path, symbols, bytes,
	         a->ngram.full ? " (full: what is new is no longer counted)" : "");
	rc = 0;
out:
	mem_free(text);
	mem_free(ids);
	return rc;
}

int score_adapt_open(struct scorer *s, struct err *e)
{
	const struct score_adapt_options *o = &s->o->adapt;
	const struct model *m = &s->l->model;
	struct score_adapt *a = s->adapt = mem_new(1, sizeof *a, e);
	if (!a)
		return -1;
	a->o = s->o;
	a->steps = o->dynamic ? (size_t)o->seq : STEPS;
	if (s->o->threads != 1 && (double)m->count > THREADS_STEP &&
	    !(a->pool = pool_new(s->o->threads ? (int)s->o->threads : pool_cpus(), e)))
		return -1;
	if (!(a->in = mem_new(a->steps, sizeof *a->in, e)) || !(a->target = mem_new(a->steps, sizeof *a->target, e)) ||
	    !(a->fixed_nats = mem_new(a->steps, sizeof *a->fixed_nats, e)) ||
	    !(a->dyn_nats = mem_new(a->steps, sizeof *a->dyn_nats, e)) || state_new(&a->state, m, 1, e) ||
	    !(a->work = work_new(m, &(struct work_config){.T = (int)a->steps, .B = 1}, a->pool, e)))
		return -1;
	struct dynamic_config dc = {.lr = o->lr, .decay = o->decay, .seq = (int)o->seq};
	if (o->dynamic && dynamic_new(&a->dyn, m, &dc, a->pool, e))
		return -1;
	if (!o->order)
		return 0;
	size_t memory = mem_physical();
	mix_init(&a->mix);
	mix_init(&a->dyn_mix);
	if (ngram_new(&a->ngram, s->l->vocab.size, (int)o->order, memory == SIZE_MAX ? 0 : memory / MEMORY_SHARE, e))
		return -1;
	return o->corpus ? count_corpus(s, e) : 0;
}

void score_adapt_free(struct score_adapt *a)
{
	if (!a)
		return;
	work_free(a->work);
	state_free(&a->state);
	dynamic_free(&a->dyn);
	ngram_free(&a->ngram);
	pool_free(a->pool);
	mem_free(a->in);
	mem_free(a->target);
	mem_free(a->fixed_nats);
	mem_free(a->dyn_nats);
	mem_free(a);
}

void score_adapt_protocol(struct scorer *s, bool several)
{
	const struct score_adapt_options *o = &s->o->adapt;
	size_t n = strlen(s->protocol), room = sizeof s->protocol;
	if (o->dynamic)
		n += (size_t)snprintf(s->protocol + n, room - n, ",dynamic:%.4g:%d:%.4g", o->lr, (int)o->seq, o->decay);
	if (o->order)
		n += (size_t)snprintf(s->protocol + n, room - n, ",mix-ngram:%d%s", (int)o->order, o->corpus ? "+corpus" : "");
	if (several)
		snprintf(s->protocol + n, room - n, ",carried");
}

/* --- during ----------------------------------------------------------------------------- */

/* The symbol id after what was read, to which the model gave these nats: adds to the
 * item's figures if it is scored, then the n-gram model and the weights learn. */
static int take_symbol(struct score_adapt *a, struct score_item *it, uint32_t id, bool scored, bool known, size_t i,
                       struct err *e)
{
	bool dynamic = a->o->adapt.dynamic;
	double fixed = (double)a->fixed_nats[i], dyn = (double)a->dyn_nats[i], mixed = 0, last = dynamic ? dyn : fixed;
	if (a->o->adapt.order) {
		int which = ngram_case(&a->ngram);
		double p = ngram_prob(&a->ngram, id), pf = prob_of(a->fixed_nats[i]), pd = prob_of(a->dyn_nats[i]);
		last = mixed = -log(mix_prob(&a->mix, which, pf, p));
		mix_learn(&a->mix, which, pf, p);
		if (dynamic) {
			last = -log(mix_prob(&a->dyn_mix, which, pd, p));
			mix_learn(&a->dyn_mix, which, pd, p);
		}
		if (ngram_add(&a->ngram, id, e))
			return -1;
	}
	if (scored) {
		it->adapt.fixed += fixed;
		it->adapt.dynamic += dyn;
		it->adapt.mixed += mixed;
		it->nats += last;
		it->nats_known += known ? last : 0;
	}
	return 0;
}

static int evaluate_item(struct scorer *s, struct score_item *it, struct err *e)
{
	struct score_adapt *a = s->adapt;
	size_t pos = 0, targets;
	state_clear(&a->state);
	if (a->o->adapt.dynamic)
		dynamic_begin(&a->dyn);
	if (a->o->adapt.order && ngram_begin(&a->ngram, it->first, e))
		return -1;
	if (it->first == NO_TARGET && it->n) { /* nothing stands before the first symbol */
		if (a->o->adapt.order && ngram_add(&a->ngram, it->ids[0], e))
			return -1;
		pos = 1;
	}
	while (pos < it->n) {
		size_t n = it->n - pos < a->steps ? it->n - pos : a->steps;
		for (size_t i = 0; i < n; i++) {
			a->in[i] = pos + i ? it->ids[pos + i - 1] : it->first;
			a->target[i] = it->ids[pos + i];
		}
		struct block b = {.T = (int)n, .B = 1, .in = a->in, .target = a->target};
		work_forward(a->work, &b, &a->state);
		work_loss(a->work, &b, a->fixed_nats, &targets);
		if (a->o->adapt.dynamic && dynamic_read(&a->dyn, a->in, a->target, n, a->dyn_nats, e))
			return err_wrap(e, "--dynamic, after %zu symbols", pos);
		for (size_t i = 0; i < n; i++, pos++)
			if (take_symbol(a, it, it->ids[pos], pos >= it->skip, it->ids[pos] != s->l->vocab.size - 1, i, e))
				return -1;
		if (cmd_interrupted())
			return err_set(e, "interrupted");
	}
	return 0;
}

int score_adapt_evaluate(struct scorer *s, struct score_item *items, size_t n, struct err *e)
{
	for (size_t i = 0; i < n; i++)
		if (evaluate_item(s, &items[i], e))
			return -1;
	return 0;
}

/* --- after ------------------------------------------------------------------------------ */

int score_adapt_put_header(const struct scorer *s, struct buf *out, struct err *e)
{
	const struct score_adapt_options *o = &s->o->adapt;
	return buf_printf(out, e, " static %s%s%s", o->dynamic ? "dynamic " : "", o->order ? "  mixed " : "",
	                  o->dynamic && o->order ? "   both " : "");
}

static int put_bits(const struct score_item *it, double nats, struct buf *out, struct err *e)
{
	if (!it->chars)
		return buf_printf(out, e, "%7s ", "-");
	return buf_printf(out, e, "%7.4f ", nats > 0 ? nats / LN2 / (double)it->chars : 0.0);
}

int score_adapt_put(const struct scorer *s, const struct score_item *it, struct buf *out, struct err *e)
{
	const struct score_adapt_options *o = &s->o->adapt;
	return put_bits(it, it->adapt.fixed, out, e) || (o->dynamic && put_bits(it, it->adapt.dynamic, out, e)) ||
	       (o->order && put_bits(it, it->adapt.mixed, out, e)) ||
	       (o->dynamic && o->order && put_bits(it, it->nats, out, e)) ? -1 : 0;
}

void score_adapt_json(const struct scorer *s, const struct score_item *it, struct json_writer *w)
{
	json_key(w, "static_nats");
	json_number(w, it->adapt.fixed);
	if (s->o->adapt.dynamic) {
		json_key(w, "dynamic_nats");
		json_number(w, it->adapt.dynamic);
	}
	if (s->o->adapt.order) {
		json_key(w, "mixed_nats");
		json_number(w, it->adapt.mixed);
	}
}
