/* Shared by the opt_*.c files only. */
#ifndef RNNLM_BASE_OPT_PRIVATE_H
#define RNNLM_BASE_OPT_PRIVATE_H

#include "base/opt.h"

#define OPT_PROGRAM "rnnlm"

/* opt_value.c: text to value and back. Errors begin with "--name: ". */
int opt_value_set(const struct opt *o, void *dst, const char *value, struct err *e);
/* "1 to 65536", "at least 0"; nothing if any value will do. */
int opt_value_range(const struct opt *o, struct buf *out, struct err *e);

/* opt_help.c: what the texts made from the table have in common. */
bool opt_shown(const struct opt *o);
/* What stands for the value in help: "N", "FILE", "rnn|lstm|gru"; "" for flags. */
int opt_metavar(const struct opt *o, struct buf *out, struct err *e);
/* The help text with range, choices and default behind it in brackets. */
int opt_describe(const struct opt *o, struct buf *out, struct err *e);
/* "--name", or "--[no-]name" for a flag that is on by default. */
int opt_long(const struct opt *o, struct buf *out, struct err *e);
bool opt_on_by_default(const struct opt *o);

/* What completes a value or a positional argument. */
enum opt_completion { OPT_COMPLETE_NOTHING, OPT_COMPLETE_FILES, OPT_COMPLETE_FOLDERS, OPT_COMPLETE_COMMANDS };
enum opt_completion opt_value_completion(const struct opt *o);
enum opt_completion opt_args_completion(const struct opt_command *c);

#endif
