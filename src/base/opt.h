/* Options. Each command declares its options once, in a table; parsing,
 * --help, the man page, shell completion and the configuration kept in a model
 * file all come from that table.
 *
 * Forms: --name VALUE, --name=VALUE, -n VALUE, -nVALUE; --flag, --no-flag;
 * clusters of short flags are not offered. "--" ends the options; "-" is a
 * positional (standard input). Options may stand behind positionals. A unique
 * prefix of a long name is accepted only if it is the whole name: names are
 * never abbreviated, so that scripts stay valid when options are added. */
#ifndef RNNLM_BASE_OPT_H
#define RNNLM_BASE_OPT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/mem.h"

enum opt_type {
	OPT_FLAG,     /* bool */
	OPT_INT,      /* int64_t within [min, max]; k, m, g suffixes mean 1e3, 1e6, 1e9 */
	OPT_REAL,     /* double within [min, max] */
	OPT_STRING,   /* const char * (points into argv) */
	OPT_CHOICE,   /* int: index into choices */
	OPT_DURATION, /* double, seconds: 90, 90s, 3m, 1h, 1h30m */
	OPT_FRACTION  /* int64_t, millionths: 0.1 = 100000, at most six decimals, [min,max] in units of 1 */
};

enum opt_flags {
	OPT_STORED = 1, /* kept in the model file */
	OPT_RESUME = 2, /* may differ when a run is resumed */
	OPT_HIDDEN = 4, /* not in --help (tests use it) */
	OPT_REQUIRED = 8 /* must be given; needs set_offset */
};

struct opt {
	const char *name;  /* long name, without dashes; NULL ends the table */
	char letter;       /* short name or 0 */
	enum opt_type type;
	unsigned flags;
	size_t offset;     /* of the value in the command's options struct */
	size_t set_offset; /* of a bool that says "was given", or 0 for none: so it must
	                      not be the struct's first member */
	const char *def;   /* default as a user would type it; NULL: zero, unset */
	double min, max;   /* both 0: any value */
	const char *const *choices; /* NULL-terminated; OPT_CHOICE */
	const char *arg;   /* the value's name in help: "N", "FILE", ... (FILE and DIR complete as paths) */
	const char *group; /* heading; NULL: as the option before */
	const char *help;  /* one or two sentences, no full stop needed at the end; no line breaks */
};

struct opt_example {
	const char *command, *what;
};

struct opt_command {
	const char *name;     /* "train" */
	const char *synopsis; /* "[options] FILE..." */
	const char *summary;  /* one line */
	const char *text;     /* paragraphs, separated by blank lines; wrapped by help */
	const struct opt *opts;
	const struct opt_example *examples; /* ended by command == NULL */
	int min_args, max_args; /* positionals; max -1 = any number */
};

/* Sets every default in dst. */
int opt_defaults(const struct opt_command *c, void *dst, struct err *e);

/* Parses argv[0..argc) (without the command's name) into dst, which has been
 * given its defaults; positionals are moved to the front of argv, in order,
 * and *nargs is their number. Errors name the option, what was wrong with it,
 * what is allowed, and for an unknown name the nearest known one. --help and
 * -h set *help and stop. */
int opt_parse(const struct opt_command *c, int argc, char **argv, void *dst, int *nargs, bool *help,
              struct err *e);

/* Sets one option from text, as --name=value would (used to read back what a
 * model file keeps), but does not mark it as given by the user. A string is
 * not copied. -1 with e set if the name is unknown or the value bad. */
int opt_set(const struct opt_command *c, void *dst, const char *name, const char *value, struct err *e);
/* The value of an option as text that opt_set reads back to the same value. */
int opt_text(const struct opt *o, const void *src, struct buf *out, struct err *e);

/* Distance of Damerau and Levenshtein (adjacent swaps count one), and the
 * nearest of a NULL-terminated list if near enough to be meant, else NULL. */
int opt_distance(const char *a, const char *b);
const char *opt_nearest(const char *word, const char *const *list);

/* Texts made from the tables. */
int opt_help(const struct opt_command *c, int width, bool colour, struct buf *out, struct err *e);
int opt_overview(const char *program, const char *about, const struct opt_command *const *cmds,
                 int width, bool colour, struct buf *out, struct err *e);
int opt_man(const char *program, const char *about, const char *version,
            const struct opt_command *const *cmds, struct buf *out, struct err *e); /* roff, man(7) */
int opt_complete_bash(const char *program, const struct opt_command *const *cmds, struct buf *out, struct err *e);
int opt_complete_zsh(const char *program, const struct opt_command *const *cmds, struct buf *out, struct err *e);
int opt_complete_fish(const char *program, const struct opt_command *const *cmds, struct buf *out, struct err *e);

#endif
