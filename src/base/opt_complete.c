/* Completion scripts for bash, zsh and fish. Each completes the command, the
 * command's options, the values that are a choice, and paths where a path is
 * wanted. Option and command names are plain words; only help texts are quoted. */
#include <string.h>

#include "base/opt_private.h"

static enum opt_completion by_name(const char *name)
{
	if (strstr(name, "COMMAND"))
		return OPT_COMPLETE_COMMANDS;
	if (strstr(name, "FILE") || strstr(name, "PATH") || strstr(name, "MODEL"))
		return OPT_COMPLETE_FILES;
	return strstr(name, "DIR") ? OPT_COMPLETE_FOLDERS : OPT_COMPLETE_NOTHING;
}

enum opt_completion opt_value_completion(const struct opt *o)
{
	return o->type == OPT_STRING && o->arg ? by_name(o->arg) : OPT_COMPLETE_NOTHING;
}

enum opt_completion opt_args_completion(const struct opt_command *c)
{
	return c->max_args ? by_name(c->synopsis) : OPT_COMPLETE_NOTHING;
}

static int add_choices(const struct opt *o, struct buf *out, struct err *e)
{
	for (int i = 0; o->choices[i]; i++)
		if (buf_printf(out, e, "%s%s", i ? " " : "", o->choices[i]) < 0)
			return -1;
	return 0;
}

static int add_commands(const struct opt_command *const *cmds, struct buf *out, struct err *e)
{
	for (int i = 0; cmds[i]; i++)
		if (buf_printf(out, e, "%s%s", i ? " " : "", cmds[i]->name) < 0)
			return -1;
	return 0;
}

/* --- bash ------------------------------------------------------------------ */

static const char bash_body[] =
	"\tlocal cur=${COMP_WORDS[COMP_CWORD]} prev='' cmd=${COMP_WORDS[1]} words='' paths='' i\n"
	"\tCOMPREPLY=()\n"
	"\tif (( COMP_CWORD > 0 )); then prev=${COMP_WORDS[COMP_CWORD-1]}; fi\n"
	"\t# --name=value arrives as three words\n"
	"\tif [[ $cur == = ]]; then\n"
	"\t\tcur=''\n"
	"\telif [[ $prev == = ]] && (( COMP_CWORD > 1 )); then\n"
	"\t\tprev=${COMP_WORDS[COMP_CWORD-2]}\n"
	"\tfi\n"
	"\t# behind -- there are no options\n"
	"\tfor (( i = 2; i < COMP_CWORD; i++ )); do\n"
	"\t\tif [[ ${COMP_WORDS[i]} == -- ]]; then cmd+=/; prev=''; break; fi\n"
	"\tdone\n"
	"\tif (( COMP_CWORD == 1 )); then cmd='' prev=''; fi\n";

static const char bash_end[] =
	"\tif [[ -n $paths ]]; then\n"
	"\t\tcompopt -o filenames 2>/dev/null\n"
	"\t\tlocal IFS=$'\\n'\n"
	"\t\tCOMPREPLY=( $(compgen \"$paths\" -- \"$cur\") )\n"
	"\telif [[ -n $words ]]; then\n"
	"\t\tCOMPREPLY=( $(compgen -W \"$words\" -- \"$cur\") )\n"
	"\tfi\n"
	"}\n";

static const char *bash_paths(enum opt_completion kind)
{
	return kind == OPT_COMPLETE_FILES ? "paths=-f" : kind == OPT_COMPLETE_FOLDERS ? "paths=-d" : "words=''";
}

static int bash_value(const struct opt_command *c, const struct opt *o, struct buf *out, struct err *e)
{
	if (buf_printf(out, e, "\t%s:--%s", c->name, o->name) < 0)
		return -1;
	if (o->letter && buf_printf(out, e, "|%s:-%c", c->name, o->letter) < 0)
		return -1;
	if (o->type != OPT_CHOICE)
		return buf_printf(out, e, ") %s ;;\n", bash_paths(opt_value_completion(o)));
	if (buf_puts(out, ") words=\"", e) < 0 || add_choices(o, out, e) < 0)
		return -1;
	return buf_puts(out, "\" ;;\n", e);
}

static int bash_command(const struct opt_command *const *cmds, const struct opt_command *c,
                        struct buf *out, struct err *e)
{
	enum opt_completion kind = opt_args_completion(c);
	for (const struct opt *o = c->opts; o->name; o++)
		if (opt_shown(o) && o->type != OPT_FLAG && bash_value(c, o, out, e) < 0)
			return -1;
	if (buf_printf(out, e, "\t%s:*)\n\t\tif [[ $cur == -* ]]; then\n\t\t\twords=\"", c->name) < 0)
		return -1;
	for (const struct opt *o = c->opts; o->name; o++)
		if (opt_shown(o) &&
		    buf_printf(out, e, "--%s%s ", opt_on_by_default(o) ? "no-" : "", o->name) < 0)
			return -1;
	if (buf_puts(out, "--help\"\n\t\telse\n\t\t\t", e) < 0)
		return -1;
	if (kind == OPT_COMPLETE_COMMANDS) {
		if (buf_puts(out, "words=\"", e) < 0 || add_commands(cmds, out, e) < 0 ||
		    buf_puts(out, "\"", e) < 0)
			return -1;
	} else if (buf_puts(out, bash_paths(kind), e) < 0) {
		return -1;
	}
	return buf_printf(out, e, "\n\t\tfi\n\t\t;;\n\t%s/:*) %s ;;\n", c->name, bash_paths(kind));
}

int opt_complete_bash(const char *program, const struct opt_command *const *cmds, struct buf *out,
                      struct err *e)
{
	if (buf_printf(out, e, "# bash completion for %s\n# shellcheck shell=bash disable=SC2207 # bash 3.2 has no mapfile\n_%s() {\n%s\tcase $cmd:$prev in\n\t:*) words=\"",
	               program, program, bash_body) < 0 ||
	    add_commands(cmds, out, e) < 0 || buf_puts(out, " --help --version\" ;;\n", e) < 0)
		return -1;
	for (int i = 0; cmds[i]; i++)
		if (bash_command(cmds, cmds[i], out, e) < 0)
			return -1;
	return buf_printf(out, e, "\tesac\n%scomplete -F _%s %s\n", bash_end, program, program);
}

/* --- zsh ------------------------------------------------------------------- */

/* Within '...[text]': brackets and colons are the specification's own. */
static int zsh_text(const char *text, struct buf *out, struct err *e)
{
	for (; *text; text++) {
		if (*text == '\'' ? buf_puts(out, "'\\''", e) < 0
		    : strchr("[]:\\", *text) ? buf_printf(out, e, "\\%c", *text) < 0
		                             : buf_add(out, text, 1, e) < 0)
			return -1;
	}
	return 0;
}

static int zsh_action(enum opt_completion kind, const struct opt_command *const *cmds, struct buf *out,
                      struct err *e)
{
	switch (kind) {
	case OPT_COMPLETE_FILES: return buf_puts(out, "_files", e);
	case OPT_COMPLETE_FOLDERS: return buf_puts(out, "_files -/", e);
	case OPT_COMPLETE_COMMANDS:
		if (buf_puts(out, "(", e) < 0 || add_commands(cmds, out, e) < 0)
			return -1;
		return buf_puts(out, ")", e);
	case OPT_COMPLETE_NOTHING: break;
	}
	return buf_puts(out, " ", e);
}

static int zsh_option(const struct opt *o, struct buf *out, struct err *e)
{
	const char *no = opt_on_by_default(o) ? "no-" : "", *joined = o->type == OPT_FLAG ? "" : "=";
	if (o->letter ? buf_printf(out, e, "\t\t'(-%c --%s%s)'{-%c%s,--%s%s%s}'[", o->letter, no, o->name,
	                           o->letter, o->type == OPT_FLAG ? "" : "+", no, o->name, joined) < 0
	              : buf_printf(out, e, "\t\t'--%s%s%s[", no, o->name, joined) < 0)
		return -1;
	if (zsh_text(o->help, out, e) < 0 || buf_puts(out, "]", e) < 0)
		return -1;
	if (o->type == OPT_FLAG)
		return buf_puts(out, "' \\\n", e);
	if (buf_printf(out, e, ":%s:", o->name) < 0)
		return -1;
	if (o->type == OPT_CHOICE) {
		if (buf_puts(out, "(", e) < 0 || add_choices(o, out, e) < 0 || buf_puts(out, ")", e) < 0)
			return -1;
	} else if (zsh_action(opt_value_completion(o), NULL, out, e) < 0) {
		return -1;
	}
	return buf_puts(out, "' \\\n", e);
}

static int zsh_command(const struct opt_command *const *cmds, const struct opt_command *c,
                       struct buf *out, struct err *e)
{
	if (buf_printf(out, e, "\t%s)\n\t\t_arguments -S \\\n", c->name) < 0)
		return -1;
	for (const struct opt *o = c->opts; o->name; o++)
		if (opt_shown(o) && zsh_option(o, out, e) < 0)
			return -1;
	if (buf_puts(out, "\t\t'(- *)'{-h,--help}'[show this help and exit]'", e) < 0)
		return -1;
	if (c->max_args && (buf_puts(out, " \\\n\t\t'*:argument:", e) < 0 ||
	                    zsh_action(opt_args_completion(c), cmds, out, e) < 0 ||
	                    buf_puts(out, "'", e) < 0))
		return -1;
	return buf_puts(out, "\n\t\t;;\n", e);
}

int opt_complete_zsh(const char *program, const struct opt_command *const *cmds, struct buf *out,
                     struct err *e)
{
	if (buf_printf(out, e, "#compdef %s\n_%s() {\n\tlocal -a commands=(\n", program, program) < 0)
		return -1;
	for (int i = 0; cmds[i]; i++)
		if (buf_printf(out, e, "\t\t'%s:", cmds[i]->name) < 0 ||
		    zsh_text(cmds[i]->summary, out, e) < 0 || buf_puts(out, "'\n", e) < 0)
			return -1;
	if (buf_puts(out,
	             "\t)\n"
	             "\tif (( CURRENT == 2 )); then\n"
	             "\t\t_describe command commands -- '(--help --version)'\n"
	             "\t\treturn\n"
	             "\tfi\n"
	             "\tlocal command=$words[2]\n"
	             "\tshift words\n"
	             "\t(( CURRENT-- ))\n"
	             "\tcase $command in\n",
	             e) < 0)
		return -1;
	for (int i = 0; cmds[i]; i++)
		if (zsh_command(cmds, cmds[i], out, e) < 0)
			return -1;
	/* As an autoloaded file it is the body of the function itself. */
	return buf_printf(out, e,
	                  "\tesac\n}\n"
	                  "if [[ $funcstack[1] == _%s ]]; then\n\t_%s \"$@\"\nelse\n\tcompdef _%s %s\nfi\n",
	                  program, program, program, program);
}

/* --- fish ------------------------------------------------------------------ */

static int fish_text(const char *text, struct buf *out, struct err *e)
{
	if (buf_puts(out, "'", e) < 0)
		return -1;
	for (; *text; text++)
		if ((strchr("'\\", *text) && buf_puts(out, "\\", e) < 0) || buf_add(out, text, 1, e) < 0)
			return -1;
	return buf_puts(out, "'", e);
}

static int fish_option(const char *program, const struct opt_command *c, const struct opt *o,
                       struct buf *out, struct err *e)
{
	if (buf_printf(out, e, "complete -c %s -n '__fish_seen_subcommand_from %s' -l %s%s", program,
	               c->name, opt_on_by_default(o) ? "no-" : "", o->name) < 0)
		return -1;
	if (o->letter && buf_printf(out, e, " -s %c", o->letter) < 0)
		return -1;
	enum opt_completion kind = opt_value_completion(o);
	if (o->type == OPT_CHOICE) {
		if (buf_puts(out, " -x -a '", e) < 0 || add_choices(o, out, e) < 0 ||
		    buf_puts(out, "'", e) < 0)
			return -1;
	} else if (kind == OPT_COMPLETE_FOLDERS) {
		if (buf_puts(out, " -x -a '(__fish_complete_directories)'", e) < 0)
			return -1;
	} else if (o->type != OPT_FLAG) {
		if (buf_puts(out, kind == OPT_COMPLETE_FILES ? " -r -F" : " -x", e) < 0)
			return -1;
	}
	if (buf_puts(out, " -d ", e) < 0 || fish_text(o->help, out, e) < 0)
		return -1;
	return buf_puts(out, "\n", e);
}

static int fish_args(const char *program, const struct opt_command *const *cmds,
                     const struct opt_command *c, struct buf *out, struct err *e)
{
	enum opt_completion kind = opt_args_completion(c);
	if (kind == OPT_COMPLETE_NOTHING)
		return 0;
	if (buf_printf(out, e, "complete -c %s -n '__fish_seen_subcommand_from %s' ", program, c->name) < 0)
		return -1;
	if (kind == OPT_COMPLETE_FILES)
		return buf_puts(out, "-F\n", e);
	if (kind == OPT_COMPLETE_FOLDERS)
		return buf_puts(out, "-a '(__fish_complete_directories)'\n", e);
	if (buf_puts(out, "-a '", e) < 0 || add_commands(cmds, out, e) < 0)
		return -1;
	return buf_puts(out, "'\n", e);
}

int opt_complete_fish(const char *program, const struct opt_command *const *cmds, struct buf *out,
                      struct err *e)
{
	if (buf_printf(out, e,
	               "# fish completion for %s\ncomplete -c %s -f\n"
	               "complete -c %s -l help -s h -d 'show this help and exit'\n"
	               "complete -c %s -n __fish_use_subcommand -l version -d 'show the version and exit'\n",
	               program, program, program, program) < 0)
		return -1;
	for (int i = 0; cmds[i]; i++)
		if (buf_printf(out, e, "complete -c %s -n __fish_use_subcommand -a %s -d ", program,
		               cmds[i]->name) < 0 ||
		    fish_text(cmds[i]->summary, out, e) < 0 || buf_puts(out, "\n", e) < 0)
			return -1;
	for (int i = 0; cmds[i]; i++) {
		for (const struct opt *o = cmds[i]->opts; o->name; o++)
			if (opt_shown(o) && fish_option(program, cmds[i], o, out, e) < 0)
				return -1;
		if (fish_args(program, cmds, cmds[i], out, e) < 0)
			return -1;
	}
	return 0;
}
