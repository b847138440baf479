/* The command table, and what happens before and after a command. */
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "cmd/cmd.h"
#include "mat/kern.h"

const char cmd_about[] = "train, sample and score character-level recurrent language models";

const struct cmd *const cmd_all[] = {&cmd_tokenize, &cmd_train, &cmd_sample, &cmd_score,
                                     &cmd_correct,  &cmd_bench, &cmd_info,   &cmd_help,   NULL};

static int overview(FILE *to)
{
	struct err e = {0};
	struct buf text = {0};
	int code = EXIT_OK;
	if (cmd_overview(&text, fileno(to), &e) < 0)
		code = cmd_fail(&e);
	else
		fwrite(text.p, 1, text.len, to);
	buf_free(&text);
	return code;
}

static int run(int argc, char **argv)
{
	struct err e = {0};
	const char *name = argc > 1 ? argv[1] : NULL;
	if (!name) {
		overview(stderr);
		return EXIT_USAGE;
	}
	if (strcmp(name, "--help") == 0 || strcmp(name, "-h") == 0)
		return overview(stdout);
	if (strcmp(name, "--version") == 0) {
		puts("rnnlm " RNNLM_VERSION);
		return EXIT_OK;
	}
	if (name[0] == '-') {
		err_set(&e, "unknown option %s; a command comes first: rnnlm COMMAND [options]", name);
		return cmd_usage(NULL, &e);
	}
	const struct cmd *c = cmd_find(name, &e);
	if (!c)
		return cmd_usage(NULL, &e);
	if (c != &cmd_help && kern_init(&e) < 0) {
		cmd_fail(&e);
		return EXIT_USAGE;
	}
	return c->run(argc - 2, argv + 2);
}

/* A standard descriptor that is closed would be given to the next file opened, a
 * model say, and messages would be written into it. Opened the wrong way round, its
 * use is an error instead. */
static void keep_standard_descriptors(void)
{
	for (int fd = 0; fd <= 2; fd++)
		if (fcntl(fd, F_GETFD) < 0 && open("/dev/null", fd ? O_RDONLY : O_WRONLY) != fd)
			_exit(EXIT_FAILED);
}

int main(int argc, char **argv)
{
	keep_standard_descriptors();
	mem_init();
	cmd_set_program(argc > 0 ? argv[0] : NULL);
	signal(SIGPIPE, SIG_IGN); /* a reader that goes away is an error of write instead */
	return cmd_finish(run(argc, argv));
}
