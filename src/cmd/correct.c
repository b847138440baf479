/* rnnlm correct: the likeliest rewriting of a text, each edit at a cost. */
#include "cmd/correct.h"

#include <stddef.h>
#include <string.h>
#include <unistd.h>

#include "base/io.h"
#include "base/term.h"
#include "nn/work.h"
#include "text/utf8.h"

enum {
	CHAR_INSERTS = 2, /* in one place */
	BYTE_INSERTS = 4  /* of the longest character */
};
/* Multiply-adds per position from which threads pay. */
static const double THREADS_STEP = 3e7;

#define AT(member) .offset = offsetof(struct correct_options, member)
#define COST(member) AT(member), .type = OPT_REAL, .min = 0, .max = 1e6, .arg = "NATS"

static const char *const color_names[] = {"auto", "always", "never", NULL};

static const struct opt options[] = {
	{.name = "file", .letter = 'f', .type = OPT_STRING, AT(file), .arg = "FILE", .group = "What to correct",
	 .help = "each line of this file alone; - is standard input"},
	{.name = "lines", .type = OPT_FLAG, AT(lines),
	 .help = "each line of the file, or of standard input, as it comes; so without TEXT anyway"},
	{.name = "open", .type = OPT_FLAG, AT(open),
	 .help = "the text is a piece that may go on: how likely it ends there does not count"},
	{.name = "insert", COST(insert), .def = "8", .group = "What an edit costs",
	 .help = "putting in a character that the text lacks"},
	{.name = "delete", COST(delete), .def = "11", .help = "taking out a character"},
	{.name = "replace", COST(replace), .def = "11", .help = "putting a character in the place of another"},
	{.name = "swap", COST(swap), .def = "8", .help = "exchanging two neighbours"},
	{.name = "max-edits", .type = OPT_INT, AT(max_edits), .def = "0", .min = 0, .max = 4e9, .arg = "N",
	 .help = "most edits of a text; 0 = any number"},
	{.name = "beam", .type = OPT_INT, AT(beam), .def = "16", .min = 1, .max = 1000, .arg = "W",
	 .group = "How to search", .help = "hypotheses kept at each position: more find more and take longer"},
	{.name = "tries", .type = OPT_INT, AT(tries), .def = "12", .min = 1, .max = 100000, .arg = "K",
	 .help = "the K likeliest characters are tried where one is put in"},
	{.name = "candidates", .type = OPT_INT, AT(candidates),
	 .set_offset = offsetof(struct correct_options, candidates_given), .def = "1", .min = 1, .max = 1000, .arg = "N",
	 .group = "What to print", .help = "a table of the N best candidates, of those that the beam has at the end"},
	CMD_OPT_JSON(struct correct_options),
	{.name = "color", .type = OPT_CHOICE, AT(color), .def = "auto", .choices = color_names,
	 .help = "what was put in stands out in colour; auto: on a terminal, unless NO_COLOR is set"},
	{.name = "model", .letter = 'm', .type = OPT_STRING, AT(model), .arg = "FILE", .group = "Model and machine",
	 .help = "model file; without it $RNNLM_MODEL, else the newest in models/, else the small model that "
	         "comes with the program"},
	CMD_OPT_PRECISION(struct correct_options),
	{.name = "threads", .type = OPT_INT, AT(threads), .def = "0", .min = 0, .max = 1024, .arg = "N",
	 .help = "threads; 0 = one for a small model, as many as this process may use CPUs for a large one"},
	{0}};

static const struct opt_example examples[] = {
	{"rnnlm correct \"Teh cat was asleep on the soft chiar.\"", "what may have been meant"},
	{"rnnlm correct --open \"the old man looekd at\"", "a piece of a text, which ends in no full stop"},
	{"rnnlm correct --candidates=5 \"Teh cat was aslep.\"", "the best five, with what speaks for them"},
	{"rnnlm correct -m book.safetensors -f notes.txt > corrected.txt", "a file, line by line"},
	{"rnnlm correct --insert=6 --delete=9 --replace=9 --swap=6 \"Teh cat was aslep.\"",
	 "edits at a lower cost: more is changed"},
	{"rnnlm correct --beam=64 --tries=30 --max-edits=3 \"Teh cat was aslep.\"", "a wider search for at most three edits"},
	{"rnnlm correct --color=always --threads=1 --precision=f32 -f notes.txt | head", "with colours in a pipe too"},
	{"rnnlm correct --json --lines < notes.txt | jq -c 'select(.changed) | [.line, .edits]'",
	 "only what would be changed"},
	{NULL, NULL}};

static const struct opt_command command = {
	.name = "correct",
	.synopsis = "[options] [TEXT...]",
	.summary = "the likeliest rewriting of a text, each edit at a cost",
	.text = "Looks for the text with the largest score: log P, its logarithmic probability under the model, less "
	        "the costs of the edits that make it of what was given (a noisy channel). Edits put in, take out or "
	        "replace one character, or exchange two neighbours; no character is edited twice. The text as it is "
	        "competes at no cost, so an edit is made only where the model gains more nats by it than it costs. "
	        "Without TEXT the lines of standard input are corrected, as they come; TEXT may be - for that too. "
	        "The output has a line per line.\n\n"
	        "A text starts as if a newline had just been read, and is ended by one, as the lines that the model was "
	        "trained on are: a full stop that is missing may be put in (not so with --open). Where the vocabulary "
	        "has no newline, the first character is given, not scored, and stays. nats is what rnnlm score --lines "
	        "says of the line.\n\n"
	        "The costs are measured: a character that was lost or two that changed places are likelier slips than "
	        "a strange letter, which could have been any. A model knows best what it was trained on: in text that "
	        "is not like it, names and rare words are taken for errors, and higher costs leave more of them alone. "
	        "A model that predicts well deserves lower costs.\n\n"
	        "Characters that the model does not know and control characters stay where they are and are never put "
	        "in. The model's unit must be char or byte; in units of bytes an edit is of a byte, and what would not "
	        "be UTF-8 though the text was is left out. Texts may be of any length: time grows with it, memory "
	        "hardly does. An empty line stays empty.\n\n"
	        "Columns of --candidates: score; nats, -log P; cost of the edits; how many; the text. It lists what the "
	        "beam has at the end, which for a long text is mostly variants of its last words. --json prints the "
	        "keys line (of lines), text, correction, changed, nats and original_nats (of the correction and of "
	        "the text as it is), cost, edits, a list of op (insert, delete, replace, swap), pos (in the text, "
	        "counted in characters from 0, or bytes in models of bytes), from and to; and candidates, a list of text, "
	        "score, nats, cost, edits.",
	.opts = options,
	.examples = examples,
	.min_args = 0,
	.max_args = -1};

struct correcting {
	const struct correct_options *o;
	struct loaded l;
	struct pool *pool;
	struct corrector *corrector;
	uint8_t *may, *may_strict; /* (vocab) symbols that may be edited; in valid UTF-8 */
	struct correct_candidate *list; /* (beam + 1) those that can be used */
	struct correct_printer printer;
	size_t unknown; /* symbols met */
};

/* What does not go together; where the text is to come from. */
static int check(struct correct_options *o, int *ntexts, char **texts, struct err *e)
{
	if (*ntexts == 1 && strcmp(texts[0], "-") == 0 && !o->file) {
		o->file = "-";
		*ntexts = 0;
	}
	if (*ntexts && (o->file || o->lines))
		return err_set(e, "TEXT and %s exclude each other: give one of them", o->file ? "-f" : "--lines");
	if (o->candidates > o->beam)
		return err_set(e, "--candidates=%lld: a beam of %lld keeps no more than that; give --beam=%lld too",
		               (long long)o->candidates, (long long)o->beam, (long long)o->candidates);
	if (!*ntexts && !o->file && term_is_tty(STDIN_FILENO))
		return err_set(e, "nothing to correct: give TEXT, or -f FILE (- to type it here)");
	return 0;
}

/* Control characters, the newline among them, and the unknown stay as they are; in
 * valid UTF-8 no byte may come in that is not. */
static int mark_editable(struct correcting *c, struct err *e)
{
	const struct vocab *v = &c->l.vocab;
	if (!(c->may = mem_new(v->size, 1, e)) || !(c->may_strict = mem_new(v->size, 1, e)))
		return -1;
	for (uint32_t id = 0; id + 1 < v->size; id++) {
		uint32_t symbol = v->symbols[id];
		c->may[id] = symbol >= 0x20 && symbol != 0x7F;
		c->may_strict[id] = c->may[id] && !(v->unit == UNIT_CHAR && utf8_is_escape(symbol));
	}
	return 0;
}

static int threads(const struct correcting *c)
{
	if (c->o->threads)
		return (int)c->o->threads;
	return (double)c->l.model.count * (double)c->o->beam < THREADS_STEP ? 1 : pool_cpus();
}

static int prepare(struct correcting *c, struct err *e)
{
	const struct correct_options *o = c->o;
	const struct vocab *v = &c->l.vocab;
	if (loaded_open(&c->l, o->model, e))
		return -1;
	loaded_precision(&c->l, o->precision);
	if (v->unit != UNIT_CHAR && v->unit != UNIT_BYTE)
		return err_set(e, "%s: edits are of characters, but the model's unit is %s; give a model of unit char "
		               "or byte", c->l.path, unit_names[v->unit]);
	uint32_t newline = v->newline < 0 ? NO_TARGET : (uint32_t)v->newline;
	struct correct_config rules = {
		.cost = {[CORRECT_INSERT] = o->insert, [CORRECT_DELETE] = o->delete, [CORRECT_REPLACE] = o->replace,
		         [CORRECT_SWAP] = o->swap},
		.beam = (size_t)o->beam,
		.inserts = v->unit == UNIT_CHAR ? CHAR_INSERTS : BYTE_INSERTS,
		.tries = (size_t)o->tries,
		.most_edits = (size_t)o->max_edits,
		.first = newline,
		.end = o->open ? NO_TARGET : newline,
	};
	if (mark_editable(c, e) || !(c->list = mem_new(rules.beam + 1, sizeof *c->list, e)) ||
	    !(c->pool = pool_new(threads(c), e)) ||
	    !(c->corrector = corrector_new(&c->l.model, &rules, c->pool, e)))
		return -1;
	c->printer = (struct correct_printer){.o = o, .vocab = v,
	                                      .colour = term_colour(STDOUT_FILENO, (enum term_when)o->color)};
	return 0;
}

static void release(struct correcting *c)
{
	corrector_free(c->corrector);
	pool_free(c->pool);
	mem_free(c->list);
	mem_free(c->may);
	mem_free(c->may_strict);
	buf_free(&c->printer.out);
	loaded_close(&c->l);
}

/* Whether the candidate's text is one: bytes put in or taken out must not break valid
 * UTF-8, nor join to characters where there were none (which the model did not read). */
static int readable(const struct correcting *c, const struct correct_item *it, const struct correct_candidate *k,
                    size_t symbols, bool valid, bool *yes, struct err *e)
{
	struct buf text = {0};
	size_t invalid = 0, chars;
	int rc = correct_text(&c->l.vocab, it, k, false, &text, e);
	for (size_t i = 0; i < k->nedits; i++)
		symbols += (k->edits[i].op == CORRECT_INSERT) - (size_t)(k->edits[i].op == CORRECT_DELETE);
	chars = utf8_count((const unsigned char *)text.p, text.len, &invalid);
	*yes = (!valid || !invalid) && (c->l.vocab.unit == UNIT_BYTE || chars == symbols);
	buf_free(&text);
	return rc;
}

static int correct(struct correcting *c, const unsigned char *text, size_t len, uint64_t line, struct err *e)
{
	struct correct_item it = {.text = text, .len = len, .line = line, .list = c->list};
	const struct correct_candidate *found;
	uint32_t *ids = NULL;
	size_t n, nfound, unknown, invalid, most = (size_t)c->o->candidates;
	bool usable;
	int rc = -1;
	if (vocab_encode(&c->l.vocab, text, len, &ids, &n, &unknown, e))
		return -1;
	c->unknown += unknown;
	utf8_count(text, len, &invalid);
	corrector_allow(c->corrector, invalid ? c->may : c->may_strict);
	if (correct_search(c->corrector, ids, n, cmd_interrupted, &found, &nfound, e))
		goto out;
	for (size_t i = 0; i < nfound; i++) {
		if (found[i].nedits == 0)
			it.original = &found[i];
		if (it.n < most) {
			if (readable(c, &it, &found[i], n, invalid == 0, &usable, e))
				goto out;
			if (usable)
				c->list[it.n++] = found[i];
		}
	}
	rc = correct_print(&c->printer, &it, e);
out:
	mem_free(ids);
	return rc;
}

static int correct_lines(struct correcting *c, const char *path, struct err *e)
{
	struct io_lines r;
	const unsigned char *line;
	size_t len;
	bool newline;
	int more = 0;
	if (io_lines_open(&r, path, e))
		return -1;
	while (!cmd_out_failed()) {
		while (more == 0 && !io_lines_ready(&r))
			more = cmd_wait_for_line(&r, e);
		if (more || (more = io_lines_next(&r, &line, &len, &newline, e)) <= 0)
			break;
		if ((more = correct(c, line, len, r.number, e)))
			break;
	}
	io_lines_close(&r);
	return more;
}

static int run(int argc, char **argv)
{
	struct correct_options o = {0};
	struct correcting c = {.o = &o};
	struct err e = {{0}};
	int ntexts = 0, rc = cmd_parse(&cmd_correct, argc, argv, &o, &ntexts);
	if (rc >= 0)
		return rc;
	if (check(&o, &ntexts, argv, &e))
		return cmd_usage(&cmd_correct, &e);
	cmd_catch_signals();
	rc = prepare(&c, &e);
	for (int i = 0; rc == 0 && i < ntexts && !cmd_out_failed(); i++)
		rc = correct(&c, (const unsigned char *)argv[i], strlen(argv[i]), 0, &e);
	if (rc == 0 && !ntexts)
		rc = correct_lines(&c, o.file ? o.file : "-", &e);
	if (rc == 0 && c.unknown)
		cmd_note("%zu symbol%s that the model does not know, left as %s", c.unknown, c.unknown == 1 ? "" : "s",
		         c.unknown == 1 ? "it is" : "they are");
	release(&c);
	if (rc == 0)
		return EXIT_OK;
	cmd_fail(&e);
	return cmd_interrupted() ? EXIT_INTERRUPTED : EXIT_FAILED;
}

const struct cmd cmd_correct = {.opt = &command, .run = run};
