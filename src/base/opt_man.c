/* The man page: roff with the macros of man(7), for groff and mandoc alike. */
#include <string.h>

#include "base/opt_private.h"

/* Text in which nothing is markup. roff would read a backslash as an escape, a
 * full stop or quote at the start of a line as a request, and would print
 * dashes, quotes and circumflexes as typographic ones that cannot be pasted
 * back into a shell. */
static int escaped(const char *text, size_t n, struct buf *out, struct err *e)
{
	bool fresh = !out->len || out->p[out->len - 1] == '\n';
	for (size_t i = 0; i < n; i++) {
		const char *as = NULL;
		switch (text[i]) {
		case '\\': as = "\\e"; break;
		case '-': as = "\\-"; break;
		case '\'': as = "\\(aq"; break;
		case '`': as = "\\(ga"; break;
		case '^': as = "\\(ha"; break;
		case '~': as = "\\(ti"; break;
		case '.': as = fresh ? "\\&." : NULL; break;
		}
		if ((as ? buf_puts(out, as, e) : buf_add(out, text + i, 1, e)) < 0)
			return -1;
		fresh = text[i] == '\n';
	}
	return 0;
}

static int text_line(const char *text, struct buf *out, struct err *e)
{
	return escaped(text, strlen(text), out, e) < 0 ? -1 : buf_puts(out, "\n", e);
}

static int font(const char *name, const char *text, struct buf *out, struct err *e)
{
	if (buf_printf(out, e, "\\f%s", name) < 0 || escaped(text, strlen(text), out, e) < 0)
		return -1;
	return buf_puts(out, "\\fR", e);
}

static int paragraphs(const char *text, struct buf *out, struct err *e)
{
	while (*text) {
		const char *end = strstr(text, "\n\n");
		size_t n = end ? (size_t)(end - text) : strlen(text);
		bool as_is = *text == ' ';
		if (buf_puts(out, as_is ? ".PP\n.nf\n" : ".PP\n", e) < 0 || escaped(text, n, out, e) < 0 ||
		    buf_puts(out, as_is ? "\n.fi\n" : "\n", e) < 0)
			return -1;
		text += n;
		text += strspn(text, "\n");
	}
	return 0;
}

static int option(const struct opt *o, struct buf *out, struct err *e)
{
	struct buf name = {0}, value = {0}, text = {0};
	const char letter[] = {'-', o->letter, 0};
	int status = -1;
	if (opt_long(o, &name, e) < 0 || opt_metavar(o, &value, e) < 0 || opt_describe(o, &text, e) < 0)
		goto out;
	if (buf_puts(out, ".TP\n", e) < 0)
		goto out;
	if (o->letter && (font("B", letter, out, e) < 0 || buf_puts(out, ", ", e) < 0))
		goto out;
	if (font("B", name.p, out, e) < 0)
		goto out;
	if (value.len && (buf_puts(out, " ", e) < 0 || font("I", value.p, out, e) < 0))
		goto out;
	if (buf_puts(out, "\n", e) < 0)
		goto out;
	status = text_line(text.p, out, e);
out:
	buf_free(&name);
	buf_free(&value);
	buf_free(&text);
	return status;
}

static int synopsis(const char *program, const struct opt_command *c, struct buf *out, struct err *e)
{
	if (font("B", program, out, e) < 0 || buf_puts(out, " ", e) < 0 ||
	    font("B", c->name, out, e) < 0 || buf_puts(out, " ", e) < 0)
		return -1;
	return text_line(c->synopsis, out, e);
}

static int command(const char *program, const struct opt_command *c, struct buf *out, struct err *e)
{
	if (buf_printf(out, e, ".SS %s %s\n", program, c->name) < 0 || text_line(c->summary, out, e) < 0)
		return -1;
	if (buf_puts(out, ".PP\n", e) < 0 || synopsis(program, c, out, e) < 0)
		return -1;
	if (c->text && paragraphs(c->text, out, e) < 0)
		return -1;
	const char *group = NULL;
	for (const struct opt *o = c->opts; o->name; o++) {
		if (o->group)
			group = o->group;
		if (!opt_shown(o))
			continue;
		if (group && (buf_puts(out, ".PP\n", e) < 0 || font("I", group, out, e) < 0 ||
		              buf_puts(out, "\n", e) < 0))
			return -1;
		group = NULL; /* said once */
		if (option(o, out, e) < 0)
			return -1;
	}
	return 0;
}

static int examples(const struct opt_command *const *cmds, struct buf *out, struct err *e)
{
	if (buf_puts(out, ".SH EXAMPLES\n", e) < 0)
		return -1;
	for (; *cmds; cmds++)
		for (const struct opt_example *x = (*cmds)->examples; x && x->command; x++)
			if (buf_puts(out, ".TP\n", e) < 0 || font("B", x->command, out, e) < 0 ||
			    buf_puts(out, "\n", e) < 0 || text_line(x->what, out, e) < 0)
				return -1;
	return 0;
}

int opt_man(const char *program, const char *about, const char *version,
            const struct opt_command *const *cmds, struct buf *out, struct err *e)
{
	if (buf_puts(out, ".TH ", e) < 0)
		return -1;
	for (const char *p = program; *p; p++) {
		char upper = *p >= 'a' && *p <= 'z' ? (char)(*p - 'a' + 'A') : *p;
		if (buf_add(out, &upper, 1, e) < 0)
			return -1;
	}
	if (buf_printf(out, e, " 1 \"\" \"%s %s\" \"User Commands\"\n.SH NAME\n%s \\- ", program, version,
	               program) < 0 ||
	    text_line(about, out, e) < 0 || buf_puts(out, ".SH SYNOPSIS\n", e) < 0)
		return -1;
	for (int i = 0; cmds[i]; i++)
		if ((i && buf_puts(out, ".br\n", e) < 0) || synopsis(program, cmds[i], out, e) < 0)
			return -1;
	if (buf_puts(out, ".SH COMMANDS\n", e) < 0)
		return -1;
	for (int i = 0; cmds[i]; i++)
		if (command(program, cmds[i], out, e) < 0)
			return -1;
	return examples(cmds, out, e);
}
