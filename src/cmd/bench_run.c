/* Measures one task: steps of training, scoring or sampling on random symbols, the
 * median of their times; before and after them how fast this CPU can multiply. */
#ifdef __APPLE__
#define _DARWIN_C_SOURCE /* ru_maxrss */
#endif
#include "cmd/bench.h"

#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#include "base/io.h"
#include "base/mem.h"
#include "base/pool.h"
#include "base/rng.h"
#include "cmd/cmd.h"
#include "nn/optim.h"
#include "nn/sampler.h"
#include "nn/work.h"

enum {
	WARM_UP = 2,        /* steps before the clock counts */
	LEAST_STEPS = 3,    /* measured, however long they take */
	MOST_STEPS = 65536, /* measured; more would say nothing new */
	SAMPLE_STEP = 50    /* symbols that make a step of sampling */
};
static const double PEAK_SECONDS = 0.2, LEAST_PEAK_SECONDS = 0.03; /* no longer than the measurement itself */
static const double RATE = 1e-3;
static const uint64_t SEED = 1;

struct bench {
	const struct bench_task *t;
	struct pool *pool;
	struct model model;
	struct work *work;
	struct state state;
	struct optim optim;
	struct sampler sampler;
	real *grad;     /* model's block */
	uint32_t *ids;  /* (T+1,B): the targets are a row behind the inputs */
	double *times;  /* (MOST_STEPS) seconds */
	double seconds[PHASE_COUNT]; /* by phase */
	uint32_t step;
};

/* --- what is counted ------------------------------------------------------------- */

/* Floating-point operations of the products for one symbol: two for each weight that
 * is multiplied, and in training two more for each of the two gradients. The
 * first layer's input weights are gathered, not multiplied. */
static double product_flops(const struct bench_task *t, const struct cell *cell)
{
	double H = t->model.hidden, V = t->model.vocab, L = t->model.layers;
	double recurrent = cell->gates * H * H, input = recurrent;
	double forward = 2 * (L * recurrent + (L - 1) * input + V * H);
	return t->what == BENCH_TRAIN ? 3 * forward : forward;
}

/* Bytes of packed weights that sampling reads for one symbol. */
static size_t weight_bytes(const struct bench_task *t, const struct cell *cell)
{
	const struct gemm *g = kern_get()->gemm[t->model.precision];
	size_t H = (size_t)t->model.hidden, L = (size_t)t->model.layers, gates = (size_t)cell->gates;
	return (2 * L - 1) * gates * mat_pack_bytes(g, H, H) + mat_pack_bytes(g, H, (size_t)t->model.vocab);
}

/* --- the steps -------------------------------------------------------------------- */

/* Symbols of a new block, so that training does not come to know one by heart. */
static void draw_block(struct bench *b, struct block *block)
{
	size_t n = (size_t)(b->t->seq + 1) * (size_t)b->t->batch;
	for (size_t i = 0; i < n; i += 4) {
		uint32_t x[4];
		rng_draw(SEED, RNG_TEST, b->step, 0, (uint32_t)(i >> 32), (uint32_t)i, x);
		for (size_t k = 0; k < 4 && i + k < n; k++)
			b->ids[i + k] = x[k] % (uint32_t)b->t->model.vocab;
	}
	*block = (struct block){.T = b->t->seq, .B = b->t->batch, .in = b->ids, .target = b->ids + b->t->batch};
}

static double train_step(struct bench *b, const struct block *block)
{
	double nats = work_train(b->work, block, &b->state, b->grad, NULL);
	struct stopwatch clock = phase_start(b->t->profile ? b->seconds : NULL);
	double norm = optim_norm(&b->optim, &b->model, b->grad, b->pool);
	optim_step(&b->optim, &b->model, b->grad, norm, RATE, b->pool);
	phase_end(&clock, PHASE_OPTIMISER);
	return nats;
}

static double score_step(struct bench *b, const struct block *block)
{
	size_t targets;
	work_forward(b->work, block, &b->state);
	return work_loss(b->work, block, NULL, &targets);
}

static double sample_step(struct bench *b, const struct block *block)
{
	uint32_t next = block->in[0];
	size_t ld;
	const real *logits = NULL;
	for (uint32_t i = 0; i < SAMPLE_STEP; i++) {
		struct block one = {.T = 1, .B = 1, .in = &next};
		uint32_t x[4];
		rng_draw(SEED, RNG_SAMPLE, b->step, 0, 0, i, x);
		work_forward(b->work, &one, &b->state);
		logits = work_logits(b->work, 0, 1, &ld);
		next = sampler_draw(&b->sampler, logits, rng_unit53(x[0], x[1]));
	}
	return (double)logits[next];
}

/* --- measuring -------------------------------------------------------------------- */

static int prepare(struct bench *b, struct err *e)
{
	static const struct optim_config adam = {.kind = OPTIM_ADAMW, .beta1 = 0.9, .beta2 = 0.99, .eps = 1e-8, .clip = 1};
	static const struct sampler_config draw = {.temp = 0.8, .top_p = 1, .ban = NO_TARGET};
	const struct bench_task *t = b->t;
	bool one = t->what == BENCH_SAMPLE, train = t->what == BENCH_TRAIN;
	struct work_config wc = {.T = one ? 1 : t->seq, .B = one ? 1 : t->batch, .train = train};

	if (!(b->pool = pool_new(t->threads, e)) || model_new(&b->model, &t->model, e) ||
	    model_init(&b->model, SEED, e) || !(b->work = work_new(&b->model, &wc, b->pool, e)) ||
	    state_new(&b->state, &b->model, wc.B, e) ||
	    !(b->ids = mem_new((size_t)(t->seq + 1) * (size_t)t->batch, sizeof *b->ids, e)) ||
	    !(b->times = mem_new(MOST_STEPS, sizeof *b->times, e)))
		return -1;
	if (train && (optim_new(&b->optim, &b->model, &adam, e) ||
	              !(b->grad = mem_block(b->model.size, sizeof(real), e))))
		return -1;
	return one ? sampler_new(&b->sampler, &draw, (uint32_t)t->model.vocab, e) : 0;
}

static void release(struct bench *b)
{
	mem_free(b->times);
	mem_free(b->ids);
	mem_free(b->grad);
	sampler_free(&b->sampler);
	optim_free(&b->optim);
	state_free(&b->state);
	work_free(b->work);
	model_free(&b->model);
	pool_free(b->pool);
}

/* Runs the steps; *n of them were measured, 0 if it was interrupted. */
static int measure_steps(struct bench *b, size_t *n, struct err *e)
{
	static double (*const steps[])(struct bench *, const struct block *) = {train_step, score_step, sample_step};
	double spent = 0;
	for (*n = 0; *n < LEAST_STEPS || (spent < b->t->seconds && *n < MOST_STEPS); b->step++) {
		struct block block;
		draw_block(b, &block);
		if (b->step == WARM_UP && b->t->profile) {
			memset(b->seconds, 0, sizeof b->seconds);
			work_profile(b->work, b->seconds);
		}
		double start = io_now();
		double value = steps[b->t->what](b, &block);
		double took = io_now() - start;
		if (!isfinite(value))
			return err_set(e, "step %u gave a number that is not finite: its time says nothing",
			               (unsigned)b->step + 1);
		if (cmd_interrupted()) {
			*n = 0;
			return 0;
		}
		if (b->step < WARM_UP)
			continue;
		b->times[(*n)++] = took;
		spent += took;
	}
	/* What no phase claimed is other. */
	b->seconds[PHASE_OTHER] = spent;
	for (int i = 0; i < PHASE_OTHER; i++)
		b->seconds[PHASE_OTHER] -= b->seconds[i];
	for (int i = 0; i < PHASE_COUNT; i++)
		b->seconds[i] /= spent;
	return 0;
}

static int by_size(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;
	return (x > y) - (x < y);
}

static double peak_memory(void)
{
	struct rusage usage;
	if (getrusage(RUSAGE_SELF, &usage))
		return NAN;
#ifdef __APPLE__
	double unit = 1;
#else
	double unit = 1024;
#endif
	return (double)usage.ru_maxrss * unit / (1 << 20);
}

int bench_run(const struct bench_task *t, struct bench_result *r, struct err *e)
{
	struct bench b = {.t = t};
	double peak_s = fmin(PEAK_SECONDS, fmax(LEAST_PEAK_SECONDS, t->seconds));
	size_t n = 0;
	int rc = -1;
	*r = (struct bench_result){0};
	if (prepare(&b, e))
		goto out;

	double before = bench_peak_flops(b.pool, t->model.precision, peak_s);
	if (measure_steps(&b, &n, e))
		goto out;
	r->interrupted = n == 0;
	if (r->interrupted) {
		rc = 0;
		goto out;
	}
	r->peak_mb = peak_memory();
	double after = bench_peak_flops(b.pool, t->model.precision, peak_s);

	qsort(b.times, n, sizeof *b.times, by_size);
	double tokens = t->what == BENCH_SAMPLE ? SAMPLE_STEP : (double)t->batch * t->seq;
	r->params = b.model.count;
	r->step_s = b.times[n / 2];
	r->step_min_s = b.times[0];
	r->step_max_s = b.times[n - 1];
	r->tokens_per_s = tokens / r->step_s;
	r->gflops = product_flops(t, b.model.cell) * r->tokens_per_s / 1e9;
	r->peak_gflops = (before > after ? before : after) / 1e9;
	memcpy(r->phase, b.seconds, sizeof r->phase);
	if (t->what == BENCH_SAMPLE) {
		size_t bytes = weight_bytes(t, b.model.cell);
		if (bench_peak_read(b.pool, bytes, peak_s, &r->peak_read_gb_s, e))
			goto out;
		r->peak_read_gb_s /= 1e9;
		r->read_gb_s = (double)bytes * r->tokens_per_s / 1e9;
	}
	rc = 0;
out:
	release(&b);
	return rc;
}
