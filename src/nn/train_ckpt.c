/* A training run in a checkpoint: written, and taken up again. */
#include <math.h>
#include <string.h>

#include "base/mem.h"
#include "nn/ckpt.h"
#include "nn/train_private.h"

/* --- blocks like the model's, under a prefix each ---------------------------------------- */

enum { PARTS = 3 };

struct part {
	const char *prefix;
	real *block;
	bool not_negative;
};

/* All blocks that change from step to step. */
static void list_parts(const struct train *t, struct part p[PARTS])
{
	p[0] = (struct part){"train.w.", t->model->w, false};
	p[1] = (struct part){"train.m.", t->optim.m, false};
	p[2] = (struct part){"train.v.", t->optim.v, true};
}

bool train_finite(struct train *t)
{
	struct part p[PARTS];
	list_parts(t, p);
	for (int i = 0; i < PARTS; i++)
		if (!isfinite(optim_norm(&t->optim, t->model, p[i].block, t->pool)))
			return false;
	return true;
}

/* --- writing ----------------------------------------------------------------------------- */

int train_put(struct train *t, struct tf_writer *w, struct err *e)
{
	const struct train_progress *p = &t->p;
	const struct state *s = &t->state;
	uint64_t ncounters = COUNTERS, nnumbers = NUMBERS;
	uint64_t shape[4] = {(uint64_t)s->layers, (uint64_t)s->states, (uint64_t)s->batch, (uint64_t)s->hidden};
	struct part parts[PARTS];
	list_parts(t, parts);
	const uint64_t c[COUNTERS] = {
		[C_STEP] = p->step, [C_TOKENS] = p->tokens, [C_BEST_STEP] = p->best_step, [C_DIVERGED] = p->diverged,
		[C_OPTIM_STEPS] = t->optim.steps, [C_POS] = t->streams.pos, [C_EPOCH] = t->streams.epoch,
		[C_SEED] = t->cfg.seed, [C_SUM_STEPS] = p->sum_steps, [C_ENDED] = p->ended,
	};
	/* At its end, a run of so many steps leaves the same file however long it took, and
	 * one in seconds has used up all of them (but for what the last validation was faster). */
	bool ended = p->ended && p->ended == p->step;
	const double n[NUMBERS] = {
		[N_SECONDS] = !ended ? p->seconds : t->steps ? 0 : fmax(p->seconds, t->cfg.seconds),
		[N_SMOOTH_NATS] = p->smooth_nats, [N_VAL_NATS] = p->val_nats, [N_BEST_NATS] = p->best_nats,
		[N_RATE] = p->rate, [N_SUM_NATS] = p->sum_nats,
	};
	for (int i = 0; i < COUNTERS; i++)
		t->counters[i] = (int64_t)c[i];
	for (int i = 0; i < NUMBERS; i++) /* a file holds no NaN: -1 stands for "none yet" */
		t->numbers[i] = isfinite(n[i]) ? n[i] : -1;
	if (tf_put(w, "train.counters", TF_I64, 1, &ncounters, t->counters, e) ||
	    tf_put(w, "train.numbers", TF_F64, 1, &nnumbers, t->numbers, e) ||
	    ckpt_put_block(w, t->model, "", t->offer_last ? t->model->w : t->best, e) ||
	    (t->offer_last && ckpt_put_block(w, t->model, "train.b.", t->best, e)))
		return -1;
	for (int i = 0; i < PARTS; i++)
		if (ckpt_put_block(w, t->model, parts[i].prefix, parts[i].block, e))
			return -1;
	return tf_put(w, "train.state", sizeof(real) == 4 ? TF_F32 : TF_F64, 4, shape, s->s, e);
}

/* --- reading ----------------------------------------------------------------------------- */

static const struct tf_tensor *find(const struct tensorfile *f, const char *name, uint64_t count, struct err *e)
{
	const struct tf_tensor *t = tf_find(f, name);
	if (!t)
		err_set(e, "tensor %s is missing: the file lacks what training needs to go on", name);
	else if (t->count != count)
		err_set(e, "tensor %s has %llu numbers, not %llu", name, (unsigned long long)t->count,
		        (unsigned long long)count);
	else
		return t;
	return NULL;
}

static int check_counters(const struct train *t, const int64_t c[COUNTERS], struct err *e)
{
	for (int i = 0; i < COUNTERS; i++)
		if (c[i] < 0)
			return err_set(e, "train.counters holds a negative number");
	if ((uint64_t)c[C_SEED] != t->cfg.seed)
		return err_set(e, "the run in the file has the seed %lld, not %llu", (long long)c[C_SEED],
		               (unsigned long long)t->cfg.seed);
	if ((uint64_t)c[C_POS] > t->streams.length)
		return err_set(e, "the position in the file lies behind the end of this corpus");
	static const int not_above_step[] = {C_BEST_STEP, C_OPTIM_STEPS, C_EPOCH, C_SUM_STEPS, C_ENDED};
	for (size_t i = 0; i < sizeof not_above_step / sizeof *not_above_step; i++)
		if (c[not_above_step[i]] > c[C_STEP])
			return err_set(e, "train.counters contradicts itself: number %d is %lld at step %lld", not_above_step[i],
			               (long long)c[not_above_step[i]], (long long)c[C_STEP]);
	uint64_t most = (uint64_t)t->cfg.seq * t->streams.batch; /* tokens of a step */
	if ((uint64_t)c[C_TOKENS] / most > (uint64_t)c[C_STEP])
		return err_set(e, "train.counters contradicts itself: %lld symbols in %lld steps", (long long)c[C_TOKENS],
		               (long long)c[C_STEP]);
	return 0;
}

static int check_numbers(const double n[NUMBERS], struct err *e)
{
	if (!(n[N_RATE] > 0 && n[N_RATE] <= 1))
		return err_set(e, "train.numbers: the factor on the rate is %g, not above 0 and at most 1", n[N_RATE]);
	if (!(n[N_SECONDS] >= 0))
		return err_set(e, "train.numbers: a run of %g seconds is not possible", n[N_SECONDS]);
	if (!(n[N_SUM_NATS] >= 0))
		return err_set(e, "train.numbers: a loss is never negative, here it is %g", n[N_SUM_NATS]);
	return 0;
}

static int get_reals(const struct tensorfile *f, const struct tf_tensor *t, real *dst, struct err *e)
{
#ifdef REAL_DOUBLE
	return tf_get_f64(f, t, dst, e);
#else
	return tf_get_f32(f, t, dst, e);
#endif
}

/* Reads a part of the checkpoint to where it belongs, or only looks at it: then all goes
 * to the gradient, which the next step makes anew. */
static int get_part(struct train *t, const struct tensorfile *f, const struct part *p, bool look, struct err *e)
{
	real *block = look ? t->grad : p->block;
	if (ckpt_get_block(f, t->model, p->prefix, block, e))
		return -1;
	for (size_t i = 0; p->not_negative && i < t->model->size; i++)
		if (block[i] < 0)
			return err_set(e, "tensors %s*: a number that cannot be negative is %g", p->prefix, (double)block[i]);
	return 0;
}

int train_get(struct train *t, const struct tensorfile *f, struct err *e)
{
	struct train_progress *p = &t->p;
	struct state *s = &t->state;
	struct part parts[PARTS + 1] = {{tf_find(f, "train.b.out.bias") ? "train.b." : "", t->best, false}};
	int64_t c[COUNTERS];
	double n[NUMBERS];
	uint64_t size = (uint64_t)s->layers * (uint64_t)s->states * (uint64_t)s->batch * (uint64_t)s->hidden;
	const struct tf_tensor *counters = find(f, "train.counters", COUNTERS, e);
	const struct tf_tensor *numbers = counters ? find(f, "train.numbers", NUMBERS, e) : NULL;
	const struct tf_tensor *state = numbers ? find(f, "train.state", size, e) : NULL;

	list_parts(t, parts + 1);
	if (!state || tf_get_i64(f, counters, c, e) || tf_get_f64(f, numbers, n, e) || check_counters(t, c, e) ||
	    check_numbers(n, e))
		return -1;
	for (int i = 0; i <= PARTS; i++) /* all are looked at before the first is taken */
		if (get_part(t, f, &parts[i], true, e))
			return -1;
	real *carried = mem_new(size, sizeof *carried, e);
	if (!carried || get_reals(f, state, carried, e)) {
		mem_free(carried);
		return -1;
	}
	memcpy(s->s, carried, size * sizeof *carried);
	mem_free(carried);
	for (int i = 0; i <= PARTS; i++)
		if (get_part(t, f, &parts[i], false, e))
			return -1;
	t->model->version++;
	p->step = (uint64_t)c[C_STEP];
	p->tokens = (uint64_t)c[C_TOKENS];
	p->best_step = (uint64_t)c[C_BEST_STEP];
	p->diverged = (uint64_t)c[C_DIVERGED];
	t->optim.steps = (uint64_t)c[C_OPTIM_STEPS];
	t->streams.pos = (size_t)c[C_POS];
	t->streams.epoch = (uint64_t)c[C_EPOCH];
	p->sum_steps = (uint64_t)c[C_SUM_STEPS];
	p->ended = (uint64_t)c[C_ENDED];
	p->seconds = n[N_SECONDS];
	p->smooth_nats = n[N_SMOOTH_NATS] < 0 ? NAN : n[N_SMOOTH_NATS];
	p->val_nats = n[N_VAL_NATS] < 0 ? NAN : n[N_VAL_NATS];
	p->best_nats = n[N_BEST_NATS] < 0 ? NAN : n[N_BEST_NATS];
	p->rate = n[N_RATE];
	p->sum_nats = n[N_SUM_NATS];
	p->offer_nats = p->best_nats;
	p->offer_step = p->best_step;
	t->val_nats = p->val_nats;
	return 0;
}
