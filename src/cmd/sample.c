/* rnnlm sample: text out. A sample reads a newline and the prompt from the zero
 * state, which is what `rnnlm score` takes a text to begin with, and then draws. */
#include <stddef.h>
#include <string.h>
#include <unistd.h>

#include "base/io.h"
#include "base/rng.h"
#include "base/term.h"
#include "cmd/cmd.h"
#include "cmd/sample.h"
#include "text/utf8.h"


#define AT(member) .offset = offsetof(struct sample_options, member)
#define GIVEN(member) .set_offset = offsetof(struct sample_options, member##_given)

static const struct opt table[] = {
	{.name = "length", .letter = 'n', .type = OPT_INT, AT(length), .def = "400", .min = 0, .max = 1e9, .arg = "N",
	 .group = "What to write",
	 .help = "symbols to draw: characters, or bytes, words or bpe pieces if that is the model's unit; the prompt "
	         "does not count"},
	{.name = "prompt", .type = OPT_STRING, AT(prompt), .arg = "TEXT", .help = "text to go on from; it is printed first"},
	{.name = "prompt-file", .type = OPT_STRING, AT(prompt_file), .arg = "FILE",
	 .help = "the same from a file (- is standard input), as it is, its last newline included"},
	{.name = "stop", .type = OPT_STRING, AT(stop), .arg = "STRING",
	 .help = "end a sample as soon as this string has been written; \\n, \\t, \\0 and \\\\ stand for newline, "
	         "tab, zero byte and backslash"},
	{.name = "count", .type = OPT_INT, AT(count), GIVEN(count), .def = "1", .min = 1, .max = 1e9, .arg = "N",
	 .help = "samples to write, each from the prompt"},
	{.name = "first", .type = OPT_INT, AT(first), GIVEN(first), .def = "0", .min = 0, .max = 4294967295.0, .arg = "I",
	 .help = "number of the first sample: with the same seed, --first=17 makes sample 17 of many again"},
	{.name = "separator", .type = OPT_STRING, AT(separator), GIVEN(separator), .def = "\\n", .arg = "STRING",
	 .help = "written between samples, with the same escapes as --stop; by default an empty line"},
	CMD_OPT_JSON(struct sample_options),
	{.name = "interactive", .letter = 'i', .type = OPT_FLAG, AT(interactive),
	 .help = "go on from each line that is typed, with all text so far as context; :help there lists commands"},
	{.name = "temp", .type = OPT_REAL, AT(temp), GIVEN(temp), .def = "0.8", .min = 0, .max = 100, .arg = "T",
	 .group = "How to draw",
	 .help = "temperature: below 1 likely symbols become likelier still; 0 = always the likeliest"},
	{.name = "top-k", .type = OPT_INT, AT(top_k), GIVEN(top_k), .def = "0", .min = 0, .max = 4294967295.0, .arg = "K",
	 .help = "draw from the K likeliest symbols only; 0 = all"},
	{.name = "top-p", .type = OPT_REAL, AT(top_p), GIVEN(top_p), .def = "1", .min = 0, .max = 1, .arg = "P",
	 .help = "draw from the smallest set of likeliest symbols whose probabilities reach P, which is above 0"},
	{.name = "min-p", .type = OPT_REAL, AT(min_p), GIVEN(min_p), .def = "0", .min = 0, .max = 1, .arg = "P",
	 .help = "leave out symbols less than P times as likely as the likeliest"},
	{.name = "seed", .type = OPT_INT, AT(seed), GIVEN(seed), .min = 0, .max = 9e15,
	 .arg = "N", .help = "seed of all random numbers; without it a new one each time, named on standard error"},
	{.name = "beam", .type = OPT_INT, AT(beam), .def = "0", .min = 0, .max = 4096, .arg = "W",
	 .help = "do not draw but search for the --count likeliest texts, keeping the W best beginnings at every symbol; 0 = draw"},
	{.name = "model", .letter = 'm', .type = OPT_STRING, AT(model), .arg = "FILE", .group = "With what",
	 .help = "model file; without it $RNNLM_MODEL, else the newest in models/, else the small model that comes with the program"},
	CMD_OPT_PRECISION(struct sample_options),
	{.name = "batch", .type = OPT_INT, AT(batch), GIVEN(batch), .def = "64", .min = 1, .max = 256, .arg = "N",
	 .help = "samples that are drawn side by side, if there are so many; their text does not depend on it, but time and memory do"},
	{.name = "threads", .type = OPT_INT, AT(threads), .def = "0", .min = 0, .max = 1024, .arg = "N",
	 .help = "threads; 0 = one for little work, as many as this process may use CPUs for more"},
	{0},
};

static const struct opt_example examples[] = {
	{"rnnlm sample", "400 characters of the newest model in models/"},
	{"rnnlm sample --prompt 'The door' --temp=0.5 --seed=7", "the same text at every call"},
	{"rnnlm sample -m names.safetensors --stop '\\n' --separator '' --count=20", "twenty lines: one name each"},
	{"rnnlm sample --prompt-file letter.txt -n 200 --top-k=40 --top-p=0.95", "a letter goes on, without its unlikeliest symbols"},
	{"rnnlm sample --seed=7 --count=100 --batch=32 --threads=2 --precision=f32 > hundred.txt",
	 "a hundred samples, 32 side by side"},
	{"rnnlm sample --seed=7 --first=17", "sample 17 of them again"},
	{"rnnlm sample --json --count=100 --min-p=0.05 | jq -r .text", "one JSON object per sample"},
	{"rnnlm sample --prompt 'The door' --beam=16 --count=3 --stop .", "the three likeliest ways to end the sentence"},
	{"rnnlm sample --interactive --length=100 --stop '\\n'", "turn by turn; Ctrl-C stops a text, Ctrl-D ends"},
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
	        "does not know are printed as they are and read as the unknown symbol; a note says how many.\n\n"
	        "The same model, seed and options give the same text at any number of threads; a sample's text is a "
	        "function of the seed and its number, however many are drawn. A newline is added behind "
	        "a sample that does not end in one. A UTF-8 sequence that is begun is finished, even if that "
	        "takes up to three symbols more than --length; if it still is not whole, its bytes are left out. Where all "
	        "of the corpus was UTF-8, bytes and pieces that would break it are never drawn: they are left out before "
	        "all rules. Models of "
	        "words and of bpe pieces keep the space before a word with the word: let the prompt end without one.\n\n"
	        "With --beam nothing is drawn: of all ways to go on from the W best beginnings the W likeliest are kept, "
	        "symbol after symbol. One that --stop has ended stays among them, and is compared by its whole "
	        "probability with the others as they are: lengths are not normalised, so an early end is no "
	        "disadvantage. The log probability, at temperature 1, is written to standard error.\n\n"
	        "With --json a sample is an object with the keys sample (its number; with --beam its rank, from 0), seed "
	        "(not with --beam), prompt, text, tokens (symbols drawn), nats (what the text costs the model at "
	        "temperature 1 with all symbols: minus its log probability) and stopped (whether --stop ended it).",
	.opts = table,
	.examples = examples,
	.min_args = 0,
	.max_args = 0,
};

/* --- what is given ------------------------------------------------------------------ */

static int exclude(const char *option, const char *other, const char *why, struct err *e)
{
	return err_set(e, "%s and %s exclude each other: %s", option, other, why);
}

static int check_beam(const struct sample_options *o, struct err *e)
{
	const struct { bool given; const char *name; } drawing[] = {
		{o->temp_given, "--temp"}, {o->top_k_given, "--top-k"}, {o->top_p_given, "--top-p"}, {o->min_p_given, "--min-p"},
		{o->seed_given, "--seed"}, {o->first_given, "--first"}, {o->batch_given, "--batch"},
	};
	for (size_t i = 0; i < sizeof drawing / sizeof *drawing; i++)
		if (drawing[i].given)
			return exclude("--beam", drawing[i].name, "a search draws nothing", e);
	if (o->count > o->beam)
		return err_set(e, "--count=%lld: a beam of %lld finds no more texts than that; give --beam=%lld or more",
		               (long long)o->count, (long long)o->beam, (long long)o->count);
	return 0;
}

static int check_interactive(const struct sample_options *o, struct err *e)
{
	const struct { bool given; const char *name; } other[] = {
		{o->json, "--json"}, {o->count_given, "--count"}, {o->first_given, "--first"}, {o->batch_given, "--batch"},
		{o->separator_given, "--separator"}, {o->beam > 0, "--beam"},
	};
	for (size_t i = 0; i < sizeof other / sizeof *other; i++)
		if (other[i].given)
			return exclude("--interactive", other[i].name, "there is one text, turn by turn", e);
	if (o->prompt_file && strcmp(o->prompt_file, "-") == 0)
		return exclude("--interactive", "--prompt-file=-", "standard input holds the turns", e);
	return 0;
}

static int check_options(const struct sample_options *o, struct err *e)
{
	if (o->prompt && o->prompt_file)
		return err_set(e, "--prompt and --prompt-file exclude each other");
	if (o->top_p <= 0)
		return err_set(e, "--top-p: 0 leaves nothing to draw from; allowed is above 0 to 1");
	if (o->first + o->count - 1 > UINT32_MAX)
		return err_set(e, "--first and --count: samples are numbered up to %u", (unsigned)UINT32_MAX);
	if ((o->interactive && check_interactive(o, e)) || (o->beam && check_beam(o, e)))
		return -1;
	return 0;
}

/* The first symbol of a text that became the unknown one, on stderr. */
static void note_unknown(const struct sampling *s, const char *what, const unsigned char *text, size_t len,
                         const uint32_t *ids, size_t n, size_t unknown)
{
	const struct vocab *v = &s->l.vocab;
	struct buf shown = {0};
	uint32_t symbol;
	size_t i = 0;
	while (i + 1 < n && ids[i] != v->size - 1)
		i++;
	size_t at = vocab_spans(v, ids, i, text, len);
	term_visible((const char *)text + at, utf8_decode(text + at, len - at, &symbol), &shown, NULL);
	if (unknown == 1)
		cmd_note("%s: the model does not know \"%s\" (byte %zu); read as the unknown symbol", what,
		         shown.p ? shown.p : "", at + 1);
	else
		cmd_note("%s: the model does not know %zu of %zu symbols, the first is \"%s\" (byte %zu); each is read as the "
		         "unknown symbol", what, unknown, n, shown.p ? shown.p : "", at + 1);
	buf_free(&shown);
}

int sample_encode(const struct sampling *s, const char *what, const void *text, size_t len, uint32_t **ids, size_t *n,
                  struct err *e)
{
	size_t unknown = 0;
	*ids = NULL;
	*n = 0;
	if (len && vocab_encode(&s->l.vocab, text, len, ids, n, &unknown, e))
		return err_wrap(e, "%s", what);
	if (unknown)
		note_unknown(s, what, text, len, *ids, *n, unknown);
	return 0;
}

static int read_prompt(struct sampling *s, struct err *e)
{
	const struct sample_options *o = s->o;
	if (o->prompt_file)
		return io_read_all(o->prompt_file, &s->prompt, &s->prompt_len, e);
	if (!o->prompt)
		return 0;
	s->prompt_len = strlen(o->prompt);
	s->prompt = (unsigned char *)mem_strndup(o->prompt, s->prompt_len, e);
	return s->prompt ? 0 : -1;
}

void sample_read(struct work *w, struct state *state, const uint32_t *ids, size_t n)
{
	int T, B;
	work_shape(w, &T, &B);
	for (size_t i = 0; i < n && !cmd_interrupted();) {
		struct block b = {.T = n - i < (size_t)T ? (int)(n - i) : T, .B = 1, .in = ids + i};
		work_forward(w, &b, state);
		i += (size_t)b.T;
	}
}

/* The state before the last symbol of what is read first: a newline, the prompt. */
static int read_start(struct sampling *s, struct err *e)
{
	const struct vocab *v = &s->l.vocab;
	struct work_config shape = {.T = READ_STEPS, .B = 1};
	struct work *w = NULL;
	uint32_t *ids, *all = NULL;
	size_t n, total = 0;
	int rc = -1;
	if (sample_encode(s, "prompt", s->prompt, s->prompt_len, &ids, &n, e) || !(all = mem_new(n + 1, sizeof *all, e)))
		goto out;
	if (v->newline >= 0)
		all[total++] = (uint32_t)v->newline;
	else if (n == 0)
		all[total++] = 0;
	if (n)
		memcpy(all + total, ids, n * sizeof *ids);
	total += n;
	s->last = all[total - 1];
	s->bare = v->newline < 0 && n == 0;
	if (total > 1) {
		if (!(w = work_new(&s->l.model, &shape, s->pool, e)))
			goto out;
		sample_read(w, &s->start, all, total - 1);
	}
	rc = 0;
out:
	work_free(w);
	mem_free(ids);
	mem_free(all);
	return rc;
}

static int threads(const struct sampling *s)
{
	const struct sample_options *o = s->o;
	size_t streams = (size_t)(o->beam ? o->beam : o->batch < o->count ? o->batch : o->count);
	if (o->threads)
		return (int)o->threads;
	return cmd_stream_threads(s->l.model.count, streams);
}

struct sampler_config sample_rules(const struct sampling *s)
{
	const struct sample_options *o = s->o;
	return (struct sampler_config){.temp = o->temp, .top_k = (uint32_t)o->top_k, .top_p = o->top_p, .min_p = o->min_p,
	                               .ban = s->l.vocab.size - 1};
}

static int prepare(struct sampling *s, struct err *e)
{
	const struct sample_options *o = s->o;
	if (loaded_open(&s->l, o->model, e))
		return -1;
	loaded_precision(&s->l, o->precision);
	if (read_prompt(s, e) || !(s->pool = pool_new(threads(s), e)) || state_new(&s->start, &s->l.model, 1, e) ||
	    read_start(s, e))
		return -1;
	const char *utf8 = tf_meta(&s->l.file, "corpus_utf8");
	if (s->l.vocab.unit != UNIT_CHAR && utf8 && strcmp(utf8, "yes") == 0 && whole_new(&s->whole, &s->l.vocab, e))
		return -1;
	s->whole_start = whole_after(s->prompt, s->prompt_len);
	s->seed = o->seed_given ? (uint64_t)o->seed : rng_seed() & UINT32_MAX;
	if (!o->seed_given && o->temp > 0 && !o->json && !o->beam)
		cmd_note("--seed=%llu gives the same text again", (unsigned long long)s->seed);
	s->tty = term_is_tty(STDOUT_FILENO);
	return 0;
}

static void release(struct sampling *s)
{
	pool_free(s->pool);
	state_free(&s->start);
	mem_free(s->prompt);
	stop_free(&s->stop);
	whole_free(&s->whole);
	buf_free(&s->separator);
	loaded_close(&s->l);
}

static int run(int argc, char **argv)
{
	struct sample_options o = {0};
	struct sampling s = {.o = &o};
	struct err e = {{0}};
	int nargs, rc = cmd_parse(&cmd_sample, argc, argv, &o, &nargs), code = EXIT_OK;
	if (rc >= 0)
		return rc;
	if (check_options(&o, &e) || stop_set(&s.stop, o.stop ? o.stop : "", &e) ||
	    sample_unescape("separator", o.separator, &s.separator, &e)) {
		release(&s);
		return cmd_usage(&cmd_sample, &e);
	}
	cmd_catch_signals();
	rc = prepare(&s, &e);
	if (rc == 0 && !cmd_interrupted())
		rc = o.interactive ? sample_interactive(&s, &o, &code, &e) : o.beam ? sample_beam(&s, &e) : sample_run(&s, &e);
	release(&s);
	if (rc)
		return cmd_fail(&e);
	return cmd_interrupted() ? EXIT_INTERRUPTED : code;
}

const struct cmd cmd_sample = {&command, run};
