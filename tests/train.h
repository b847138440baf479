/* For the tests of nn/train: a small model on a Markov chain or on noise, and a session
 * of a run with its hooks, whose reports and checkpoints are kept. */
#ifndef RNNLM_TESTS_TRAIN_H
#define RNNLM_TESTS_TRAIN_H

#include <unistd.h>

#include "base/io.h"
#include "nn.h"
#include "nn/ckpt.h"
#include "nn/eval.h"
#include "nn/train.h"

enum { V = 8, TRAIN = 4000, VAL = 900, MOST = 400 };

static uint32_t train_ids[TRAIN], val_ids[VAL];

/* Symbol s is followed by s + 1 four times of five, else by any. Entropy of the
 * next symbol: 0.80 nats; of one alone ln 8 = 2.08. */
static inline void markov(uint32_t *ids, size_t n, uint32_t series)
{
	uint32_t s = 0;
	for (size_t i = 0; i < n; i++) {
		uint32_t x[4];
		rng_draw(13, RNG_TEST, series, 0, 0, (uint32_t)i, x);
		ids[i] = s = rng_unit32(x[0]) < 0.8 ? (s + 1) % V : (uint32_t)(rng_unit32(x[1]) * V);
	}
}

static inline struct train_data markov_data(void)
{
	markov(train_ids, TRAIN, 1);
	markov(val_ids, VAL, 2);
	return (struct train_data){.train = train_ids, .ntrain = TRAIN, .val = val_ids, .nval = VAL, .first = NO_TARGET};
}

/* A text to learn by heart, and another that has nothing to do with it: the more
 * is learnt, the worse the validation. */
static inline struct train_data noise_data(void)
{
	draw_ids(train_ids, 120, V, 3);
	draw_ids(val_ids, 200, V, 4);
	return (struct train_data){.train = train_ids, .ntrain = 120, .val = val_ids, .nval = 200, .first = 0};
}

static const struct train_config usual = {
	.batch = 8, .seq = 12, .lr = 0.02, .schedule = SCHEDULE_COSINE, .warmup = 5,
	.optim = {.kind = OPTIM_ADAMW, .beta1 = 0.9, .beta2 = 0.99, .eps = 1e-8, .clip = 1}, .seed = 7, .steps = 60, .eval_every = 20,
};

/* Everything that a checkpoint must carry over: dropout, restarts, the end of an epoch
 * (after 42 steps), moments, warm-up and schedule. */
static inline struct train_config eventful(void)
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

static inline struct model_config shape(int cell)
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

static inline void on_report(void *arg, const struct train_report *r)
{
	struct session *s = arg;
	CHECK(s->reports < MOST);
	if (s->reports == MOST)
		return;
	s->p[s->reports] = *r->p;
	s->r[s->reports++] = *r;
	now_step = r->p->step;
}

static inline bool stop_at_step(void)
{
	return stop_step && now_step >= stop_step;
}

static inline int on_save(void *arg, struct train *t, struct err *e)
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

static inline void on_save_failed(void *arg, const struct err *e)
{
	struct session *s = arg;
	s->told++;
	CHECK_STR(e->msg, "no room for the model");
}

/* A fresh session; ready to run. */
static inline int begin(struct session *s, const struct model_config *mc, const struct train_config *tc,
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

static inline int run(struct session *s)
{
	const struct train_hooks h = {.arg = s, .report = on_report, .save = s->bare ? NULL : on_save,
	                              .save_failed = on_save_failed, .save_seconds = s->save_seconds,
	                              .save_steps = s->save_steps, .stop = stop_at_step};
	return train_run(s->t, &h, &s->e);
}

static inline void end(struct session *s)
{
	train_free(s->t);
	model_free(&s->m);
	pool_free(s->pool);
	unlink(s->path);
}

/* Takes up the file of another session. */
static inline void take_up(struct session *s, const struct session *from)
{
	struct tensorfile f = {0};
	ready(tf_open(&f, from->path, &s->e) || train_get(s->t, &f, &s->e), &s->e);
	tf_close(&f);
}

static inline bool same_files(const struct session *a, const struct session *b)
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
static inline double stream_loss(struct session *s, const uint32_t *ids, size_t n, uint32_t first)
{
	struct seq q = {.ids = ids, .n = n, .first = first};
	struct work *w = work_new(&s->m, &(struct work_config){.T = 64, .B = 1}, NULL, &s->e);
	ready(!w || eval_sequences(w, &s->m, &q, 1, NULL, NULL, NULL, &s->e), &s->e);
	work_free(w);
	return q.nats / (double)q.scored;
}

/* Also if there is none yet. */
static inline bool same_number(double a, double b)
{
	return a == b || (isnan(a) && isnan(b));
}

static inline bool all_finite(const struct model *m)
{
	for (size_t i = 0; i < m->size; i++)
		if (!isfinite(m->w[i]))
			return false;
	return true;
}

#endif
