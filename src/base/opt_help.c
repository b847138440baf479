/* --help and the overview of all commands. */
#include <string.h>

#include "base/opt_private.h"
#include "base/term.h"

enum {
	INDENT = 2,
	TEXT_COLUMN = 28, /* of the descriptions; longer names stand on a line of their own */
	NARROW = 60,      /* below this many columns descriptions stand under the names */
	LEAST_WIDTH = 30
};

bool opt_shown(const struct opt *o)
{
	return !(o->flags & OPT_HIDDEN);
}

bool opt_on_by_default(const struct opt *o)
{
	return o->type == OPT_FLAG && o->def && strcmp(o->def, "true") == 0;
}

static int join(const char *const *list, const char *between, struct buf *out, struct err *e)
{
	for (int i = 0; list[i]; i++)
		if (buf_printf(out, e, "%s%s", i ? between : "", list[i]) < 0)
			return -1;
	return 0;
}

/* Whether the choices are few enough to stand as the value's name. */
static bool choices_fit(const struct opt *o)
{
	size_t n = 0;
	for (int i = 0; o->choices[i]; i++)
		n += strlen(o->choices[i]) + 1;
	return !o->arg && n <= 24;
}

int opt_metavar(const struct opt *o, struct buf *out, struct err *e)
{
	static const char *const names[] = {
		[OPT_FLAG] = "", [OPT_INT] = "N", [OPT_REAL] = "X", [OPT_STRING] = "TEXT",
		[OPT_CHOICE] = "WHICH", [OPT_DURATION] = "TIME", [OPT_FRACTION] = "F",
	};
	if (o->type == OPT_CHOICE && choices_fit(o))
		return join(o->choices, "|", out, e);
	return buf_puts(out, o->type != OPT_FLAG && o->arg ? o->arg : names[o->type], e);
}

int opt_long(const struct opt *o, struct buf *out, struct err *e)
{
	return buf_printf(out, e, "--%s%s", opt_on_by_default(o) ? "[no-]" : "", o->name);
}

int opt_describe(const struct opt *o, struct buf *out, struct err *e)
{
	struct buf notes = {0};
	int status = -1;
	if (o->type == OPT_CHOICE && !choices_fit(o) &&
	    (buf_puts(&notes, "one of ", e) < 0 || join(o->choices, ", ", &notes, e) < 0))
		goto out;
	if (opt_value_range(o, &notes, e) < 0)
		goto out;
	if (o->type != OPT_FLAG && o->def && *o->def &&
	    buf_printf(&notes, e, "%sdefault %s", notes.len ? "; " : "", o->def) < 0)
		goto out;
	if (opt_on_by_default(o) && buf_puts(&notes, "default on", e) < 0)
		goto out;
	if (o->flags & OPT_REQUIRED && buf_printf(&notes, e, "%srequired", notes.len ? "; " : "") < 0)
		goto out;
	status = notes.len ? buf_printf(out, e, "%s (%s)", o->help, notes.p) : buf_puts(out, o->help, e);
out:
	buf_free(&notes);
	return status;
}

static int spaces(size_t n, struct buf *out, struct err *e)
{
	return buf_printf(out, e, "%*s", (int)n, "");
}

/* Words of one paragraph, filled up to width; lines after the first begin at
 * column indent, the first goes on at column at. Ends the line. */
static int fill(const char *text, size_t n, size_t at, size_t indent, size_t width, struct buf *out,
                struct err *e)
{
	const char *end = text + n;
	bool first = true;
	while (text < end) {
		size_t gap = strspn(text, " \n"), word = strcspn(text + gap, " \n");
		text += gap;
		if (text >= end)
			break;
		if (text + word > end)
			word = (size_t)(end - text);
		size_t columns = term_columns(text, word);
		if (!first && at + 1 + columns > width) {
			if (buf_puts(out, "\n", e) < 0 || spaces(indent, out, e) < 0)
				return -1;
			at = indent;
		} else if (!first) {
			if (buf_puts(out, " ", e) < 0)
				return -1;
			at++;
		}
		if (buf_add(out, text, word, e) < 0)
			return -1;
		at += columns;
		text += word;
		first = false;
	}
	return buf_puts(out, "\n", e);
}

/* Paragraphs are separated by blank lines; those that begin with a space are
 * left as they are. */
static int paragraphs(const char *text, size_t width, struct buf *out, struct err *e)
{
	while (*text) {
		const char *end = strstr(text, "\n\n");
		size_t n = end ? (size_t)(end - text) : strlen(text);
		int status = *text == ' ' ? buf_printf(out, e, "%.*s\n", (int)n, text)
		                          : fill(text, n, 0, 0, width, out, e);
		if (status < 0 || buf_puts(out, "\n", e) < 0)
			return -1;
		text += n;
		text += strspn(text, "\n");
	}
	return 0;
}

static int styled(const char *text, const char *sgr, bool colour, struct buf *out, struct err *e)
{
	return colour ? buf_printf(out, e, "\033[%sm%s\033[0m", sgr, text) : buf_puts(out, text, e);
}

static int heading(const char *text, bool colour, struct buf *out, struct err *e)
{
	return styled(text, "1", colour, out, e) < 0 ? -1 : buf_puts(out, ":\n", e);
}

/* A name, and its description beside or below it. */
static int entry(const char *name, const char *text, size_t column, size_t width, bool colour,
                 struct buf *out, struct err *e)
{
	size_t at = INDENT + term_columns(name, strlen(name));
	if (spaces(INDENT, out, e) < 0 || styled(name, "36", colour, out, e) < 0)
		return -1;
	if (width < NARROW)
		column = 8;
	if (at + 2 > column) {
		if (buf_puts(out, "\n", e) < 0)
			return -1;
		at = 0;
	}
	if (spaces(column - at, out, e) < 0)
		return -1;
	return fill(text, strlen(text), column, column, width, out, e);
}

static int option_entry(const struct opt *o, size_t width, bool colour, struct buf *out, struct err *e)
{
	struct buf name = {0}, value = {0}, text = {0};
	int status = -1;
	if (o->letter ? buf_printf(&name, e, "-%c, ", o->letter) < 0 : buf_puts(&name, "    ", e) < 0)
		goto out;
	if (opt_long(o, &name, e) < 0 || opt_metavar(o, &value, e) < 0 || opt_describe(o, &text, e) < 0)
		goto out;
	if (value.len && buf_printf(&name, e, " %s", value.p) < 0)
		goto out;
	status = entry(name.p, text.p, TEXT_COLUMN, width, colour, out, e);
out:
	buf_free(&name);
	buf_free(&value);
	buf_free(&text);
	return status;
}

static const struct opt help_option = {
	.name = "help", .letter = 'h', .type = OPT_FLAG, .help = "show this help and exit"};

static int options(const struct opt_command *c, size_t width, bool colour, struct buf *out,
                   struct err *e)
{
	const char *group = "Options", *shown = NULL;
	for (const struct opt *o = c->opts; o->name; o++) {
		group = o->group ? o->group : group;
		if (!opt_shown(o))
			continue;
		if (!shown || strcmp(shown, group) != 0) {
			if ((shown && buf_puts(out, "\n", e) < 0) || heading(group, colour, out, e) < 0)
				return -1;
			shown = group;
		}
		if (option_entry(o, width, colour, out, e) < 0)
			return -1;
	}
	if (!shown && heading(group, colour, out, e) < 0)
		return -1;
	return option_entry(&help_option, width, colour, out, e);
}

int opt_help(const struct opt_command *c, int width, bool colour, struct buf *out, struct err *e)
{
	size_t columns = width < LEAST_WIDTH ? LEAST_WIDTH : (size_t)width;
	struct buf usage = {0};
	int status = -1;
	if (buf_printf(&usage, e, "usage: " OPT_PROGRAM " %s %s", c->name, c->synopsis) < 0 ||
	    fill(usage.p, usage.len, 0, strlen("usage: "), columns, out, e) < 0 ||
	    buf_puts(out, "\n", e) < 0)
		goto out;
	if (paragraphs(c->summary, columns, out, e) < 0)
		goto out;
	if (c->text && paragraphs(c->text, columns, out, e) < 0)
		goto out;
	if (options(c, columns, colour, out, e) < 0)
		goto out;
	if (c->examples && c->examples->command) {
		if (buf_puts(out, "\n", e) < 0 || heading("Examples", colour, out, e) < 0)
			goto out;
		for (const struct opt_example *x = c->examples; x->command; x++)
			if (buf_printf(out, e, "  %s\n      ", x->command) < 0 ||
			    fill(x->what, strlen(x->what), 6, 6, columns, out, e) < 0)
				goto out;
	}
	status = 0;
out:
	buf_free(&usage);
	return status;
}

int opt_overview(const char *program, const char *about, const struct opt_command *const *cmds,
                 int width, bool colour, struct buf *out, struct err *e)
{
	size_t columns = width < LEAST_WIDTH ? LEAST_WIDTH : (size_t)width, longest = 0;
	struct buf usage = {0};
	int status = -1;
	if (buf_printf(&usage, e, "usage: %s COMMAND [options] [arguments]", program) < 0 ||
	    fill(usage.p, usage.len, 0, strlen("usage: "), columns, out, e) < 0 ||
	    buf_puts(out, "\n", e) < 0 || paragraphs(about, columns, out, e) < 0 ||
	    heading("Commands", colour, out, e) < 0)
		goto out;
	for (int i = 0; cmds[i]; i++)
		if (strlen(cmds[i]->name) > longest)
			longest = strlen(cmds[i]->name);
	for (int i = 0; cmds[i]; i++)
		if (entry(cmds[i]->name, cmds[i]->summary, INDENT + longest + 2, columns, colour, out, e) < 0)
			goto out;
	buf_clear(&usage);
	if (buf_puts(out, "\n", e) < 0 ||
	    buf_printf(&usage, e, "%s COMMAND --help tells all about a command.", program) < 0)
		goto out;
	status = fill(usage.p, usage.len, 0, 0, columns, out, e);
out:
	buf_free(&usage);
	return status;
}
