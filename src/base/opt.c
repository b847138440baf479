/* Parsing a command line by a table, and what an unknown word was meant to be. */
#include "base/opt.h"

#include <stdio.h>
#include <string.h>

#include "base/opt_private.h"

static size_t value_size(enum opt_type type)
{
	switch (type) {
	case OPT_FLAG: return sizeof(bool);
	case OPT_INT: case OPT_FRACTION: return sizeof(int64_t);
	case OPT_REAL: case OPT_DURATION: return sizeof(double);
	case OPT_CHOICE: return sizeof(int);
	case OPT_STRING: break;
	}
	return sizeof(const char *);
}

int opt_defaults(const struct opt_command *c, void *dst, struct err *e)
{
	static const char *const no_text;
	for (const struct opt *o = c->opts; o->name; o++) {
		void *value = (char *)dst + o->offset;
		if (o->type == OPT_STRING)
			memcpy(value, &no_text, sizeof(no_text));
		else
			memset(value, 0, value_size(o->type));
		if (o->set_offset)
			*(bool *)((char *)dst + o->set_offset) = false;
		if (o->def && opt_value_set(o, dst, o->def, e) < 0)
			return err_wrap(e, "default of %s", c->name);
	}
	return 0;
}

static const struct opt *find(const struct opt_command *c, const char *name, size_t n)
{
	for (const struct opt *o = c->opts; o->name; o++)
		if (strncmp(o->name, name, n) == 0 && !o->name[n])
			return o;
	return NULL;
}

static const struct opt *find_letter(const struct opt_command *c, char letter)
{
	for (const struct opt *o = c->opts; o->name; o++)
		if (o->letter && o->letter == letter)
			return o;
	return NULL;
}

int opt_distance(const char *a, const char *b)
{
	enum { MOST = 64 };
	size_t n = strlen(a), m = strlen(b);
	if (n >= MOST || m >= MOST)
		return (int)(n > m ? n : m); /* no name is as long: nothing in common */
	int d[3][MOST + 1]; /* row i holds the distances of a's first i to b's beginnings */
	for (size_t i = 0; i <= n; i++) {
		int *row = d[i % 3], *above = d[(i + 2) % 3], *above2 = d[(i + 1) % 3];
		for (size_t j = 0; j <= m; j++) {
			if (i == 0 || j == 0) {
				row[j] = (int)(i + j);
				continue;
			}
			int best = above[j - 1] + (a[i - 1] != b[j - 1]);
			if (above[j] + 1 < best)
				best = above[j] + 1;
			if (row[j - 1] + 1 < best)
				best = row[j - 1] + 1;
			bool swap = i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1];
			if (swap && above2[j - 2] + 1 < best)
				best = above2[j - 2] + 1;
			row[j] = best;
		}
	}
	return d[n % 3][m];
}

/* How far a known name is from what was typed; -1 if it cannot be meant. One
 * letter in three may be wrong; else one may be the other's beginning
 * (--temperature for --temp), which counts as farther. */
static int nearness(const char *word, const char *name)
{
	int n = (int)strlen(word), m = (int)strlen(name), least = n < m ? n : m;
	int d = opt_distance(word, name);
	if (d <= ((n > m ? n : m) + 1) / 3 && d < least)
		return d;
	if (least >= 2 && strncmp(word, name, (size_t)least) == 0)
		return 1000 + d;
	return -1;
}

const char *opt_nearest(const char *word, const char *const *list)
{
	const char *nearest = NULL;
	int best = -1;
	for (; *list; list++) {
		int d = nearness(word, *list);
		if (d >= 0 && (best < 0 || d < best)) {
			best = d;
			nearest = *list;
		}
	}
	return nearest;
}

static int unknown_long(const struct opt_command *c, const char *name, size_t n, struct err *e)
{
	char word[64], best_name[72] = "";
	snprintf(word, sizeof(word), "%.*s", (int)(n < sizeof(word) ? n : sizeof(word) - 1), name);
	bool no = strncmp(word, "no-", 3) == 0;
	int best = nearness(word, "help");
	if (best >= 0)
		strcpy(best_name, "help");
	for (const struct opt *o = c->opts; o->name; o++) {
		int d = o->flags & OPT_HIDDEN ? -1 : nearness(word, o->name);
		bool negated = false;
		if (no && o->type == OPT_FLAG) {
			int without = nearness(word + 3, o->name);
			negated = without >= 0 && (d < 0 || without < d);
			d = negated ? without : d;
		}
		if (d >= 0 && (best < 0 || d < best)) {
			best = d;
			snprintf(best_name, sizeof(best_name), "%s%s", negated ? "no-" : "", o->name);
		}
	}
	if (best_name[0])
		return err_set(e, "unknown option --%s; did you mean --%s?", word, best_name);
	return err_set(e, "unknown option --%s", word);
}

static int unknown_letter(const struct opt_command *c, const char *arg, struct err *e)
{
	char other = (char)(arg[1] ^ 0x20);
	if (find(c, arg + 1, strlen(arg + 1)))
		return err_set(e, "unknown option %s; did you mean -%s?", arg, arg);
	if (!arg[2] && find_letter(c, other))
		return err_set(e, "unknown option %s; did you mean -%c?", arg, other);
	return err_set(e, "unknown option %s (a text that begins with a dash goes behind --)", arg);
}

/* One argument that is an option, taken apart. */
struct given {
	const struct opt *opt;
	const char *value; /* NULL: not in this argument */
	bool no;           /* --no-flag */
};

static int take_long(const struct opt_command *c, const char *name, struct given *g, struct err *e)
{
	size_t n = strcspn(name, "=");
	g->value = name[n] ? name + n + 1 : NULL;
	g->opt = find(c, name, n);
	if (!g->opt && n > 3 && strncmp(name, "no-", 3) == 0) {
		const struct opt *o = find(c, name + 3, n - 3);
		if (o && o->type != OPT_FLAG)
			return err_set(e, "unknown option --no-%s: --%s is not a flag", o->name, o->name);
		if (o && g->value)
			return err_set(e, "--no-%s takes no value", o->name);
		g->opt = o;
		g->no = true;
	}
	return g->opt ? 0 : unknown_long(c, name, n, e);
}

static int take_short(const struct opt_command *c, const char *arg, struct given *g, struct err *e)
{
	g->opt = find_letter(c, arg[1]);
	if (!g->opt)
		return unknown_letter(c, arg, e);
	g->value = arg[2] ? arg + 2 : NULL;
	if (g->value && g->opt->type == OPT_FLAG)
		return err_set(e, "-%c takes no value, and short options are not joined: %s", arg[1], arg);
	return 0;
}

static int missing_value(const struct opt *o, struct err *e)
{
	struct buf name = {0};
	if (opt_metavar(o, &name, e) == 0)
		err_set(e, "--%s needs a value: --%s %s", o->name, o->name, name.p);
	buf_free(&name);
	return -1;
}

static int check_given(const struct opt_command *c, const void *dst, struct err *e)
{
	for (const struct opt *o = c->opts; o->name; o++)
		if (o->flags & OPT_REQUIRED && !*(const bool *)((const char *)dst + o->set_offset))
			return err_set(e, "--%s is missing", o->name);
	return 0;
}

int opt_parse(const struct opt_command *c, int argc, char **argv, void *dst, int *nargs, bool *help,
              struct err *e)
{
	int n = 0;
	bool ended = false;
	*help = false;
	for (int i = 0; i < argc; i++) {
		char *arg = argv[i];
		if (ended || arg[0] != '-' || !arg[1]) {
			argv[n++] = arg;
			continue;
		}
		if (strcmp(arg, "--") == 0) {
			ended = true;
			continue;
		}
		if (strcmp(arg, "--help") == 0 || strcmp(arg, "-h") == 0) {
			*help = true;
			*nargs = n;
			return 0;
		}
		struct given g = {0};
		if ((arg[1] == '-' ? take_long(c, arg + 2, &g, e) : take_short(c, arg, &g, e)) < 0)
			return -1;
		if (g.opt->type == OPT_FLAG && !g.value)
			g.value = g.no ? "false" : "true";
		if (!g.value && i + 1 < argc)
			g.value = argv[++i];
		if (!g.value)
			return missing_value(g.opt, e);
		if (opt_value_set(g.opt, dst, g.value, e) < 0)
			return -1;
		if (g.opt->set_offset)
			*(bool *)((char *)dst + g.opt->set_offset) = true;
	}
	*nargs = n;
	if (n < c->min_args)
		return err_set(e, "an argument is missing: " OPT_PROGRAM " %s %s", c->name, c->synopsis);
	if (c->max_args >= 0 && n > c->max_args)
		return err_set(e, "unexpected argument '%s': " OPT_PROGRAM " %s %s", argv[c->max_args],
		               c->name, c->synopsis);
	return check_given(c, dst, e);
}

int opt_set(const struct opt_command *c, void *dst, const char *name, const char *value, struct err *e)
{
	const struct opt *o = find(c, name, strlen(name));
	return o ? opt_value_set(o, dst, value, e) : unknown_long(c, name, strlen(name), e);
}
