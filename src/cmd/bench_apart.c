/* bench_run in a child: peak memory is then that of one task alone, and where there is
 * too little memory it is the child that the system ends. The result comes back
 * through a pipe. */
#include "cmd/bench.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cmd/cmd.h"

enum { POLL_MS = 100 };

struct outcome {
	int rc;
	struct bench_result result;
	struct err err;
};

static void write_outcome(int fd, const struct outcome *o)
{
	const char *p = (const char *)o;
	for (size_t n = sizeof *o; n;) {
		ssize_t done = write(fd, p, n);
		if (done < 0 && errno != EINTR)
			return; /* the other side finds too little */
		if (done > 0) {
			p += done;
			n -= (size_t)done;
		}
	}
}

/* Bytes read. A signal that only this process got is handed on to the child. */
static size_t read_outcome(int fd, pid_t child, struct outcome *o)
{
	size_t have = 0;
	bool told = false;
	while (have < sizeof *o) {
		struct pollfd ready = {.fd = fd, .events = POLLIN};
		int n = poll(&ready, 1, POLL_MS);
		if (cmd_interrupted() && !told)
			told = kill(child, SIGTERM) == 0;
		if (n <= 0)
			continue;
		ssize_t got = read(fd, (char *)o + have, sizeof *o - have);
		if (got == 0 || (got < 0 && errno != EINTR))
			break;
		have += got > 0 ? (size_t)got : 0;
	}
	return have;
}

int bench_run_apart(const struct bench_task *t, struct bench_result *r, struct err *e)
{
	struct outcome o = {0};
	int ends[2], status = 0;
	if (pipe(ends))
		return err_sys(e, "cannot make a pipe");
	fflush(NULL); /* what is buffered would be written twice */
	pid_t child = fork();
	if (child < 0) {
		err_sys(e, "cannot start a process");
		close(ends[0]);
		close(ends[1]);
		return -1;
	}
	if (child == 0) {
		close(ends[0]);
		o.rc = bench_run(t, &o.result, &o.err);
		write_outcome(ends[1], &o);
		exit(EXIT_OK);
	}
	close(ends[1]);
	size_t got = read_outcome(ends[0], child, &o);
	close(ends[0]);
	while (waitpid(child, &status, 0) < 0 && errno == EINTR)
		;
	if (WIFSIGNALED(status))
		return err_set(e, "the measuring process was ended by signal %d%s", WTERMSIG(status),
		               WTERMSIG(status) == SIGKILL ? ": is there too little memory for this shape?" : "");
	if (got != sizeof o || status != 0)
		return err_set(e, "the measuring process failed, status %d", WEXITSTATUS(status));
	*r = o.result;
	if (o.rc)
		*e = o.err;
	return o.rc;
}
