/* rnnlm tokenize: what a text is made of, its ids, and back. Without a model
 * ids are code points (or bytes), so that --ids and --decode fit together. */
#include "cmd/tokenize.h"

#include <stddef.h>

#include "base/tensorfile.h"
#include "cmd/loaded.h"
#include "text/corpus.h"

static const struct opt options[] = {
    {.name = "ids", .type = OPT_FLAG, .offset = offsetof(struct tokenize_options, ids),
     .group = "What to print",
     .help = "ids, separated by spaces, with a line break after each newline of the text"},
    {.name = "decode", .type = OPT_FLAG, .offset = offsetof(struct tokenize_options, decode),
     .help = "the text of the ids that are read: whole numbers separated by white space"},
    {.name = "vocab", .type = OPT_FLAG, .offset = offsetof(struct tokenize_options, vocab),
     .help = "the vocabulary: id, code, count, share and symbol, one per line"},
    CMD_OPT_JSON(struct tokenize_options),
    {.name = "unit", .type = OPT_CHOICE, .offset = offsetof(struct tokenize_options, unit),
     .set_offset = offsetof(struct tokenize_options, unit_set), .def = "char", .choices = unit_names,
     .group = "What a symbol is",
     .help = "a Unicode code point (char) or a byte; with -m it is the model's"},
    {.name = "model", .letter = 'm', .type = OPT_STRING,
     .offset = offsetof(struct tokenize_options, model), .arg = "FILE",
     .help = "use this model's vocabulary: ids are the model's"},
    {0}};

static const struct opt_example examples[] = {
    {"rnnlm tokenize book.txt", "how many symbols of how many kinds"},
    {"rnnlm tokenize --vocab book.txt | sort -k3,3nr | head", "the most frequent symbols"},
    {"rnnlm tokenize --ids book.txt | rnnlm tokenize --decode | cmp - book.txt",
     "any bytes survive the round trip"},
    {"echo 'Hello' | rnnlm tokenize --ids -m models/book.safetensors", "ids of a model"},
    {NULL, NULL}};

static const struct opt_command command = {
    .name = "tokenize",
    .synopsis = "[options] [FILE...]",
    .summary = "what a text is made of; ids and back",
    .text = "Reads the files, or standard input, as one text. Without options it prints a summary: "
            "bytes, characters, lines, size of the vocabulary, entropy of single symbols, the most "
            "frequent symbols and the rarest.\n\n"
            "Without -m, --ids prints code points, or bytes with --unit=byte, and --decode reads "
            "the same. A byte that is not part of valid UTF-8 is a symbol of its own, with the "
            "number 0xDC80 + byte - 0x80, so that any file survives the round trip.\n\n"
            "With -m ids are the model's. Symbols that it does not know become its last id; their "
            "number is told on standard error.",
    .opts = options,
    .examples = examples,
    .min_args = 0,
    .max_args = -1};

/* The vocabulary of the model that was named. */
static int read_model(struct vocab *v, const struct tokenize_options *o, struct err *e)
{
	struct tensorfile f = {0};
	if (tf_open(&f, o->model, e))
		return -1;
	int rc = loaded_vocab(v, &f, e);
	if (rc == 0 && o->unit_set && v->unit != (enum unit)o->unit)
		rc = err_set(e, "its unit is %s, not %s: leave --unit out", unit_names[v->unit],
		             unit_names[o->unit]);
	if (rc)
		err_wrap(e, "%s", o->model);
	tf_close(&f);
	return rc;
}

/* Counts the text's symbols in a model's vocabulary. */
static int count_ids(struct vocab *v, const unsigned char *text, size_t len, struct err *e)
{
	uint32_t *ids = NULL;
	size_t n = 0;
	if (vocab_encode(v, text, len, &ids, &n, NULL, e))
		return -1;
	for (size_t i = 0; i < n; i++)
		v->counts[ids[i]]++;
	mem_free(ids);
	return 0;
}

static int run(int argc, char **argv)
{
	static const char *const standard_input[] = {"-"};
	struct tokenize_options o = {0};
	struct vocab v = {0};
	struct err e = {{0}};
	unsigned char *text = NULL;
	size_t len = 0;
	int nargs = 0, rc = cmd_parse(&cmd_tokenize, argc, argv, &o, &nargs);
	if (rc >= 0)
		return rc;
	if (o.ids + o.decode + o.vocab > 1) {
		err_set(&e, "--ids, --decode and --vocab exclude each other: give one of them");
		return cmd_usage(&cmd_tokenize, &e);
	}
	const char *const *files = nargs ? (const char *const *)argv : standard_input;
	int nfiles = nargs ? nargs : 1;
	bool table_only = o.vocab && o.model && nargs == 0; /* the model's, no text read */

	if (o.model && read_model(&v, &o, &e))
		goto out;
	const struct vocab *model = o.model ? &v : NULL;
	if (o.decode) {
		rc = tokenize_decode(&o, model, files, nfiles, &e);
		goto out;
	}
	if (!table_only && corpus_read(files, nfiles, &text, &len, &e))
		goto out;
	if (o.ids) {
		rc = tokenize_ids(&o, model, text, len, &e);
		goto out;
	}
	if (model ? count_ids(&v, text, len, &e) : vocab_build(&v, (enum unit)o.unit, text, len, 0, &e))
		goto out;
	/* A text's own vocabulary has no use for the unknown. */
	rc = o.vocab ? tokenize_vocab(&v, model ? v.size : v.size - 1, !table_only, o.json, &e)
	             : tokenize_summary(&o, &v, text, len, &e);
out:
	mem_free(text);
	vocab_free(&v);
	return rc ? cmd_fail(&e) : EXIT_OK;
}

const struct cmd cmd_tokenize = {.opt = &command, .run = run};
