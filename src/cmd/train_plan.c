/* The plan of a run: what the user leaves open, for the time there is. Two widths are
 * trained for a moment on this machine, which tells how often a model of any width can read
 * the text in the time; from that follow width and dropout, by rules that were read off
 * measured runs (scripts/plan-table.sh makes the table). */
#include <math.h>
#include <stdio.h>

#include "base/term.h"
#include "cmd/cmd.h"
#include "cmd/train.h"

enum { NARROW = 256, WIDE = 512 };
static const double ENOUGH_PASSES = 5, MANY_PASSES = 100;
static const double MEASURE_SECONDS = 0.5; /* for each of them */

/* --- speed -------------------------------------------------------------------------- */

struct pace {
	uint64_t tokens;
	double seconds; /* of the first step, which touches the memory and is not counted */
};

static void after_step(void *arg, const struct train_report *r)
{
	struct pace *first = arg;
	if (r->p->step == 1)
		*first = (struct pace){r->p->tokens, r->p->seconds};
}

/* Symbols a second of a model of this width, trained for a moment as it will be. */
static int measure(const struct model_config *like, int hidden, const struct train_config *config,
                   const struct train_data *data, struct pool *pool, double *speed, struct err *e)
{
	struct pace first = {0};
	struct model_config mc = *like;
	struct train_config tc = *config;
	struct train_data text = *data;
	struct train_hooks hooks = {.arg = &first, .report = after_step, .stop = cmd_interrupted};
	struct model m = {0};
	struct train *t = NULL;
	int rc = -1;

	mc.hidden = hidden;
	if (mc.tie)
		mc.embed = hidden;
	tc.seconds = MEASURE_SECONDS;
	tc.patience = 0;
	text.nval = 0;
	if (model_new(&m, &mc, e) || model_init(&m, tc.seed, e) || !(t = train_new(&m, &tc, &text, pool, e)) ||
	    train_run(t, &hooks, e) < 0)
		goto out;
	const struct train_progress *end = train_progress(t);
	*speed = end->step > 1 ? (double)(end->tokens - first.tokens) / (end->seconds - first.seconds)
	                       : (double)first.tokens / first.seconds;
	rc = 0;
out:
	train_free(t);
	model_free(&m);
	return rc;
}

/* The time for a symbol grows with a power of the width. */
static double speed_at(const double speed[2], int64_t hidden)
{
	double power = log(speed[0] / speed[1]) / log((double)WIDE / NARROW);
	return speed[0] * pow((double)NARROW / (double)hidden, power);
}

/* --- rules -------------------------------------------------------------------------- */

/* The widest model that reads the text often enough. */
static int64_t choose_width(const double speed[2], double symbols, double seconds)
{
	static const int widths[] = {64, 96, 128, 192, 256, 384, 512, 768, 1024};
	int best = widths[0];
	for (size_t i = 1; i < sizeof widths / sizeof *widths; i++)
		if (speed_at(speed, widths[i]) * seconds / symbols >= ENOUGH_PASSES)
			best = widths[i];
	return best;
}

static double choose_dropout(double passes)
{
	return passes < 2 ? 0 : passes < 5 ? 0.1 : passes < 10 ? 0.2 : passes < 30 ? 0.3 : 0.4;
}

/* --- the plan ----------------------------------------------------------------------- */

bool train_planned(const struct train_options *o)
{
	bool shape = o->cell_given || o->layers_given || o->hidden_given || o->embed_given || o->tie || o->residual;
	return o->plan || (!o->resume && !o->init_from && o->seconds > 0 && !shape);
}

int train_plan(struct train_options *o, const struct model_config *mc, const struct train_config *tc,
               const struct train_data *data, struct pool *pool, struct err *e)
{
	double symbols = (double)data->ntrain, speed[2];
	if (measure(mc, NARROW, tc, data, pool, &speed[0], e) || measure(mc, WIDE, tc, data, pool, &speed[1], e))
		return -1;
	if (!o->hidden_given)
		o->hidden = choose_width(speed, symbols, o->seconds);
	if (o->tie)
		o->embed = o->hidden;
	else if (!o->embed_given && o->embed > o->hidden)
		o->embed = o->hidden;
	double pace = speed_at(speed, o->hidden), passes = pace * o->seconds / symbols;
	if (!o->dropout_given)
		o->dropout = choose_dropout(passes);

	char time[32], fast[32], text[32];
	term_time(o->seconds, time, sizeof time);
	term_count(pace, fast, sizeof fast);
	term_count(symbols, text, sizeof text);
	cmd_note("plan for %s: some %s symbols a second, %.3g passes over the %s of the text; dropout %g", time, fast, passes,
	         text, o->dropout);
	if (passes > MANY_PASSES)
		cmd_note("little text for so much time: a shorter --for would do as well, more text better");
	return 0;
}
