/* The parts of `rnnlm train`: options and the command itself (train.c), a run
 * (train_run.c), several that are joined (train_ensemble.c), the files it writes
 * (train_files.c), what it shows on the way (train_report.c, a line of it train_line.c,
 * samples train_sample.c). */
#ifndef RNNLM_CMD_TRAIN_H
#define RNNLM_CMD_TRAIN_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "base/err.h"
#include "base/mem.h"
#include "base/opt.h"
#include "cmd/loaded.h"
#include "nn/train.h"
#include "text/corpus.h"

struct train_options {
	bool json;
	int cell, unit, schedule, precision, optimizer;
	int64_t layers, hidden, embed, batch, seq, warmup, steps, eval_every, seed, threads, min_count, val_frac, vocab_size;
	int64_t plateau, patience, sample_every, save_steps, ensemble;
	bool tie, residual, resume, plan, dry_run;
	bool cell_given, layers_given, hidden_given, embed_given, dropout_given, dropout_in_given, batch_given, ensemble_given;
	double dropout, dropout_in, dropout_hh, restart, lr, muon_lr, momentum, clip, decay, epochs, seconds, save_every;
	const char *val, *out, *log, *init_from;
};
extern const struct opt train_table[];

/* The command line as it was given. */
struct train_args {
	int argc;
	char **argv;
};

/* What all runs of a command share. */
struct train_job {
	const char *const *files; /* the text's */
	int nfiles, threads;
	struct corpus corpus;
	struct buf vocab; /* JSON */
	struct train_data data;
	struct pool *pool;
	/* of an ensemble */
	int member;     /* which one is trained, from 1; 0: the run is all there is */
	double seconds; /* its share of the time */
};

/* How a run ended. */
struct train_end {
	int stopped; /* 0: at its end, 1: before it, -1: nothing was left to do */
	bool impatient, written;
	size_t params;
	uint64_t steps, tokens, best_step;
	double seconds, tokens_per_s, train_nats, val_nats;
};

struct train_session {
	const struct train_options *o;
	const struct corpus *corpus;
	const struct model *model;
	const char *path, *vocab; /* vocab: JSON */
	char *log_path;
	FILE *log;
	int member, members; /* of an ensemble; 1 of 1 if it is none */
	bool written; /* the file at path is this run's own */
	bool save_failed;    /* the last attempt */
	uint64_t saved_step; /* of the checkpoint at path, if it is this run's own */
	/* progress */
	bool tty, utf8;
	double drawn;   /* time of the last redraw */
	int drawn_line; /* something stands on the progress line */
	double told;    /* fraction of the run at the last line that stays */
	double nats_sum; /* since the last validation */
	uint64_t nats_n;
	double train_nats; /* mean of the last full interval */
	double speed;
	struct train_preview *preview; /* of --sample-every, or NULL */
	uint64_t sampled;              /* step of the last sample shown */
};

/* train_run.c */

/* What the options say. */
void train_configure(const struct train_options *o, const struct train_job *j, enum precision precision,
                     struct model_config *mc, struct train_config *tc);
/* One run, which writes path. old: what is gone on with or started from, of which nothing
 * is open if there is none; closed. A member of an ensemble prints no summary. */
int train_one(const struct train_options *o, const struct train_job *j, const char *path, struct loaded *old,
              struct train_end *end, struct err *e);

/* train_ensemble.c */

/* The file of member k, from 1, while the model at path is in the making: FILE.memberK. */
int train_member_path(const char *path, int k, struct buf *out, struct err *e);
/* Files of members that an earlier run to this path has left are put aside. */
int train_retire_members(const char *path, struct err *e);
/* Trains the members one after the other, each in a file of its own, from which it can go
 * on as any run can, and joins those that are finished. */
int train_ensemble(const struct train_options *o, struct train_job *j, const char *path, struct loaded *old,
                   struct train_end *end, struct err *e);

/* train_plan.c */

/* Whether anything is left to the plan: always with --plan; else if the length is a time
 * and nothing is said of the model's shape. */
bool train_planned(const struct train_options *o);
/* Measures how fast this machine trains, for a second, sets the options that were not
 * given, and says so. mc, tc: what the options say. */
int train_plan(struct train_options *o, const struct model_config *mc, const struct train_config *tc,
               const struct train_data *data, struct pool *pool, struct err *e);

/* train_files.c */

/* What a file says of the text: bytes, hash, symbols to train on, symbols held out. */
enum { TRAIN_FACTS = 5 };
struct train_fact {
	const char *key;
	char value[40];
};
void train_corpus_facts(const struct corpus *c, struct train_fact f[TRAIN_FACTS]);
extern const char train_log_header[];

/* What a model file says besides the model: its configuration, the text, the options, and
 * how well it does. */
int train_describe(struct tf_writer *w, const struct train_options *o, const struct corpus *c, const char *vocab,
                   const struct model_config *cfg, uint64_t best_step, double val_nats, struct err *e);
/* Writes a file in the place of path; before the first time what stands there is kept
 * under a numbered name. */
int train_write(struct tf_writer *w, const char *path, bool *written, struct err *e);
/* The hook that writes a checkpoint; arg is the run. */
int train_save(void *arg, struct train *t, struct err *e);
/* Finds out before training whether the model can be written where it is to go. */
int train_check_writable(const char *path, struct err *e);
/* What is written, model and log, is none of the texts that are read, and not one file. */
int train_check_apart(const struct train_options *o, const char *path, const char *const *files, int nfiles, struct err *e);
/* Names the log; opens it: a new one, or, of a run that goes on, behind the row of the
 * step (the rows after it are cut off). */
int train_name_log(struct train_session *r, struct err *e);
int train_open_log(struct train_session *r, bool resumed, uint64_t step, struct err *e);
/* A checkpoint on the way could not be written. */
void train_save_failed(void *arg, const struct err *e);

/* train_resume.c */

/* Opens the model file at path, and gives the options for going on with its run: what it
 * was trained with, and on top of it the command line, which may change only what is
 * marked OPT_RESUME. o: as parsed from the command line alone. The length is the
 * file's unless one is given. */
int train_open_resumed(struct train_options *o, const struct train_args *args, const char *path, struct loaded *old,
                       struct err *e);
/* Options for a new run from the weights of a file, which decides the shape and the unit. */
int train_init_options(struct train_options *o, const struct loaded *old, const struct train_args *args, struct err *e);
/* The text is the one that the run began with. */
int train_check_corpus(const struct loaded *old, const struct corpus *c, struct err *e);
/* Into a model of the corpus's vocabulary, symbol by symbol. */
int train_take_weights(struct model *m, const struct loaded *old, const struct corpus *c, struct err *e);
/* Cuts the log off behind the step: 1; 0 if there is none to go on with. */
int train_resume_log(const char *path, uint64_t step, struct err *e);
/* Takes up the run of the file, and notes where it stands. 1: it had come to its end. */
int train_take_up(struct train_session *r, struct train *t, const struct loaded *old, struct err *e);

/* train_baseline.c */

/* What the held-out text costs those who know little, in nats per symbol; NaN where it
 * was not worked out. */
struct train_baseline {
	double unigram;  /* one symbol at a time, by their frequencies */
	double ngram;    /* after the BASELINE_ORDER - 1 symbols before */
	size_t bytes;    /* memory of the n-gram model */
	size_t counted;  /* symbols it was counted from */
};
#define BASELINE_ORDER 5

/* Counts the training part and scores the held-out part. Of a very long training
 * part the last symbols are counted; a held-out part too long for a few seconds, too
 * little memory, Ctrl-C: a note, and NaN. */
void train_baseline(struct train_baseline *b, const struct corpus *c);
/* The figures on one line, per character. */
void train_print_baseline(const struct train_baseline *b, const struct corpus *c);

/* train_report.c */

void train_report(void *arg, const struct train_report *t); /* the hook after a step */
void train_erase_line(struct train_session *r);
void train_print_plan(const struct train_session *r, const struct train *t, const struct train_config *tc, int threads);
void train_print_summary(const struct train_options *o, const char *path, const struct corpus *c,
                         const struct train_end *end, const struct train_baseline *base);

/* train_line.c */

/* Nats per symbol as bits per character of the text. */
double train_bits_per_char(double nats, size_t symbols, size_t chars);

/* A report as one line of at most width columns (0: as long as it gets): what matters
 * least is left out first. stays: it scrolls away with the rest and is no
 * progress bar to be redrawn. */
int train_line(const struct train_session *r, const struct train_report *t, bool stays, size_t width, struct buf *out,
               struct err *e);

/* train_sample.c */

/* Makes r->preview, which draws from r->model as it is at the time. */
int train_preview_new(struct train_session *r, struct err *e);
void train_preview_free(struct train_preview *p);
/* Shows a sample on standard error, drawn at temperature 0.8 from the zero state as if a
 * newline had been read. A function of the weights, seed and step; touches
 * nothing of the run. */
void train_preview_show(const struct train_session *r, uint64_t step);

#endif
