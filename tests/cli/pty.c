/* Runs a program on a terminal of its own and talks to it, for tests.
 *
 *   pty STEP... -- PROGRAM [ARG...]
 *   STEP: expect=TEXT  read until TEXT has come (behind what was expected before)
 *         send=TEXT    write it; ^C, ^D and ^M stand for these keys
 *
 * After the last step it reads to the end. All that the program printed goes to
 * stdout. Exit status: the program's; 125 if something did not come in 30 seconds
 * or cannot be set up. */
#define _XOPEN_SOURCE 700
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>
#ifdef __APPLE__
#undef _POSIX_C_SOURCE
#endif
#include <sys/ioctl.h>
#include <termios.h>

enum { WAIT_MS = 30000, FAILED = 125 };

static char seen[1 << 20];
static size_t nseen, used; /* read; of it, expected */

static int fail(const char *what, const char *which)
{
	fwrite(seen, 1, nseen, stdout);
	fprintf(stderr, "pty: %s %s\n", what, which);
	return FAILED;
}

/* 1 read something, 0 the end, -1 nothing came. */
static int more(int fd)
{
	struct pollfd p = {.fd = fd, .events = POLLIN};
	if (nseen == sizeof seen - 1 || poll(&p, 1, WAIT_MS) <= 0)
		return -1;
	ssize_t n = read(fd, seen + nseen, sizeof seen - 1 - nseen);
	if (n <= 0) /* EIO: the other side is closed */
		return 0;
	nseen += (size_t)n;
	seen[nseen] = 0;
	return 1;
}

static int expect(int fd, const char *text)
{
	for (;;) {
		const char *at = strstr(seen + used, text);
		if (at) {
			used = (size_t)(at - seen) + strlen(text);
			return 0;
		}
		if (more(fd) <= 0)
			return -1;
	}
}

static int send_keys(int fd, const char *text)
{
	for (; *text; text++) {
		char key = *text;
		if (key == '^' && text[1])
			key = (char)(*++text & 0x1f);
		if (write(fd, &key, 1) != 1)
			return -1;
	}
	return 0;
}

static void run(int master, char **argv)
{
	setsid();
	int fd = open(ptsname(master), O_RDWR); /* the first one opened is the terminal */
#ifdef TIOCSCTTY
	ioctl(fd, TIOCSCTTY, 0);
#endif
	if (fd < 0 || dup2(fd, 0) < 0 || dup2(fd, 1) < 0 || dup2(fd, 2) < 0)
		_exit(FAILED);
	close(fd);
	close(master);
	execvp(argv[0], argv);
	_exit(FAILED);
}

int main(int argc, char **argv)
{
	int steps = 1, status;
	while (steps < argc && strcmp(argv[steps], "--") != 0)
		steps++;
	if (steps + 1 >= argc)
		return fail("usage:", "pty STEP... -- PROGRAM [ARG...]");
	int master = posix_openpt(O_RDWR | O_NOCTTY);
	if (master < 0 || grantpt(master) || unlockpt(master))
		return fail("no terminal:", strerror(errno));
	pid_t child = fork();
	if (child < 0)
		return fail("fork:", strerror(errno));
	if (child == 0)
		run(master, argv + steps + 1);
	for (int i = 1; i < steps; i++) {
		const char *value = strchr(argv[i], '=');
		int rc = !value ? -1 : argv[i][0] == 'e' ? expect(master, value + 1) : send_keys(master, value + 1);
		if (rc) {
			kill(child, SIGKILL);
			return fail("in vain:", argv[i]);
		}
	}
	int got;
	while ((got = more(master)) > 0)
		;
	if (got < 0) {
		kill(child, SIGKILL);
		return fail("it does not end", "");
	}
	fwrite(seen, 1, nseen, stdout);
	if (waitpid(child, &status, 0) != child)
		return FAILED;
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}
