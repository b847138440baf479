/* The commands of rnnlm sample --interactive. Most set an option of the command line, whose
 * table knows what is allowed. */
#include <stdio.h>
#include <string.h>

#include "base/io.h"
#include "cmd/cmd.h"
#include "cmd/sample_talk.h"

static int set_stop(struct talk *t, const char *value, struct err *e)
{
	return stop_set(&t->s->stop, value, e);
}

static int start_again(struct talk *t, const char *value, struct err *e)
{
	(void)value;
	return talk_reset(t, e);
}

static int quit(struct talk *t, const char *value, struct err *e)
{
	(void)value;
	(void)e;
	t->quit = true;
	return 0;
}

static int save(struct talk *t, const char *value, struct err *e);
static int show_help(struct talk *t, const char *value, struct err *e);

static const struct command {
	const char *name, *arg, *what;
	int (*run)(struct talk *t, const char *value, struct err *e); /* NULL: it sets the option of this name */
} commands[] = {
	{"temp", "T", "temperature; 0 = always the likeliest", NULL},
	{"top-k", "K", "draw from the K likeliest symbols only; 0 = all", NULL},
	{"top-p", "P", "draw from the likeliest symbols that together reach P", NULL},
	{"min-p", "P", "leave out symbols less than P times as likely as the likeliest", NULL},
	{"length", "N", "symbols to draw in a turn", NULL},
	{"seed", "N", "begin the random numbers anew", NULL},
	{"stop", "STRING", "end a turn behind this string (\\n is a newline); nothing: no longer", set_stop},
	{"reset", "", "forget the text so far", start_again},
	{"save", "FILE", "write the text so far to a file", save},
	{"help", "", "this list", show_help},
	{"quit", "", "end, as Ctrl-D does", quit},
};
enum { NCOMMANDS = sizeof commands / sizeof *commands };

/* The value of an option as one would type it. */
static int value_of(const struct talk *t, const char *name, struct buf *out, struct err *e)
{
	const struct opt *o = cmd_sample.opt->opts;
	while (strcmp(o->name, name) != 0)
		o++;
	return opt_text(o, t->o, out, e);
}

static int show_value(const struct talk *t, const char *name, struct err *e)
{
	struct buf value = {0};
	int rc = value_of(t, name, &value, e);
	if (rc == 0)
		cmd_note(":%s %s", name, value.p ? value.p : "");
	buf_free(&value);
	return rc;
}

static int show_help(struct talk *t, const char *ignored, struct err *e)
{
	struct buf value = {0};
	int rc = 0;
	(void)ignored;
	fputs("A line of text: the model reads it behind all text so far and goes on. An empty line: it goes on.\n"
	      "A line that ends in \\ goes on in the next; :: at the beginning stands for a colon. Ctrl-C stops a text.\n",
	      stderr);
	for (int i = 0; rc == 0 && i < NCOMMANDS; i++) {
		const struct command *c = &commands[i];
		buf_clear(&value);
		if (!c->run && (rc = value_of(t, c->name, &value, e)) != 0)
			break;
		fprintf(stderr, "  :%-7s%-7s  %s%s%s%s\n", c->name, c->arg, c->what, value.len ? " (now " : "",
		        value.len ? value.p : "", value.len ? ")" : "");
	}
	buf_free(&value);
	return rc;
}

static int save(struct talk *t, const char *path, struct err *e)
{
	struct io_atomic file = {0};
	char backup[4096];
	if (!*path)
		return err_set(e, ":save needs the name of a file");
	int kept = io_backup(path, backup, sizeof backup, e);
	if (kept < 0 || io_atomic_open(&file, path, e))
		return -1;
	io_atomic_write(&file, t->text.p, t->text.len);
	if (io_atomic_commit(&file, e))
		return -1;
	cmd_note("%s: %zu bytes of text", path, t->text.len);
	if (kept)
		cmd_note("what was there is now %s", backup);
	return 0;
}

static int set_option(struct talk *t, const char *name, const char *value, struct err *e)
{
	struct sample_options before = *t->o;
	if (!*value)
		return show_value(t, name, e);
	if (opt_set(cmd_sample.opt, t->o, name, value, e) == 0 && t->o->top_p <= 0)
		err_set(e, ":top-p: 0 leaves nothing to draw from; allowed is above 0 to 1");
	if (e->msg[0]) {
		*t->o = before;
		return -1;
	}
	if (strcmp(name, "seed") == 0) {
		t->s->seed = (uint64_t)t->o->seed;
		t->drawn = 0;
	}
	return t->tty ? show_value(t, name, e) : 0;
}

static int unknown(const char *name, struct err *e)
{
	const char *names[NCOMMANDS + 1] = {0};
	for (int i = 0; i < NCOMMANDS; i++)
		names[i] = commands[i].name;
	const char *nearest = opt_nearest(name, names);
	if (nearest)
		return err_set(e, "unknown command :%.40s; did you mean :%s?", name, nearest);
	return err_set(e, "unknown command :%.40s; :help lists them, :: begins a text with a colon", name);
}

int talk_obey(struct talk *t, char *line, struct err *e)
{
	size_t n = strlen(line);
	while (n && strchr(" \t\r", line[n - 1]))
		line[--n] = 0;
	char *value = line + strcspn(line, " \t=");
	if (*value)
		*value++ = 0;
	value += strspn(value, " \t");
	const struct command *c = commands;
	while (c < commands + NCOMMANDS && strcmp(c->name, line) != 0)
		c++;
	if (c == commands + NCOMMANDS)
		return unknown(line, e);
	if (!c->run)
		return set_option(t, c->name, value, e);
	if (!*c->arg && *value)
		return err_set(e, ":%s takes no value", c->name);
	return c->run(t, value, e);
}
