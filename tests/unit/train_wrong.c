/* nn/train: steps that go too far, and memory that is not there. */
#include "train.h"

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

TEST_MAIN("train_wrong", {"diverges", diverges}, {"recovers", recovers}, {"after_giving_up", after_giving_up},
          {"failing_memory", failing_memory})
