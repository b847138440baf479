/* nn/train: a run that was stopped or killed and taken up again leaves the same file, and
 * a checkpoint that does not fit is refused. */
#include "train.h"

/* --- the same file ------------------------------------------------------------------------------ */

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

TEST_MAIN("train_ckpt", {"resume", resume}, {"resume_best", resume_best}, {"killed", killed},
          {"refuses", refuses})
