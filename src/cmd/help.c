/* rnnlm help: the overview, a command's help, the man page, completion. */
#include <stddef.h>
#include <string.h>
#include <unistd.h>

#include "base/term.h"
#include "cmd/cmd.h"

enum shell { SHELL_BASH, SHELL_ZSH, SHELL_FISH };
static const char *const shell_names[] = {"bash", "zsh", "fish", NULL};

struct options {
	bool man, completion_given;
	int completion;
};

static const struct opt table[] = {
	{.name = "man", .type = OPT_FLAG, .offset = offsetof(struct options, man),
	 .help = "print the manual page; 'rnnlm help --man | man -l -' shows it"},
	{.name = "completion", .type = OPT_CHOICE, .offset = offsetof(struct options, completion),
	 .set_offset = offsetof(struct options, completion_given), .choices = shell_names,
	 .help = "print the completion script of a shell"},
	{0},
};

static const struct opt_example examples[] = {
	{"rnnlm help train", "all about training; so does rnnlm train --help"},
	{"rnnlm help --man > rnnlm.1", "the manual page: man -l rnnlm.1 shows it"},
	{"source <(rnnlm help --completion=bash)", "complete commands and options in this bash"},
	{"rnnlm help --completion=fish > ~/.config/fish/completions/rnnlm.fish",
	 "complete them in every fish from now on"},
	{0},
};

static const struct opt_command command = {
	.name = "help",
	.synopsis = "[options] [COMMAND]",
	.summary = "help, man page, shell completion",
	.text = "Without arguments lists the commands; with one, explains it, as 'rnnlm COMMAND --help' does.",
	.opts = table,
	.examples = examples,
	.max_args = 1,
};

/* What the manual says beyond the tables. */
static const char man_rest[] =
	".SH ENVIRONMENT\n"
	".TP\n\\fBRNNLM_MODEL\\fR\nThe model to use where \\fB\\-m\\fR is not given.\n"
	".TP\n\\fBRNNLM_CPU\\fR\nCaps the instruction set: scalar, avx2, avx512, avx512bf16, amx.\n"
	"Without it the best is used that the processor and the system allow.\n"
	".TP\n\\fBNO_COLOR\\fR\nIf set and not empty, no colours unless \\fB\\-\\-color=always\\fR.\n"
	".TP\n\\fBCOLUMNS\\fR\nThe width to write for where the terminal does not tell.\n"
	".SH FILES\n"
	".TP\n\\fImodels/*.safetensors\\fR\n"
	"Models of the current folder; \\fBtrain\\fR puts them there and the newest is the default.\n"
	".TP\n\\fImodels/*.safetensors.~N~\\fR\nModels that \\fBtrain\\fR replaced.\n"
	".TP\n\\fImodels/*.tsv\\fR\nThe log beside a model.\n"
	".SH EXIT STATUS\n"
	".TP\n0\nDone.\n"
	".TP\n1\nFailed; the message says why.\n"
	".TP\n2\nWrong usage.\n"
	".TP\n130\nInterrupted, after what was made has been saved.\n";

enum { MOST_COMMANDS = 16 };
struct tables {
	const struct opt_command *of[MOST_COMMANDS + 1];
};

static struct tables all_tables(void)
{
	struct tables t = {0};
	for (int i = 0; cmd_all[i] && i < MOST_COMMANDS; i++)
		t.of[i] = cmd_all[i]->opt;
	return t;
}

int cmd_overview(struct buf *out, int fd, struct err *e)
{
	struct tables t = all_tables();
	int width = cmd_help_width();
	return opt_overview("rnnlm", cmd_about, t.of, width, term_colour(fd, TERM_AUTO), out, e);
}

const struct cmd *cmd_find(const char *name, struct err *e)
{
	const char *names[MOST_COMMANDS + 1] = {0};
	for (int i = 0; cmd_all[i] && i < MOST_COMMANDS; i++) {
		names[i] = cmd_all[i]->opt->name;
		if (strcmp(names[i], name) == 0)
			return cmd_all[i];
	}
	const char *meant = opt_nearest(name, names);
	if (meant)
		err_set(e, "unknown command '%s'; did you mean '%s'?", name, meant);
	else
		err_set(e, "unknown command '%s'", name);
	return NULL;
}

static int completion(enum shell shell, struct buf *out, struct err *e)
{
	struct tables t = all_tables();
	switch (shell) {
	case SHELL_BASH: return opt_complete_bash("rnnlm", t.of, out, e);
	case SHELL_ZSH: return opt_complete_zsh("rnnlm", t.of, out, e);
	case SHELL_FISH: break;
	}
	return opt_complete_fish("rnnlm", t.of, out, e);
}

static int man(struct buf *out, struct err *e)
{
	struct tables t = all_tables();
	if (opt_man("rnnlm", cmd_about, RNNLM_VERSION, t.of, out, e) < 0)
		return -1;
	return buf_puts(out, man_rest, e);
}

static int run(int argc, char **argv)
{
	struct options o = {0};
	struct err e = {0};
	struct buf text = {0};
	int nargs = 0, code = cmd_parse(&cmd_help, argc, argv, &o, &nargs);
	if (code >= 0)
		return code;
	if (o.man + o.completion_given + nargs > 1) {
		err_set(&e, "a command, --man and --completion go one at a time");
		return cmd_usage(&cmd_help, &e);
	}
	if (nargs) {
		const struct cmd *c = cmd_find(argv[0], &e);
		return c ? cmd_show_help(c) : cmd_usage(NULL, &e);
	}
	int status = o.man                ? man(&text, &e)
	             : o.completion_given ? completion((enum shell)o.completion, &text, &e)
	                                  : cmd_overview(&text, STDOUT_FILENO, &e);
	code = status < 0 ? cmd_fail(&e) : EXIT_OK;
	if (status == 0)
		cmd_out(&text);
	buf_free(&text);
	return code;
}

const struct cmd cmd_help = {&command, run};
