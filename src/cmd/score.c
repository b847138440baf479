/* rnnlm score: how likely a text is, and where it surprises. */
#include "cmd/score.h"

#include <stddef.h>
#include <unistd.h>

#include "base/term.h"

#define AT(member) .offset = offsetof(struct score_options, member)

static const char *const color_names[] = {"auto", "always", "never", NULL}; /* enum term_when */

static const struct opt options[] = {
	{.name = "file", .letter = 'f', .type = OPT_STRING, AT(file), .arg = "FILE",
	 .group = "What to score",
	 .help = "the text of this file, as one stream with the state carried; - is standard input"},
	{.name = "lines", .type = OPT_FLAG, AT(lines),
	 .help = "each line of the file, or of standard input, alone, with the newline that ends it; "
	         "results come as lines do"},
	{.name = "window", .type = OPT_INT, AT(window), .min = 1, .max = 1e9, .arg = "W",
	 .help = "the file in windows of W symbols that do not overlap, each from the zero state with the "
	         "symbol before it as first input"},
	{.name = "tail", .type = OPT_FRACTION, AT(tail),
	 .set_offset = offsetof(struct score_options, tail_set), .min = 0.000001, .max = 1, .arg = "F",
	 .help = "only the last fraction F of the file: of n characters those from floor(n(1-F)) on, which "
	         "train holds out with --val-frac=F; the text before is not read"},
	{.name = "carry", .type = OPT_FLAG, AT(carry),
	 .help = "with --tail: read the text before as context, without scoring it"},
	{.name = "id", .type = OPT_FLAG, AT(id),
	 .help = "lines are an id, a tab and the text, as in n-best lists: the id is kept in the result, the "
	         "text alone is scored (implies --lines)"},
	{.name = "rank", .type = OPT_FLAG, AT(rank), .group = "What to print",
	 .help = "order the texts (or lines) by probability, the likeliest first, with their relative "
	         "probability: P divided by the sum of all P; with --id each run of lines with the same id for "
	         "itself; with --against by the difference per character"},
	{.name = "top-lines", .type = OPT_INT, AT(top_lines), .min = 1, .max = 1e8, .arg = "N",
	 .help = "only the N most surprising lines, by nats per symbol, the most surprising first (implies "
	         "--lines); memory is needed for these alone"},
	{.name = "against", .type = OPT_STRING, AT(against), .arg = "FILE",
	 .help = "a second model: what both say, and the difference"},
	{.name = "heat", .type = OPT_FLAG, AT(heat),
	 .help = "the text itself, each symbol coloured by its surprisal; without colours, digits under it"},
	{.name = "html", .type = OPT_FLAG, AT(html), .help = "the same as a page for a browser"},
	{.name = "per-token", .type = OPT_FLAG, AT(per_token),
	 .help = "a table of all symbols: probability, surprisal, rank, and the likeliest in their place"},
	{.name = "next", .type = OPT_INT, AT(next), .min = 1, .max = 1e9,
	 .arg = "K",
	 .help = "the K likeliest symbols after each TEXT, after the file, or at the start of a text if "
	         "none is given; all of the vocabulary if it has no more than K"},
	CMD_OPT_JSON(struct score_options),
	{.name = "color", .type = OPT_CHOICE, AT(color), .def = "auto", .choices = color_names,
	 .help = "colours of --heat; auto: on a terminal, unless NO_COLOR is set"},
	SCORE_ADAPT_OPTIONS(struct score_options),
	{.name = "model", .letter = 'm', .type = OPT_STRING, AT(model),
	 .arg = "FILE", .group = "Model and machine",
	 .help = "model file; without it $RNNLM_MODEL, else the newest in models/, else the small model that "
	         "comes with the program"},
	CMD_OPT_PRECISION(struct score_options),
	CMD_OPT_THREADS(struct score_options),
	{0}};

static const struct opt_example examples[] = {
	{"rnnlm score \"the cat sat\" \"the sat cat\"", "two texts, each alone"},
	{"rnnlm score --rank \"the cat sat\" \"the sat cat\"", "which of them is likelier, and by how much"},
	{"rnnlm score --per-token \"the cat szt\"", "where a text surprises"},
	{"rnnlm score --next 5 \"the ca\"", "what comes next"},
	{"rnnlm score -m models/book.safetensors -f book.txt --tail 0.1", "the part that was held out in training"},
	{"rnnlm score -m models/book.safetensors -f book.txt --tail 0.1 --carry", "the same with all that stands before it as context"},
	{"rnnlm score -f book.txt --tail 0.1 --window 256", "the same by windows of 256, as nanoGPT counts"},
	{"rnnlm score -f letters.txt --dynamic 0.002 --mix-ngram 6",
	 "a text unlike the corpus, by a model that adapts to it"},
	{"rnnlm score -f letters.txt --dynamic 0.003 --dynamic-seq 16 --dynamic-decay 0.001", "adapting faster, and going back sooner"},
	{"rnnlm score -f letters.txt --mix-ngram 6 --ngram-corpus notes.txt", "an n-gram model that has read another text before"},
	{"tail -f log | rnnlm score --lines --json | jq -r 'select(.bits_per_char > 3) | .text'",
	 "odd lines of a log, as they come"},
	{"rnnlm score --heat -f letter.txt", "a text coloured by surprisal"},
	{"rnnlm score --heat --color=always --lines -f letter.txt | head -n 40", "with colours in a pipe too"},
	{"rnnlm score --html -f letter.txt > letter.html", "the same for a browser"},
	{"rnnlm score --top-lines 20 -f access.log", "the oddest lines of a log"},
	{"rnnlm score -m mine.safetensors --against all.safetensors --lines --rank -f crawl.txt",
	 "lines of the wanted kind first, for training"},
	{"rnnlm score --id --rank --json -f nbest.tsv | jq -r 'select(.rank == 1) | [.id, .text] | @tsv'",
	 "the best of each n-best list"},
	{"rnnlm score --lines -f names.txt | sort -k5,5gr | head", "the strangest names: column 5 is bits/char"},
	{"rnnlm score --threads=1 --precision=f32 -f book.txt", "on one core, in float32 whatever the model was trained in"},
	{NULL, NULL}};

static const struct opt_command command = {
	.name = "score",
	.synopsis = "[options] [TEXT...]",
	.summary = "how likely a text is, and where it surprises",
	.text = "Scores each TEXT alone, or a file (-f), or lines (--lines); without any of them standard "
	        "input, as -f - does. Each starts from the zero state as if a newline had just been read. Where "
	        "the model's vocabulary has no newline the first symbol has nothing before it: it is not "
	        "scored, and the protocol says \"first-unscored\". A symbol is what the model was trained on: a "
	        "character, byte, word or bpe piece.\n\n"
	        "Columns: tokens, the symbols that were scored; nats, their surprisal -ln P, summed; log10P, "
	        "the base-10 logarithm of the text's probability; nats/char and bits/char, surprisal per "
	        "character, whatever the unit; perplexity, exp(nats/tokens); unk, scored symbols that the "
	        "vocabulary lacks; known, the nats without theirs; protocol, how the text was read: text, "
	        "stream, lines, window:W, tail:F, tail:F+carry. Figures of different protocols do not compare. "
	        "The text comes last, control characters made visible, cut to the width of a terminal; before "
	        "it stand a line's number and, with --id, its id.\n\n"
	        "Columns of --rank: rank, relative, nats, log10P, bits/char, unk, protocol, text. With --id "
	        "each run of lines of one id is printed when the id changes. Columns of --top-lines: bits/char, "
	        "nats/symbol (by which lines are ordered; of equals the earlier comes first), symbols, unk, "
	        "protocol, line, text.\n\n"
	        "--against reads the same characters with a second model, whatever the units of the two. "
	        "Columns: chars; nats; a:nats, of the second model; log-ratio, a:nats less nats, above 0 where "
	        "the model of -m finds the text likelier; the same three per character in bits: bits/char, "
	        "a:bits, diff; unk and a:unk, the symbols that each does not know. Lines, and several texts, "
	        "end with their total. With --rank the largest diff comes first: with a model of the wanted "
	        "kind of text as -m and one of general text as --against, those of the wanted kind (Moore and "
	        "Lewis 2010). An unknown symbol stands for all that the vocabulary lacks and comes cheap to a "
	        "model that met many: where unk and a:unk differ, so does what was predicted.\n\n"
	        "--heat colours each symbol by its surprisal, in steps that its first line explains; symbols "
	        "that the vocabulary lacks are underlined, line ends and control characters that surprise are "
	        "shown. Without colours (--color, NO_COLOR) each line has whole bits under its symbols. Lines "
	        "have bits/char and number before them, texts and files their table behind. --html writes a "
	        "page that needs nothing else, some 160 bytes for each symbol, light or dark as the browser is; "
	        "pointing at a symbol shows its figures.\n\n"
	        "With --dynamic or --mix-ngram the model goes on learning from what it has scored. Texts and "
	        "lines are read in order, each from the zero state, and what was learned is carried to the "
	        "next; so is, with --carry, what was learned from the text before the tail. More columns set "
	        "bits/char side by side: static, the model as it was trained; dynamic, as it goes on learning; "
	        "mixed, static with the n-gram model; both, dynamic with the n-gram model. All other figures "
	        "are those of the last of these. The protocol adds dynamic:LR:SEQ:DECAY, mix-ngram:ORDER "
	        "(+corpus with --ngram-corpus), and carried.\n\n"
	        "Columns of --per-token: symbol (\\s is a space, <unk>: stands before one that the vocabulary "
	        "lacks); prob, its probability after all that stands before it; nats and bits, its surprisal; "
	        "rank, 1 for the likeliest symbol in this place; and the three likeliest with their "
	        "probabilities. The probabilities multiply to that of the text. --next prints rank, "
	        "probability, bits and symbol.\n\n"
	        "Keys of --json: text, or file, or line (its number) and text; protocol, tokens, chars, nats, "
	        "log10p, nats_per_char, bits_per_char, perplexity, unknown, nats_known. More with --id: id; "
	        "--rank: rank, relative; --top-lines: rank; --per-token: per_token, a list of symbol, id, prob, "
	        "nats, rank, top; --next: next, a list of symbol, id, prob; --dynamic and --mix-ngram: "
	        "static_nats and dynamic_nats, mixed_nats, nats being the figure with all of it; --against: "
	        "against_tokens, against_nats, against_nats_per_char, against_bits_per_char, "
	        "against_perplexity, against_unknown, against_nats_known, and in nats log_ratio, "
	        "log_ratio_per_char, but no relative; its last line has total, the number of texts, in place of "
	        "text, and likelier and against_likelier, how many of them each model prefers. What would "
	        "divide by nothing is null; so is the unknown symbol in a list of likeliest.",
	.opts = options,
	.examples = examples,
	.min_args = 0,
	.max_args = -1};

/* The option that lines come from. */
static const char *implied_by(const struct score_options *o)
{
	return o->top_lines ? "--top-lines" : o->id ? "--id" : "--lines";
}

/* What does not go together. */
static int check(const struct score_options *o, int ntexts, struct err *e)
{
	bool file = o->window || o->tail_set;
	if (ntexts && (o->file || o->lines))
		return err_set(e, "TEXT and %s exclude each other: give one of them", o->file ? "-f" : implied_by(o));
	if (ntexts && file)
		return err_set(e, "%s is for files: give -f FILE in place of TEXT", o->window ? "--window" : "--tail");
	if (o->lines && file)
		return err_set(e, "%s and %s exclude each other: give one of them", implied_by(o),
		               o->window ? "--window" : "--tail");
	if (o->carry && !o->tail_set)
		return err_set(e, "--carry reads the text before the tail: it needs --tail");
	if (o->carry && o->window)
		return err_set(e, "--carry and --window exclude each other: windows start from the zero state");
	if (o->rank && !ntexts && !o->lines)
		return err_set(e, "--rank compares texts: give some, or --lines");
	if (o->top_lines && o->rank)
		return err_set(e, "--top-lines and --rank exclude each other: both say what comes first");
	if ((o->heat || o->html) && (o->json || o->per_token || o->next || o->against || (o->heat && o->html)))
		return err_set(e, "%s and %s exclude each other%s", o->heat ? "--heat" : "--html",
		               o->json ? "--json" : o->per_token ? "--per-token" : o->next ? "--next" :
		               o->against ? "--against" : "--html",
		               o->json ? ": for the surprisal of each symbol give --per-token --json" : ": give one of them");
	if (o->against && o->next)
		return err_set(e, "--against and --next exclude each other: ask each model with -m");
	if (o->next && (o->lines || o->window))
		return err_set(e, "--next and %s exclude each other: give what comes before as TEXT",
		               o->lines ? implied_by(o) : "--window");
	if (o->next && o->rank && !o->json)
		return err_set(e, "--next and --rank exclude each other: give one of them, or --json, which has both");
	if (score_adapt_check(o, ntexts, e))
		return -1;
	if (!ntexts && !o->file && !o->next && term_is_tty(STDIN_FILENO))
		return err_set(e, "nothing to score: give TEXT, or -f FILE (- to type it here)");
	return 0;
}

/* Where the figure without unknown symbols stands. */
static const char *known_in(const struct scorer *s)
{
	const struct score_options *o = s->o;
	bool table = !o->json && !o->rank && !o->top_lines && !o->against && !o->html && !(o->heat && o->lines);
	if (o->against && !s->other)
		return o->json ? "against_nats_known" : "against_nats_known (--json)";
	return o->json ? "nats_known" : table ? "column known" : "nats_known (--json)";
}

/* Which symbols the model does not know, for people. */
static void note_unknown(const struct scorer *s)
{
	struct vocab shown = {.unit = s->l->vocab.unit, .size = 2};
	struct buf list = {0};
	int rc = 0;
	if (!s->unknown)
		return;
	for (int i = 0; i < s->nmissing; i++) {
		uint32_t symbols[2] = {s->missing[i], VOCAB_UNKNOWN};
		shown.symbols = symbols; /* vocab_show knows how */
		rc |= buf_puts(&list, i ? ", " : "", NULL) | vocab_show(&shown, 0, &list, NULL);
	}
	if (rc == 0)
		cmd_note("%zu symbol%s that %s does not know (%s%s), scored as its unknown symbol; %s has "
		         "the figure without", s->unknown, s->unknown == 1 ? "" : "s",
		         s->o->against ? s->l->path : "the model", list.p, s->more_missing ? ", ..." : "", known_in(s));
	buf_free(&list);
}

static int score(struct scorer *s, char **texts, size_t ntexts, struct err *e)
{
	static char nothing[] = "", *empty[] = {nothing};
	const struct score_options *o = s->o;
	int rc;
	if (score_shade_begin(s, e))
		return -1;
	if (o->lines)
		rc = score_lines(s, o->file, e);
	else if (o->file)
		rc = score_file(s, o->file, e);
	else
		rc = score_texts(s, ntexts ? texts : empty, ntexts ? ntexts : 1, e);
	if (rc == 0 && o->rank)
		rc = score_ranked(s, e);
	if (rc == 0 && o->top_lines)
		rc = score_top_print(s, e);
	if (rc == 0 && s->other && (o->lines || ntexts > 1))
		rc = score_against_total(s, e);
	if (rc == 0)
		rc = score_shade_end(s, e);
	if (rc == 0)
		rc = score_flush(s);
	if (rc == 0)
		note_unknown(s);
	if (rc == 0 && s->other)
		note_unknown(s->other);
	if (rc == 0 && o->next && !ntexts && !o->file && s->newline == NO_TARGET)
		cmd_note("the model's vocabulary has no newline: nothing stands before an empty text, so nothing "
		         "can be said of what follows; give TEXT");
	return rc;
}

/* A scorer for a model that is open. */
static struct scorer *scorer_new(const struct score_options *o, struct loaded *l, struct err *e)
{
	struct scorer *s = mem_new(1, sizeof *s, e);
	if (!s)
		return NULL;
	size_t top = o->next > SCORE_TOP && l->vocab.size > SCORE_TOP ? l->vocab.size : SCORE_TOP;
	if (!(s->top = mem_new(top, sizeof *s->top, e))) {
		mem_free(s);
		return NULL;
	}
	loaded_precision(l, o->precision);
	s->o = o;
	s->l = l;
	s->newline = l->vocab.newline < 0 ? NO_TARGET : (uint32_t)l->vocab.newline;
	return s;
}

static int run(int argc, char **argv)
{
	struct score_options o = {0}, plain = {0};
	struct loaded l = {0}, against = {0};
	struct scorer *s = NULL, *other = NULL;
	struct err e = {{0}};
	int ntexts = 0, code = EXIT_FAILED, rc = cmd_parse(&cmd_score, argc, argv, &o, &ntexts);
	if (rc >= 0)
		return rc;
	o.lines |= o.id || o.top_lines;
	o.each = o.per_token || o.heat || o.html;
	if (check(&o, ntexts, &e))
		return cmd_usage(&cmd_score, &e);
	if (!ntexts && !o.file && (o.lines || !o.next))
		o.file = "-";

	if (loaded_open(&l, o.model, &e) || !(s = scorer_new(&o, &l, &e)))
		goto out;
	if (o.against) { /* figures are all that is wanted of it */
		plain = o;
		plain.each = plain.per_token = false;
		if (loaded_open(&against, o.against, &e) || !(other = scorer_new(&plain, &against, &e)) ||
		    score_pair(s, other, &e))
			goto out;
	}
	s->width = term_is_tty(STDOUT_FILENO) ? term_width(STDOUT_FILENO) : 0;
	s->colour = term_colour(STDOUT_FILENO, (enum term_when)o.color);
	s->utf8 = term_utf8();
	cmd_catch_signals();
	if (score_adapts(&o) && score_adapt_open(s, &e))
		goto out;
	/* That stdout failed is reported at exit. */
	if (score(s, argv, (size_t)ntexts, &e) == 0 || cmd_out_failed())
		code = EXIT_OK;
out:
	if (code != EXIT_OK) {
		cmd_fail(&e);
		code = cmd_interrupted() ? EXIT_INTERRUPTED : EXIT_FAILED;
	}
	if (s)
		scorer_free(s);
	if (other)
		scorer_free(other);
	mem_free(s);
	mem_free(other);
	loaded_close(&l);
	loaded_close(&against);
	return code;
}

const struct cmd cmd_score = {.opt = &command, .run = run};
