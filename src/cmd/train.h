/* The parts of `rnnlm train`: options and the command itself (train.c), the files it
 * writes (train_files.c), what it shows on the way (train_report.c, a line of it
 * train_line.c, samples train_sample.c). */
#ifndef RNNLM_CMD_TRAIN_H
#define RNNLM_CMD_TRAIN_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "base/err.h"
#include "base/mem.h"
#include "base/opt.h"
#include "nn/train.h"
#include "text/corpus.h"

struct train_options {
	bool json;
	int cell, unit, schedule, precision, optimizer;
	int64_t layers, hidden, embed, batch, seq, warmup, steps, eval_every, seed, threads, min_count, val_frac, vocab_size;
	int64_t plateau, patience, sample_every;
	bool tie, residual, out_given, embed_given;
	double dropout, dropout_in, dropout_hh, restart, lr, muon_lr, momentum, clip, decay, epochs, seconds;
	const char *val, *out, *log;
};
extern const struct opt train_table[];

struct train_session {
	const struct train_options *o;
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
	double row_sum; /* since the last row of the log */
	uint64_t row_n;
	double train_nats; /* mean of the last full interval */
	double speed;
	struct train_preview *preview; /* of --sample-every, or NULL */
	uint64_t sampled;              /* step of the last sample shown */
};

/* train_files.c */

/* The hook that writes a checkpoint; arg is the run. */
int train_save(void *arg, struct train *t, struct err *e);
/* Finds out before training whether the model can be written where it is to go. */
int train_check_writable(const char *path, struct err *e);
int train_open_log(struct train_session *r, struct err *e);

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
void train_print_summary(const struct train_session *r, const struct train *t, int stopped,
                         const struct train_baseline *base);

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
