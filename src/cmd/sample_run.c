/* Drawing. Many samples are lanes of one work, so that a step reads the weights once
 * for all of them. A lane's numbers do not depend on its neighbours (see mat/kern.h),
 * and what is drawn is a function of seed, sample and position: the text of a sample is
 * the same however many are drawn at once. */
#include "base/rng.h"
#include "cmd/cmd.h"
#include "cmd/sample.h"
#include "mat/kern.h"

/* Samples that are done wait for those before them: so many are begun ahead of the
 * first that is not printed, in lanes. */
enum { AHEAD = 4 };
static const int64_t MOST_WAITING = 1 << 24; /* symbols in all that may wait, about */

double sample_uniform(uint64_t seed, uint32_t number, int64_t position)
{
	uint32_t r[4];
	rng_draw(seed, RNG_SAMPLE, (uint32_t)position, 0, number, 0, r);
	return rng_unit53(r[0], r[1]);
}

struct lane {
	struct sample *sample;
	double nats; /* of the symbol just drawn */
};

struct batch {
	struct sampling *s;
	struct work *work;
	struct state state;      /* (lanes) streams */
	struct sampler *sampler; /* one for each thread */
	int lanes, busy, parts;
	uint32_t *next;     /* (lanes) the symbol to read, then the one drawn */
	struct lane *lane;  /* (lanes) the first `busy` are at work */
	struct sample *ring; /* (slots) sample number i is at i % slots */
	int64_t slots, count;
	int64_t begun, printed; /* samples */
	const real *logits; /* of a piece of lanes */
	size_t ld, r0, rows;
};

static int batch_new(struct batch *b, struct sampling *s, struct err *e)
{
	const struct sample_options *o = s->o;
	struct sampler_config rules = sample_rules(s);
	*b = (struct batch){.s = s, .count = o->count, .parts = pool_size(s->pool)};
	int64_t lanes = o->batch < o->count ? o->batch : o->count;
	if (lanes > 1 && lanes * AHEAD > MOST_WAITING / (o->length + 1))
		lanes = 1 + MOST_WAITING / (o->length + 1) / AHEAD;
	b->lanes = (int)lanes;
	b->slots = lanes * AHEAD;
	struct work_config shape = {.T = 1, .B = b->lanes};
	if (!(b->work = work_new(&s->l.model, &shape, s->pool, e)) || state_new(&b->state, &s->l.model, b->lanes, e) ||
	    !(b->sampler = mem_new((size_t)b->parts, sizeof *b->sampler, e)) ||
	    !(b->next = mem_new((size_t)lanes, sizeof *b->next, e)) ||
	    !(b->lane = mem_new((size_t)lanes, sizeof *b->lane, e)) ||
	    !(b->ring = mem_new((size_t)b->slots, sizeof *b->ring, e)))
		return -1;
	for (int i = 0; i < b->parts; i++)
		if (sampler_new(&b->sampler[i], &rules, s->l.vocab.size, e))
			return -1;
	return 0;
}

static void batch_free(struct batch *b)
{
	for (int64_t i = 0; b->ring && i < b->slots; i++)
		sample_free(&b->ring[i]);
	for (int i = 0; b->sampler && i < b->parts; i++)
		sampler_free(&b->sampler[i]);
	mem_free(b->ring);
	mem_free(b->lane);
	mem_free(b->next);
	mem_free(b->sampler);
	state_free(&b->state);
	work_free(b->work);
}

static struct sample *at(const struct batch *b, int64_t i)
{
	return &b->ring[i % b->slots];
}

/* Free lanes take the next samples. */
static int begin(struct batch *b, struct err *e)
{
	const struct sampling *s = b->s;
	while (b->busy < b->lanes && b->begun < b->count && b->begun - b->printed < b->slots) {
		struct sample *a = at(b, b->begun);
		*a = (struct sample){.number = (uint32_t)(s->o->first + b->begun), .last = -1, .state = s->whole_start,
		                     .done = s->o->length == 0};
		if (b->begun == b->printed && sample_head(s, a, b->begun == 0, e))
			return -1;
		b->begun++;
		if (a->done)
			return 0; /* it is printed before another begins */
		state_copy(&b->state, b->busy, &s->start, 0);
		b->next[b->busy] = s->last;
		b->lane[b->busy++].sample = a;
	}
	return 0;
}

static void draw_part(void *arg, int part, int parts)
{
	struct batch *b = arg;
	size_t lo, hi;
	pool_share(part, parts, b->rows, 1, &lo, &hi);
	for (size_t r = lo; r < hi; r++) {
		struct lane *l = &b->lane[b->r0 + r];
		const real *z = b->logits + r * b->ld;
		b->sampler[part].allow = whole_allowed(&b->s->whole, l->sample->state);
		uint32_t id = sampler_draw(&b->sampler[part], z, sample_uniform(b->s->seed, l->sample->number, l->sample->drawn));
		l->nats = (double)kern_get()->logsumexp(b->s->l.vocab.size, z) - (double)z[id];
		b->next[b->r0 + r] = id;
	}
}

/* A symbol for each lane. */
static int draw(struct batch *b, struct err *e)
{
	struct block block = {.T = 1, .B = b->busy, .in = b->next};
	size_t piece = work_piece(b->work), busy = (size_t)b->busy;
	bool interrupted = cmd_interrupted();
	work_forward(b->work, &block, &b->state);
	for (b->r0 = 0; b->r0 < busy; b->r0 += piece) {
		b->rows = busy - b->r0 < piece ? busy - b->r0 : piece;
		b->logits = work_logits(b->work, b->r0, b->rows, &b->ld);
		pool_run(b->s->pool, draw_part, b);
	}
	for (size_t i = 0; i < busy; i++)
		if (sample_add(b->s, b->lane[i].sample, b->next[i], b->lane[i].nats, interrupted, e))
			return -1;
	return 0;
}

/* Frees the lanes of samples that are done: the last lane moves there. */
static void retire(struct batch *b)
{
	for (int i = b->busy - 1; i >= 0; i--) {
		if (!b->lane[i].sample->done)
			continue;
		int from = --b->busy;
		state_copy(&b->state, i, &b->state, from);
		b->next[i] = b->next[from];
		b->lane[i] = b->lane[from];
	}
}

/* Prints what is done, in order, and what there is of the first that is not. */
static int print(struct batch *b, struct err *e)
{
	while (b->printed < b->begun && at(b, b->printed)->done) {
		if (sample_finish(b->s, at(b, b->printed), e))
			return -1;
		sample_free(at(b, b->printed));
		b->printed++;
		if (b->printed < b->begun && sample_head(b->s, at(b, b->printed), false, e))
			return -1;
	}
	if (b->printed < b->begun)
		sample_stream(b->s, at(b, b->printed), false);
	return 0;
}

/* After Ctrl-C the first that is not printed comes to an end, and no other. */
static void leave_first(struct batch *b)
{
	for (int i = 0; i < b->busy; i++)
		b->lane[i].sample->done = b->lane[i].sample != at(b, b->printed);
	retire(b);
	b->count = b->printed + (b->begun > b->printed);
	b->begun = b->count;
}

int sample_run(struct sampling *s, struct err *e)
{
	struct batch b;
	bool interrupted = false;
	int rc = batch_new(&b, s, e);
	while (rc == 0 && b.printed < b.count && !cmd_out_failed()) {
		if (cmd_interrupted() && !interrupted) {
			interrupted = true;
			leave_first(&b);
			continue;
		}
		if ((b.begun < b.count && begin(&b, e)) || (b.busy && draw(&b, e)))
			rc = -1;
		retire(&b);
		if (rc == 0)
			rc = print(&b, e);
	}
	batch_free(&b);
	return rc;
}
