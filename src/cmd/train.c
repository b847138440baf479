/* rnnlm train: corpus in, model out. */
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/io.h"
#include "base/pool.h"
#include "base/term.h"
#include "cmd/cmd.h"
#include "nn/ckpt.h"
#include "nn/train.h"
#include "text/corpus.h"

static const double LN2 = 0.69314718055994530942;
static const double SAVE_SECONDS = 30;   /* at least, between checkpoints on the way */
static const double REDRAW_SECONDS = 0.1; /* of the progress line on a terminal */
static const double TELL_EVERY = 0.04;    /* of the run, between lines that stay; the log has them all */

struct options {
	bool json;
	int cell, unit, schedule, precision;
	int64_t layers, hidden, embed, batch, seq, warmup, steps, eval_every, seed, threads, min_count, val_frac;
	bool tie, residual, out_given;
	double dropout, restart, lr, clip, decay, epochs, seconds;
	const char *val, *out, *log;
};

#define AT(member) .offset = offsetof(struct options, member)

static const struct opt table[] = {
	{.name = "out", .letter = 'o', .type = OPT_STRING, AT(out), .arg = "FILE", .group = "Files",
	 .help = "model file to write; without it models/STEM.safetensors, STEM being the first corpus's name. "
	         "A model that is replaced is kept under a numbered name (FILE.~1~)"},
	{.name = "val", .type = OPT_STRING, AT(val), .arg = "FILE", .flags = OPT_RESUME,
	 .help = "held-out text; without it the last part of the corpus is held out (--val-frac)"},
	{.name = "val-frac", .type = OPT_FRACTION, AT(val_frac), .def = "0.1", .min = 0, .max = 0.9, .arg = "F",
	 .flags = OPT_STORED, .help = "fraction of the text that is held out at its end: of n characters the first floor(n(1-F)) train"},
	{.name = "log", .type = OPT_STRING, AT(log), .arg = "FILE", .flags = OPT_RESUME,
	 .help = "table of the run, tab-separated; without it beside the model with the ending .tsv; none: no log"},
	CMD_OPT_JSON(struct options),
	{.name = "unit", .type = OPT_CHOICE, AT(unit), .def = "char", .choices = unit_names, .flags = OPT_STORED,
	 .group = "Text", .help = "what the model reads and writes: code points, or bytes"},
	{.name = "min-count", .type = OPT_INT, AT(min_count), .def = "1", .min = 0, .max = 1e9, .arg = "N",
	 .flags = OPT_STORED, .help = "symbols rarer than this in the training part count as unknown"},
	{.name = "cell", .type = OPT_CHOICE, AT(cell), .def = "lstm", .choices = cell_names, .flags = OPT_STORED,
	 .group = "Model", .help = "recurrent cell; the equations are those of PyTorch's nn.RNN, nn.LSTM and nn.GRU"},
	{.name = "layers", .type = OPT_INT, AT(layers), .def = "2", .min = 1, .max = MODEL_MAX_LAYERS, .arg = "N",
	 .flags = OPT_STORED, .help = "recurrent layers, one above the other"},
	{.name = "hidden", .type = OPT_INT, AT(hidden), .def = "256", .min = 1, .max = MODEL_MAX_HIDDEN, .arg = "N",
	 .flags = OPT_STORED, .help = "units of a layer"},
	{.name = "embed", .type = OPT_INT, AT(embed), .def = "0", .min = 0, .max = MODEL_MAX_HIDDEN, .arg = "N",
	 .flags = OPT_STORED, .help = "width of the embedding of input symbols; 0 = one-hot input"},
	{.name = "tie", .type = OPT_FLAG, AT(tie), .flags = OPT_STORED,
	 .help = "one matrix for embedding and output (Press and Wolf 2017); needs --embed as wide as --hidden"},
	{.name = "residual", .type = OPT_FLAG, AT(residual), .flags = OPT_STORED,
	 .help = "add a layer's input to its output (from the second layer on)"},
	{.name = "dropout", .type = OPT_REAL, AT(dropout), .def = "0.1", .min = 0, .max = 0.95, .arg = "P",
	 .flags = OPT_STORED, .help = "rate of locked dropout on input symbols, between layers and before the output"},
	{.name = "precision", .type = OPT_CHOICE, AT(precision), .def = "auto", .choices = cmd_precision_names,
	 .flags = OPT_STORED, .help = "inputs of the large products: float32, or rounded to bfloat16 (sums, weights, states stay "
	         "float32); auto is bf16 where the CPU multiplies it. Kept in the model, and used with it everywhere"},
	{.name = "for", .type = OPT_DURATION, AT(seconds), .arg = "TIME", .flags = OPT_RESUME, .group = "Length",
	 .help = "wall-clock time (90s, 3m, 1h30m), validation included: the rate's schedule ends on the deadline; "
	         "3m when no length is given"},
	{.name = "epochs", .type = OPT_REAL, AT(epochs), .min = 0, .max = 1e6, .arg = "N", .flags = OPT_RESUME,
	 .help = "passes over the training text"},
	{.name = "steps", .type = OPT_INT, AT(steps), .min = 0, .max = 1e12, .arg = "N", .flags = OPT_RESUME,
	 .help = "optimiser steps"},
	{.name = "batch", .type = OPT_INT, AT(batch), .def = "32", .min = 1, .max = 65536, .arg = "N", .flags = OPT_STORED,
	 .group = "Optimisation", .help = "parallel streams of text"},
	{.name = "seq", .type = OPT_INT, AT(seq), .def = "64", .min = 1, .max = 65536, .arg = "N", .flags = OPT_STORED,
	 .help = "steps of truncated backpropagation through time; the state is carried from block to block"},
	{.name = "restart", .type = OPT_REAL, AT(restart), .def = "0.02", .min = 0, .max = 1, .arg = "P",
	 .flags = OPT_STORED, .help = "chance of a stream to start a block from the zero state, so that the model also learns to begin a text"},
	{.name = "lr", .type = OPT_REAL, AT(lr), .def = "0", .min = 0, .max = 100, .arg = "R", .flags = OPT_STORED,
	 .help = "learning rate of Adam at its highest; 0 = chosen from the width: 0.008 up to 256 units, less above"},
	{.name = "schedule", .type = OPT_CHOICE, AT(schedule), .def = "cosine", .choices = schedule_names, .flags = OPT_STORED,
	 .help = "how the rate falls over the run, to a fiftieth at its end"},
	{.name = "warmup", .type = OPT_INT, AT(warmup), .def = "50", .min = 0, .max = 1e9, .arg = "N", .flags = OPT_STORED,
	 .help = "steps over which the rate rises at the start"},
	{.name = "clip", .type = OPT_REAL, AT(clip), .def = "1", .min = 0, .max = 1e9, .arg = "NORM", .flags = OPT_STORED,
	 .help = "largest norm of the gradient of all parameters together; 0 = no clipping"},
	{.name = "weight-decay", .type = OPT_REAL, AT(decay), .def = "0", .min = 0, .max = 10, .arg = "R", .flags = OPT_STORED,
	 .help = "decoupled weight decay of the matrices (AdamW)"},
	{.name = "eval-every", .type = OPT_INT, AT(eval_every), .def = "0", .min = 0, .max = 1e12, .arg = "N",
	 .flags = OPT_STORED, .help = "steps between validations; 0 = so that they take a few percent of the time"},
	CMD_OPT_SEED(struct options),
	CMD_OPT_THREADS(struct options),
	{0},
};

static const struct opt_example examples[] = {
	{"rnnlm train corpus.txt", "three minutes with default settings; the model is models/corpus.safetensors"},
	{"rnnlm train --for 20m --hidden=512 --dropout=0.3 corpus.txt", "a larger model, for longer"},
	{"rnnlm train --cell=gru --layers=1 --epochs=5 -o names.safetensors names.txt", "five passes over a small file"},
	{"cat *.log | rnnlm train --unit=byte -o log.safetensors -", "from a pipe, byte by byte"},
	{0},
};

static const struct opt_command command = {
	.name = "train",
	.synopsis = "[options] FILE...",
	.summary = "train a model on a text",
	.text = "Trains a recurrent language model on the text of the FILEs, joined in the order given (- is standard "
	        "input). The vocabulary is that of the training part. Progress is shown on standard error with the "
	        "loss in nats per symbol, on the text being trained on and on held-out text. The weights with the "
	        "lowest held-out loss are what the model file holds for sample and score.\n\n"
	        "Ctrl-C finishes the step, saves and stops. The file holds all that training needs to go on. The "
	        "same seed, options and number of steps give the same file byte for byte at any number of threads.\n\n"
	        "The log has the columns step, epoch, seconds, tokens, train_nats, val_nats, lr, grad_norm and "
	        "tokens_per_s. With --json the last line on standard output is a summary.",
	.opts = table,
	.examples = examples,
	.min_args = 1,
	.max_args = -1,
};

/* --- output: files ------------------------------------------------------------------ */

struct run {
	const struct options *o;
	const struct corpus *corpus;
	const struct model *model;
	char *path, *log_path;
	char *vocab; /* JSON */
	FILE *log;
	bool written; /* the file at path is this run's own */
	/* progress */
	bool tty, utf8;
	double drawn;   /* time of the last redraw */
	int drawn_line; /* something stands on the progress line */
	double told;    /* fraction of the run at the last line that stays */
	double nats_sum; /* since the last validation */
	uint64_t nats_n;
	double train_nats; /* mean of the last full interval */
	double speed;
};

static int put_text(struct tf_writer *w, const char *key, struct err *e, const char *fmt, ...) ERR_PRINTF(4, 5);
static int put_text(struct tf_writer *w, const char *key, struct err *e, const char *fmt, ...)
{
	char text[128];
	va_list ap;
	va_start(ap, fmt);
	vsnprintf(text, sizeof text, fmt, ap);
	va_end(ap);
	return tf_put_meta(w, key, text, e);
}

/* Options as given, for those who want to know and for resuming. */
static int put_options(struct tf_writer *w, const struct options *o, struct err *e)
{
	struct buf value = {0};
	int rc = 0;
	for (const struct opt *t = table; rc == 0 && t->name; t++) {
		char key[64];
		if (!(t->flags & OPT_STORED))
			continue;
		snprintf(key, sizeof key, "option.%s", t->name);
		buf_clear(&value);
		rc = opt_text(t, o, &value, e) || tf_put_meta(w, key, value.p ? value.p : "", e) ? -1 : 0;
	}
	buf_free(&value);
	return rc;
}

static int save(void *arg, struct train *t, struct err *e)
{
	struct run *r = arg;
	const struct corpus *c = r->corpus;
	const struct train_progress *p = train_progress(t);
	struct tf_writer w = {0};
	char backup[4096];
	int rc = -1;

	if (ckpt_put_config(&w, &r->model->cfg, e) || tf_put_meta(&w, "unit", unit_names[c->vocab.unit], e) ||
	    tf_put_meta(&w, "vocab", r->vocab, e) || tf_put_meta(&w, "corpus", c->stem, e) ||
	    put_text(&w, "corpus_bytes", e, "%zu", c->bytes) ||
	    put_text(&w, "corpus_hash", e, "fnv1a64:%016llx", (unsigned long long)c->hash) ||
	    put_text(&w, "train_symbols", e, "%zu", c->ntrain) || put_text(&w, "val_symbols", e, "%zu", c->nval) ||
	    put_text(&w, "best_step", e, "%llu", (unsigned long long)p->offer_step) ||
	    (isfinite(p->offer_nats) && put_text(&w, "val_nats", e, "%.6f", p->offer_nats)) || put_options(&w, r->o, e) ||
	    train_put(t, &w, e))
		goto out;
	if (!r->written) {
		int had = io_backup(r->path, backup, sizeof backup, e);
		if (had < 0)
			goto out;
		if (had)
			cmd_note("the model that was %s is kept as %s", r->path, backup);
	}
	if (tf_write(&w, r->path, e))
		goto out;
	r->written = true;
	rc = 0;
out:
	tf_writer_free(&w);
	if (rc)
		cmd_note("checkpoint not saved: %s", e->msg);
	return rc;
}

/* Finds out before training whether the model can be written where it is to go. */
static int check_writable(const char *path, struct err *e)
{
	struct io_atomic probe;
	if (io_mkdirs_for(path, e) || io_atomic_open(&probe, path, e))
		return -1;
	io_atomic_abort(&probe);
	return 0;
}

static int open_log(struct run *r, struct err *e)
{
	const char *given = r->o->log;
	char backup[4096];
	if (given && strcmp(given, "none") == 0)
		return 0;
	struct buf name = {0};
	if (given) {
		if (buf_puts(&name, given, e))
			return -1;
	} else {
		size_t n = strlen(r->path), cut = n;
		static const char ending[] = ".safetensors";
		if (n > sizeof ending - 1 && strcmp(r->path + n - (sizeof ending - 1), ending) == 0)
			cut -= sizeof ending - 1;
		if (buf_add(&name, r->path, cut, e) || buf_puts(&name, ".tsv", e))
			return -1;
	}
	r->log_path = name.p;
	if (io_mkdirs_for(r->log_path, e) || io_backup(r->log_path, backup, sizeof backup, e) < 0)
		return -1;
	r->log = fopen(r->log_path, "w");
	if (!r->log)
		return err_sys(e, "cannot write the log %s", r->log_path);
	fputs("step\tepoch\tseconds\ttokens\ttrain_nats\tval_nats\tlr\tgrad_norm\ttokens_per_s\n", r->log);
	return 0;
}

/* --- output: progress ----------------------------------------------------------------- */

static void log_row(struct run *r, const struct train_report *t)
{
	if (!r->log)
		return;
	fprintf(r->log, "%llu\t%.4f\t%.2f\t%llu\t%.5f\t", (unsigned long long)t->p->step, t->epoch, t->p->seconds,
	        (unsigned long long)t->p->tokens, r->train_nats);
	if (t->evaluated && isfinite(t->val_nats))
		fprintf(r->log, "%.5f", t->val_nats);
	fprintf(r->log, "\t%.6g\t%.4g\t%.0f\n", t->lr, t->norm, t->tokens_per_s);
	fflush(r->log);
}

static void erase_line(struct run *r)
{
	if (r->drawn_line)
		fputs("\r\033[K", stderr);
	r->drawn_line = 0;
}

/* The line that stays says all; the one that is redrawn has to fit. */
static void describe(const struct run *r, const struct train_report *t, bool stays, struct buf *b)
{
	char left[32], speed[32];
	term_time(t->left, left, sizeof left);
	term_count(t->tokens_per_s, speed, sizeof speed);
	if (!stays) {
		term_bar(t->fraction, 20, r->utf8, b);
		buf_printf(b, NULL, " %3.0f%%  %s left  loss %.4f", 100 * t->fraction, left, r->train_nats);
		if (isfinite(t->val_nats))
			buf_printf(b, NULL, "  held out %.4f", t->val_nats);
		buf_printf(b, NULL, "  %s/s  step %llu", speed, (unsigned long long)t->p->step);
		return;
	}
	buf_printf(b, NULL, "step %llu  epoch %.2f  loss %.4f nats %.3f bits", (unsigned long long)t->p->step, t->epoch,
	           r->train_nats, r->train_nats / LN2);
	if (isfinite(t->val_nats))
		buf_printf(b, NULL, "  held out %.4f nats %.3f bits%s", t->val_nats, t->val_nats / LN2,
		           t->evaluated && t->improved ? " *" : "");
	buf_printf(b, NULL, "  %s/s", speed);
	if (!t->last)
		buf_printf(b, NULL, "  %s left", left);
}

static void report(void *arg, const struct train_report *t)
{
	struct run *r = arg;
	double now = io_now();
	bool row = t->evaluated || t->diverged;

	r->speed = t->tokens_per_s;
	if (isfinite(t->nats)) {
		r->nats_sum += t->nats;
		r->nats_n++;
	}
	r->train_nats = row && r->nats_n ? r->nats_sum / (double)r->nats_n : t->p->smooth_nats;
	if (t->diverged)
		cmd_note("step %llu: the loss is not finite; back to the best weights with half the rate",
		         (unsigned long long)t->p->step);
	if (row || t->p->step % 20 == 0)
		log_row(r, t);

	bool line = row && (t->diverged || t->fraction >= r->told + TELL_EVERY || t->fraction >= 1 || t->last);
	if (line || (r->tty && now - r->drawn >= REDRAW_SECONDS)) {
		struct buf b = {0};
		erase_line(r);
		if (line)
			r->told = t->fraction;
		describe(r, t, line, &b);
		if (b.p && r->tty && !line) {
			int width = term_width(STDERR_FILENO) - 1;
			size_t n = b.len;
			while (n && term_columns(b.p, n) > (size_t)width)
				n--;
			fwrite(b.p, 1, n, stderr);
			r->drawn_line = 1;
		} else if (b.p) {
			fprintf(stderr, "%s\n", b.p);
		}
		fflush(stderr);
		buf_free(&b);
		r->drawn = now;
	}
	if (t->evaluated) {
		r->nats_sum = 0;
		r->nats_n = 0;
	}
}

static void print_plan(const struct run *r, const struct train *t, const struct train_config *tc, int threads)
{
	const struct model_config *m = &r->model->cfg;
	const struct corpus *c = r->corpus;
	char params[32], memory[32], chars[32];
	term_count((double)r->model->count, params, sizeof params);
	term_count((double)train_bytes(t), memory, sizeof memory);
	term_count((double)c->train_chars, chars, sizeof chars);
	cmd_note("%s: %s symbols to train on, %zu held out, vocabulary %u%s", c->stem, chars, c->nval,
	         (unsigned)c->vocab.size, c->nval ? "" : " (no validation)");
	cmd_note("%s %dx%d, %s parameters; %d streams of %d steps, rate %g; %s on %s, %d thread%s, %sB", cell_names[m->cell],
	         m->layers, m->hidden, params, tc->batch, tc->seq, tc->lr, m->precision == PREC_BF16 ? "bf16" : "f32",
	         kern_get()->name, threads,
	         threads == 1 ? "" : "s", memory);
	if (c->unknown_val)
		cmd_note("%zu of the held-out symbols do not occur in the training part and count as unknown",
		         c->unknown_val);
	if (c->invalid)
		cmd_note("%zu bytes are not UTF-8 and stand for themselves; --unit=byte would read all of the text as bytes",
		         c->invalid);
}

static void print_summary(const struct run *r, const struct train *t, int stopped)
{
	const struct train_progress *p = train_progress(t);
	const struct corpus *c = r->corpus;
	double bits = c->val_chars ? p->offer_nats / LN2 * (double)c->nval / (double)c->val_chars : NAN;
	if (r->o->json) {
		struct buf b = {0};
		struct json_writer w = {.b = &b};
		json_object_begin(&w);
		json_key(&w, "model");
		json_cstring(&w, r->path);
		json_key(&w, "params");
		json_uint(&w, r->model->count);
		json_key(&w, "steps");
		json_uint(&w, p->step);
		json_key(&w, "tokens");
		json_uint(&w, p->tokens);
		json_key(&w, "seconds");
		json_number(&w, round(p->seconds * 1000) / 1000);
		json_key(&w, "tokens_per_s");
		json_number(&w, round(r->speed));
		json_key(&w, "train_nats");
		json_number(&w, r->train_nats);
		json_key(&w, "val_nats");
		json_number(&w, p->offer_nats);
		json_key(&w, "val_bits");
		json_number(&w, bits);
		json_object_end(&w);
		buf_puts(&b, "\n", NULL);
		cmd_out(&b);
		buf_free(&b);
	}
	char took[32];
	term_time(p->seconds, took, sizeof took);
	cmd_note("%s%s after %llu steps in %s", stopped ? "stopped; saved " : "saved ", r->path,
	         (unsigned long long)p->step, took);
	if (isfinite(p->offer_nats))
		cmd_note("held out: %.4f nats, %.4f bits per character, at step %llu", p->offer_nats * bits * LN2 / p->offer_nats,
		         bits, (unsigned long long)p->offer_step);
}

/* --- the command ------------------------------------------------------------------------ */

/* Adam's best rate falls with the width; measured at 128, 256 and 512 units. */
static double default_rate(int64_t hidden)
{
	return hidden <= 256 ? 0.008 : 0.008 * 256 / (double)hidden;
}

static int check_options(const struct options *o, struct err *e)
{
	if ((o->seconds > 0) + (o->steps > 0) + (o->epochs > 0) > 1)
		return err_set(e, "only one of --for, --epochs and --steps says how long to train");
	if (o->tie && o->embed != o->hidden)
		return err_set(e, "--tie needs an embedding as wide as the hidden layer: --embed=%lld",
		               (long long)o->hidden);
	return 0;
}

static int default_path(const struct options *o, const struct corpus *c, struct buf *path, struct err *e)
{
	if (o->out)
		return buf_puts(path, o->out, e);
	return buf_puts(path, "models/", e) || buf_puts(path, c->stem, e) || buf_puts(path, ".safetensors", e) ? -1 : 0;
}

static int train(const struct options *o, const char *const *files, int nfiles, int *exit_code, struct err *e)
{
	struct corpus corpus = {0};
	struct model model = {0};
	struct pool *pool = NULL;
	struct train *t = NULL;
	struct buf vocab = {0}, path = {0};
	struct run r = {.o = o, .corpus = &corpus, .model = &model, .train_nats = NAN};
	int rc = -1, threads = o->threads ? (int)o->threads : pool_cpus();

	struct corpus_source source = {.files = files, .nfiles = nfiles, .val_file = o->val, .val_millionths = o->val_frac,
	                               .unit = (enum unit)o->unit, .min_count = (uint64_t)o->min_count};
	if (corpus_load(&corpus, &source, e) || vocab_to_json(&corpus.vocab, &vocab, e) ||
	    default_path(o, &corpus, &path, e) || check_writable(path.p, e))
		goto out;
	r.path = path.p;
	r.vocab = vocab.p;

	struct model_config mc = {.cell = o->cell, .layers = (int)o->layers, .hidden = (int)o->hidden,
	                          .embed = (int)o->embed, .vocab = (int)corpus.vocab.size, .tie = o->tie,
	                          .residual = o->residual, .precision = cmd_precision(o->precision)};
	struct train_config tc = {
		.batch = (int)o->batch, .seq = (int)o->seq,
		.lr = o->lr > 0 ? o->lr : default_rate(o->hidden),
		.schedule = (enum schedule)o->schedule, .warmup = (uint64_t)o->warmup,
		.optim = {.beta1 = 0.9, .beta2 = 0.99, .eps = 1e-8, .decay = o->decay, .clip = o->clip},
		.dropout = o->dropout, .restart = o->restart, .seed = (uint64_t)o->seed,
		.steps = (uint64_t)o->steps, .epochs = o->epochs,
		.seconds = o->seconds > 0 ? o->seconds : 180,
		.eval_every = (uint64_t)o->eval_every,
	};
	struct train_data data = {.train = corpus.train, .ntrain = corpus.ntrain, .val = corpus.val, .nval = corpus.nval,
	                          .first = corpus.vocab.newline < 0 ? NO_TARGET : (uint32_t)corpus.vocab.newline};
	struct train_hooks hooks = {.arg = &r, .report = report, .save = save, .save_seconds = SAVE_SECONDS,
	                            .stop = cmd_interrupted};
	cmd_catch_signals();
	if (!(pool = pool_new(threads, e)) || model_new(&model, &mc, e) || model_init(&model, tc.seed, e) ||
	    !(t = train_new(&model, &tc, &data, pool, e)) || open_log(&r, e))
		goto out;
	r.tty = term_is_tty(STDERR_FILENO);
	r.utf8 = term_utf8();
	print_plan(&r, t, &tc, threads);

	rc = train_run(t, &hooks, e);
	erase_line(&r);
	if (rc < 0)
		goto out;
	*exit_code = rc ? EXIT_INTERRUPTED : EXIT_OK;
	print_summary(&r, t, rc);
	rc = 0;
out:
	if (r.log && fclose(r.log) && rc == 0)
		cmd_note("the log %s is incomplete: it could not be written", r.log_path);
	train_free(t);
	pool_free(pool);
	model_free(&model);
	corpus_free(&corpus);
	buf_free(&vocab);
	buf_free(&path);
	mem_free(r.log_path);
	return rc;
}

static int run(int argc, char **argv)
{
	struct options o;
	struct err e;
	int nargs, code = cmd_parse(&cmd_train, argc, argv, &o, &nargs);
	if (code >= 0)
		return code;
	if (check_options(&o, &e))
		return cmd_usage(&cmd_train, &e);
	return train(&o, (const char *const *)argv, nargs, &code, &e) ? cmd_fail(&e) : code;
}

const struct cmd cmd_train = {&command, run};
