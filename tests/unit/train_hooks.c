/* nn/train: when a run is stopped, and when it saves. */
#include "train.h"

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

TEST_MAIN("train_hooks", {"stops", stops}, {"stops_in_validation", stops_in_validation}, {"saves", saves},
          {"save_share", save_share})
