/* What the commands share: the frame of a command line, messages, signals,
 * standard output. */
#include "cmd/cmd.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/io.h"
#include "base/pool.h"
#include "base/term.h"

enum { WIDEST = 100 }; /* longer lines are hard to read, however wide the window */

static int out_errno; /* of the first write to stdout that failed */

int cmd_parse(const struct cmd *c, int argc, char **argv, void *opts, int *nargs)
{
	struct err e = {0};
	bool help = false;
	if (opt_defaults(c->opt, opts, &e) < 0)
		return cmd_fail(&e);
	if (opt_parse(c->opt, argc, argv, opts, nargs, &help, &e) < 0)
		return cmd_usage(c, &e);
	return help ? cmd_show_help(c) : -1;
}

int cmd_show_help(const struct cmd *c)
{
	struct err e = {0};
	struct buf text = {0};
	int code = EXIT_OK;
	if (opt_help(c->opt, cmd_help_width(), term_colour(STDOUT_FILENO, TERM_AUTO), &text, &e) < 0)
		code = cmd_fail(&e);
	else
		cmd_out(&text);
	buf_free(&text);
	return code;
}

int cmd_help_width(void)
{
	int width = term_width(STDOUT_FILENO);
	return width < WIDEST ? width : WIDEST;
}

int cmd_fail(const struct err *e)
{
	bool colour = term_colour(STDERR_FILENO, TERM_AUTO);
	fflush(stdout); /* so that the message stands behind what came before it */
	fprintf(stderr, "rnnlm: %s%s\n", colour ? "\033[1;31merror:\033[0m " : "", e->msg);
	return EXIT_FAILED;
}

int cmd_usage(const struct cmd *c, const struct err *e)
{
	cmd_fail(e);
	fprintf(stderr, "Try 'rnnlm %s%s--help'.\n", c ? c->opt->name : "", c ? " " : "");
	return EXIT_USAGE;
}

void cmd_note(const char *fmt, ...)
{
	va_list ap;
	va_start(ap, fmt);
	fputs("rnnlm: ", stderr);
	vfprintf(stderr, fmt, ap);
	fputc('\n', stderr);
	va_end(ap);
}

static volatile sig_atomic_t interrupted; /* by this signal */

static void on_signal(int number)
{
	if (interrupted && number == SIGINT)
		_exit(EXIT_INTERRUPTED);
	interrupted = number;
}

void cmd_catch_signals(void)
{
	/* Calls go on after the signal: half a write would be lost data. */
	struct sigaction action = {.sa_handler = on_signal, .sa_flags = SA_RESTART};
	sigemptyset(&action.sa_mask);
	sigaction(SIGINT, &action, NULL);
	sigaction(SIGTERM, &action, NULL);
	struct sigaction before;
	if (sigaction(SIGHUP, NULL, &before) == 0 && before.sa_handler != SIG_IGN)
		sigaction(SIGHUP, &action, NULL);
}

int cmd_interrupt_code(void)
{
	return 128 + (int)interrupted;
}

bool cmd_interrupted(void)
{
	return interrupted != 0;
}

int cmd_wait_for_line(const struct io_lines *r, struct err *e)
{
	struct pollfd p = {.fd = r->fd, .events = POLLIN};
	while (!r->eof && !cmd_interrupted() && poll(&p, 1, -1) < 0 && errno == EINTR)
		;
	return cmd_interrupted() ? err_set(e, "interrupted") : 0;
}

void cmd_out(struct buf *b)
{
	errno = 0;
	bool written = b->len == 0 || fwrite(b->p, 1, b->len, stdout) == b->len;
	if ((!written || fflush(stdout) != 0) && !out_errno)
		out_errno = errno ? errno : EIO;
	buf_clear(b);
}

bool cmd_out_failed(void)
{
	return out_errno != 0;
}

int cmd_finish(int code)
{
	struct err e = {0};
	bool closed_pipe = false;
	if (io_close_stdout(&closed_pipe, &e) == 0)
		return code;
	if (out_errno) { /* the first failure knows why better than the last */
		closed_pipe = out_errno == EPIPE;
		errno = out_errno;
		err_sys(&e, "standard output");
	}
	if (!closed_pipe)
		cmd_fail(&e);
	return code == EXIT_OK ? EXIT_FAILED : code;
}

const char *const cmd_precision_names[] = {"auto", "f32", "bf16", NULL};

enum precision cmd_precision(int choice)
{
	if (choice == 0)
		return kern_get()->native_bf16 ? PREC_BF16 : PREC_F32;
	return choice == 1 ? PREC_F32 : PREC_BF16;
}

int cmd_stream_threads(size_t weights, size_t streams)
{
	static const size_t LITTLE = 2000000;
	return weights < LITTLE / streams ? 1 : pool_cpus();
}
