/* What the commands share. src/cmd is the only folder that prints or exits:
 * data to stdout; progress, notes and errors to stderr. */
#ifndef RNNLM_CMD_CMD_H
#define RNNLM_CMD_CMD_H

#include <stdbool.h>

#include "base/err.h"
#include "base/json.h"
#include "base/mem.h"
#include "base/opt.h"
#include "mat/kern.h"

#define LN2 0.69314718055994530942 /* nats in a bit */

enum { EXIT_OK = 0, EXIT_FAILED = 1, EXIT_USAGE = 2, EXIT_INTERRUPTED = 130 };

/* A command: its option table and what runs it. argv is without the command's
 * name. run returns an exit code. */
struct cmd {
	const struct opt_command *opt;
	int (*run)(int argc, char **argv);
};
extern const struct cmd cmd_tokenize, cmd_train, cmd_sample, cmd_score, cmd_correct, cmd_bench, cmd_info, cmd_help;
extern const struct cmd *const cmd_all[]; /* in the order of help, NULL-terminated; main.c */
extern const char cmd_about[];            /* one line: what the program is; main.c */

/* Defaults, then parsing. Returns -1 to go on, or the exit code to return with
 * (help was printed: 0; wrong usage was explained: 2). */
int cmd_parse(const struct cmd *c, int argc, char **argv, void *opts, int *nargs);

/* The help of one command on stdout: exit code. The list of all, for the
 * terminal (or not) on fd. The command of a name, or NULL and e set with the
 * nearest. Columns to fill with help. */
int cmd_show_help(const struct cmd *c);
int cmd_overview(struct buf *out, int fd, struct err *e);
const struct cmd *cmd_find(const char *name, struct err *e);
int cmd_help_width(void);

/* "rnnlm: message" on stderr (red "error" on a colour terminal); returns
 * EXIT_FAILED. cmd_usage adds where help is found (c NULL: of the program) and
 * returns EXIT_USAGE. */
int cmd_fail(const struct err *e);
int cmd_usage(const struct cmd *c, const struct err *e);
/* A note on stderr: "rnnlm: ..." */
void cmd_note(const char *fmt, ...) ERR_PRINTF(1, 2);

/* Options that several commands have, as rows for their tables; each expects
 * members of these names in the command's options struct T. */
#define CMD_OPT_MODEL(T)                                                                   \
	{.name = "model", .letter = 'm', .type = OPT_STRING, .offset = offsetof(T, model), .arg = "FILE", \
	 .help = "model file; without it $RNNLM_MODEL, else the newest in models/, else the small model that comes with the program"}
#define CMD_OPT_JSON(T)                                                                    \
	{.name = "json", .type = OPT_FLAG, .offset = offsetof(T, json),                        \
	 .help = "one JSON object per result line"}
#define CMD_OPT_THREADS(T)                                                                 \
	{.name = "threads", .type = OPT_INT, .offset = offsetof(T, threads), .def = "0", .min = 0, .max = 1024, \
	 .flags = OPT_RESUME, .arg = "N", .help = "threads; 0 = as many as this process may use CPUs"}
#define CMD_OPT_PRECISION(T)                                                               \
	{.name = "precision", .type = OPT_CHOICE, .offset = offsetof(T, precision), .def = "auto", \
	 .choices = cmd_precision_names,                                                       \
	 .help = "inputs of the large products: float32 or rounded to bfloat16; auto: as the model was trained"}
#define CMD_OPT_SEED(T)                                                                    \
	{.name = "seed", .type = OPT_INT, .offset = offsetof(T, seed), .def = "1", .min = 0, .max = 9e15, \
	 .flags = OPT_STORED, .arg = "N", .help = "seed of all random numbers"}

/* --precision: its choices, and what a choice means here: auto is bf16 where the CPU
 * multiplies it natively, else f32. */
extern const char *const cmd_precision_names[]; /* auto, f32, bf16 */
enum precision cmd_precision(int choice);

/* Threads for steps of so many streams each at a model of so many weights, where none are
 * asked for: one if a step is over before threads have met. */
int cmd_stream_threads(size_t weights, size_t streams);

/* The model to use by the rules of -m, named on stderr unless given by -m;
 * path is made (mem_free it). *bundled says it is the one that ships. */
int cmd_model_path(const char *given, char **path, bool *bundled, struct err *e);

/* SIGINT, SIGTERM and SIGHUP (unless ignored, as under nohup) set a flag that long loops
 * look at; a second SIGINT ends at once with status 130. cmd_interrupt_code: the exit
 * code that says which it was, 128 + its number (130 for SIGINT). */
void cmd_catch_signals(void);
bool cmd_interrupted(void);
struct io_lines;
/* Waits until the writer of lines has more, or is gone. -1 "interrupted" after a signal:
 * a read would go on waiting. */
int cmd_wait_for_line(const struct io_lines *r, struct err *e);
int cmd_interrupt_code(void);

/* Prints the buffer to stdout and clears it; a failure is found by
 * io_close_stdout at exit, cmd_out_failed says it early so that streaming
 * commands stop. */
void cmd_out(struct buf *b);
bool cmd_out_failed(void);

/* For main only. Remembers how the program was called: what ships with it is
 * looked for beside it. And the last thing before exit: whether stdout took
 * everything; returns the exit code, which a failure turns from 0 into 1. A
 * reader that has gone away (head) is no news to anyone: no message. */
void cmd_set_program(const char *argv0);
int cmd_finish(int code);

#endif
