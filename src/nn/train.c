/* The training loop. */
#include <math.h>
#include <string.h>

#include "base/io.h"
#include "base/mem.h"
#include "base/rng.h"
#include "nn/train_private.h"

const char *const schedule_names[] = {"cosine", "linear", "constant", "plateau", NULL};

static const double FINAL_RATE = 0.02;  /* of the rate, at the end of a falling schedule */
static const double SMOOTHING = 0.98;   /* of the training loss shown */
static const double EVAL_SHARE = 8;     /* train on this many times the validation text in between */
/* A gradient's norm that is taken for divergence: its square must fit into float32,
 * in which the second moments are. */
static const double MAX_NORM = 1e18;
enum { EVAL_STEPS = 32, EVAL_PIECES = 64, EVAL_WARM = 256, MAX_DIVERGED = 10, ROW_STEPS = 20 };

/* --- making ---------------------------------------------------------------------- */

struct train *train_new(struct model *m, const struct train_config *cfg, const struct train_data *data,
                        struct pool *pool, struct err *e)
{
	struct train *t = mem_new(1, sizeof *t, e);
	if (!t)
		return NULL;
	t->cfg = *cfg;
	t->data = *data;
	t->model = m;
	t->pool = pool;
	t->val_nats = NAN;
	t->p = (struct train_progress){.val_nats = NAN, .best_nats = NAN, .offer_nats = NAN, .smooth_nats = NAN, .rate = 1};
	if (data->ntrain < 2) {
		err_set(e, "training needs at least two symbols");
		goto fail;
	}
	streams_init(&t->streams, data->train, data->ntrain, (size_t)cfg->batch);
	int B = (int)t->streams.batch;
	int T = t->streams.length < (size_t)cfg->seq ? (int)t->streams.length : cfg->seq;
	uint64_t per_epoch = (t->streams.length + (size_t)T - 1) / (size_t)T;
	t->steps = cfg->steps ? cfg->steps : (uint64_t)ceil(cfg->epochs * (double)per_epoch);

	struct work_config train_work = {.T = T, .B = B, .train = true,
	                                 .dropout = cfg->dropout_in > 0 || cfg->dropout > 0 || cfg->dropout_out > 0,
	                                 .dropout_hh = cfg->dropout_hh > 0};
	struct work_config eval_work = {.T = EVAL_STEPS, .B = EVAL_PIECES};
	t->pieces = mem_new(EVAL_PIECES, sizeof *t->pieces, e);
	t->grad = mem_block(m->size, sizeof *t->grad, e);
	t->best = mem_block(m->size, sizeof *t->best, e);
	t->in = mem_new((size_t)T * (size_t)B, sizeof *t->in, e);
	t->target = mem_new((size_t)T * (size_t)B, sizeof *t->target, e);
	if (!t->pieces || !t->grad || !t->best || !t->in || !t->target || optim_new(&t->optim, m, &cfg->optim, e) ||
	    state_new(&t->state, m, B, e) || !(t->work = work_new(m, &train_work, pool, e)))
		goto fail;
	memcpy(t->best, m->w, m->size * sizeof(real));

	t->npieces = eval_pieces(t->pieces, EVAL_PIECES, data->val, data->nval, data->first, EVAL_WARM);
	if (t->npieces) {
		eval_work.B = (int)t->npieces;
		if (!(t->eval = work_new(m, &eval_work, pool, e)))
			goto fail;
	}
	t->eval_every = cfg->eval_every;
	if (!t->eval_every) {
		t->eval_every = (uint64_t)(EVAL_SHARE * (double)data->nval / ((double)T * B)) + 1;
		if (t->eval_every < 50)
			t->eval_every = 50;
	}
	return t;
fail:
	train_free(t);
	return NULL;
}

void train_free(struct train *t)
{
	if (!t)
		return;
	optim_free(&t->optim);
	state_free(&t->state);
	work_free(t->work);
	work_free(t->eval);
	mem_free(t->pieces);
	mem_free(t->grad);
	mem_free(t->best);
	mem_free(t->in);
	mem_free(t->target);
	mem_free(t);
}

size_t train_bytes(const struct train *t)
{
	return work_bytes(t->work) + (t->eval ? work_bytes(t->eval) : 0) + 5 * t->model->size * sizeof(real);
}

const struct train_progress *train_progress(const struct train *t)
{
	return &t->p;
}

void train_add_seconds(struct train *t, double seconds)
{
	t->p.seconds += seconds;
}

/* --- pieces of the loop ------------------------------------------------------------ */

/* How much of the run is done, and how much time is left. */
static double fraction(struct train *t, double *left)
{
	const struct train_progress *p = &t->p;
	if (t->steps) {
		uint64_t run = p->step - t->first_step;
		*left = run ? (p->seconds - t->first_seconds) / (double)run * (double)(t->steps - p->step) : NAN;
		return (double)p->step / (double)t->steps;
	}
	/* The last validation has to fit in before the deadline. Before the first it is guessed:
	 * forward alone is about a third of a step's work. */
	double eval = t->npieces ? t->eval_seconds : 0;
	if (t->npieces && eval <= 0 && p->tokens)
		eval = fmin(p->seconds / (double)p->tokens * (double)t->data.nval / 3, t->cfg.seconds / 2);
	double end = t->cfg.seconds - eval;
	*left = t->cfg.seconds - p->seconds;
	double done = p->seconds < end ? p->seconds / end : 1;
	t->done = done > t->done ? done : t->done; /* even if validation is faster than the last time */
	return t->done;
}

static double rate(const struct train *t, double done)
{
	const struct train_config *c = &t->cfg;
	double lr = c->lr * t->p.rate;
	if (c->schedule == SCHEDULE_COSINE)
		lr *= FINAL_RATE + (1 - FINAL_RATE) * 0.5 * (1 + cos(3.14159265358979323846 * done));
	else if (c->schedule == SCHEDULE_LINEAR)
		lr *= 1 - (1 - FINAL_RATE) * done;
	if (t->p.step < c->warmup)
		lr *= (double)(t->p.step + 1) / (double)c->warmup;
	return lr;
}

bool train_done(struct train *t)
{
	double left;
	return t->p.step && t->p.ended == t->p.step && fraction(t, &left) >= 1;
}

uint64_t train_stale(const struct train *t)
{
	return t->p.step / t->eval_every - t->p.best_step / t->eval_every;
}

bool train_out_of_patience(const struct train *t)
{
	return t->cfg.patience && train_stale(t) >= t->cfg.patience;
}

/* Whether the step to come is the first after a validation that makes a plateau. Asked
 * before the step, not after the validation: a run stopped in between is the same. */
static bool on_plateau(const struct train *t)
{
	uint64_t stale = train_stale(t), length = t->cfg.plateau;
	return t->cfg.schedule == SCHEDULE_PLATEAU && length && stale && stale % length == 0 &&
	       t->p.step % t->eval_every == 0 && t->p.rate > FINAL_RATE;
}

/* 1, or 0 with NaN if no symbol is scored. */
static int mean_nats(struct work *w, const struct model *m, struct seq *pieces, size_t n, bool (*stop)(void), double *nats,
                     struct err *e)
{
	double sum = 0;
	size_t scored = 0;
	if (eval_sequences(w, m, pieces, n, NULL, NULL, stop, e))
		return -1;
	for (size_t i = 0; i < n; i++) {
		sum += pieces[i].nats;
		scored += pieces[i].scored;
	}
	*nats = scored ? sum / (double)scored : NAN;
	return scored > 0;
}

int train_val_nats(const struct model *m, const struct train_data *data, struct pool *pool, bool (*stop)(void),
                   double *nats, struct err *e)
{
	struct seq pieces[EVAL_PIECES];
	size_t n = eval_pieces(pieces, EVAL_PIECES, data->val, data->nval, data->first, EVAL_WARM);
	struct work_config config = {.T = EVAL_STEPS, .B = (int)n};
	*nats = NAN;
	if (!n)
		return 0;
	struct work *w = work_new(m, &config, pool, e);
	int rc = w ? mean_nats(w, m, pieces, n, stop, nats, e) : -1;
	work_free(w);
	return rc < 0 ? -1 : 0;
}

/* Validation loss of the weights as they are. Out of turn, that is when the run was
 * stopped, the weights may be offered but do not become the best. */
static int validate(struct train *t, bool out_of_turn, bool (*stop)(void), bool *improved, struct err *e)
{
	struct train_progress *p = &t->p;
	double start = io_now(), val = NAN;
	/* The step before may have gone too far, and weights that are not finite are never kept. */
	bool finite = isfinite(optim_norm(&t->optim, t->model, t->model->w, t->pool));
	*improved = false;
	if (t->npieces) {
		int scored = mean_nats(t->eval, t->model, t->pieces, t->npieces, stop, &val, e);
		if (scored < 0)
			return -1;
		finite = finite && (isfinite(val) || !scored);
	}
	t->eval_seconds = io_now() - start;
	*improved = finite && !(val >= p->best_nats); /* the first counts, and the last without validation */
	t->val_nats = val;
	if (!out_of_turn)
		p->val_nats = val;
	if (!*improved)
		return 0;
	p->offer_nats = val;
	p->offer_step = p->step;
	t->offer_last = out_of_turn;
	if (!out_of_turn) {
		p->best_nats = val;
		p->best_step = p->step;
		memcpy(t->best, t->model->w, t->model->size * sizeof(real));
	}
	return 0;
}

/* Back to the best weights with half the rate. */
static int recover(struct train *t, struct err *e)
{
	memcpy(t->model->w, t->best, t->model->size * sizeof(real));
	t->model->version++;
	memset(t->optim.m, 0, t->model->size * sizeof(real));
	memset(t->optim.v, 0, t->model->size * sizeof(real));
	t->optim.steps = 0;
	state_clear(&t->state);
	t->p.rate /= 2;
	t->p.smooth_nats = NAN;
	if (++t->p.diverged >= MAX_DIVERGED)
		return err_set(e, "training diverged %d times although the rate was halved each time; "
		                  "the best model so far is kept (try a smaller --lr, --muon-lr or --clip)", MAX_DIVERGED);
	return 0;
}

/* Clears the carried state of streams drawn by chance, so that the model also
 * learns to begin: carried from block to block without end, the state may settle
 * where a text that starts from the zero state never gets. */
static void restart_streams(struct train *t)
{
	size_t B = t->streams.batch, H = (size_t)t->state.hidden;
	for (size_t b = 0; b < B; b++) {
		uint32_t x[4];
		rng_draw(t->cfg.seed, RNG_RESTART, (uint32_t)t->p.step, 0, (uint32_t)b, 0, x);
		if (rng_unit32(x[0]) >= t->cfg.restart)
			continue;
		for (size_t k = 0; k < (size_t)t->state.layers * (size_t)t->state.states; k++)
			memset(t->state.s + (k * B + b) * H, 0, H * sizeof(real));
	}
}

static int save(struct train *t, const struct train_hooks *h, struct err *e)
{
	struct train_progress *p = &t->p;
	/* Before the first validation, and without any, the last weights are better than
	 * those kept as the best, which are the initial ones or old. */
	if (isnan(p->best_nats) && p->best_step != p->step) {
		t->offer_last = true;
		p->offer_step = p->step;
	}
	return h->save(h->arg, t, e);
}

/* Whether a checkpoint is due: the last is from the time saved and took so long. */
static bool save_due(const struct train *t, const struct train_hooks *h, double saved, double took)
{
	double wait = h->save_seconds;
	if (!h->save)
		return false;
	if (h->save_steps && t->p.step % h->save_steps == 0)
		return true;
	if (h->save_share > 0 && took / h->save_share > wait)
		wait = took / h->save_share;
	return io_now() - saved >= wait;
}

static void clear_sums(struct train_progress *p)
{
	p->sum_nats = 0;
	p->sum_steps = 0;
}

/* --- the loop ------------------------------------------------------------------------ */

int train_run(struct train *t, const struct train_hooks *h, struct err *e)
{
	struct train_progress *p = &t->p;
	struct model *m = t->model;
	t->first_step = p->step;
	t->first_seconds = p->seconds;
	p->ended = 0;
	double before = p->seconds, start = io_now(), saved = start, took = 0, left;
	uint64_t session_tokens = 0, checked = p->best_step;
	struct train_report last = {.nats = p->smooth_nats, .lr = rate(t, 1)}; /* of the last step */
	bool stopped = false, waited = false, failed = false, unsaved = true, diverged = false;

	while (!stopped && !failed && !train_out_of_patience(t) &&
	       (p->seconds = before + io_now() - start, fraction(t, &left) < 1)) {
		struct train_report r = {.p = p, .steps = t->steps, .halved = on_plateau(t)};
		struct dropout drop = {.input = (real)t->cfg.dropout_in, .layers = (real)t->cfg.dropout,
		                       .output = (real)t->cfg.dropout_out, .hh = (real)t->cfg.dropout_hh,
		                       .seed = t->cfg.seed, .step = (uint32_t)p->step};
		struct block b = {.B = (int)t->streams.batch, .in = t->in, .target = t->target, .drop = &drop};
		bool fresh;

		b.T = (int)streams_next(&t->streams, (size_t)t->cfg.seq, t->in, t->target, &fresh);
		if (fresh)
			state_clear(&t->state);
		restart_streams(t);
		if (r.halved)
			p->rate /= 2;
		r.nats = work_train(t->work, &b, &t->state, t->grad, NULL);
		r.norm = optim_norm(&t->optim, m, t->grad, t->pool);
		r.lr = rate(t, fraction(t, &left));
		if (isfinite(r.nats) && r.norm < MAX_NORM) {
			optim_step(&t->optim, m, t->grad, r.norm, r.lr, t->pool);
			p->sum_nats += r.nats;
			p->sum_steps++;
			p->smooth_nats = isfinite(p->smooth_nats) ? SMOOTHING * p->smooth_nats + (1 - SMOOTHING) * r.nats : r.nats;
		} else {
			r.diverged = true;
			unsaved = true;
			if ((failed = recover(t, e) != 0))
				break;
		}
		p->step++;
		p->tokens += (uint64_t)b.T * (uint64_t)b.B;
		session_tokens += (uint64_t)b.T * (uint64_t)b.B;
		unsaved = true;

		if (p->step % t->eval_every == 0) {
			r.evaluated = validate(t, false, h->stop, &r.improved, e) == 0;
			if (r.evaluated)
				checked = p->step;
			else /* interrupted (made up for after the loop), or out of memory */
				failed = !(h->stop && h->stop());
		}
		last = r;
		p->seconds = before + io_now() - start;
		r.fraction = fraction(t, &left);
		r.left = left;
		r.last = r.evaluated && (r.fraction >= 1 || train_out_of_patience(t));
		r.val_nats = t->val_nats;
		r.epoch = (double)t->streams.epoch + (double)t->streams.pos / (double)t->streams.length;
		r.tokens_per_s = (double)session_tokens / (p->seconds - before);
		bool pending = !r.evaluated && (r.fraction >= 1 || p->step % t->eval_every == 0);
		r.row = !pending && (r.evaluated || r.diverged || p->step % ROW_STEPS == 0);
		if (h->report)
			h->report(h->arg, &r);
		if (r.row)
			clear_sums(p);
		if (h->stop && h->stop()) {
			/* A step that went too far is followed by the one that mends it, as it would
			 * be without the stop. */
			stopped = waited || pending || train_finite(t);
			waited = true;
		}
		/* A run that is at its end has its last validation before it is saved. */
		if (!stopped && !failed && r.fraction < 1 && save_due(t, h, saved, took) && train_finite(t)) {
			struct err why;
			double since = io_now();
			unsaved = save(t, h, &why) != 0;
			if (unsaved && h->save_failed)
				h->save_failed(h->arg, &why);
			saved = io_now();
			took = saved - since;
		}
	}

	if (!train_finite(t)) {
		diverged = unsaved = true;
		failed |= recover(t, failed ? NULL : e) != 0;
	}
	if (!failed && checked != p->step) {
		/* The last weights may be better than the best. */
		struct train_report r = {.p = p, .steps = t->steps, .evaluated = true, .last = true, .fraction = fraction(t, &left),
		                         .nats = last.nats, .norm = last.norm, .lr = last.lr, .diverged = diverged};
		bool in_turn = r.fraction >= 1 || p->step % t->eval_every == 0;
		r.row = in_turn;
		failed = validate(t, !in_turn, NULL, &r.improved, e) != 0;
		unsaved = true;
		p->seconds = before + io_now() - start;
		r.val_nats = t->val_nats;
		r.epoch = (double)t->streams.epoch + (double)t->streams.pos / (double)t->streams.length;
		r.tokens_per_s = (double)session_tokens / (p->seconds - before);
		if (h->report && !failed)
			h->report(h->arg, &r);
		if (in_turn && !failed)
			clear_sums(p);
	}
	if (!failed && (fraction(t, &left) >= 1 || train_out_of_patience(t))) {
		p->ended = p->step;
		unsaved = true;
	}
	struct err why;
	if (unsaved && h->save && save(t, h, failed ? &why : e)) {
		if (failed && h->save_failed) /* two failures; the first ended the run */
			h->save_failed(h->arg, &why);
		failed = true;
	}
	if (!t->offer_last)
		memcpy(m->w, t->best, m->size * sizeof(real));
	m->version++;
	return failed ? -1 : stopped ? 1 : 0;
}
