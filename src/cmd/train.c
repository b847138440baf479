/* rnnlm train: corpus in, model out. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/io.h"
#include "base/pool.h"
#include "base/term.h"
#include "cmd/cmd.h"
#include "cmd/train.h"

static const double USUAL_SECONDS = 180; /* of training, if no length is given */

#define AT(member) .offset = offsetof(struct train_options, member)
#define GIVEN(member) .set_offset = offsetof(struct train_options, member##_given)

const struct opt train_table[] = {
	{.name = "out", .letter = 'o', .type = OPT_STRING, AT(out), .arg = "FILE", .group = "Files",
	 .help = "model file to write; without it models/STEM.safetensors, STEM being the first corpus's name. "
	         "A model that is replaced is kept under a numbered name (FILE.~1~)"},
	{.name = "resume", .type = OPT_FLAG, AT(resume), .flags = OPT_RESUME,
	 .help = "go on with the run that the model file holds, with the same text; its options need not be repeated, and "
	         "only length, threads, log and saving may be changed"},
	{.name = "init-from", .type = OPT_STRING, AT(init_from), .arg = "FILE",
	 .help = "start a new training from the weights of this model: its cell, layers, widths and unit are taken "
	         "over, and its vocabulary: of char and byte with the new symbols of the text added, of word and bpe as it is"},
	{.name = "save-every", .type = OPT_DURATION, AT(save_every), .def = "0", .min = 0, .max = 1e9, .arg = "TIME",
	 .flags = OPT_RESUME, .help = "time between checkpoints; 0 = 30s, or as long as keeps saving below a hundredth of the time"},
	{.name = "save-steps", .type = OPT_INT, AT(save_steps), .def = "0", .min = 0, .max = 1e12, .arg = "N",
	 .flags = OPT_RESUME, .help = "also save every N steps; 0 = by time only"},
	{.name = "val", .type = OPT_STRING, AT(val), .arg = "FILE", .flags = OPT_RESUME,
	 .help = "held-out text; without it the last part of the corpus is held out (--val-frac)"},
	{.name = "val-frac", .type = OPT_FRACTION, AT(val_frac), .def = "0.1", .min = 0, .max = 0.9, .arg = "F",
	 .flags = OPT_STORED, .help = "fraction of the text that is held out at its end: of n characters the first floor(n(1-F)) train"},
	{.name = "log", .type = OPT_STRING, AT(log), .arg = "FILE", .flags = OPT_RESUME,
	 .help = "table of the run, tab-separated; without it beside the model with the ending .tsv; none: no log"},
	CMD_OPT_JSON(struct train_options),
	{.name = "unit", .type = OPT_CHOICE, AT(unit), .def = "char", .choices = unit_names, .flags = OPT_STORED,
	 .group = "Text", .help = "what a symbol is: a code point (char), a byte, a word (rare ones are spelled), or a piece of "
	         "byte-pair encoding learnt from the training part (bpe)"},
	{.name = "vocab-size", .type = OPT_INT, AT(vocab_size), .def = "0", .min = 0, .max = VOCAB_MOST, .arg = "N",
	 .flags = OPT_STORED, .help = "symbols of unit word or bpe, at most, the 256 bytes and the unknown symbol among them; "
	         "0 = 10000 words, 1024 bpe pieces"},
	{.name = "min-count", .type = OPT_INT, AT(min_count), .def = "0", .min = 0, .max = 1e9, .arg = "N",
	 .flags = OPT_STORED, .help = "symbols rarer than this in the training part count as unknown (char, byte); words and "
	         "pieces rarer than this are spelled; 0 = every character that occurs, all 256 bytes, and 2 for word and bpe, so "
	         "that there is spelling to learn from"},
	{.name = "cell", .type = OPT_CHOICE, AT(cell), GIVEN(cell), .def = "lstm", .choices = cell_names, .flags = OPT_STORED,
	 .group = "Model", .help = "recurrent cell; the equations are those of PyTorch's nn.RNN, nn.LSTM and nn.GRU"},
	{.name = "layers", .type = OPT_INT, AT(layers), GIVEN(layers), .def = "2", .min = 1, .max = MODEL_MAX_LAYERS, .arg = "N",
	 .flags = OPT_STORED, .help = "recurrent layers, one above the other"},
	{.name = "hidden", .type = OPT_INT, AT(hidden), GIVEN(hidden), .def = "256", .min = 1, .max = MODEL_MAX_HIDDEN, .arg = "N",
	 .flags = OPT_STORED, .help = "units of a layer"},
	{.name = "embed", .type = OPT_INT, AT(embed), GIVEN(embed),
	 .def = "0", .min = 0, .max = MODEL_MAX_HIDDEN, .arg = "N", .flags = OPT_STORED,
	 .help = "width of the embedding of input symbols; 0 = one-hot input; for word and bpe the default is the width of "
	         "--hidden, at most 256 unless tied"},
	{.name = "tie", .type = OPT_FLAG, AT(tie), .flags = OPT_STORED,
	 .help = "one matrix for embedding and output (Press and Wolf 2017); needs --embed as wide as --hidden"},
	{.name = "residual", .type = OPT_FLAG, AT(residual), .flags = OPT_STORED,
	 .help = "add a layer's input to its output (from the second layer on)"},
	{.name = "dropout", .type = OPT_REAL, AT(dropout), GIVEN(dropout), .def = "0.1", .min = 0, .max = 0.95, .arg = "P",
	 .flags = OPT_STORED, .help = "rate of locked dropout between layers and before the output"},
	{.name = "dropout-in", .type = OPT_REAL, AT(dropout_in), GIVEN(dropout_in), .def = "0", .min = 0, .max = 0.95, .arg = "P",
	 .flags = OPT_STORED, .help = "rate of dropout of whole input symbols"},
	{.name = "dropout-hh", .type = OPT_REAL, AT(dropout_hh), .def = "0", .min = 0, .max = 0.95, .arg = "P",
	 .flags = OPT_STORED, .help = "rate of dropout of recurrent weights, the same for all streams and positions of a step"},
	{.name = "precision", .type = OPT_CHOICE, AT(precision), .def = "auto", .choices = cmd_precision_names,
	 .flags = OPT_STORED, .help = "inputs of the large products: float32, or rounded to bfloat16 (sums, weights, states stay "
	         "float32); auto is bf16 where the CPU multiplies it. Kept in the model, and used with it everywhere"},
	{.name = "plan", .type = OPT_FLAG, AT(plan), .group = "Length",
	 .help = "choose what is not given of width, streams and dropout by the speed of this machine, the length of the text and the "
	         "time there is; done anyway if the length is a time and neither --cell, --layers, --hidden, --embed, --tie nor "
	         "--residual is given"},
	{.name = "dry-run", .type = OPT_FLAG, AT(dry_run), .flags = OPT_RESUME,
	 .help = "say what would be trained, and stop"},
	{.name = "for", .type = OPT_DURATION, AT(seconds), .arg = "TIME", .flags = OPT_STORED | OPT_RESUME,
	 .help = "wall-clock time (90s, 3m, 1h30m), validation included: the rate's schedule ends on the deadline; "
	         "3m when no length is given. With --resume the time of earlier sessions counts, and the length may be "
	         "changed: the schedule follows the new one from there on"},
	{.name = "epochs", .type = OPT_REAL, AT(epochs), .min = 0, .max = 1e6, .arg = "N", .flags = OPT_STORED | OPT_RESUME,
	 .help = "passes over the training text"},
	{.name = "steps", .type = OPT_INT, AT(steps), .min = 0, .max = 1e12, .arg = "N", .flags = OPT_STORED | OPT_RESUME,
	 .help = "optimiser steps"},
	{.name = "ensemble", .type = OPT_INT, AT(ensemble), GIVEN(ensemble), .def = "1", .min = 1, .max = 64, .arg = "N", .flags = OPT_STORED,
	 .help = "train N models, each for its share of the time or for all the steps or epochs, and join them into one of N times "
	         "the width: an average that is better than each of them, most where the text is short"},
	{.name = "patience", .type = OPT_INT, AT(patience), .def = "0", .min = 0, .max = 1e9, .arg = "N", .flags = OPT_RESUME,
	 .help = "end sooner, when the last N validations brought no improvement; 0 = never"},
	{.name = "batch", .type = OPT_INT, AT(batch), GIVEN(batch), .def = "32", .min = 1, .max = 65536, .arg = "N", .flags = OPT_STORED,
	 .group = "Optimisation", .help = "parallel streams of text"},
	{.name = "seq", .type = OPT_INT, AT(seq), .def = "64", .min = 1, .max = 65536, .arg = "N", .flags = OPT_STORED,
	 .help = "steps of truncated backpropagation through time; the state is carried from block to block"},
	{.name = "restart", .type = OPT_REAL, AT(restart), .def = "0.01", .min = 0, .max = 1, .arg = "P",
	 .flags = OPT_STORED, .help = "chance of a stream to start a block from the zero state, so that the model also learns to begin a text"},
	{.name = "optimizer", .type = OPT_CHOICE, AT(optimizer), .def = "muon", .choices = optimizer_names, .flags = OPT_STORED,
	 .help = "muon orthogonalises the steps of the matrices between hidden units and leaves the rest to Adam; "
	         "adam adds weight decay to the gradient, adamw takes it off the weights"},
	{.name = "lr", .type = OPT_REAL, AT(lr), .def = "0", .min = 0, .max = 100, .arg = "R", .flags = OPT_STORED,
	 .help = "learning rate at its highest (with muon: of what it leaves to Adam); 0 = chosen by optimiser and width"},
	{.name = "muon-lr", .type = OPT_REAL, AT(muon_lr), .def = "0.03", .min = 0, .max = 100, .arg = "R", .flags = OPT_STORED,
	 .help = "rate of muon's matrices at its highest: how far a step moves them in every direction"},
	{.name = "momentum", .type = OPT_REAL, AT(momentum), .def = "0.95", .min = 0, .max = 0.9999, .arg = "M", .flags = OPT_STORED,
	 .help = "momentum of muon and sgd"},
	{.name = "schedule", .type = OPT_CHOICE, AT(schedule), .def = "cosine", .choices = schedule_names, .flags = OPT_STORED,
	 .help = "how the rate falls: over the run, to a fiftieth at its end; or, with plateau, by half whenever "
	         "validation has stopped improving (--plateau), six times at most"},
	{.name = "plateau", .type = OPT_INT, AT(plateau), .def = "2", .min = 1, .max = 1e9, .arg = "N", .flags = OPT_STORED,
	 .help = "validations in a row without improvement that halve the rate with --schedule=plateau"},
	{.name = "warmup", .type = OPT_INT, AT(warmup), .def = "50", .min = 0, .max = 1e9, .arg = "N", .flags = OPT_STORED,
	 .help = "steps over which the rate rises at the start"},
	{.name = "clip", .type = OPT_REAL, AT(clip), .def = "1", .min = 0, .max = 1e9, .arg = "NORM", .flags = OPT_STORED,
	 .help = "largest norm of the gradient of all parameters together; 0 = no clipping"},
	{.name = "weight-decay", .type = OPT_REAL, AT(decay), .def = "0", .min = 0, .max = 10, .arg = "R", .flags = OPT_STORED,
	 .help = "weight decay of the matrices"},
	{.name = "eval-every", .type = OPT_INT, AT(eval_every), .def = "0", .min = 0, .max = 1e12, .arg = "N",
	 .flags = OPT_STORED, .help = "steps between validations; 0 = so that they take a few percent of the time"},
	{.name = "sample-every", .type = OPT_INT, AT(sample_every), .def = "0", .min = 0, .max = 1e12, .arg = "N",
	 .flags = OPT_RESUME, .help = "steps between samples of the model's text on standard error, to watch it learn; they change "
	         "nothing in the result; 0 = none"},
	CMD_OPT_SEED(struct train_options),
	CMD_OPT_THREADS(struct train_options),
	{0},
};

static const struct opt_example examples[] = {
	{"rnnlm train corpus.txt", "three minutes, the model planned for them; it is models/corpus.safetensors"},
	{"rnnlm train --plan --dry-run --for 1h corpus.txt", "what would be trained in an hour, and no more than that"},
	{"rnnlm train --for 20m --hidden=512 --dropout=0.3 corpus.txt", "a larger model, for longer"},
	{"rnnlm train --ensemble=4 --hidden=256 --dropout=0 --epochs=3 corpus.txt", "four models of three passes each, joined into one"},
	{"rnnlm train --cell=gru --layers=1 --restart=0.05 --epochs=5 -o names.safetensors names.txt",
	 "five passes over a small file of short texts, whose beginnings matter"},
	{"rnnlm train --epochs=100 --schedule=plateau --plateau=2 --patience=6 notes.txt",
	 "the rate halved after two validations without gain, the end after six"},
	{"rnnlm train --val valid.txt --json book.txt | jq .val_bits", "held-out text from a file; one figure of the result"},
	{"rnnlm train --val-frac=0.05 --min-count=3 --log=rare.tsv book.txt",
	 "less held out; symbols that occur once or twice count as unknown"},
	{"rnnlm train --steps=2000 --batch=64 --seq=128 --eval-every=250 --seed=7 --threads=2 book.txt",
	 "a length in steps: the same model at every call, byte for byte"},
	{"rnnlm train --precision=f32 --save-every=10m --save-steps=5000 --epochs=10 corpus.txt",
	 "float32 throughout; a checkpoint each ten minutes and each 5000 steps"},
	{"rnnlm train --layers=4 --residual --dropout=0.2 --dropout-in=0.05 --dropout-hh=0.1 corpus.txt",
	 "many layers, held back from learning the text by heart"},
	{"rnnlm train --lr=0.004 --muon-lr=0.015 --momentum=0.9 --warmup=500 --clip=0.5 corpus.txt",
	 "half the rate, a longer start, smaller steps: for a run that will not settle"},
	{"rnnlm train --optimizer=adamw --weight-decay=0.01 corpus.txt", "another optimiser, to compare"},
	{"rnnlm train --for 10m --sample-every=500 corpus.txt", "shows what the model writes, every 500 steps"},
	{"rnnlm train --unit=bpe --vocab-size=2000 book.txt", "pieces of words, 2000 of them: a text is fewer symbols, each of which says more"},
	{"rnnlm train --unit=word --hidden=256 --embed=256 --tie book.txt", "words; one matrix says what each is, read or written"},
	{"rnnlm train --resume corpus.txt", "go on with models/corpus.safetensors where it was stopped"},
	{"rnnlm train --resume --for 1h corpus.txt", "make a run longer: an hour in all"},
	{"rnnlm train --init-from=models/corpus.safetensors --for 1m -o fine.safetensors more.txt",
	 "a new training on another text, from the weights of an old model"},
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
	        "A symbol is what --unit says. With word and bpe a text could be cut in pieces in many ways; a model reads "
	        "it in one of them, and the probability it gives a text is that of this one. Words that are not in the "
	        "vocabulary are spelled by characters, and what is not there either by bytes, so that every text has a "
	        "probability. Bits per character divide by the characters of the text and compare between units; nats per "
	        "symbol do not. Whatever the unit, the same characters are held out.\n\n"
	        "How long to train is said by --for, --epochs or --steps; without them it is three minutes. If it is a time, and "
	        "nothing is said of the model's shape, the run is planned: how fast this machine trains is measured for a second or two, "
	        "and the widest model taken that can read the text often enough in the time; or, if the text is short for that one, "
	        "several narrower ones that are joined. A length in steps or epochs means the same on every machine, and "
	        "nothing is planned.\n\n"
	        "An ensemble's members (--ensemble) are trained one after the other, with the seeds from --seed on, each in a "
	        "file of its own, FILE.memberN, with a log beside it; they go when the last is finished. The model is written "
	        "whenever a member is finished, and --resume goes on with the one that is not. The joined model is an "
	        "ordinary one, with zeros between the members: its logits are the mean of theirs.\n\n"
	        "Ctrl-C (SIGINT), SIGTERM and SIGHUP finish the step, save and stop, with exit status 130, 143 and 129; a "
	        "second Ctrl-C ends at once. The file holds all that training needs to go on: with --resume and the "
	        "same FILEs the run continues as if it had not been stopped, even if it was killed; what was done "
	        "since the last checkpoint (--save-every) is done again. A run that has reached its length goes on when "
	        "given a longer one. If a checkpoint cannot be written the last one is kept and another attempt made "
	        "later. The same seed, options and number of steps give the same file byte for byte at any number of "
	        "threads and however often the run was interrupted.\n\n"
	        "The log has the columns step, epoch, seconds, tokens, train_nats (mean since the row before), val_nats "
	        "(where there was a validation), lr, grad_norm (before clipping) and tokens_per_s. With --json the last "
	        "line on standard output is a summary.\n\n"
	        "At the end stands what simpler models say of the same held-out text: the frequencies of symbols "
	        "(unigram), and an interpolated Kneser-Ney model of the four symbols before (5-gram). A model that is "
	        "worth its time is better than both. In the summary of --json they are unigram_nats and ngram_nats, per "
	        "symbol as val_nats, and ngram_bytes, the memory of the n-gram model.",
	.opts = train_table,
	.examples = examples,
	.min_args = 0, /* checked by the command, which knows more to say */
	.max_args = -1,
};

/* --- the command ------------------------------------------------------------------------ */

static int64_t default_embed(const struct train_options *o)
{
	/* One-hot, the table of layer 0 and its gradient would be (V, gates * hidden). */
	if (unit_pieces((enum unit)o->unit) && !o->init_from && !o->embed_given && o->embed == 0)
		return o->tie || o->hidden < 256 ? o->hidden : 256;
	return o->embed;
}

/* Options whose default depends on others, so that what is stored is what was used. */
static void choose_defaults(struct train_options *o)
{
	o->embed = default_embed(o);
	if (!o->vocab_size)
		o->vocab_size = vocab_default_size((enum unit)o->unit);
}

/* A run that goes on may repeat what it was begun with. */
static int check_vocab_size(const struct train_options *o, struct err *e)
{
	if (o->resume)
		return 0;
	if (o->vocab_size && o->init_from)
		return err_set(e, "--vocab-size and --init-from exclude each other: the vocabulary is that of %s", o->init_from);
	if (o->vocab_size && !unit_pieces((enum unit)o->unit))
		return err_set(e, "--vocab-size is for --unit=word and --unit=bpe; for %s --min-count leaves rare symbols out",
		               unit_names[o->unit]);
	if (o->vocab_size && o->vocab_size < VOCAB_LEAST)
		return err_set(e, "--vocab-size: at least %u: 256 are the bytes, one the unknown symbol", VOCAB_LEAST);
	return 0;
}

static int check_options(const struct train_options *o, struct err *e)
{
	if (check_vocab_size(o, e))
		return -1;
	if ((o->seconds > 0) + (o->steps > 0) + (o->epochs > 0) > 1)
		return err_set(e, "only one of --for, --epochs and --steps says how long to train");
	if (o->plan && (o->steps > 0 || o->epochs > 0))
		return err_set(e, "--plan plans for a time: give --for instead of %s", o->steps > 0 ? "--steps" : "--epochs");
	if (o->plan && (o->resume || o->init_from))
		return err_set(e, "--plan plans a new model; %s has one", o->resume ? "the run of --resume" : "--init-from");
	if (o->resume && o->init_from)
		return err_set(e, "--resume goes on with a run and --init-from starts a new one: give one of them");
	if (o->ensemble > 1 && o->init_from)
		return err_set(e, "--ensemble trains its members from first weights of their own, and --init-from has one model's: "
		                  "give one of them");
	if (o->ensemble > 1 && o->tie)
		return err_set(e, "--tie and --ensemble exclude each other: the embedding is laid side by side, and the output averaged");
	if (o->tie && (o->resume || o->init_from))
		return 0; /* the widths are those of the file */
	if (o->tie && default_embed(o) != o->hidden)
		return err_set(e, "--tie needs an embedding as wide as the hidden layer: --embed=%lld",
		               (long long)o->hidden);
	return 0;
}

static int default_path(const struct train_options *o, const char *first, struct buf *path, struct err *e)
{
	if (o->out)
		return buf_puts(path, o->out, e);
	char *stem = corpus_stem(first, e);
	int rc = !stem || buf_puts(path, "models/", e) || buf_puts(path, stem, e) || buf_puts(path, ".safetensors", e) ? -1 : 0;
	mem_free(stem);
	return rc;
}

static int check_files(const struct train_options *o, int nfiles, struct err *e)
{
	if (nfiles)
		return 0;
	if (o->resume)
		return err_set(e, "the text is needed again to go on: rnnlm train --resume FILE... (- is standard input)");
	return err_set(e, "an argument is missing: rnnlm %s %s", command.name, command.synopsis);
}

/* The text, as the model that is gone on with or started from wants it. */
static int load_text(struct train_options *o, const char *const *files, int nfiles, const struct loaded *old,
                     struct train_job *j, struct err *e)
{
	struct corpus_source source = {.files = files, .nfiles = nfiles, .val_file = o->val, .val_millionths = o->val_frac,
	                               .unit = (enum unit)o->unit, .min_count = (uint64_t)o->min_count,
	                               .vocab_size = (uint32_t)o->vocab_size};
	/* Pieces cannot be added to those that a model of pieces knows, and need not be. */
	if (o->resume || (o->init_from && unit_pieces(old->vocab.unit)))
		source.fixed = &old->vocab;
	else if (o->init_from)
		source.base = &old->vocab;
	struct corpus *c = &j->corpus;
	if (corpus_load(c, &source, e) || (o->resume && train_check_corpus(old, c, e)) ||
	    vocab_to_json(&c->vocab, &j->vocab, e))
		return -1;
	j->data = (struct train_data){.train = c->train, .ntrain = c->ntrain, .val = c->val, .nval = c->nval,
	                              .first = c->vocab.newline < 0 ? NO_TARGET : (uint32_t)c->vocab.newline};
	if (!c->nval && (o->patience || o->schedule == SCHEDULE_PLATEAU))
		return err_set(e, "%s looks at held-out text, and there is none: give some with --val or --val-frac",
		               o->patience ? "--patience" : "--schedule=plateau");
	return 0;
}

static int plan(struct train_options *o, const struct train_job *j, struct err *e)
{
	struct model_config mc;
	struct train_config tc;
	train_configure(o, j, cmd_precision(o->precision), &mc, &tc);
	return train_plan(o, &mc, &tc, &j->data, j->pool, e);
}

static int train(struct train_options *o, const struct train_args *args, const char *const *files, int nfiles,
                 int *exit_code, struct err *e)
{
	struct train_job j = {.files = files, .nfiles = nfiles, .threads = o->threads ? (int)o->threads : pool_cpus()};
	struct loaded old = {0}; /* what is gone on with, or started from */
	struct buf path = {0}, first = {0};
	struct train_end end = {0};
	struct io_claim claim = {.fd = -1};
	int rc = -1;

	if (default_path(o, files[0], &path, e) || train_member_path(path.p, 1, &first, e))
		goto out;
	if (o->resume && io_claim_take(&claim, path.p, e))
		goto out;
	bool members = o->resume && access(first.p, F_OK) == 0;
	if ((o->resume && train_open_resumed(o, args, members ? first.p : path.p, &old, e)) ||
	    (o->init_from && (loaded_open(&old, o->init_from, e) || train_init_options(o, &old, args, e))) ||
	    train_check_apart(o, path.p, files, nfiles, e))
		goto out;
	if (!o->resume)
		choose_defaults(o);
	if (!(o->seconds > 0) && !(o->epochs > 0) && !o->steps)
		o->seconds = USUAL_SECONDS;
	if (load_text(o, files, nfiles, &old, &j, e) || train_check_writable(path.p, e) ||
	    (!o->resume && !o->dry_run && io_claim_take(&claim, path.p, e)))
		goto out;
	cmd_catch_signals();
	if (!(j.pool = pool_new(j.threads, e)) || (train_planned(o) && plan(o, &j, e)))
		goto out;
	if (cmd_interrupted()) { /* a model of no steps is not worth replacing another */
		cmd_note("stopped before training; nothing was written");
		*exit_code = cmd_interrupt_code();
		rc = 0;
		goto out;
	}
	if (!o->resume && !o->dry_run && train_retire_members(path.p, e))
		goto out;
	rc = o->ensemble > 1 ? train_ensemble(o, &j, path.p, &old, &end, e) : train_one(o, &j, path.p, &old, &end, e);
	if (rc == 0 && end.stopped > 0)
		*exit_code = cmd_interrupt_code();
out:
	io_claim_drop(&claim);
	loaded_close(&old);
	pool_free(j.pool);
	corpus_free(&j.corpus);
	buf_free(&j.vocab);
	buf_free(&path);
	buf_free(&first);
	return rc;
}

static int run(int argc, char **argv)
{
	struct train_options o;
	struct err e;
	struct train_args args = {.argc = argc, .argv = mem_new((size_t)argc + 1, sizeof *argv, &e)};
	if (!args.argv)
		return cmd_fail(&e);
	memcpy(args.argv, argv, (size_t)argc * sizeof *argv); /* parsing changes the order */
	int nargs, exit_code = EXIT_OK, code = cmd_parse(&cmd_train, argc, argv, &o, &nargs);
	if (code < 0 && (check_options(&o, &e) || check_files(&o, nargs, &e)))
		code = cmd_usage(&cmd_train, &e);
	if (code < 0)
		code = train(&o, &args, (const char *const *)argv, nargs, &exit_code, &e) ? cmd_fail(&e) : exit_code;
	mem_free(args.argv);
	return code;
}

const struct cmd cmd_train = {&command, run};
