/* rnnlm sample: text out. A sample reads a newline and the prompt from the zero
 * state, which is what `rnnlm score` takes a text to begin with, and then draws. */
#include <math.h>
#include <stddef.h>
#include <string.h>
#include <unistd.h>

#include "base/io.h"
#include "base/pool.h"
#include "base/rng.h"
#include "base/term.h"
#include "cmd/cmd.h"
#include "cmd/loaded.h"
#include "mat/kern.h"
#include "nn/sampler.h"
#include "nn/work.h"
#include "text/corpus.h"
#include "text/utf8.h"

enum {
	READ_STEPS = 64,   /* of the prompt at a time */
	FLUSH_BYTES = 4096 /* of output that are worth a write off a terminal ... */
};
static const size_t SMALL_MODEL = 2000000; /* parameters: a step is over before threads have met */
static const double FLUSH_SECONDS = 0.25; /* ... or as old as this */

struct options {
	const char *model, *prompt, *prompt_file, *stop, *separator;
	int64_t length, top_k, count, seed, threads;
	double temp, top_p, min_p;
	int precision;
	bool seed_given, json;
};

#define AT(member) .offset = offsetof(struct options, member)

static const struct opt table[] = {
	{.name = "length", .letter = 'n', .type = OPT_INT, AT(length), .def = "400", .min = 0, .max = 1e9, .arg = "N",
	 .group = "What to write",
	 .help = "symbols to draw: characters, or bytes if that is the model's unit; the prompt does not count"},
	{.name = "prompt", .type = OPT_STRING, AT(prompt), .arg = "TEXT", .help = "text to go on from; it is printed first"},
	{.name = "prompt-file", .type = OPT_STRING, AT(prompt_file), .arg = "FILE",
	 .help = "the same from a file (- is standard input), as it is, its last newline included"},
	{.name = "stop", .type = OPT_STRING, AT(stop), .arg = "STRING",
	 .help = "end a sample as soon as this string has been written; \\n, \\t, \\0 and \\\\ stand for newline, "
	         "tab, zero byte and backslash"},
	{.name = "count", .type = OPT_INT, AT(count), .def = "1", .min = 1, .max = 1e9, .arg = "N",
	 .help = "samples to write, each from the prompt"},
	{.name = "separator", .type = OPT_STRING, AT(separator), .def = "\\n", .arg = "STRING",
	 .help = "written between samples, with the same escapes as --stop; by default an empty line"},
	CMD_OPT_JSON(struct options),
	{.name = "temp", .type = OPT_REAL, AT(temp), .def = "0.8", .min = 0, .max = 100, .arg = "T",
	 .group = "How to draw",
	 .help = "temperature: below 1 likely symbols become likelier still; 0 = always the likeliest"},
	{.name = "top-k", .type = OPT_INT, AT(top_k), .def = "0", .min = 0, .max = 4294967295.0, .arg = "K",
	 .help = "draw from the K likeliest symbols only; 0 = all"},
	{.name = "top-p", .type = OPT_REAL, AT(top_p), .def = "1", .min = 0, .max = 1, .arg = "P",
	 .help = "draw from the smallest set of likeliest symbols whose probabilities reach P, which is above 0"},
	{.name = "min-p", .type = OPT_REAL, AT(min_p), .def = "0", .min = 0, .max = 1, .arg = "P",
	 .help = "leave out symbols less than P times as likely as the likeliest"},
	{.name = "seed", .type = OPT_INT, AT(seed), .set_offset = offsetof(struct options, seed_given), .min = 0, .max = 9e15,
	 .arg = "N", .help = "seed of all random numbers; without it a new one each time, named on standard error"},
	{.name = "model", .letter = 'm', .type = OPT_STRING, AT(model), .arg = "FILE", .group = "With what",
	 .help = "model file; without it $RNNLM_MODEL, else the newest in models/, else the small model that comes with the program"},
	CMD_OPT_PRECISION(struct options),
	{.name = "threads", .type = OPT_INT, AT(threads), .def = "0", .min = 0, .max = 1024, .arg = "N",
	 .help = "threads; 0 = one for a small model, as many as this process may use CPUs for a large one"},
	{0},
};

static const struct opt_example examples[] = {
	{"rnnlm sample", "400 characters of the newest model in models/"},
	{"rnnlm sample --prompt 'The door' --temp=0.5 --seed=7", "the same text at every call"},
	{"rnnlm sample -m names.safetensors --stop '\\n' --separator '' --count=20", "twenty lines: one name each"},
	{"rnnlm sample --json --count=100 --min-p=0.05 | jq -r .text", "one JSON object per sample"},
	{0},
};

static const struct opt_command command = {
	.name = "sample",
	.synopsis = "[options]",
	.summary = "write text with a model",
	.text = "Draws symbol after symbol and prints them as they come. The rules are applied in this order: "
	        "temperature, --top-k, --top-p, --min-p. The symbol that stands for unknown ones is never drawn.\n\n"
	        "Before anything else the model reads a newline, if its vocabulary has one, and then the prompt. Where "
	        "there is neither newline nor prompt it reads the symbol with id 0. Symbols of the prompt that the model "
	        "does not know are printed as they are and read as the unknown symbol.\n\n"
	        "The same model, seed and options give the same text at any number of threads. A newline is added behind "
	        "a sample that does not end in one. A UTF-8 sequence that is begun is finished, even if that "
	        "takes up to three bytes more than --length.\n\n"
	        "With --json a sample is an object with the keys sample (number, from 0), seed, prompt, text, tokens "
	        "(symbols drawn) and nats (what the text costs the model at temperature 1 with all symbols).",
	.opts = table,
	.examples = examples,
	.min_args = 0,
	.max_args = 0,
};

/* --- what is given ------------------------------------------------------------------ */

struct sampling {
	const struct options *o;
	struct loaded l;
	struct pool *pool;
	struct work *work;
	struct sampler sampler;
	struct state start, state; /* before the last symbol that is read; of the sample */
	unsigned char *prompt;
	size_t prompt_len;
	uint32_t *ids; /* (n) what is read before the first draw, n >= 1 */
	size_t n;
	struct buf stop, separator;
	uint64_t seed;
	bool tty;
};

/* One sample on its way. */
struct sample {
	struct buf text;  /* drawn; without --json: not printed yet, the prompt among it */
	size_t whole;     /* leading bytes of text in which every UTF-8 sequence is complete */
	struct buf tail;  /* the last bytes drawn, as many as --stop has */
	double nats;
	uint32_t drawn;
	int last;         /* last byte printed, or -1 */
	double flushed;   /* when */
};

/* A string option with its escapes resolved. */
static int unescape(const char *option, const char *s, struct buf *out, struct err *e)
{
	static const char names[] = "nt0\\", bytes[] = "\n\t\0\\";
	for (; *s; s++) {
		const char *name = *s == '\\' && s[1] ? strchr(names, s[1]) : NULL;
		if (*s == '\\' && !name)
			return err_set(e, "--%s: \\%c is no escape; there are \\n, \\t, \\0 and \\\\", option, s[1] ? s[1] : ' ');
		if (buf_add(out, name ? &bytes[name - names] : s, 1, e))
			return -1;
		s += name != NULL;
	}
	return 0;
}

static int check_options(const struct options *o, struct err *e)
{
	if (o->prompt && o->prompt_file)
		return err_set(e, "--prompt and --prompt-file exclude each other");
	if (o->top_p <= 0)
		return err_set(e, "--top-p: 0 leaves nothing to draw from; allowed is above 0 to 1");
	return 0;
}

static void note_unknown(const struct sampling *s, const uint32_t *ids, size_t n, size_t unknown)
{
	const struct vocab *v = &s->l.vocab;
	struct buf shown = {0};
	uint32_t symbol;
	size_t i = 0;
	while (i + 1 < n && ids[i] != v->size - 1)
		i++;
	size_t at = corpus_offset(v->unit, s->prompt, s->prompt_len, i);
	size_t len = v->unit == UNIT_BYTE ? 1 : utf8_decode(s->prompt + at, s->prompt_len - at, &symbol);
	term_visible((const char *)s->prompt + at, len, &shown, NULL);
	cmd_note("prompt: the model does not know \"%s\" (byte %zu)%s; read as the unknown symbol", shown.p ? shown.p : "",
	         at + 1, unknown > 1 ? " and others" : "");
	buf_free(&shown);
}

/* The prompt's text and the ids to read. */
static int read_prompt(struct sampling *s, struct err *e)
{
	const struct options *o = s->o;
	const struct vocab *v = &s->l.vocab;
	uint32_t *ids = NULL;
	size_t n = 0, unknown = 0;
	int rc = -1;
	if (o->prompt_file) {
		if (io_read_all(o->prompt_file, &s->prompt, &s->prompt_len, e))
			return -1;
	} else if (o->prompt) {
		s->prompt_len = strlen(o->prompt);
		if (!(s->prompt = (unsigned char *)mem_strndup(o->prompt, s->prompt_len, e)))
			return -1;
	}
	if (s->prompt_len && vocab_encode(v, s->prompt, s->prompt_len, &ids, &n, &unknown, e))
		return err_wrap(e, "prompt");
	if (unknown)
		note_unknown(s, ids, n, unknown);
	if (!(s->ids = mem_new(n + 1, sizeof *s->ids, e)))
		goto out;
	if (v->newline >= 0)
		s->ids[s->n++] = (uint32_t)v->newline;
	else if (n == 0)
		s->ids[s->n++] = 0;
	if (n)
		memcpy(s->ids + s->n, ids, n * sizeof *ids);
	s->n += n;
	rc = 0;
out:
	mem_free(ids);
	return rc;
}

/* The state before the last symbol of what is to be read: every sample reads that
 * one itself, to get at the logits. */
static void read_start(struct sampling *s)
{
	state_clear(&s->start);
	for (size_t i = 0; i + 1 < s->n && !cmd_interrupted();) {
		size_t left = s->n - 1 - i;
		struct block b = {.T = left < READ_STEPS ? (int)left : READ_STEPS, .B = 1, .in = s->ids + i};
		work_forward(s->work, &b, &s->start);
		i += (size_t)b.T;
	}
}

static int threads(const struct sampling *s)
{
	if (s->o->threads)
		return (int)s->o->threads;
	return s->l.model.count < SMALL_MODEL ? 1 : pool_cpus();
}

static int prepare(struct sampling *s, struct err *e)
{
	const struct options *o = s->o;
	if (loaded_open(&s->l, o->model, e))
		return -1;
	loaded_precision(&s->l, o->precision);
	if (read_prompt(s, e))
		return -1;
	/* The unknown stands for no text. */
	struct sampler_config rules = {.temp = o->temp, .top_k = (uint32_t)o->top_k, .top_p = o->top_p, .min_p = o->min_p,
	                               .ban = s->l.vocab.size - 1};
	struct work_config shape = {.T = READ_STEPS, .B = 1};
	if (sampler_new(&s->sampler, &rules, s->l.vocab.size, e) || state_new(&s->start, &s->l.model, 1, e) ||
	    state_new(&s->state, &s->l.model, 1, e) ||
	    !(s->pool = pool_new(threads(s), e)) ||
	    !(s->work = work_new(&s->l.model, &shape, s->pool, e)))
		return -1;
	s->seed = o->seed_given ? (uint64_t)o->seed : rng_seed() & UINT32_MAX;
	if (!o->seed_given && o->temp > 0 && !o->json)
		cmd_note("--seed=%llu gives the same text again", (unsigned long long)s->seed);
	s->tty = term_is_tty(STDOUT_FILENO);
	read_start(s);
	return 0;
}

static void release(struct sampling *s)
{
	work_free(s->work);
	pool_free(s->pool);
	state_free(&s->state);
	state_free(&s->start);
	sampler_free(&s->sampler);
	mem_free(s->ids);
	mem_free(s->prompt);
	buf_free(&s->stop);
	buf_free(&s->separator);
	loaded_close(&s->l);
}

/* --- output ------------------------------------------------------------------------- */

/* Adds drawn text; true in *stop if it now ends with the string to stop at. */
static int add(const struct sampling *s, struct sample *a, uint32_t id, bool *stop, struct err *e)
{
	size_t before = a->text.len, n, keep = s->stop.len;
	uint32_t symbol;
	if (vocab_decode(&s->l.vocab, id, &a->text, e))
		return -1;
	if (keep) {
		if (buf_add(&a->tail, a->text.p + before, a->text.len - before, e))
			return -1;
		if (a->tail.len > keep) {
			memmove(a->tail.p, a->tail.p + a->tail.len - keep, keep);
			a->tail.len = keep;
		}
		*stop = a->tail.len == keep && memcmp(a->tail.p, s->stop.p, keep) == 0;
	}
	/* Only bytes are drawn one by one; a character is whole. */
	const unsigned char *p = (const unsigned char *)a->text.p;
	if (s->l.vocab.unit != UNIT_BYTE)
		a->whole = a->text.len;
	else
		while ((n = utf8_decode_part(p + a->whole, a->text.len - a->whole, &symbol)) > 0)
			a->whole += n;
	return 0;
}

static bool complete(const struct sample *a)
{
	return a->whole == a->text.len;
}

/* What can be printed now, if it is time. */
static void stream(const struct sampling *s, struct sample *a, bool now)
{
	if (s->o->json || !complete(a) || a->text.len == 0)
		return;
	if (!now && !s->tty && a->text.len < FLUSH_BYTES && io_now() - a->flushed < FLUSH_SECONDS)
		return;
	a->last = (unsigned char)a->text.p[a->text.len - 1];
	cmd_out(&a->text);
	a->whole = 0;
	a->flushed = io_now();
}

static int print_json(const struct sampling *s, const struct sample *a, int64_t index, struct err *e)
{
	struct buf line = {0};
	struct json_writer w = {.b = &line};
	json_object_begin(&w);
	json_key(&w, "sample");
	json_int(&w, index);
	json_key(&w, "seed");
	json_uint(&w, s->seed);
	json_key(&w, "prompt");
	json_string(&w, s->prompt_len ? (const char *)s->prompt : "", s->prompt_len);
	json_key(&w, "text");
	json_string(&w, a->text.len ? a->text.p : "", a->text.len);
	json_key(&w, "tokens");
	json_uint(&w, a->drawn);
	json_key(&w, "nats");
	json_number(&w, a->nats);
	json_object_end(&w);
	int rc = w.failed ? err_set(e, "out of memory") : buf_puts(&line, "\n", e);
	if (rc == 0)
		cmd_out(&line);
	buf_free(&line);
	return rc;
}

/* --- drawing ------------------------------------------------------------------------ */

static double uniform(uint64_t seed, uint32_t sample, uint32_t position)
{
	uint32_t r[4];
	rng_draw(seed, RNG_SAMPLE, position, 0, sample, 0, r);
	return rng_unit53(r[0], r[1]);
}

static int draw_sample(struct sampling *s, struct sample *a, uint32_t index, struct err *e)
{
	const struct kern *k = kern_get();
	const struct state *st = &s->start;
	uint32_t next = s->ids[s->n - 1];
	bool stop = false;

	memcpy(s->state.s, st->s, sizeof(real) * (size_t)st->layers * (size_t)st->states * (size_t)st->hidden);
	while (!complete(a) || !(stop || a->drawn >= s->o->length || cmd_interrupted())) {
		struct block b = {.T = 1, .B = 1, .in = &next};
		size_t ld;
		work_forward(s->work, &b, &s->state);
		const real *logits = work_logits(s->work, 0, 1, &ld);
		next = sampler_draw(&s->sampler, logits, uniform(s->seed, index, a->drawn));
		a->nats += (double)k->logsumexp(s->l.vocab.size, logits) - (double)logits[next];
		a->drawn++;
		if (add(s, a, next, &stop, e))
			return -1;
		stream(s, a, false);
		if (cmd_out_failed())
			break;
	}
	return 0;
}

static int write_sample(struct sampling *s, int64_t index, struct err *e)
{
	struct sample a = {.last = -1, .flushed = io_now()};
	int rc = -1;
	if (!s->o->json) {
		if ((index && buf_add(&a.text, s->separator.p, s->separator.len, e)) ||
		    buf_add(&a.text, s->prompt, s->prompt_len, e))
			goto out;
		a.whole = a.text.len;
		stream(s, &a, s->tty);
	}
	if (draw_sample(s, &a, (uint32_t)index, e))
		goto out;
	stream(s, &a, true);
	if (s->o->json)
		rc = print_json(s, &a, index, e);
	else if (a.last < 0 || a.last == '\n')
		rc = 0;
	else if ((rc = buf_puts(&a.text, "\n", e)) == 0)
		cmd_out(&a.text);
out:
	buf_free(&a.text);
	buf_free(&a.tail);
	return rc;
}

static int run(int argc, char **argv)
{
	struct options o = {0};
	struct sampling s = {.o = &o};
	struct err e = {{0}};
	int nargs, rc = cmd_parse(&cmd_sample, argc, argv, &o, &nargs);
	if (rc >= 0)
		return rc;
	if (check_options(&o, &e) || unescape("stop", o.stop ? o.stop : "", &s.stop, &e) ||
	    unescape("separator", o.separator, &s.separator, &e)) {
		buf_free(&s.stop);
		buf_free(&s.separator);
		return cmd_usage(&cmd_sample, &e);
	}
	cmd_catch_signals();
	rc = prepare(&s, &e);
	for (int64_t i = 0; rc == 0 && i < o.count && !cmd_interrupted() && !cmd_out_failed(); i++)
		rc = write_sample(&s, i, &e);
	release(&s);
	if (rc)
		return cmd_fail(&e);
	return cmd_interrupted() ? EXIT_INTERRUPTED : EXIT_OK;
}

const struct cmd cmd_sample = {&command, run};
