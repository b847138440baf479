/* nn/train: patience and the plateau, that is what a run does about validations without
 * improvement, also when it was stopped in between. */
#include "train.h"

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

TEST_MAIN("train_stale", {"patience", patience}, {"resume_stale", resume_stale},
          {"patience_interrupted", patience_interrupted}, {"plateau", plateau})
