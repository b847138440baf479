/* The plan of a run: what the user leaves open, for the time there is. Two widths, and a
 * much wider one before it is chosen, are trained for a moment on this machine, which tells
 * how often a model of any width can read the text in the time; from that follow width and
 * dropout, by rules that were read off measured runs (scripts/plan-table.sh makes the table). */
#include <math.h>
#include <stdio.h>

#include "base/term.h"
#include "cmd/cmd.h"
#include "cmd/train.h"

enum { NARROW = 256, WIDE = 512 };
static const double MANY_PASSES = 30;
static const double MEASURE_SECONDS = 0.5; /* for each */

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

struct speeds {
	double hidden[2], speed[2]; /* symbols a second of two widths */
};

/* The time for a symbol grows with a power of the width. */
static double speed_at(const struct speeds *s, double hidden)
{
	double power = log(s->speed[0] / s->speed[1]) / log(s->hidden[1] / s->hidden[0]);
	return s->speed[0] * pow(s->hidden[0] / hidden, power);
}

/* --- rules -------------------------------------------------------------------------- */

/* What the runs said (held-out nats; streams and steps as here, muon, cosine):
 *
 *   tinyshakespeare, 1M symbols     first 100K of it                stories, 226K
 *   2x256  3 passes  0.0  1.442     2x128  12 passes  0.3  1.518    2x512  3 passes  0.1  1.172
 *          6         0.2  1.452     2x256   3         0.1  1.487          10        0.15,
 *   2x512  3         0.1  1.414            12         0.5  1.513      input 0.15      1.163
 *          5.4       0.3  1.437     2x512   3         0.1  1.460    1x256  5        0.15  1.245
 *          5.4       0.5  1.453             6         0.3  1.485          24        0.15,
 *   2x640  3.3       0.2  1.414     2x1024  3         0.3  1.460      input 0.15      1.215
 *
 * So the best that one model can do in a given time is what the widest does that still reads
 * the text three times, with little dropout; narrower ones that read it more often end behind
 * it. Of a text too long to be read three times what counts is that there are some symbols
 * to each parameter.
 *
 * Several models joined (held-out nats of 1, 2, 3, 4; their mean for 1):
 *
 *   tinyshakespeare  2x256   3 passes    0.0             1.449  1.405         1.385
 *                            3           0.1             1.453  1.423
 *                    2x384   3.7         0.0             1.444         1.377
 *                    2x512   3           0.0             1.423  1.382
 *                            3           0.1             1.421  1.386  1.376  1.372
 *                            10          0.3, input 0.1  1.410  1.384
 *   War and Peace    2x256   3           0.0             1.167  1.134
 *   2.6M symbols     2x512   4.4         0.1             1.125
 *   Penn Treebank    2x256   3.6         0.0             0.993
 *   5M symbols       2x512   4.6         0.05            0.941         0.910
 *
 * The loss falls about as a + b / members: what falls is what each has learnt by heart. So
 * members want no dropout and few passes, and three narrow models beat the wide one that
 * takes as long, where the wide one has more parameters than the text has symbols and the
 * narrow ones are not too narrow to learn it. Time beyond that goes into more passes, against
 * the over-fitting of which dropout of input symbols does most. */
static const double PASSES = 3, MOST_PARAMS = 30, LEAST_SYMBOLS = 4;
enum { MEMBERS = 3, MOST_MEMBERS = 8, MOST_JOINED = 2048 /* units: the joined matrices have zeros, too */ };
/* Parameters to a symbol: from which on a text is short for a model that is alone, and
 * below which it is long for a member. */
static const double SHORT = 1, LONG = 0.25;

struct shape {
	int hidden, members;
};

static bool parameters(const struct model_config *like, int hidden, double *count)
{
	struct model_config mc = *like;
	size_t n;
	mc.hidden = hidden;
	mc.embed = mc.tie ? hidden : mc.embed;
	if (model_count(&mc, &n, NULL))
		return false;
	*count = (double)n;
	return true;
}

/* The best shape for the time. members: how many there must be; 0: to be chosen. */
static struct shape choose_shape(const struct model_config *like, const struct speeds *speed, double symbols, double seconds,
                                 int members)
{
	static const int widths[] = {64, 96, 128, 192, 256, 384, 512, 640, 768, 1024, 1280, 1536, 2048};
	struct shape one = {widths[0], members ? members : 1}, many = {0};
	double params, largest = 0;
	for (size_t i = 0; i < sizeof widths / sizeof *widths && parameters(like, widths[i], &params); i++) {
		double read = speed_at(speed, widths[i]) * seconds / one.members, at_once = PASSES * symbols;
		if (params <= MOST_PARAMS * symbols && (read >= at_once || read >= LEAST_SYMBOLS * params)) {
			one.hidden = widths[i];
			largest = params;
		}
		if (!members && read >= MEMBERS * at_once && MEMBERS * widths[i] <= MOST_JOINED &&
		    params >= LONG * symbols && params <= MOST_PARAMS * symbols)
			many = (struct shape){widths[i], (int)fmin(fmin(read / at_once, MOST_MEMBERS), MOST_JOINED / widths[i])};
	}
	return many.hidden && largest > SHORT * symbols ? many : one;
}

/* A short text is read in few streams, so that there are enough steps. */
static int64_t choose_batch(double symbols)
{
	return symbols < 150e3 ? 8 : symbols < 400e3 ? 16 : 32;
}

static double choose_dropout(double passes, bool alone)
{
	return passes < (alone ? 2 : 4.5) ? 0 : passes < 4.5 ? 0.1 : passes < 8 ? 0.2 : 0.3;
}

static double choose_dropout_in(double passes)
{
	return passes < 4.5 ? 0 : passes < 8 ? 0.05 : passes < 16 ? 0.1 : 0.15;
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
	struct train_config config = *tc;
	double symbols = (double)data->ntrain;
	struct speeds s = {.hidden = {NARROW, WIDE}};
	if (!o->batch_given)
		config.batch = (int)(o->batch = choose_batch(symbols));
	if (measure(mc, NARROW, &config, data, pool, &s.speed[0], e) || measure(mc, WIDE, &config, data, pool, &s.speed[1], e))
		return -1;
	int members = o->ensemble_given || o->tie || o->hidden_given ? (int)o->ensemble : 0;
	int64_t width = o->hidden_given ? o->hidden : choose_shape(mc, &s, symbols, o->seconds, members).hidden;
	if (width > WIDE) { /* far from what was measured, and its weights may not fit into a cache */
		struct speeds far = {.hidden = {WIDE, (double)width}, .speed = {s.speed[1], 0}};
		if (measure(mc, (int)width, &config, data, pool, &far.speed[1], e))
			return -1;
		s = far;
	}
	if (!o->hidden_given) {
		struct shape best = choose_shape(mc, &s, symbols, o->seconds, members);
		o->hidden = best.hidden;
		o->ensemble = best.members;
	}
	if (o->tie)
		o->embed = o->hidden;
	else if (!o->embed_given && o->embed > o->hidden)
		o->embed = o->hidden;
	double pace = speed_at(&s, (double)o->hidden), passes = pace * o->seconds / symbols / (double)o->ensemble;
	if (!o->dropout_given && !o->dropout_in_given) {
		o->dropout = choose_dropout(passes, o->ensemble == 1);
		o->dropout_in = choose_dropout_in(passes);
	}

	char time[32], fast[32], text[32];
	term_time(o->seconds, time, sizeof time);
	term_count(pace, fast, sizeof fast);
	term_count(symbols, text, sizeof text);
	char each[64] = "";
	if (o->ensemble > 1)
		snprintf(each, sizeof each, "%lld models to be joined; ", (long long)o->ensemble);
	cmd_note("plan for %s: %ssome %s symbols a second, %.3g passes%s over the %s of the text; dropout of input %g, of "
	         "layers %g", time, each, fast, passes, o->ensemble > 1 ? " each" : "", text, o->dropout_in, o->dropout);
	if (passes > MANY_PASSES)
		cmd_note("little text for so much time: a shorter --for would do as well, more text better");
	return 0;
}
