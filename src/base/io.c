/* Reading whole files and lines; standard output at exit; the clock. How files
 * are written is in io_write.c. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/io.h"

#define FIRST_READ ((size_t)64 << 10)

/* A descriptor for reading path, or -1. "-" is standard input. */
static int open_input(const char *path, const char **name, struct err *e)
{
	struct stat st;
	int fd = STDIN_FILENO;
	bool is_stdin = strcmp(path, "-") == 0;
	*name = is_stdin ? "standard input" : path;
	if (!is_stdin && (fd = open(path, O_RDONLY | O_CLOEXEC)) < 0)
		return err_sys(e, "cannot open %s", *name);
	if (fstat(fd, &st) == 0 && S_ISDIR(st.st_mode)) {
		if (!is_stdin)
			close(fd);
		return err_set(e, "%s is a directory; name a file in it", *name);
	}
	return fd;
}

static void close_input(int fd)
{
	if (fd > STDIN_FILENO)
		close(fd);
}

/* Bytes read, 0 at the end, -1. */
static ssize_t read_some(int fd, void *p, size_t n)
{
	ssize_t got;
	do
		got = read(fd, p, n);
	while (got < 0 && errno == EINTR);
	return got;
}

int io_read_all(const char *path, unsigned char **data, size_t *len, struct err *e)
{
	const char *name;
	unsigned char *buf = NULL, *more;
	size_t n = 0, cap = FIRST_READ;
	ssize_t got;
	struct stat st;
	int res = -1, fd = open_input(path, &name, e);
	*data = NULL;
	*len = 0;
	if (fd < 0)
		return -1;
	if (fstat(fd, &st) == 0 && S_ISREG(st.st_mode) && (uintmax_t)st.st_size > mem_physical()) {
		err_set(e, "%s has %llu bytes, more than this machine's memory (%zu)", name,
		        (unsigned long long)st.st_size, mem_physical());
		goto out;
	}
	if (!(buf = mem_resize(NULL, cap, 1, e)))
		goto oom;
	while ((got = read_some(fd, buf + n, cap - n - 1)) > 0) {
		n += (size_t)got;
		if (n + 1 < cap)
			continue;
		if (cap > mem_physical() / 2) {
			err_set(e, "%s goes on behind byte %zu: more than this machine's memory holds", name, n);
			goto out;
		}
		if (!(more = mem_resize(buf, cap, 2, e)))
			goto oom;
		buf = more;
		cap *= 2;
	}
	if (got < 0) {
		err_sys(e, "cannot read %s at byte %zu", name, n);
		goto out;
	}
	/* What doubling left over is given back; that it can fail harms nothing. */
	if ((more = mem_resize(buf, n + 1, 1, NULL)))
		buf = more;
	buf[n] = 0;
	*data = buf;
	*len = n;
	buf = NULL;
	res = 0;
	goto out;
oom:
	err_wrap(e, "reading %s at byte %zu", name, n);
out:
	mem_free(buf);
	close_input(fd);
	return res;
}

int io_lines_open(struct io_lines *r, const char *path, struct err *e)
{
	const char *name;
	*r = (struct io_lines){0};
	int fd = open_input(path, &name, e);
	if (fd < 0)
		return -1;
	r->fd = fd;
	r->cap = FIRST_READ;
	r->buf = mem_new(r->cap, 1, e);
	r->name = mem_strndup(name, strlen(name), e);
	if (!r->buf || !r->name) {
		io_lines_close(r);
		return -1;
	}
	return 0;
}

/* Free space behind end: first by moving what is left to the front, and by
 * doubling once that is more than half (so that moving stays cheap). */
static int make_room(struct io_lines *r, struct err *e)
{
	size_t left = r->end - r->beg;
	if (r->end < r->cap)
		return 0;
	if (r->beg)
		memmove(r->buf, r->buf + r->beg, left);
	r->beg = 0;
	r->end = left;
	if (left > r->cap / 2) {
		unsigned char *more = mem_resize(r->buf, r->cap, 2, e);
		if (!more)
			return err_wrap(e, "%s: line %llu", r->name, (unsigned long long)r->number + 1);
		r->buf = more;
		r->cap *= 2;
	}
	return 0;
}

int io_lines_next(struct io_lines *r, const unsigned char **line, size_t *len, bool *newline,
                  struct err *e)
{
	size_t seen = 0; /* of this line's bytes, already searched for its end */
	for (;;) {
		const unsigned char *start = r->buf + r->beg, *nl = NULL;
		size_t left = r->end - r->beg;
		if (left > seen)
			nl = memchr(start + seen, '\n', left - seen);
		if (nl || (r->eof && left)) {
			*line = start;
			*len = nl ? (size_t)(nl - start) : left;
			*newline = nl != NULL;
			r->beg += *len + *newline;
			r->number++;
			return 1;
		}
		if (r->eof)
			return 0;
		seen = left;
		if (make_room(r, e))
			return -1;
		ssize_t got = read_some(r->fd, r->buf + r->end, r->cap - r->end);
		if (got < 0)
			return err_sys(e, "cannot read %s at line %llu", r->name,
			               (unsigned long long)r->number + 1);
		r->eof = got == 0;
		r->end += (size_t)got;
	}
}

bool io_lines_ready(struct io_lines *r)
{
	struct pollfd p = {.fd = r->fd, .events = POLLIN};
	for (;;) {
		if (r->eof || (r->end > r->beg && memchr(r->buf + r->beg, '\n', r->end - r->beg)))
			return true;
		if (poll(&p, 1, 0) <= 0)
			return false;
		/* What fails here fails again in io_lines_next, which can say so. */
		ssize_t got = make_room(r, NULL) ? -1 : read_some(r->fd, r->buf + r->end, r->cap - r->end);
		if (got < 0)
			return true;
		r->eof = got == 0;
		r->end += (size_t)got;
	}
}

void io_lines_close(struct io_lines *r)
{
	close_input(r->fd);
	mem_free(r->name);
	mem_free(r->buf);
	*r = (struct io_lines){0};
}

int io_close_stdout(bool *closed_pipe, struct err *e)
{
	bool failed_before = ferror(stdout) != 0;
	struct pollfd p = {.fd = STDOUT_FILENO, .events = POLLOUT};
	*closed_pipe = false;
	errno = 0;
	if (fflush(stdout) || failed_before) {
		/* An earlier failure has taken its errno along; poll still tells a
		 * reader that has gone. */
		if (errno == EPIPE || (!errno && poll(&p, 1, 0) > 0 && (p.revents & POLLERR))) {
			*closed_pipe = true;
			errno = EPIPE;
		}
		return errno ? err_sys(e, "standard output") : err_set(e, "standard output: a write failed");
	}
	/* Some file systems report what went wrong only at close; a duplicate is
	 * enough. Without a standard output there was nothing to write either. */
	int fd = dup(STDOUT_FILENO);
	if (fd >= 0 && close(fd))
		return err_sys(e, "standard output");
	return 0;
}

double io_now(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}
