/* rnnlm info: what a model file holds, and a copy of it without what only
 * training needs. */
#include <inttypes.h>
#include <math.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/io.h"
#include "base/term.h"
#include "cmd/cmd.h"
#include "cmd/loaded.h"

static const char TRAIN[] = "train.", OPTION[] = "option.";

struct options {
	const char *model, *strip;
	bool tensors, json;
};

#define AT(member) .offset = offsetof(struct options, member)

static const struct opt table[] = {
	{.name = "tensors", .type = OPT_FLAG, AT(tensors), .group = "What to print",
	 .help = "a table of all tensors: name, type, shape, smallest and largest number, root of the mean square"},
	CMD_OPT_JSON(struct options),
	CMD_OPT_MODEL(struct options),
	{.name = "strip", .type = OPT_STRING, AT(strip), .arg = "FILE", .group = "Copies",
	 .help = "write a copy without what only training needs (the tensors train.*), about a quarter of the size; "
	         "a file that is replaced is kept under a numbered name (FILE.~1~)"},
	{0},
};

static const struct opt_example examples[] = {
	{"rnnlm info", "the newest model in models/"},
	{"rnnlm info --tensors models/book.safetensors", "with all its tensors"},
	{"rnnlm info --strip small.safetensors models/book.safetensors", "a copy to give away"},
	{"rnnlm info -m small.safetensors", "the same as rnnlm info small.safetensors"},
	{"rnnlm info --json | jq .val_nats", "one figure of it"},
	{0},
};

static const struct opt_command command = {
	.name = "info",
	.synopsis = "[options] [MODEL]",
	.summary = "what a model file holds",
	.text = "Prints the configuration, the vocabulary, where the model comes from, the options it was trained with and "
	        "whether training can go on; the file is read and checked as a whole. A line is a name and a value. "
	        "Nats of the held-out text are per symbol of the model's unit, bits per character of the text.\n\n"
	        "With --json it is one object with the keys model, format, cell, layers, hidden, members (of an ensemble, or 1), embed, tie, residual, "
	        "params, precision, bytes, unit, vocab, corpus, corpus_hash, corpus_utf8 (yes or no), corpus_bytes, train_symbols, val_symbols, val_chars, "
	        "best_step, val_nats, val_bits, resumable, step, tokens, options, and with --tensors the list tensors "
	        "of objects with name, dtype, shape, min, max, rms. What the file does not say is null.",
	.opts = table,
	.examples = examples,
	.min_args = 0,
	.max_args = 1,
};

/* --- what is to be told --------------------------------------------------------------- */

struct facts {
	const char *precision;
	double val_nats;        /* per symbol; NaN: not known */
	double val_bits;        /* per character, where the file says how many there were; else per symbol */
	bool val_chars;
	bool resumable;
	int64_t step, tokens;   /* of training that can go on */
};

static bool begins(const char *s, const char *with)
{
	return strncmp(s, with, strlen(with)) == 0;
}

static int find_facts(struct facts *f, const struct loaded *l, struct err *e)
{
	const struct tf_tensor *t = tf_find(&l->file, "train.counters");
	const char *nats = tf_meta(&l->file, "val_nats");
	char *end;
	const char *symbols = tf_meta(&l->file, "val_symbols"), *chars = tf_meta(&l->file, "val_chars");
	*f = (struct facts){.precision = l->model.cfg.precision == PREC_BF16 ? "bf16" : "f32", .val_nats = NAN, .val_bits = NAN};
	if (nats) {
		f->val_nats = strtod(nats, &end);
		if (!*nats || *end || !isfinite(f->val_nats))
			return err_set(e, "%s: \"val_nats\" is \"%.40s\", not a number", l->path, nats);
	}
	double ratio = symbols && chars && atof(chars) > 0 ? atof(symbols) / atof(chars) : 0;
	f->val_chars = ratio > 0 && isfinite(ratio);
	f->val_bits = f->val_nats / LN2 * (f->val_chars ? ratio : 1);
	if (!t)
		return 0;
	if (t->count < 2)
		return err_set(e, "%s: tensor train.counters has fewer than two numbers", l->path);
	int64_t *counters = mem_new(t->count, sizeof *counters, e);
	int rc = !counters || tf_get_i64(&l->file, t, counters, e) ? -1 : 0;
	if (rc == 0) {
		f->resumable = true;
		f->step = counters[0];
		f->tokens = counters[1];
	} else if (counters) {
		err_wrap(e, "%s", l->path);
	}
	mem_free(counters);
	return rc;
}

struct extent {
	double min, max, rms; /* NaN: not numbers that this program reads, or none */
};

static bool is_float(enum tf_dtype d)
{
	return d == TF_F16 || d == TF_BF16 || d == TF_F32 || d == TF_F64;
}

static int measure(struct extent *x, const struct tensorfile *f, const struct tf_tensor *t, struct err *e)
{
	*x = (struct extent){NAN, NAN, NAN};
	if (t->count == 0 || t->dtype == TF_BOOL)
		return 0;
	double *v = mem_new(t->count, sizeof *v, e), sum = 0;
	int64_t *whole = NULL;
	int rc = -1;
	if (!v)
		return -1;
	if (is_float(t->dtype)) {
		if (tf_get_f64(f, t, v, e))
			goto out;
	} else {
		if (!(whole = mem_new(t->count, sizeof *whole, e)) || tf_get_i64(f, t, whole, e))
			goto out;
		for (uint64_t i = 0; i < t->count; i++)
			v[i] = (double)whole[i];
	}
	x->min = x->max = v[0];
	for (uint64_t i = 0; i < t->count; i++) {
		x->min = v[i] < x->min ? v[i] : x->min;
		x->max = v[i] > x->max ? v[i] : x->max;
		sum += v[i] * v[i];
	}
	x->rms = sqrt(sum / (double)t->count);
	rc = 0;
out:
	mem_free(whole);
	mem_free(v);
	return rc;
}

/* --- for eyes ------------------------------------------------------------------------- */

static int line(struct buf *b, struct err *e, const char *name, const char *fmt, ...) ERR_PRINTF(4, 5);
static int line(struct buf *b, struct err *e, const char *name, const char *fmt, ...)
{
	char value[256];
	va_list ap;
	va_start(ap, fmt);
	vsnprintf(value, sizeof value, fmt, ap);
	va_end(ap);
	return buf_printf(b, e, "%-20s ", name) || term_visible(value, strlen(value), b, e) || buf_puts(b, "\n", e) ? -1 : 0;
}

/* A line for a key of the metadata, if the file has it. */
static int meta_line(struct buf *b, const struct loaded *l, const char *key, struct err *e)
{
	const char *value = tf_meta(&l->file, key);
	return value ? line(b, e, key, "%s", value) : 0;
}

static const char *vocab_text(enum unit unit)
{
	return unit == UNIT_WORD ? "256 bytes, characters, words, the unknown symbol"
	       : unit == UNIT_BPE ? "256 bytes, merges, the unknown symbol" : "with the unknown symbol";
}

static int show(struct buf *b, const struct loaded *l, const struct facts *f, struct err *e)
{
	static const char *const provenance[] = {"corpus", "corpus_hash", "corpus_bytes", "corpus_utf8", "train_symbols", "val_symbols",
	                                         "val_chars", "best_step", NULL};
	const struct model_config *c = &l->model.cfg;
	const char *per = l->vocab.unit == UNIT_CHAR || f->val_chars ? "character" : "symbol";
	if (line(b, e, "model", "%s", l->path) || meta_line(b, l, "format", e) ||
	    line(b, e, "cell", "%s", cell_names[c->cell]) || line(b, e, "layers", "%d", c->layers) ||
	    line(b, e, "hidden", "%d", c->hidden) ||
	    (c->members > 1 && line(b, e, "members", "%d of %d units", c->members, c->hidden / c->members)) || line(b, e, "embed", "%d%s", c->embed, c->embed ? "" : " (one-hot)") ||
	    line(b, e, "tie", "%s", c->tie ? "yes" : "no") || line(b, e, "residual", "%s", c->residual ? "yes" : "no") ||
	    line(b, e, "params", "%zu", l->model.count) || line(b, e, "precision", "%s", f->precision) ||
	    line(b, e, "bytes", "%zu", l->file.len) || line(b, e, "unit", "%s", unit_names[l->vocab.unit]) ||
	    line(b, e, "vocab", "%" PRIu32 " (%s)", l->vocab.size, vocab_text(l->vocab.unit)))
		return -1;
	for (int i = 0; provenance[i]; i++)
		if (meta_line(b, l, provenance[i], e))
			return -1;
	if (isfinite(f->val_nats) &&
	    line(b, e, "held-out", "%.4f nats per symbol, %.4f bits per %s", f->val_nats, f->val_bits, per))
		return -1;
	if (f->resumable ? line(b, e, "training", "can go on from step %" PRId64 " (%" PRId64 " symbols read)", f->step, f->tokens)
	                 : line(b, e, "training", "cannot go on: the file holds the model only"))
		return -1;
	for (size_t i = 0; i < l->file.nmeta; i++)
		if (begins(l->file.meta[i].key, OPTION) &&
		    line(b, e, l->file.meta[i].key, "%s", l->file.meta[i].value))
			return -1;
	return 0;
}

static int shape_text(const struct tf_tensor *t, struct buf *b, struct err *e)
{
	int rc = buf_puts(b, "(", e);
	for (int i = 0; rc == 0 && i < t->ndim; i++)
		rc = buf_printf(b, e, "%s%" PRIu64, i ? "," : "", t->shape[i]);
	return rc || buf_puts(b, ")", e) ? -1 : 0;
}

static void number_text(double v, char *out, size_t size)
{
	if (isnan(v))
		snprintf(out, size, "-");
	else
		snprintf(out, size, "%.4g", v);
}

static int show_tensors(struct buf *b, const struct tensorfile *f, struct err *e)
{
	struct buf shape = {0}, name = {0};
	size_t width = strlen("tensor");
	int rc = -1;
	for (size_t i = 0; i < f->n; i++)
		width = strlen(f->tensors[i].name) > width ? strlen(f->tensors[i].name) : width;
	if (buf_printf(b, e, "\n%-*s %-5s %-14s %10s %10s %10s\n", (int)width, "tensor", "dtype", "shape", "min", "max", "rms"))
		return -1;
	for (size_t i = 0; i < f->n; i++) {
		const struct tf_tensor *t = &f->tensors[i];
		struct extent x;
		char min[24], max[24], rms[24];
		buf_clear(&shape);
		buf_clear(&name);
		if (measure(&x, f, t, e) || shape_text(t, &shape, e) || term_visible(t->name, strlen(t->name), &name, e))
			goto out;
		number_text(x.min, min, sizeof min);
		number_text(x.max, max, sizeof max);
		number_text(x.rms, rms, sizeof rms);
		if (buf_printf(b, e, "%-*s %-5s %-14s %10s %10s %10s\n", (int)width, name.p ? name.p : "", tf_dtype_name(t->dtype),
		               shape.p, min, max, rms))
			goto out;
	}
	rc = 0;
out:
	buf_free(&shape);
	buf_free(&name);
	return rc;
}

/* --- for programs --------------------------------------------------------------------- */

static void json_text(struct json_writer *w, const char *key, const char *value)
{
	json_key(w, key);
	if (value)
		json_cstring(w, value);
	else
		json_null(w);
}

static void json_whole(struct json_writer *w, const char *key, const char *text)
{
	char *end;
	unsigned long long v = text ? strtoull(text, &end, 10) : 0;
	json_key(w, key);
	if (text && *text >= '0' && *text <= '9' && !*end)
		json_uint(w, v);
	else
		json_null(w);
}

static int json_tensors(struct json_writer *w, const struct tensorfile *f, struct err *e)
{
	json_key(w, "tensors");
	json_array_begin(w);
	for (size_t i = 0; i < f->n; i++) {
		const struct tf_tensor *t = &f->tensors[i];
		struct extent x;
		if (measure(&x, f, t, e))
			return -1;
		json_object_begin(w);
		json_text(w, "name", t->name);
		json_text(w, "dtype", tf_dtype_name(t->dtype));
		json_key(w, "shape");
		json_array_begin(w);
		for (int d = 0; d < t->ndim; d++)
			json_uint(w, t->shape[d]);
		json_array_end(w);
		json_key(w, "min");
		json_number(w, x.min);
		json_key(w, "max");
		json_number(w, x.max);
		json_key(w, "rms");
		json_number(w, x.rms);
		json_object_end(w);
	}
	json_array_end(w);
	return 0;
}

static int show_json(struct buf *b, const struct loaded *l, const struct facts *f, bool tensors, struct err *e)
{
	static const char *const texts[] = {"corpus", "corpus_hash", "corpus_utf8", NULL};
	static const char *const counts[] = {"corpus_bytes", "train_symbols", "val_symbols", "val_chars", "best_step", NULL};
	const struct model_config *c = &l->model.cfg;
	struct json_writer w = {.b = b};
	json_object_begin(&w);
	json_text(&w, "model", l->path);
	json_text(&w, "format", tf_meta(&l->file, "format"));
	json_text(&w, "cell", cell_names[c->cell]);
	json_key(&w, "layers");
	json_int(&w, c->layers);
	json_key(&w, "hidden");
	json_int(&w, c->hidden);
	json_key(&w, "members");
	json_int(&w, c->members > 1 ? c->members : 1);
	json_key(&w, "embed");
	json_int(&w, c->embed);
	json_key(&w, "tie");
	json_bool(&w, c->tie);
	json_key(&w, "residual");
	json_bool(&w, c->residual);
	json_key(&w, "params");
	json_uint(&w, l->model.count);
	json_text(&w, "precision", f->precision);
	json_key(&w, "bytes");
	json_uint(&w, l->file.len);
	json_text(&w, "unit", unit_names[l->vocab.unit]);
	json_key(&w, "vocab");
	json_uint(&w, l->vocab.size);
	for (int i = 0; texts[i]; i++)
		json_text(&w, texts[i], tf_meta(&l->file, texts[i]));
	for (int i = 0; counts[i]; i++)
		json_whole(&w, counts[i], tf_meta(&l->file, counts[i]));
	json_key(&w, "val_nats");
	json_number(&w, f->val_nats);
	json_key(&w, "val_bits");
	json_number(&w, f->val_bits);
	json_key(&w, "resumable");
	json_bool(&w, f->resumable);
	json_key(&w, "step");
	f->resumable ? json_int(&w, f->step) : json_null(&w);
	json_key(&w, "tokens");
	f->resumable ? json_int(&w, f->tokens) : json_null(&w);
	json_key(&w, "options");
	json_object_begin(&w);
	for (size_t i = 0; i < l->file.nmeta; i++)
		if (begins(l->file.meta[i].key, OPTION))
			json_text(&w, l->file.meta[i].key + strlen(OPTION), l->file.meta[i].value);
	json_object_end(&w);
	if (tensors && json_tensors(&w, &l->file, e))
		return -1;
	json_object_end(&w);
	return json_end_line(&w, e);
}

/* --- the copy ------------------------------------------------------------------------- */

static int check_target(const char *to, const char *from, struct err *e)
{
	struct stat a, b;
	struct io_atomic probe;
	if (strcmp(to, "-") == 0)
		return err_set(e, "--strip: a model is written to a file, not to standard output");
	if (stat(to, &a) == 0 && stat(from, &b) == 0 && a.st_dev == b.st_dev && a.st_ino == b.st_ino)
		return err_set(e, "--strip: %s is the model itself; what it would lose cannot be brought back: name another file", to);
	/* Before the file that is there gets another name. */
	if (io_mkdirs_for(to, e) || io_atomic_open(&probe, to, e))
		return -1;
	io_atomic_abort(&probe);
	return 0;
}

static int strip(const struct loaded *l, const char *to, struct err *e)
{
	const struct tensorfile *f = &l->file;
	struct tf_writer w = {0};
	char backup[4096];
	uint64_t dropped = 0;
	int rc = -1;
	if (check_target(to, l->path, e))
		return -1;
	for (size_t i = 0; i < f->nmeta; i++)
		if (tf_put_meta(&w, f->meta[i].key, f->meta[i].value, e))
			goto out;
	for (size_t i = 0; i < f->n; i++) {
		const struct tf_tensor *t = &f->tensors[i];
		if (begins(t->name, TRAIN))
			dropped += t->bytes;
		else if (tf_put(&w, t->name, t->dtype, t->ndim, t->shape, tf_raw(f, t), e))
			goto out;
	}
	int had = io_backup(to, backup, sizeof backup, e);
	if (had < 0)
		goto out;
	if (had)
		cmd_note("the file that was %s is kept as %s", to, backup);
	if (tf_write(&w, to, e))
		goto out;
	if (dropped)
		cmd_note("%s written without the %" PRIu64 " bytes that only training needs", to, dropped);
	else
		cmd_note("%s written; %s held nothing that only training needs", to, l->path);
	rc = 0;
out:
	tf_writer_free(&w);
	return rc;
}

static int run(int argc, char **argv)
{
	struct options o = {0};
	struct loaded l = {0};
	struct facts f;
	struct buf out = {0};
	struct err e = {{0}};
	int nargs, rc = cmd_parse(&cmd_info, argc, argv, &o, &nargs);
	if (rc >= 0)
		return rc;
	if (nargs && o.model) {
		err_set(&e, "the model is given twice: %s and --model=%s", argv[0], o.model);
		return cmd_usage(&cmd_info, &e);
	}
	if (o.strip && (o.tensors || o.json)) {
		err_set(&e, "--strip writes a copy and prints nothing: leave --%s out", o.json ? "json" : "tensors");
		return cmd_usage(&cmd_info, &e);
	}
	rc = loaded_open(&l, nargs ? argv[0] : o.model, &e);
	if (rc)
		goto out;
	if (o.strip) {
		rc = strip(&l, o.strip, &e);
		goto out;
	}
	rc = find_facts(&f, &l, &e);
	if (rc == 0 && o.json)
		rc = show_json(&out, &l, &f, o.tensors, &e);
	else if (rc == 0)
		rc = show(&out, &l, &f, &e) || (o.tensors && show_tensors(&out, &l.file, &e)) ? -1 : 0;
	if (rc == 0)
		cmd_out(&out);
out:
	buf_free(&out);
	loaded_close(&l);
	return rc ? cmd_fail(&e) : EXIT_OK;
}

const struct cmd cmd_info = {&command, run};
