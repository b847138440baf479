/* rnnlm bench: how fast this machine trains, scores and samples. Each shape is measured
 * in a process of its own, so that its peak memory is its own too. */
#include "cmd/bench.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/pool.h"
#include "cmd/cmd.h"
#include "mat/cpu.h"

struct options {
	const char *shape;
	int what, precision;
	int64_t vocab, threads;
	double seconds;
	bool json, profile;
};

static const char *const what_names[] = {"train", "score", "sample", NULL};
static const char *const precision_names[] = {"f32", "bf16", NULL}; /* enum precision */
static const char *const phase_names[PHASE_COUNT] = {"products", "gates", "softmax", "optimiser", "other"};

/* What is measured when no shape is given: small to large, and each cell. */
static const char *const usual_shapes[] = {"lstm:2x128:50x50",   "lstm:2x256:64x64",  "lstm:2x512:64x100",
                                           "lstm:1x1024:64x100", "gru:2x512:64x100", "rnn:2x128:50x50", NULL};

#define MAX_BLOCK 65536 /* steps, streams: as train's --seq and --batch */

#define AT(member) .offset = offsetof(struct options, member)

static const struct opt table[] = {
	{.name = "shape", .type = OPT_STRING, AT(shape), .arg = "SHAPE", .group = "What to measure",
	 .help = "CELL:LAYERSxHIDDEN:BATCHxSEQ, as lstm:2x512:64x100; without it six shapes are measured in turn"},
	{.name = "what", .type = OPT_CHOICE, AT(what), .def = "train", .choices = what_names,
	 .help = "train: steps of the optimiser; score: forward and loss; sample: one stream, symbol by symbol"},
	{.name = "vocab", .type = OPT_INT, AT(vocab), .def = "65", .min = 2, .max = MODEL_MAX_VOCAB, .arg = "N",
	 .help = "symbols of the vocabulary"},
	{.name = "seconds", .type = OPT_REAL, AT(seconds), .def = "5", .min = 0, .max = 86400, .arg = "S",
	 .help = "how long to measure a shape, after two steps of warm-up; at least 3 and at most 65536 steps are measured"},
	{.name = "precision", .type = OPT_CHOICE, AT(precision), .def = "auto", .choices = cmd_precision_names,
	 .help = "arithmetic of the large products; auto is bf16 where the CPU multiplies it, else f32"},
	{.name = "profile", .type = OPT_FLAG, AT(profile),
	 .help = "also the share of the time by phase, of the first thread: products, gates, softmax, optimiser, other"},
	CMD_OPT_THREADS(struct options),
	CMD_OPT_JSON(struct options),
	{0}};

static const struct opt_example examples[] = {
	{"rnnlm bench", "training speed of six shapes"},
	{"rnnlm bench --what sample --shape lstm:2x512:1x1 --seconds 2", "symbols a second of one stream"},
	{"rnnlm bench --shape lstm:1x512:32x64 --vocab 256 --precision f32 --threads 1 --profile",
	 "one core on bytes in float32, and what its time goes into"},
	{"RNNLM_CPU=avx2 rnnlm bench --shape gru:2x256:64x64 --json", "the same machine with an older instruction set"},
	{NULL, NULL}};

static const struct opt_command command = {
	.name = "bench",
	.synopsis = "[options]",
	.summary = "training, sampling and scoring speed of one shape on this machine",
	.text = "Measures steps on random symbols and reports the median of their times; programs that run "
	        "beside it show in the spread.\n\n"
	        "Columns: what, shape, precision, threads; tokens/s, symbols a second; ms/step and min..max, the median, "
	        "fastest and slowest step in milliseconds (of training or scoring: BATCH times SEQ symbols; of "
	        "sampling: 50 symbols, and BATCH and SEQ do not matter); GFLOP/s, the products that are really "
	        "done, and nothing else; peak, how many this CPU can do: the best of short loops of nothing but "
	        "the multiply instruction of that precision, on the same threads, before and after; share, the "
	        "one divided by the other; MB, the most memory held. Sampling is bounded by reading: it has GB/s, "
	        "the bytes of packed weights read, and peak, how many this CPU can read: the best of short loops "
	        "that read as many bytes again and again, on the same threads.\n\n"
	        "--json prints per shape the keys what, shape, vocab, precision, cpu, threads, tokens_per_s, "
	        "params, gflops, peak_gflops, peak_share, peak_mb, and with --profile phases; for sample also "
	        "read_gb_s, peak_read_gb_s, read_share.",
	.opts = table,
	.examples = examples,
	.min_args = 0,
	.max_args = 0};

/* --- shapes ----------------------------------------------------------------------- */

/* Reads a number in [1, max] that ends with the character `end`; moves *s behind it. */
static int parse_size(const char *what, const char **s, char end, int max, int *value, struct err *e)
{
	size_t digits = strspn(*s, "0123456789");
	if (digits == 0)
		return err_set(e, "expected a number (%s) at \"%s\"", what, *s);
	if ((*s)[digits] != end)
		return end ? err_set(e, "expected \"%c\" behind %s %.*s", end, what, (int)digits, *s)
		           : err_set(e, "nothing may follow %s: \"%s\"", what, *s + digits);
	long n = strtol(*s, NULL, 10); /* LONG_MAX if it is larger */
	if (n < 1 || n > max)
		return err_set(e, "%s must be from 1 to %d", what, max);
	*value = (int)n;
	*s += digits + (end != 0);
	return 0;
}

static int parse_cell(const char **s, int *cell, struct err *e)
{
	char name[32];
	size_t n = strcspn(*s, ":");
	snprintf(name, sizeof name, "%.*s", (int)(n < sizeof name ? n : sizeof name - 1), *s);
	if ((*s)[n] == 0)
		return err_set(e, "no colon behind the cell");
	*cell = cell_index(name);
	if (*cell < 0) {
		const char *meant = opt_nearest(name, cell_names);
		return err_set(e, "no cell \"%s\"%s%s%s", name, meant ? "; did you mean " : "", meant ? meant : "",
		               meant ? "?" : "");
	}
	*s += n + 1;
	return 0;
}

static int parse_shape(const char *shape, struct bench_task *t, struct err *e)
{
	const char *s = shape;
	struct err why;
	if (parse_cell(&s, &t->model.cell, &why) ||
	    parse_size("layers", &s, 'x', MODEL_MAX_LAYERS, &t->model.layers, &why) ||
	    parse_size("hidden", &s, ':', MODEL_MAX_HIDDEN, &t->model.hidden, &why) ||
	    parse_size("batch", &s, 'x', MAX_BLOCK, &t->batch, &why) ||
	    parse_size("seq", &s, 0, MAX_BLOCK, &t->seq, &why))
		return err_set(e, "--shape=%s: %s (a shape is CELL:LAYERSxHIDDEN:BATCHxSEQ, as lstm:2x512:64x100)",
		               shape, why.msg);
	return 0;
}

/* As many as the command that is measured would take. */
static int choose_threads(const struct options *o, struct bench_task *t, struct err *e)
{
	size_t weights;
	if (model_count(&t->model, &weights, e))
		return -1;
	t->threads = o->threads ? (int)o->threads : t->what == BENCH_SAMPLE ? cmd_stream_threads(weights, 1) : pool_cpus();
	return 0;
}

/* --- output ------------------------------------------------------------------------ */

/* To a number of parts per one: 10 keeps one decimal. */
static double rounded(double x, double parts)
{
	return round(x * parts) / parts;
}

static void print_json(const char *shape, const struct bench_task *t, const struct bench_result *r, struct buf *b)
{
	struct json_writer w = {.b = b};
	char cpu[128];
	snprintf(cpu, sizeof cpu, "%s, %s", cpu_get()->brand, kern_get()->name);
	json_object_begin(&w);
	json_key(&w, "what");
	json_cstring(&w, what_names[t->what]);
	json_key(&w, "shape");
	json_cstring(&w, shape);
	json_key(&w, "vocab");
	json_int(&w, t->model.vocab);
	json_key(&w, "precision");
	json_cstring(&w, precision_names[t->model.precision]);
	json_key(&w, "cpu");
	json_cstring(&w, cpu);
	json_key(&w, "threads");
	json_int(&w, t->threads);
	json_key(&w, "tokens_per_s");
	json_number(&w, rounded(r->tokens_per_s, 10));
	json_key(&w, "params");
	json_uint(&w, r->params);
	json_key(&w, "gflops");
	json_number(&w, rounded(r->gflops, 1e3));
	json_key(&w, "peak_gflops");
	json_number(&w, rounded(r->peak_gflops, 1e3));
	json_key(&w, "peak_share");
	json_number(&w, rounded(r->gflops / r->peak_gflops, 1e6));
	if (t->what == BENCH_SAMPLE) {
		json_key(&w, "read_gb_s");
		json_number(&w, rounded(r->read_gb_s, 1e3));
		json_key(&w, "peak_read_gb_s");
		json_number(&w, rounded(r->peak_read_gb_s, 1e3));
		json_key(&w, "read_share");
		json_number(&w, rounded(r->read_gb_s / r->peak_read_gb_s, 1e6));
	}
	json_key(&w, "peak_mb");
	json_number(&w, rounded(r->peak_mb, 10));
	if (t->profile) {
		json_key(&w, "phases");
		json_object_begin(&w);
		for (int i = 0; i < PHASE_COUNT; i++) {
			json_key(&w, phase_names[i]);
			json_number(&w, rounded(r->phase[i], 1e4));
		}
		json_object_end(&w);
	}
	json_object_end(&w);
	buf_puts(b, "\n", NULL);
}

/* Products of one stream are bounded by the reading of their weights. */
static void print_header(bool sample, struct buf *b)
{
	buf_printf(b, NULL, "%-6s %-20s %-9s %7s %9s %9s %17s %8s %8s %6s %6s\n", "what", "shape", "precision", "threads", "tokens/s",
	           "ms/step", "min..max", sample ? "GB/s" : "GFLOP/s", "peak", "share", "MB");
}

static void print_row(const char *shape, const struct bench_task *t, const struct bench_result *r, struct buf *b)
{
	bool sample = t->what == BENCH_SAMPLE;
	double rate = sample ? r->read_gb_s : r->gflops, peak = sample ? r->peak_read_gb_s : r->peak_gflops;
	char spread[48];
	snprintf(spread, sizeof spread, "%.4g..%.4g", r->step_min_s * 1e3, r->step_max_s * 1e3);
	buf_printf(b, NULL, "%-6s %-20s %-9s %7d %9.0f %9.4g %17s %8.1f %8.1f %6.3f %6.0f\n", what_names[t->what], shape,
	           precision_names[t->model.precision], t->threads, r->tokens_per_s, r->step_s * 1e3, spread, rate, peak,
	           rate / peak, r->peak_mb);
	for (int i = 0; t->profile && i < PHASE_COUNT; i++)
		buf_printf(b, NULL, "%s%s %.1f %%", i ? ", " : "       ", phase_names[i], 100 * r->phase[i]);
	if (t->profile)
		buf_puts(b, "\n", NULL);
}

/* --- the command ------------------------------------------------------------------- */

static int bench(const struct options *o, const char *const *shapes, struct bench_task *t, bool *interrupted,
                 struct err *e)
{
	struct buf out = {0};
	int rc = 0;
	cmd_note("%s, %s; vocabulary %d", cpu_get()->brand, kern_get()->name, t->model.vocab);
	if (!o->json)
		print_header(t->what == BENCH_SAMPLE, &out);
	for (; *shapes && !rc && !cmd_out_failed(); shapes++) {
		struct bench_result r = {0};
		cmd_out(&out); /* the header shows before the first wait */
		if (parse_shape(*shapes, t, e) || choose_threads(o, t, e) || bench_run_apart(t, &r, e)) {
			rc = err_wrap(e, "%s", *shapes);
			break;
		}
		*interrupted = r.interrupted || cmd_interrupted();
		if (*interrupted)
			break;
		if (o->json)
			print_json(*shapes, t, &r, &out);
		else
			print_row(*shapes, t, &r, &out);
		cmd_out(&out);
	}
	buf_free(&out);
	return rc;
}

static int run(int argc, char **argv)
{
	struct options o = {0};
	struct bench_task t = {0};
	struct err e = {{0}};
	bool interrupted = false;
	int nargs, code = cmd_parse(&cmd_bench, argc, argv, &o, &nargs);
	if (code >= 0)
		return code;
	if (o.shape && parse_shape(o.shape, &t, &e))
		return cmd_usage(&cmd_bench, &e);
	t.what = (enum bench_what)o.what;
	t.model.precision = cmd_precision(o.precision);
	t.model.vocab = (int)o.vocab;
	t.seconds = o.seconds;
	t.profile = o.profile;

	const char *const one[] = {o.shape, NULL};
	cmd_catch_signals();
	if (bench(&o, o.shape ? one : usual_shapes, &t, &interrupted, &e))
		return cmd_fail(&e);
	return interrupted ? EXIT_INTERRUPTED : EXIT_OK;
}

const struct cmd cmd_bench = {.opt = &command, .run = run};
