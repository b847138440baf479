/* nn/train: that it learns, at what rate and for how long, and which weights it keeps. */
#include "train.h"

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

TEST_MAIN("train", {"learns", learns}, {"threads", threads}, {"seeds", seeds}, {"carried_state", carried_state},
          {"schedules", schedules}, {"epochs", epochs}, {"seconds", seconds}, {"best_kept", best_kept},
          {"no_validation", no_validation})
