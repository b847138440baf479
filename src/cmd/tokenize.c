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
    {.name = "pieces", .type = OPT_FLAG, .offset = offsetof(struct tokenize_options, pieces),
     .help = "the symbols themselves, separated by spaces, with a line break after each newline of the "
             "text; a space within a symbol is \\s, a backslash in a word or bpe piece \\\\"},
    {.name = "vocab", .type = OPT_FLAG, .offset = offsetof(struct tokenize_options, vocab),
     .help = "the vocabulary: id, code, count, share and symbol, one per line"},
    CMD_OPT_JSON(struct tokenize_options),
    {.name = "unit", .type = OPT_CHOICE, .offset = offsetof(struct tokenize_options, unit),
     .set_offset = offsetof(struct tokenize_options, unit_set), .def = "char", .choices = unit_names,
     .group = "What a symbol is",
     .help = "a Unicode code point (char), a byte, a word, or a piece of byte-pair encoding (bpe); with -m it is the model's"},
    {.name = "vocab-size", .type = OPT_INT, .offset = offsetof(struct tokenize_options, vocab_size),
     .def = "0", .min = 0, .max = VOCAB_MOST, .arg = "N",
     .help = "symbols of the vocabulary learnt for the unit word or bpe, at most, the 256 bytes and the unknown "
             "symbol among them; 0 = 10000 words, 1024 bpe pieces"},
    {.name = "model", .letter = 'm', .type = OPT_STRING,
     .offset = offsetof(struct tokenize_options, model), .arg = "FILE",
     .help = "use this model's vocabulary: ids are the model's"},
    {0}};

static const struct opt_example examples[] = {
    {"rnnlm tokenize book.txt", "how many symbols of how many kinds"},
    {"rnnlm tokenize --vocab book.txt | sort -k3,3nr | head", "the most frequent symbols"},
    {"rnnlm tokenize --ids book.txt | rnnlm tokenize --decode | cmp - book.txt",
     "any bytes survive the round trip"},
    {"rnnlm tokenize --unit=bpe --vocab-size=2000 --pieces book.txt | head", "what byte-pair encoding makes of a text"},
    {"echo 'Hello' | rnnlm tokenize --ids -m models/book.safetensors", "ids of a model"},
    {"rnnlm tokenize --json book.txt | jq .entropy_bits", "one figure of the summary"},
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
            "The units word and bpe have a vocabulary that is learnt from a text (see rnnlm train), so that ids "
            "mean nothing without it: there --ids and --decode need -m. Without -m the vocabulary is that of the "
            "text itself.\n\n"
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

static int check(const struct tokenize_options *o, struct err *e)
{
	if (o->ids + o->decode + o->pieces + o->vocab > 1)
		return err_set(e, "--ids, --decode, --pieces and --vocab exclude each other: give one of them");
	if (o->model && o->vocab_size)
		return err_set(e, "--vocab-size is for a vocabulary that is learnt: leave it or -m out");
	if (o->vocab_size && !unit_pieces((enum unit)o->unit))
		return err_set(e, "--vocab-size is for the units word and bpe; the vocabulary of unit %s is that of the text",
		               unit_names[o->unit]);
	if (o->vocab_size && o->vocab_size < VOCAB_LEAST)
		return err_set(e, "--vocab-size: at least %u: 256 are the bytes, one the unknown symbol", VOCAB_LEAST);
	if (!o->model && (o->ids || o->decode) && unit_pieces((enum unit)o->unit))
		return err_set(e, "ids of unit %s mean nothing without the vocabulary of a model: give -m MODEL, or "
		               "--pieces to see the symbols themselves", unit_names[o->unit]);
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
	if (check(&o, &e))
		return cmd_usage(&cmd_tokenize, &e);
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
	uint64_t least = o.unit == UNIT_BYTE ? 1 : 0; /* bytes that occur: it is this text that is described */
	if (!model && vocab_build_sized(&v, (enum unit)o.unit, text, len, least, (uint32_t)o.vocab_size, &e))
		goto out;
	if (o.pieces) {
		rc = tokenize_pieces(&o, &v, text, len, &e);
		goto out;
	}
	if (model && count_ids(&v, text, len, &e))
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
