/* nn/train: a small model on a Markov chain. That it learns, that a run that was
 * stopped and taken up again leaves the same file, and what happens when
 * something goes wrong. */
#include "nn/train.h"

#include <unistd.h>

#include "base/io.h"
#include "nn.h"
#include "nn/ckpt.h"
#include "nn/eval.h"

enum { V = 8, TRAIN = 4000, VAL = 900, MOST = 400 };

static uint32_t train_ids[TRAIN], val_ids[VAL];

/* Symbol s is followed by s + 1 four times of five, else by any. Entropy of the
 * next symbol: 0.80 nats; of one alone ln 8 = 2.08. */
static void markov(uint32_t *ids, size_t n, uint32_t series)
{
	uint32_t s = 0;
	for (size_t i = 0; i < n; i++) {
		uint32_t x[4];
		rng_draw(13, RNG_TEST, series, 0, 0, (uint32_t)i, x);
		ids[i] = s = rng_unit32(x[0]) < 0.8 ? (s + 1) % V : (uint32_t)(rng_unit32(x[1]) * V);
	}
}

static struct train_data markov_data(void)
{
	markov(train_ids, TRAIN, 1);
	markov(val_ids, VAL, 2);
	return (struct train_data){.train = train_ids, .ntrain = TRAIN, .val = val_ids, .nval = VAL, .first = NO_TARGET};
}

/* A text to learn by heart, and another that has nothing to do with it: the more
 * is learnt, the worse the validation. */
static struct train_data noise_data(void)
{
	draw_ids(train_ids, 120, V, 3);
	draw_ids(val_ids, 200, V, 4);
	return (struct train_data){.train = train_ids, .ntrain = 120, .val = val_ids, .nval = 200, .first = 0};
}

static const struct train_config usual = {
	.batch = 8, .seq = 12, .lr = 0.02, .schedule = SCHEDULE_COSINE, .warmup = 5,
	.optim = {.kind = OPTIM_ADAMW, .beta1 = 0.9, .beta2 = 0.99, .eps = 1e-8, .clip = 1}, .seed = 7, .steps = 60, .eval_every = 20,
};

static struct model_config shape(int cell)
{
	return (struct model_config){.cell = cell, .layers = 2, .hidden = 12, .embed = 6, .vocab = V};
}

/* --- a session of a run ---------------------------------------------------------------- */

static uint64_t now_step, stop_step; /* the stop hook has no argument */

struct session {
	struct model m;
	struct pool *pool;
	struct train *t;
	char path[64];
	struct train_report r[MOST]; /* as reported, p copied */
	struct train_progress p[MOST];
	int reports, saves, save_fails; /* so many of the first calls of save fail */
	bool bare; /* without a save hook */
	double save_seconds;
	uint64_t save_steps, saved[MOST]; /* saved: at which steps */
	int told; /* failures of save that were told */
	struct err e;
};

static void on_report(void *arg, const struct train_report *r)
{
	struct session *s = arg;
	CHECK(s->reports < MOST);
	if (s->reports == MOST)
		return;
	s->p[s->reports] = *r->p;
	s->r[s->reports++] = *r;
	now_step = r->p->step;
}

static bool stop_at_step(void)
{
	return stop_step && now_step >= stop_step;
}

static int on_save(void *arg, struct train *t, struct err *e)
{
	struct session *s = arg;
	struct tf_writer w = {0};
	if (s->saves < MOST)
		s->saved[s->saves] = train_progress(t)->step;
	if (s->saves++ < s->save_fails)
		return err_set(e, "no room for the model");
	int rc = ckpt_put_config(&w, &s->m.cfg, e) || train_put(t, &w, e) || tf_write(&w, s->path, e) ? -1 : 0;
	tf_writer_free(&w);
	return rc;
}

static void on_save_failed(void *arg, const struct err *e)
{
	struct session *s = arg;
	s->told++;
	CHECK_STR(e->msg, "no room for the model");
}

/* A fresh session; ready to run. */
static int begin(struct session *s, const struct model_config *mc, const struct train_config *tc,
                 const struct train_data *data, int threads)
{
	*s = (struct session){.save_seconds = 1e9};
	strcpy(s->path, access("build", W_OK) ? "/tmp/test-train-XXXXXX" : "build/test-train-XXXXXX");
	int fd = mkstemp(s->path);
	CHECK(fd >= 0);
	close(fd);
	now_step = stop_step = 0;
	return ready(kern_init(&s->e) || !(s->pool = pool_new(threads, &s->e)) || model_new(&s->m, mc, &s->e) ||
	             model_init(&s->m, tc->seed, &s->e) || !(s->t = train_new(&s->m, tc, data, s->pool, &s->e)), &s->e);
}

static int run(struct session *s)
{
	const struct train_hooks h = {.arg = s, .report = on_report, .save = s->bare ? NULL : on_save,
	                              .save_failed = on_save_failed, .save_seconds = s->save_seconds,
	                              .save_steps = s->save_steps, .stop = stop_at_step};
	return train_run(s->t, &h, &s->e);
}

static void end(struct session *s)
{
	train_free(s->t);
	model_free(&s->m);
	pool_free(s->pool);
	unlink(s->path);
}

/* Takes up the file of another session. */
static void take_up(struct session *s, const struct session *from)
{
	struct tensorfile f = {0};
	ready(tf_open(&f, from->path, &s->e) || train_get(s->t, &f, &s->e), &s->e);
	tf_close(&f);
}

static bool same_files(const struct session *a, const struct session *b)
{
	unsigned char *x = NULL, *y = NULL;
	size_t n = 0, k = 0;
	bool same = io_read_all(a->path, &x, &n, NULL) == 0 && io_read_all(b->path, &y, &k, NULL) == 0 && n > 1000 &&
	            n == k && memcmp(x, y, n) == 0;
	mem_free(x);
	mem_free(y);
	return same;
}

/* Loss of the session's model over a text read as one stream. */
static double stream_loss(struct session *s, const uint32_t *ids, size_t n, uint32_t first)
{
	struct seq q = {.ids = ids, .n = n, .first = first};
	struct work *w = work_new(&s->m, &(struct work_config){.T = 64, .B = 1}, NULL, &s->e);
	ready(!w || eval_sequences(w, &s->m, &q, 1, NULL, NULL, NULL, &s->e), &s->e);
	work_free(w);
	return q.nats / (double)q.scored;
}

/* Also if there is none yet. */
static bool same_number(double a, double b)
{
	return a == b || (isnan(a) && isnan(b));
}

static bool all_finite(const struct model *m)
{
	for (size_t i = 0; i < m->size; i++)
		if (!isfinite(m->w[i]))
			return false;
	return true;
}

/* --- learning -------------------------------------------------------------------------------- */

static void learns(void)
{
	struct train_data data = markov_data();
	for (int c = 0; cell_names[c]; c++) {
		struct model_config mc = shape(c);
		struct train_config tc = usual;
		struct session s;
		tc.steps = 120;
		tc.restart = 0.02;
		if (begin(&s, &mc, &tc, &data, 1))
			return;
		double before = stream_loss(&s, val_ids, VAL, NO_TARGET);
		CHECK_INT(run(&s), 0);
		const struct train_progress *p = train_progress(s.t);
		double after = stream_loss(&s, val_ids, VAL, NO_TARGET);
		CHECK(before > 1.9 && after < 1.2);
		CHECK(after > 0.6); /* better than the chain's entropy would be a mistake too */
		CHECK(s.r[119].nats < 1.3 && p->smooth_nats < s.r[0].nats);
		CHECK_NEAR(p->best_nats, after, 1e-3);
		CHECK_INT(p->step, 120);
		CHECK_INT(s.reports, 120); /* 120 is a multiple of eval_every: no further report */
		CHECK_INT(s.saves, 1);
		CHECK(train_bytes(s.t) > 5 * s.m.size * sizeof(real));
		for (int i = 0; i < s.reports; i++) {
			CHECK_INT(s.p[i].step, i + 1);
			CHECK_INT(s.r[i].steps, 120);
			CHECK(s.r[i].evaluated == ((i + 1) % 20 == 0));
			CHECK(!s.r[i].improved || s.r[i].evaluated);
			CHECK(s.r[i].norm > 0 && s.r[i].tokens_per_s > 0 && s.r[i].left >= 0 && !s.r[i].diverged);
			CHECK_NEAR(s.r[i].fraction, (i + 1) / 120.0, 1e-12);
		}
		end(&s);
	}
}

/* --- the same file ------------------------------------------------------------------------------ */

/* Everything that a checkpoint must carry over: dropout, restarts, the end of an epoch
 * (after 42 steps), moments, warm-up and schedule. */
static struct train_config eventful(void)
{
	struct train_config tc = usual;
	tc.dropout = tc.dropout_in = tc.dropout_out = tc.dropout_hh = 0.2;
	tc.restart = 0.3;
	tc.optim.decay = 0.01;
	tc.optim.kind = OPTIM_MUON;
	tc.optim.momentum = 0.95;
	tc.optim.muon_ratio = 3;
	tc.eval_every = 10;
	return tc;
}

static void check_resume(const struct model_config *mc, const struct train_config *tc, const struct train_data *data,
                         uint64_t at, uint64_t again)
{
	struct session whole, part[3];
	if (begin(&whole, mc, tc, data, 1) || ready(run(&whole), &whole.e))
		return;
	for (int i = 0; i < 3; i++) {
		if (begin(&part[i], mc, tc, data, 1))
			return;
		if (i) {
			fill_model(&part[i].m, 5); /* nothing but the file counts */
			take_up(&part[i], &part[i - 1]);
			const struct train_progress *p = train_progress(part[i].t), *q = train_progress(part[i - 1].t);
			CHECK_INT(p->step, i == 1 ? at : again);
			CHECK(p->tokens == q->tokens && p->best_step == q->best_step && p->smooth_nats == q->smooth_nats);
			CHECK(same_number(p->val_nats, q->val_nats) && same_number(p->best_nats, q->best_nats));
		}
		stop_step = i == 0 ? at : i == 1 ? again : 0;
		CHECK_INT(run(&part[i]), i < 2);
		CHECK_INT(part[i].saves, 1);
	}
	CHECK_INT(train_progress(part[2].t)->step, tc->steps);
	CHECK(same_files(&whole, &part[2]));
	CHECK(!same_files(&whole, &part[1]));
	CHECK(memcmp(whole.m.w, part[2].m.w, whole.m.size * sizeof(real)) == 0);
	const struct train_progress *a = train_progress(whole.t), *b = train_progress(part[2].t);
	CHECK(a->tokens == b->tokens && a->best_step == b->best_step && a->smooth_nats == b->smooth_nats);
	for (int i = 0; i < part[2].reports; i++) {
		const struct train_report *r = &part[2].r[i], *w = &whole.r[again + (uint64_t)i];
		CHECK(r->nats == w->nats && r->norm == w->norm && r->lr == w->lr && r->epoch == w->epoch);
	}
	for (int i = 0; i < 3; i++)
		end(&part[i]);
	end(&whole);
}

static void resume(void)
{
	struct train_data data = markov_data();
	struct train_config tc = eventful();
	for (int c = 0; cell_names[c]; c++) {
		struct model_config mc = shape(c);
		check_resume(&mc, &tc, &data, 3, 42);  /* in the warm-up; as the epoch ends */
		check_resume(&mc, &tc, &data, 43, 47); /* in the next epoch */
		mc.tie = mc.residual = true;
		mc.embed = mc.hidden;
		check_resume(&mc, &tc, &data, 20, 30); /* where validation was due anyway */
	}
	data.nval = 0;
	struct model_config mc = shape(0);
	check_resume(&mc, &tc, &data, 7, 11);
}

/* Stopping validates, so that the file holds a model worth using; that must not
 * change which weights are the best of a run that goes on. */
static void resume_best(void)
{
	struct train_data data = noise_data();
	struct train_config tc = usual;
	struct model_config mc = shape(0);
	tc.eval_every = 30; /* by then the validation loss is far above what it is at step 5 */
	check_resume(&mc, &tc, &data, 5, 8);
}

static void threads(void)
{
	struct train_data data = markov_data();
	struct train_config tc = eventful();
	tc.steps = 7;
	tc.eval_every = 3;
	data.nval = 200;
	for (int c = 0; cell_names[c]; c++)
		for (int batch = 3; batch <= 24; batch += 21) {
			struct model_config mc = shape(c);
			struct session s[3];
			int most = c ? 2 : 3;
			mc.hidden = 40;
			tc.batch = batch;
			for (int i = 0; i < most; i++) {
				if (begin(&s[i], &mc, &tc, &data, i + 1))
					return;
				CHECK_INT(run(&s[i]), 0);
				CHECK(same_files(&s[0], &s[i]));
				CHECK(memcmp(s[0].m.w, s[i].m.w, s[0].m.size * sizeof(real)) == 0);
			}
			for (int i = 0; i < most; i++)
				end(&s[i]);
		}
}

/* Another seed is another run; so is another chance of a restart. */
static void seeds(void)
{
	struct train_data data = markov_data();
	struct model_config mc = shape(0);
	struct session s[4];
	for (int i = 0; i < 4; i++) {
		struct train_config tc = eventful(), first = tc;
		tc.steps = first.steps = 5;
		tc.seed += i == 1;
		tc.restart = i == 2 ? 0 : tc.restart;
		tc.dropout_out = i == 3 ? 0 : tc.dropout_out;
		if (begin(&s[i], &mc, &tc, &data, 1))
			return;
		ready(model_init(&s[i].m, 1, &s[i].e), &s[i].e); /* from the same weights */
		CHECK_INT(run(&s[i]), 0);
		CHECK(i == 0 || !same_files(&s[0], &s[i]));
		CHECK(i == 0 || s[0].r[4].nats != s[i].r[4].nats);
	}
	for (int i = 0; i < 4; i++)
		end(&s[i]);
}

/* With a rate of 0 the loss of a block depends on the state it starts from alone. The
 * text repeats itself with every block. */
static void carried_state(void)
{
	struct train_data data = {.train = train_ids, .ntrain = 1 + 8 * 12 * 20};
	struct model_config mc = shape(cell_index("lstm"));
	struct train_config tc = usual;
	struct session s[3];
	draw_ids(train_ids, 12, V, 5);
	for (int i = 12; i < TRAIN; i++)
		train_ids[i] = train_ids[i % 12];
	tc.lr = 0;
	tc.steps = 40;
	for (int i = 0; i < 3; i++) {
		tc.restart = (const double[]){0, 1, 0.3}[i];
		if (begin(&s[i], &mc, &tc, &data, 1))
			return;
		fill_model(&s[i].m, 1);
		CHECK_INT(run(&s[i]), 0);
	}
	/* Carried within an epoch of 20 blocks, not into the next. */
	CHECK(s[0].r[0].nats != s[0].r[1].nats);
	for (int i = 0; i < 20; i++)
		CHECK(s[0].r[i].nats == s[0].r[i + 20].nats);
	/* Not carried at all. */
	for (int i = 0; i < 40; i++)
		CHECK(s[1].r[i].nats == s[0].r[0].nats);
	/* In three of ten: another number of them at every step, in between on average. */
	double mean = 0, changes = 0;
	for (int i = 10; i < 20; i++) {
		mean += (s[2].r[i].nats + s[2].r[i + 20].nats) / 20;
		changes += fabs(s[2].r[i].nats - s[2].r[i - 1].nats) > 1e-4;
		CHECK(fabs(s[2].r[i].nats - s[2].r[i + 20].nats) > 1e-9);
	}
	double cold = s[0].r[0].nats, warm = s[0].r[19].nats;
	CHECK((mean - warm) / (cold - warm) > 0.1 && (mean - warm) / (cold - warm) < 0.5);
	CHECK(changes >= 6);
	for (int i = 0; i < 3; i++)
		end(&s[i]);
}

/* --- rate and length ------------------------------------------------------------------------------ */

static void schedules(void)
{
	struct train_data data = markov_data();
	struct model_config mc = shape(0);
	for (int schedule = 0; schedule_names[schedule]; schedule++)
		for (uint64_t warmup = 0; warmup <= 8; warmup += 4) {
			struct train_config tc = usual;
			struct session s;
			tc.schedule = (enum schedule)schedule;
			tc.warmup = warmup;
			tc.steps = 30;
			if (begin(&s, &mc, &tc, &data, 1))
				return;
			CHECK_INT(run(&s), 0);
			for (uint64_t i = 0; i < 30; i++) {
				double done = (double)i / 30, want = 0.02;
				if (schedule == SCHEDULE_COSINE)
					want *= 0.02 + 0.98 * (1 + cos(acos(-1) * done)) / 2;
				if (schedule == SCHEDULE_LINEAR)
					want *= 1 - 0.98 * done;
				if (i < warmup)
					want *= (double)(i + 1) / (double)warmup;
				CHECK_NEAR(s.r[i].lr, want, 1e-12);
			}
			end(&s);
		}
	CHECK_STR(schedule_names[SCHEDULE_COSINE], "cosine");
	CHECK_STR(schedule_names[SCHEDULE_LINEAR], "linear");
	CHECK_STR(schedule_names[SCHEDULE_CONSTANT], "constant");
	CHECK_STR(schedule_names[SCHEDULE_PLATEAU], "plateau");
	CHECK(!schedule_names[4]);
}

/* --- validations without improvement -------------------------------------------------------------- */

/* Learnt by heart, validated every four steps: the best comes soon, then it gets worse. */
static struct train_config by_heart(void)
{
	struct train_config tc = usual;
	tc.eval_every = 4;
	tc.schedule = SCHEDULE_CONSTANT;
	tc.warmup = 0;
	return tc;
}

static void patience(void)
{
	struct train_data data = noise_data();
	struct model_config mc = shape(0);
	struct train_config tc = by_heart();
	struct session whole, s;
	if (begin(&whole, &mc, &tc, &data, 1))
		return;
	CHECK_INT(run(&whole), 0);
	uint64_t best = train_progress(whole.t)->best_step;
	CHECK(best > 0 && best < 30);
	CHECK_INT(train_progress(whole.t)->step, 60); /* 0: no end before the end */
	CHECK(!train_out_of_patience(whole.t));
	CHECK_INT(train_stale(whole.t), (60 - best) / 4);
	for (tc.patience = 1; tc.patience <= 4; tc.patience++) {
		if (begin(&s, &mc, &tc, &data, 1))
			return;
		CHECK_INT(run(&s), 0);
		const struct train_progress *p = train_progress(s.t);
		/* The first row of so many validations that are worse than the best before. */
		uint64_t want = 0, row = 0;
		double least = INFINITY;
		for (int i = 3; i < 60 && !want; i += 4) {
			row = whole.p[i].val_nats < least ? 0 : row + 1;
			least = fmin(least, whole.p[i].val_nats);
			want = row == tc.patience ? (uint64_t)i + 1 : 0;
		}
		CHECK(want > 0 && want < 60);
		CHECK_INT(p->step, want);
		CHECK_INT(s.reports, want); /* validated just now: not once more */
		CHECK(s.r[want - 1].evaluated && s.r[want - 1].last && !s.r[want - 2].last);
		CHECK_INT(s.saves, 1);
		CHECK(train_out_of_patience(s.t));
		CHECK_INT(train_stale(s.t), tc.patience);
		CHECK(p->best_nats == least && p->offer_step == p->best_step);
		CHECK_NEAR(stream_loss(&s, val_ids, 200, 0), least, 1e-3); /* the best weights are offered */
		end(&s);
	}
	end(&whole);
}

/* Stopped at any step, in the row of bad validations too, and taken up: the same file,
 * and the same end. */
static void check_resume_stale(const struct train_config *tc, uint64_t least_steps, uint64_t most_steps)
{
	struct train_data data = noise_data();
	struct model_config mc = shape(0);
	struct session whole, first, rest;
	if (begin(&whole, &mc, tc, &data, 1) || ready(run(&whole), &whole.e))
		return;
	uint64_t steps = train_progress(whole.t)->step;
	CHECK(steps >= least_steps && steps <= most_steps);
	for (uint64_t at = 2; at <= steps; at += 3) {
		if (begin(&first, &mc, tc, &data, 1))
			return;
		stop_step = at;
		CHECK_INT(run(&first), 1);
		if (begin(&rest, &mc, tc, &data, 1))
			return;
		take_up(&rest, &first);
		CHECK_INT(run(&rest), 0);
		CHECK_INT(train_progress(rest.t)->step, steps);
		CHECK(train_progress(rest.t)->rate == train_progress(whole.t)->rate);
		CHECK(same_files(&whole, &rest));
		for (int i = 0; i < rest.reports && at + (uint64_t)i < steps; i++)
			CHECK(rest.r[i].lr == whole.r[at + (uint64_t)i].lr && rest.r[i].halved == whole.r[at + (uint64_t)i].halved);
		end(&first);
		end(&rest);
	}
	end(&whole);
}

static void resume_stale(void)
{
	struct train_config tc = by_heart();
	tc.patience = 3;
	check_resume_stale(&tc, 12, 48);
	tc.schedule = SCHEDULE_PLATEAU;
	tc.plateau = 1;
	check_resume_stale(&tc, 12, 60);
	tc.patience = 0;
	tc.plateau = 2;
	check_resume_stale(&tc, 60, 60);
}

/* Stopped in a validation that is made up for: the end comes all the same. */
static int calls;
static bool stop_in_validation(void)
{
	return now_step >= 23 && ++calls >= 2; /* after step 23 no, in the validation of step 24 yes */
}

static void patience_interrupted(void)
{
	struct train_data data = noise_data();
	struct model_config mc = shape(0);
	struct train_config tc = by_heart();
	struct session s, whole, more;
	tc.eval_every = 12;
	tc.lr = 0.05;
	tc.patience = 1; /* at 12 it is better than at 24 */
	if (begin(&whole, &mc, &tc, &data, 1) || ready(run(&whole), &whole.e) || begin(&s, &mc, &tc, &data, 1))
		return;
	CHECK_INT(train_progress(whole.t)->step, 24);
	calls = 0;
	struct train_hooks h = {.arg = &s, .report = on_report, .save = on_save, .save_seconds = 1e9, .stop = stop_in_validation};
	CHECK_INT(train_run(s.t, &h, &s.e), 1);
	CHECK_INT(train_progress(s.t)->step, 24);
	CHECK(same_files(&whole, &s));
	if (begin(&more, &mc, &tc, &data, 1))
		return;
	take_up(&more, &s);
	CHECK_INT(run(&more), 0);
	CHECK_INT(train_progress(more.t)->step, 24);
	CHECK(same_files(&whole, &more));
	end(&more);
	end(&s);
	end(&whole);
}

static void plateau(void)
{
	struct train_data data = noise_data();
	struct model_config mc = shape(0);
	struct train_config tc = by_heart();
	struct session s;
	tc.schedule = SCHEDULE_PLATEAU;
	tc.steps = 120;
	for (tc.plateau = 1; tc.plateau <= 3; tc.plateau++) {
		double want = tc.lr, least = INFINITY;
		uint64_t row = 0;
		int halved = 0;
		if (begin(&s, &mc, &tc, &data, 1))
			return;
		CHECK_INT(run(&s), 0);
		for (int i = 0; i < 120; i++) {
			if (i && i % 4 == 0) { /* what the validation before this step makes of the rate */
				row = s.p[i - 1].val_nats < least ? 0 : row + 1;
				least = fmin(least, s.p[i - 1].val_nats);
				bool now = row && row % tc.plateau == 0 && halved < 6;
				want /= now ? 2 : 1;
				halved += now;
				CHECK(s.r[i].halved == now);
			} else {
				CHECK(!s.r[i].halved);
			}
			CHECK_NEAR(s.r[i].lr, want, 1e-15);
		}
		CHECK(tc.plateau == 3 ? halved >= 3 : halved == 6);
		end(&s);
	}
	/* While validation improves nothing is halved. */
	data = markov_data();
	tc.plateau = 1;
	tc.steps = 30;
	tc.eval_every = 10;
	if (begin(&s, &mc, &tc, &data, 1))
		return;
	CHECK_INT(run(&s), 0);
	CHECK(s.r[9].improved && s.r[19].improved && s.r[29].improved);
	CHECK(s.r[29].lr == tc.lr);
	end(&s);
}

static void epochs(void)
{
	struct train_data data = markov_data();
	struct model_config mc = shape(0);
	struct train_config tc = usual;
	struct session s;
	data.ntrain = 1 + 8 * 50; /* 8 streams of 50: blocks of 12, 12, 12, 12, 2 */
	tc.steps = 0;
	tc.epochs = 2.5;
	if (begin(&s, &mc, &tc, &data, 1))
		return;
	CHECK_INT(run(&s), 0);
	const struct train_progress *p = train_progress(s.t);
	CHECK_INT(p->step, 13); /* ceil(2.5 * 5) */
	CHECK_INT(p->tokens, 8 * (50 + 50 + 36));
	CHECK_NEAR(s.r[4].epoch, 1, 1e-12);
	CHECK_NEAR(s.r[5].epoch, 1.24, 1e-12);
	CHECK_NEAR(s.r[12].epoch, 2.72, 1e-12);
	CHECK_INT(s.p[4].tokens - s.p[3].tokens, 8 * 2);
	CHECK_INT(s.reports, 14); /* the last validation falls behind the last step */
	CHECK(s.r[13].evaluated && s.p[13].step == 13);
	end(&s);

	tc.steps = 4; /* comes first */
	tc.seconds = 1000;
	if (begin(&s, &mc, &tc, &data, 1))
		return;
	CHECK_INT(run(&s), 0);
	CHECK_INT(train_progress(s.t)->step, 4);
	end(&s);

	/* Text for fewer streams and shorter blocks than asked for. */
	data.ntrain = 5;
	if (begin(&s, &mc, &tc, &data, 1))
		return;
	CHECK_INT(run(&s), 0);
	CHECK_INT(train_progress(s.t)->tokens, 4 * 4);
	end(&s);
	data.ntrain = 2;
	if (begin(&s, &mc, &tc, &data, 2))
		return;
	CHECK_INT(run(&s), 0);
	CHECK_INT(train_progress(s.t)->tokens, 4);
	end(&s);
}

/* Loose, since other programs run too. */
static void seconds(void)
{
	struct train_data data = markov_data();
	struct model_config mc = shape(0);
	struct train_config tc = usual;
	struct session s;
	mc.hidden = 100; /* so that the reports of a fast machine fit */
	tc.batch = 64;
	tc.seq = 60;
	tc.steps = 0;
	tc.seconds = 0.3;
	if (begin(&s, &mc, &tc, &data, 1))
		return;
	double start = io_now();
	CHECK_INT(run(&s), 0);
	double took = io_now() - start;
	CHECK(took > 0.2 && took < 20);
	CHECK(s.reports > 1 && s.r[s.reports - 1].evaluated);
	CHECK_NEAR(train_progress(s.t)->seconds, took, 0.1 + took / 2);
	for (int i = 0; i < s.reports; i++) {
		CHECK_INT(s.r[i].steps, 0);
		CHECK(s.r[i].fraction > 0 && s.r[i].fraction <= 1);
		CHECK(i == 0 || s.r[i].fraction >= s.r[i - 1].fraction);
		CHECK(s.r[i].evaluated || (s.r[i].lr > 0 && s.r[i].lr < 0.02));
	}
	CHECK(s.r[s.reports - 1].fraction > 0.9);
	end(&s);
}

/* --- hooks ------------------------------------------------------------------------------------------ */

/* Stops at a step and compares the weights that the model and the file offer with
 * the last ones: offered if validation, out of turn, finds them better. */
static void check_stop(const struct train_data *data, uint64_t step, bool last, uint64_t best_step)
{
	struct model_config mc = shape(0), stored;
	struct session s;
	struct tensorfile f;
	if (begin(&s, &mc, &usual, data, 1))
		return;
	stop_step = step;
	CHECK_INT(run(&s), 1);
	const struct train_progress *p = train_progress(s.t);
	const struct train_report *r = &s.r[s.reports - 1];
	CHECK_INT(p->step, step);
	CHECK_INT(s.saves, 1);
	CHECK_INT(s.reports, step + 1); /* the last one tells of the validation */
	CHECK(r->evaluated && r->improved == last && !r->row);
	CHECK(!s.r[step - 1].evaluated);
	CHECK_INT(p->best_step, best_step);
	CHECK(isnan(p->best_nats) == !best_step);
	CHECK_INT(p->offer_step, last ? step : best_step);
	CHECK_NEAR(p->offer_nats, stream_loss(&s, data->val, data->nval, data->first), 1e-3);
	CHECK(last ? r->val_nats == p->offer_nats : p->offer_nats == p->best_nats && r->val_nats > p->best_nats);
	if (ready(tf_open(&f, s.path, &s.e) || ckpt_config(&f, &stored, &s.e), &s.e))
		return;
	size_t bytes = s.m.size * sizeof(real);
	real *w = calloc(1, bytes);
	CHECK_INT(ckpt_get_block(&f, &s.m, "", w, &s.e), 0);
	CHECK(memcmp(w, s.m.w, bytes) == 0); /* the model holds what the file offers */
	CHECK_INT(ckpt_get_block(&f, &s.m, "train.w.", w, &s.e), 0);
	CHECK((memcmp(w, s.m.w, bytes) == 0) == last);
	free(w);
	tf_close(&f);
	end(&s);
}

static void stops(void)
{
	struct train_data data = markov_data();
	check_stop(&data, 7, true, 0); /* before the first validation: better than the initial weights */
	check_stop(&data, 27, true, 20);
	data = noise_data();
	check_stop(&data, 55, false, 20);
}

/* Ctrl-C while the first validation is under way: it is made up for, so that
 * the file does not hold the initial weights as the best. */
static int asked;
static bool stop_from_second(void)
{
	return ++asked >= 2; /* after step 1 no, in the validation of step 2 yes */
}

static void stops_in_validation(void)
{
	struct train_data data = markov_data();
	struct model_config mc = shape(0);
	struct train_config tc = usual;
	struct session s, whole;
	tc.eval_every = 2;
	tc.steps = 10;
	if (begin(&s, &mc, &tc, &data, 1))
		return;
	asked = 0;
	struct train_hooks h = {.arg = &s, .report = on_report, .save = on_save, .save_seconds = 1e9, .stop = stop_from_second};
	CHECK_INT(train_run(s.t, &h, &s.e), 1);
	const struct train_progress *p = train_progress(s.t);
	CHECK_INT(p->step, 2);
	CHECK_INT(p->best_step, 2);
	CHECK_NEAR(p->best_nats, stream_loss(&s, val_ids, VAL, NO_TARGET), 1e-3);
	CHECK(!s.r[1].evaluated && !s.r[1].improved);
	CHECK(s.reports == 3 && s.r[2].evaluated);
	CHECK(!s.r[1].row && s.r[2].row); /* one row of the log, the one it would have been */
	CHECK(s.r[2].nats == s.r[1].nats && s.r[2].norm == s.r[1].norm && s.r[2].lr == s.r[1].lr && s.r[2].lr > 0);
	CHECK_INT(s.saves, 1);
	/* And it goes on as if nothing had been. */
	if (begin(&whole, &mc, &tc, &data, 1))
		return;
	CHECK_INT(run(&whole), 0);
	struct session more;
	if (begin(&more, &mc, &tc, &data, 1))
		return;
	take_up(&more, &s);
	CHECK_INT(run(&more), 0);
	CHECK(same_files(&whole, &more));
	end(&s);
	end(&whole);
	end(&more);
}

static void saves(void)
{
	struct train_data data = markov_data();
	struct model_config mc = shape(0);
	struct train_config tc = usual;
	struct session s, whole;
	tc.eval_every = 10;
	tc.steps = 35;
	if (begin(&whole, &mc, &tc, &data, 1))
		return;
	CHECK_INT(run(&whole), 0);
	CHECK_INT(whole.saves, 1); /* the last is never older than 1e9 s */
	/* Whenever there is a step between, if no time need pass; once at the end. */
	if (begin(&s, &mc, &tc, &data, 1))
		return;
	s.save_seconds = 0;
	CHECK_INT(run(&s), 0);
	CHECK_INT(s.saves, 35);
	for (int i = 0; i < s.saves; i++)
		CHECK_INT(s.saved[i], i + 1);
	CHECK(same_files(&whole, &s)); /* saving changes nothing */
	end(&s);

	/* By steps, improved or not. */
	if (begin(&s, &mc, &tc, &data, 1))
		return;
	s.save_steps = 7;
	CHECK_INT(run(&s), 0);
	CHECK_INT(s.saves, 5);
	for (int i = 0; i < s.saves; i++)
		CHECK_INT(s.saved[i], 7 * (i + 1));
	CHECK(same_files(&whole, &s));
	end(&s);

	/* A failure on the way is told and tried again, at the end it is the run's. */
	if (begin(&s, &mc, &tc, &data, 1))
		return;
	s.save_steps = 7;
	s.save_fails = 3;
	CHECK_INT(run(&s), 0);
	CHECK_INT(s.saves, 5);
	CHECK_INT(s.told, 3);
	CHECK(same_files(&whole, &s));
	end(&s);
	end(&whole);
	if (begin(&s, &mc, &tc, &data, 1))
		return;
	s.save_fails = 1;
	CHECK_INT(run(&s), -1);
	CHECK_STR(s.e.msg, "no room for the model");
	CHECK_INT(train_progress(s.t)->step, 35);
	end(&s);

	/* Nobody who saves, at any time. */
	if (begin(&s, &mc, &tc, &data, 1))
		return;
	s.save_seconds = 0;
	s.save_steps = 2;
	s.bare = true;
	CHECK_INT(run(&s), 0);
	end(&s);
}

/* A hook that takes its time. */
static int slow_save(void *arg, struct train *t, struct err *e)
{
	struct session *s = arg;
	(void)t;
	(void)e;
	double start = io_now();
	while (io_now() - start < 0.005)
		;
	s->saves++;
	return 0;
}

/* Saving takes no more than its share of the time. */
static void save_share(void)
{
	struct train_data data = markov_data();
	struct model_config mc = shape(0);
	struct train_config tc = usual;
	struct session s;
	tc.steps = 20;
	data.nval = 0;
	if (begin(&s, &mc, &tc, &data, 1))
		return;
	struct train_hooks h = {.arg = &s, .save = slow_save, .save_share = 1e-6};
	CHECK_INT(train_run(s.t, &h, &s.e), 0);
	CHECK_INT(s.saves, 2); /* after the first step, which has none to go by, and at the end */
	end(&s);
	if (begin(&s, &mc, &tc, &data, 1))
		return;
	h.save_share = 0;
	CHECK_INT(train_run(s.t, &h, &s.e), 0);
	CHECK_INT(s.saves, 20);
	end(&s);
}

/* Every checkpoint on the way holds a model worth using and goes on to the same file,
 * also before the first validation, and where there is none. */
static struct session *copy_of; /* each file is copied there, to be taken up */
static uint64_t copy_at;
static int save_and_copy(void *arg, struct train *t, struct err *e)
{
	struct session *s = arg;
	unsigned char *bytes = NULL;
	size_t n = 0;
	if (on_save(s, t, e))
		return -1;
	if (train_progress(t)->step != copy_at)
		return 0;
	FILE *f = fopen(copy_of->path, "wb");
	int rc = !f || io_read_all(s->path, &bytes, &n, e) || fwrite(bytes, 1, n, f) != n ? -1 : 0;
	if (f && fclose(f))
		rc = -1;
	mem_free(bytes);
	return rc;
}

static void killed(void)
{
	struct train_data data = markov_data();
	struct model_config mc = shape(1);
	struct train_config tc = eventful();
	tc.steps = 30;
	for (int val = 0; val < 2; val++)
		for (copy_at = 3; copy_at < 30; copy_at += 6) {
			struct session s, copy, more;
			struct tensorfile f;
			data.nval = val ? VAL : 0;
			if (begin(&copy, &mc, &tc, &data, 1) || begin(&s, &mc, &tc, &data, 1) || begin(&more, &mc, &tc, &data, 1))
				return;
			copy_of = &copy;
			struct train_hooks h = {.arg = &s, .report = on_report, .save = save_and_copy, .save_seconds = 1e9, .save_steps = copy_at};
			CHECK_INT(train_run(s.t, &h, &s.e), 0);
			take_up(&more, &copy);
			CHECK_INT(train_progress(more.t)->step, copy_at);
			CHECK(!train_done(more.t));
			/* Offered are the last weights until there are better ones known. */
			if (ready(tf_open(&f, copy.path, &copy.e) || ckpt_get_block(&f, &copy.m, "", copy.m.w, &copy.e), &copy.e))
				return;
			bool last = memcmp(copy.m.w, more.m.w, more.m.size * sizeof(real)) == 0;
			CHECK(last == (!val || copy_at < 10));
			CHECK(train_progress(more.t)->sum_steps == copy_at % 10);
			tf_close(&f);
			CHECK_INT(run(&more), 0);
			CHECK(same_files(&s, &more));
			struct session again;
			if (begin(&again, &mc, &tc, &data, 1))
				return;
			take_up(&again, &more);
			CHECK(train_done(again.t));
			end(&again);
			tc.steps = 31; /* a longer length: there is something left to do */
			if (begin(&again, &mc, &tc, &data, 1))
				return;
			take_up(&again, &more);
			CHECK(!train_done(again.t));
			tc.steps = 30;
			end(&again);
			end(&s);
			end(&copy);
			end(&more);
		}
}

/* --- the best weights ----------------------------------------------------------------------------- */

static void best_kept(void)
{
	struct train_data data = noise_data();
	struct model_config mc = shape(0);
	struct train_config tc = usual;
	struct session s;
	struct tensorfile f;
	double least = INFINITY;
	uint64_t least_step = 0;
	tc.eval_every = 4;
	tc.schedule = SCHEDULE_CONSTANT;
	if (begin(&s, &mc, &tc, &data, 1))
		return;
	CHECK_INT(run(&s), 0);
	for (int i = 0; i < s.reports; i++)
		if (s.r[i].evaluated) {
			CHECK(s.r[i].improved == (s.p[i].val_nats < least));
			if (s.r[i].improved) {
				least = s.p[i].val_nats;
				least_step = s.p[i].step;
			}
			CHECK(s.p[i].best_nats == least && s.p[i].best_step == least_step);
		}
	const struct train_progress *p = train_progress(s.t);
	CHECK(least_step > 0 && least_step < 30); /* learning by heart made it worse */
	CHECK(p->val_nats > least + 0.1);
	CHECK_NEAR(stream_loss(&s, val_ids, 200, 0), least, 1e-3);
	/* The file has both: the best under the plain names, the last under train.w. */
	real *w = calloc(s.m.size, sizeof *w);
	if (ready(tf_open(&f, s.path, &s.e) || ckpt_get_block(&f, &s.m, "", w, &s.e), &s.e))
		return;
	CHECK(memcmp(w, s.m.w, s.m.size * sizeof(real)) == 0);
	CHECK_INT(ckpt_get_block(&f, &s.m, "train.w.", s.m.w, &s.e), 0);
	s.m.version++;
	CHECK_NEAR(stream_loss(&s, val_ids, 200, 0), p->val_nats, 1e-3);
	free(w);
	tf_close(&f);
	end(&s);
}

static void no_validation(void)
{
	struct train_data data = noise_data();
	struct model_config mc = shape(0);
	struct session s;
	struct tensorfile f;
	data.nval = 0;
	data.val = NULL;
	if (begin(&s, &mc, &usual, &data, 1))
		return;
	double before = stream_loss(&s, train_ids, 120, 0);
	CHECK_INT(run(&s), 0);
	const struct train_progress *p = train_progress(s.t);
	CHECK(isnan(p->val_nats) && isnan(p->best_nats));
	CHECK_INT(p->best_step, 60);
	real *w = calloc(s.m.size, sizeof *w);
	if (ready(tf_open(&f, s.path, &s.e) || ckpt_get_block(&f, &s.m, "train.w.", w, &s.e), &s.e))
		return;
	CHECK(memcmp(w, s.m.w, s.m.size * sizeof(real)) == 0);
	CHECK(stream_loss(&s, train_ids, 120, 0) < before - 0.2);
	free(w);
	tf_close(&f);
	end(&s);
}

/* --- going wrong -------------------------------------------------------------------------------------- */

/* Whatever the rate: an end, with a message or without, and a model that can be used. */
static void diverges(void)
{
	static const double rates[] = {1e4, 1e20, 1e30, 1e38, 1e39, 1e300};
	struct train_data data = markov_data();
	bool seen = false, gave_up = false;
	for (int c = 0; cell_names[c]; c++)
		for (size_t i = 0; i < sizeof rates / sizeof *rates; i++)
			for (int kind = 0; kind < 4; kind++) {
				struct model_config mc = shape(c);
				struct train_config tc = usual;
				struct session s;
				struct model loaded;
				struct tensorfile f;
				tc.lr = rates[i];
				tc.schedule = SCHEDULE_CONSTANT;
				tc.warmup = 0;
				tc.optim.clip = 0;
				tc.steps = kind & 1 ? 40 : 1; /* 1: the last step is the one that goes too far */
				tc.eval_every = 3;
				data.nval = kind & 2 ? VAL : 0;
				if (begin(&s, &mc, &tc, &data, 1))
					return;
				int rc = run(&s);
				const struct train_progress *p = train_progress(s.t);
				CHECK(rc == 0 || rc == -1);
				if (rc) {
					CHECK_HAS(s.e.msg, "training diverged 10 times although the rate was halved each time");
					CHECK_INT(p->diverged, 10);
					gave_up = true;
				}
				CHECK_NEAR(p->rate, pow(0.5, (double)p->diverged), 0);
				CHECK(isnan(p->best_nats) || isfinite(p->best_nats));
				for (int k = 0; k < s.reports; k++) {
					seen |= s.r[k].diverged;
					CHECK(!data.nval || !s.r[k].improved || isfinite(s.p[k].best_nats));
				}
				CHECK(all_finite(&s.m));
				CHECK_INT(s.saves, 1);
				if (ready(tf_open(&f, s.path, &s.e) || ckpt_load(&f, &loaded, &s.e), &s.e))
					return;
				CHECK(!isnan(p->best_nats) || memcmp(loaded.w, s.m.w, s.m.size * sizeof(real)) == 0);
				tf_close(&f);
				model_free(&loaded);
				end(&s);
			}
	CHECK(seen && gave_up);
}

/* A bad step in the midst of a good run costs half the rate and no more. */
static void recovers(void)
{
	struct train_data data = markov_data();
	struct model_config mc = shape(0);
	struct train_config tc = usual;
	struct session s;
	tc.steps = 100;
	if (begin(&s, &mc, &tc, &data, 1))
		return;
	stop_step = 40;
	CHECK_INT(run(&s), 1);
	struct session more;
	if (begin(&more, &mc, &tc, &data, 1))
		return;
	take_up(&more, &s);
	model_param(&more.m, more.m.out_b)[0] = (real)NAN;
	more.m.version++;
	stop_step = 0;
	CHECK_INT(run(&more), 0);
	CHECK(more.r[0].diverged && !more.r[1].diverged);
	CHECK_INT(train_progress(more.t)->diverged, 1);
	CHECK_NEAR(more.r[1].lr / s.r[39].lr, 0.5, 0.05);
	CHECK(all_finite(&more.m));
	CHECK(stream_loss(&more, val_ids, VAL, NO_TARGET) < 1.3);
	end(&more);

	/* Right after it: the best weights, nothing left of the moments, and the halved
	 * rate goes on with the file. */
	struct session then;
	struct tensorfile f;
	if (begin(&more, &mc, &tc, &data, 1) || begin(&then, &mc, &tc, &data, 1))
		return;
	take_up(&more, &s);
	model_param(&more.m, more.m.out_b)[0] = (real)NAN;
	more.m.version++;
	stop_step = 41;
	CHECK_INT(run(&more), 1);
	CHECK(more.r[0].diverged);
	real *last = calloc(s.m.size, sizeof *last), *moments = calloc(s.m.size, sizeof *moments), *none = calloc(s.m.size, sizeof *none);
	if (ready(tf_open(&f, more.path, &s.e) || ckpt_get_block(&f, &s.m, "train.w.", last, &s.e), &s.e))
		return;
	CHECK(memcmp(last, s.m.w, s.m.size * sizeof(real)) == 0);
	for (int i = 0; i < 2; i++) {
		CHECK_INT(ckpt_get_block(&f, &s.m, i ? "train.v." : "train.m.", moments, &s.e), 0);
		CHECK(memcmp(moments, none, s.m.size * sizeof(real)) == 0);
	}
	take_up(&then, &more);
	CHECK_NEAR(train_progress(then.t)->rate, 0.5, 0);
	CHECK_INT(train_progress(then.t)->diverged, 1);
	free(last);
	free(moments);
	free(none);
	tf_close(&f);
	end(&s);
	end(&more);
	end(&then);
}

/* A run that had given up and is taken up with better luck does end well. */
static void after_giving_up(void)
{
	struct train_data data = markov_data();
	struct model_config mc = shape(0);
	struct train_config tc = usual;
	struct session s, more;
	tc.steps = 40;
	tc.lr = 1e300; /* even halved ten times the first step leaves nothing finite */
	if (begin(&s, &mc, &tc, &data, 1))
		return;
	CHECK_INT(run(&s), -1);
	tc.lr = 1e-2;
	if (begin(&more, &mc, &tc, &data, 1))
		return;
	take_up(&more, &s);
	CHECK_INT(run(&more), 0);
	CHECK(all_finite(&more.m));
	end(&s);
	end(&more);
}

static void refuses(void)
{
	struct train_data data = markov_data();
	struct model_config mc = shape(0), other = mc;
	struct session s, from;
	struct tensorfile f;
	data.ntrain = 1;
	s = (struct session){0};
	if (ready(kern_init(&s.e) || model_new(&s.m, &mc, &s.e), &s.e))
		return;
	CHECK(train_new(&s.m, &usual, &data, NULL, &s.e) == NULL);
	CHECK_HAS(s.e.msg, "at least two symbols");
	model_free(&s.m);
	data.ntrain = TRAIN;

	/* Taking up: every tensor must be there and fit. */
	static const char *const tensors[] = {"train.counters", "train.numbers", "train.state", "train.w.out.bias",
	                                      "train.m.rnn.weight_hh_l1", "train.v.embed.weight", "out.weight"};
	struct train_config tc = usual;
	tc.steps = 3;
	if (begin(&from, &mc, &tc, &data, 1) || ready(run(&from), &from.e) || begin(&s, &mc, &tc, &data, 1) ||
	    ready(tf_open(&f, from.path, &s.e), &s.e))
		return;
	for (size_t i = 0; i < sizeof tensors / sizeof *tensors; i++) {
		struct tf_tensor *t = (struct tf_tensor *)tf_find(&f, tensors[i]);
		CHECK(t != NULL);
		if (!t)
			continue;
		char first = t->name[0];
		t->name[0] = '?';
		CHECK_INT(train_get(s.t, &f, &s.e), -1);
		t->name[0] = first;
		CHECK_HAS(s.e.msg, tensors[i]);
		CHECK_HAS(s.e.msg, "is missing");
		struct tf_tensor keep = *t;
		t->shape[t->ndim - 1]--;
		t->count -= t->count / keep.shape[t->ndim - 1];
		CHECK_INT(train_get(s.t, &f, &s.e), -1);
		CHECK_HAS(s.e.msg, tensors[i]);
		*t = keep;
		t->dtype = TF_BOOL;
		CHECK_INT(train_get(s.t, &f, &s.e), -1);
		CHECK_HAS(s.e.msg, tensors[i]);
		*t = keep;
	}
	/* Counters that are negative; a position behind the text's end. */
	unsigned char *counters = (unsigned char *)tf_raw(&f, tf_find(&f, "train.counters"));
	for (int i = 0; i < 8; i++) {
		unsigned char keep = counters[8 * i + 7];
		counters[8 * i + 7] = 0x80;
		CHECK_INT(train_get(s.t, &f, &s.e), -1);
		CHECK_HAS(s.e.msg, "negative");
		counters[8 * i + 7] = keep;
	}
	counters[8 * 2] = 4; /* of three steps */
	CHECK_INT(train_get(s.t, &f, &s.e), -1);
	CHECK_HAS(s.e.msg, "contradicts itself: number 2 is 4 at step 3");
	counters[8 * 2] = 3;
	counters[8 * 5 + 6] = 1;
	CHECK_INT(train_get(s.t, &f, &s.e), -1);
	CHECK_HAS(s.e.msg, "behind the end of this corpus");
	counters[8 * 5 + 6] = 0;
	counters[8 * 7]++;
	CHECK_INT(train_get(s.t, &f, &s.e), -1);
	CHECK_HAS(s.e.msg, "the run in the file has the seed 8, not 7");
	counters[8 * 7]--;
	static const int bounded[] = {1, 2, 4, 6, 8, 9}; /* by the number of steps */
	for (size_t i = 0; i < sizeof bounded / sizeof *bounded; i++) {
		counters[8 * bounded[i] + 5] = 1;
		CHECK_INT(train_get(s.t, &f, &s.e), -1);
		CHECK_HAS(s.e.msg, "contradicts itself");
		counters[8 * bounded[i] + 5] = 0;
	}
	/* Numbers; those that a file cannot hold. */
	static const struct { int at; double value; const char *says; } wrong[] = {
		{0, -1, "a run of -1 seconds"}, {1, (double)NAN, "not a finite number"}, {4, 0, "factor on the rate is 0"},
		{4, -0.5, "factor on the rate is -0.5"}, {4, 2, "factor on the rate is 2"}, {4, (double)INFINITY, "not a finite number"},
		{5, -1, "a loss is never negative"},
	};
	unsigned char *numbers = (unsigned char *)tf_raw(&f, tf_find(&f, "train.numbers"));
	for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
		unsigned char keep[8];
		memcpy(keep, numbers + 8 * wrong[i].at, 8);
		memcpy(numbers + 8 * wrong[i].at, &wrong[i].value, 8); /* x86 and ARM: the file's byte order */
		CHECK_INT(train_get(s.t, &f, &s.e), -1);
		CHECK_HAS(s.e.msg, wrong[i].says);
		memcpy(numbers + 8 * wrong[i].at, keep, 8);
	}
	/* Blocks: what is not finite, a second moment below zero. Both first moments and
	 * weights may be negative. */
	static const char *const blocks[] = {"train.w.out.bias", "train.m.out.bias", "train.v.out.bias", "train.state", "out.bias"};
	for (size_t i = 0; i < sizeof blocks / sizeof *blocks; i++) {
		unsigned char *x = (unsigned char *)tf_raw(&f, tf_find(&f, blocks[i])), keep[4];
		static const float values[] = {(float)NAN, -1};
		for (int k = 0; k < (i == 2 ? 2 : 1); k++) {
			memcpy(keep, x, 4);
			memcpy(x, &values[k], 4);
			CHECK_INT(train_get(s.t, &f, &s.e), -1);
			CHECK_HAS(s.e.msg, k ? "train.v.*: a number that cannot be negative is -1" : blocks[i]);
			memcpy(x, keep, 4);
		}
	}
	/* After all these refusals the run is still a fresh one. */
	struct session fresh;
	if (begin(&fresh, &mc, &tc, &data, 1))
		return;
	CHECK(memcmp(fresh.m.w, s.m.w, s.m.size * sizeof(real)) == 0);
	CHECK_INT(run(&fresh), 0);
	CHECK_INT(run(&s), 0);
	CHECK(same_files(&fresh, &s));
	end(&fresh);
	end(&s);
	if (begin(&s, &mc, &tc, &data, 1))
		return;
	CHECK_INT(train_get(s.t, &f, &s.e), 0);
	end(&s);

	/* Another batch, another model. */
	tc.batch = 9;
	if (begin(&s, &mc, &tc, &data, 1))
		return;
	CHECK_INT(train_get(s.t, &f, &s.e), -1);
	CHECK_HAS(s.e.msg, "train.state has 192 numbers, not 216");
	end(&s);
	tc.batch = usual.batch;
	other.embed = 5;
	if (begin(&s, &other, &tc, &data, 1))
		return;
	CHECK_INT(train_get(s.t, &f, &s.e), -1);
	CHECK_HAS(s.e.msg, "tensor embed.weight has shape (8,6); the configuration asks for (8,5)");
	end(&s);
	end(&from);
	tf_close(&f);
}

static void failing_memory(void)
{
	struct train_data data = markov_data();
	struct model_config mc = shape(0);
	struct train_config tc = usual;
	struct session s;
	struct train *t = NULL;
	long n = 1;
	tc.steps = 3;
	tc.eval_every = 2;
	tc.dropout = tc.dropout_hh = 0.1;
	if (begin(&s, &mc, &tc, &data, 1))
		return;
	for (; !t && n < 500; n++) {
		s.e.msg[0] = 0;
		mem_fail_at(n);
		t = train_new(&s.m, &tc, &data, s.pool, &s.e);
		mem_fail_at(0);
		if (!t)
			CHECK_HAS(s.e.msg, "out of memory");
	}
	CHECK(t && n > 60);
	train_free(t);
	train_free(NULL);

	/* While it runs, validation needs some: that is a failure, no stop by the user,
	 * and what was learnt is saved. */
	int rc = -1;
	for (n = 1; rc && n < 200; n++) {
		end(&s);
		if (begin(&s, &mc, &tc, &data, 1))
			return;
		mem_fail_at(n);
		rc = run(&s);
		mem_fail_at(0);
		CHECK(rc == 0 || rc == -1);
		if (rc)
			CHECK_HAS(s.e.msg, "out of memory");
		CHECK_INT(s.saves, 1);
	}
	CHECK(rc == 0 && n > 10);
	end(&s);
}

TEST_MAIN("train", {"learns", learns}, {"resume", resume}, {"resume_best", resume_best}, {"threads", threads},
          {"seeds", seeds}, {"carried_state", carried_state},
          {"schedules", schedules}, {"patience", patience}, {"resume_stale", resume_stale},
          {"patience_interrupted", patience_interrupted}, {"plateau", plateau}, {"epochs", epochs},
          {"seconds", seconds}, {"stops", stops}, {"stops_in_validation", stops_in_validation}, {"saves", saves},
          {"save_share", save_share}, {"killed", killed}, {"best_kept", best_kept},
          {"no_validation", no_validation}, {"diverges", diverges}, {"recovers", recovers},
          {"after_giving_up", after_giving_up}, {"refuses", refuses}, {"failing_memory", failing_memory})
