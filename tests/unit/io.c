/* base/io: reading, lines, atomic writing, backups, folders, standard output. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/io.h"
#include "test.h"

/* Every case works in a folder of its own and leaves it empty. */
static char dir[64];
static char names[8][192];

static const char *at(int i, const char *name)
{
	snprintf(names[i], sizeof names[i], "%s/%s", dir, name);
	return names[i];
}

static void enter_folder(void)
{
	struct stat st;
	strcpy(dir, stat("build", &st) == 0 ? "build/test-io-XXXXXX" : "/tmp/test-io-XXXXXX");
	CHECK(mkdtemp(dir) != NULL);
}

/* Fails if anything was left behind. */
static void leave_folder(void)
{
	CHECK_INT(rmdir(dir), 0);
}

static void put(const char *path, const void *p, size_t n)
{
	FILE *f = fopen(path, "wb");
	CHECK(f && fwrite(p, 1, n, f) == n);
	if (f)
		fclose(f);
}

static void check_file(const char *path, const char *want)
{
	struct err e = {{0}};
	unsigned char *p = NULL;
	size_t n = 0;
	CHECK_INT(io_read_all(path, &p, &n, &e), 0);
	CHECK_INT(n, strlen(want));
	CHECK_STR((char *)p, want);
	mem_free(p);
}

static void read_all(void)
{
	static const size_t sizes[] = {0, 1, 65534, 65535, 65536, 65537, 300000};
	static unsigned char data[300000];
	struct err e = {{0}};
	unsigned char *p;
	size_t n;
	enter_folder();
	for (size_t i = 0; i < sizeof data; i++)
		data[i] = (unsigned char)(i * 7 + i / 256);
	for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
		put(at(0, "f"), data, sizes[i]);
		CHECK_INT(io_read_all(at(0, "f"), &p, &n, &e), 0);
		CHECK_INT(n, sizes[i]);
		CHECK(p && n == sizes[i] && memcmp(p, data, n) == 0 && p[n] == 0);
		mem_free(p);
	}
	for (long k = 1, done = 0; !done; k++) {
		mem_fail_at(k);
		done = io_read_all(at(0, "f"), &p, &n, &e) == 0;
		mem_fail_at(0);
		CHECK(done ? n == sizeof data : p == NULL && n == 0);
		if (!done)
			CHECK_HAS(e.msg, "/f at byte");
		mem_free(p);
	}
	CHECK_INT(io_read_all(at(1, "none"), &p, &n, &e), -1);
	CHECK_HAS(e.msg, "none: No such file");
	CHECK_INT(io_read_all(dir, &p, &n, &e), -1);
	CHECK_HAS(e.msg, "is a directory");
	unlink(at(0, "f"));
	leave_folder();
}

static void from_pipe(void)
{
	struct err e = {{0}};
	unsigned char *p = NULL;
	size_t n = 0;
	int fd[2], saved = dup(STDIN_FILENO);
	CHECK_INT(pipe(fd), 0);
	CHECK_INT(write(fd[1], "a\0b", 3), 3);
	close(fd[1]);
	dup2(fd[0], STDIN_FILENO);
	close(fd[0]);
	CHECK_INT(io_read_all("-", &p, &n, &e), 0);
	CHECK_INT(n, 3);
	CHECK(p && memcmp(p, "a\0b", 4) == 0);
	mem_free(p);
	CHECK_INT(fcntl(STDIN_FILENO, F_GETFD) >= 0, 1); /* left open */
	dup2(saved, STDIN_FILENO);
	close(saved);
}

static void check_line(struct io_lines *r, const char *want, size_t len, bool newline)
{
	const unsigned char *line = NULL;
	size_t n = 0;
	bool nl = !newline;
	struct err e = {{0}};
	CHECK_INT(io_lines_next(r, &line, &n, &nl, &e), 1);
	CHECK_INT(n, len);
	CHECK(line && n == len && memcmp(line, want, n) == 0);
	CHECK_INT(nl, newline);
}

static void lines(void)
{
	struct err e = {{0}};
	struct io_lines r = {0};
	const unsigned char *line;
	size_t n;
	bool nl;
	enter_folder();
	io_lines_close(&r); /* a zero struct */
	put(at(0, "f"), "one\n\na\0b\r\nlast", 14);
	CHECK_INT(io_lines_open(&r, at(0, "f"), &e), 0);
	check_line(&r, "one", 3, true);
	check_line(&r, "", 0, true);
	CHECK(io_lines_ready(&r));
	check_line(&r, "a\0b\r", 4, true);
	CHECK_INT(r.number, 3);
	check_line(&r, "last", 4, false);
	CHECK_INT(io_lines_next(&r, &line, &n, &nl, &e), 0);
	CHECK_INT(io_lines_next(&r, &line, &n, &nl, &e), 0);
	CHECK(io_lines_ready(&r));
	CHECK_INT(r.number, 4);
	io_lines_close(&r);
	CHECK(r.buf == NULL && r.name == NULL);
	CHECK_INT(io_lines_open(&r, at(1, "none"), &e), -1);
	CHECK_HAS(e.msg, "No such file");
	CHECK_INT(io_lines_open(&r, dir, &e), -1);
	CHECK_HAS(e.msg, "is a directory");
	io_lines_close(&r);
	unlink(at(0, "f"));
	leave_folder();
}

/* Lines of all lengths around the buffer's size come back whole. */
static void long_lines(void)
{
	static const size_t lens[] = {70000, 3, 65535, 65536, 0, 131072, 40000, 40000, 1, 500000, 2};
	struct buf b = {0};
	struct err e = {{0}};
	struct io_lines r;
	const unsigned char *line;
	size_t n;
	bool nl;
	enter_folder();
	for (size_t i = 0; i < sizeof lens / sizeof *lens; i++) {
		for (size_t k = 0; k < lens[i]; k++)
			buf_add(&b, &"abcdefghijklm"[(k + i) % 13], 1, &e);
		buf_puts(&b, "\n", &e);
	}
	put(at(0, "f"), b.p, b.len);
	CHECK_INT(io_lines_open(&r, at(0, "f"), &e), 0);
	size_t pos = 0;
	for (size_t i = 0; i < sizeof lens / sizeof *lens; i++) {
		check_line(&r, b.p + pos, lens[i], true);
		pos += lens[i] + 1;
	}
	CHECK_INT(io_lines_next(&r, &line, &n, &nl, &e), 0);
	io_lines_close(&r);
	for (long k = 1, done = 0; !done; k++) {
		mem_fail_at(k);
		int got = io_lines_open(&r, at(0, "f"), &e) ? -1 : 1;
		while (got > 0)
			got = io_lines_next(&r, &line, &n, &nl, &e);
		mem_fail_at(0);
		done = got == 0;
		CHECK_INT(r.number, done ? sizeof lens / sizeof *lens : r.number);
		if (!done)
			CHECK_HAS(e.msg, "out of memory");
		io_lines_close(&r);
	}
	buf_free(&b);
	unlink(at(0, "f"));
	leave_folder();
}

/* A line is given as soon as it is there, though the writer has not ended. */
static void lines_of_pipe(void)
{
	struct err e = {{0}};
	struct io_lines r;
	const unsigned char *line;
	size_t n;
	bool nl;
	int fd[2], saved = dup(STDIN_FILENO);
	CHECK_INT(pipe(fd), 0);
	dup2(fd[0], STDIN_FILENO);
	close(fd[0]);
	CHECK_INT(io_lines_open(&r, "-", &e), 0);
	CHECK(!io_lines_ready(&r));
	CHECK_INT(write(fd[1], "one\ntw", 6), 6);
	CHECK(io_lines_ready(&r));
	check_line(&r, "one", 3, true);
	CHECK(!io_lines_ready(&r));
	CHECK_INT(write(fd[1], "o\n", 2), 2);
	CHECK(io_lines_ready(&r));
	check_line(&r, "two", 3, true);
	close(fd[1]);
	CHECK(io_lines_ready(&r));
	CHECK_INT(io_lines_next(&r, &line, &n, &nl, &e), 0);
	io_lines_close(&r);
	CHECK(fcntl(STDIN_FILENO, F_GETFD) >= 0);
	dup2(saved, STDIN_FILENO);
	close(saved);
}

static int write_text(const char *path, const char *text, struct err *e)
{
	struct io_atomic w;
	if (io_atomic_open(&w, path, e))
		return -1;
	io_atomic_write(&w, text, strlen(text));
	return io_atomic_commit(&w, e);
}

static mode_t mode_of(const char *path)
{
	struct stat st;
	return stat(path, &st) ? 0 : st.st_mode & 0777;
}

static void atomic(void)
{
	struct err e = {{0}};
	struct io_atomic w = {0};
	enter_folder();
	io_atomic_abort(&w); /* a zero struct */
	mode_t mask = umask(027);
	CHECK_INT(write_text(at(0, "new"), "first", &e), 0);
	umask(mask);
	check_file(at(0, "new"), "first");
	CHECK_INT(mode_of(at(0, "new")), 0640);
	chmod(at(0, "new"), 0604);
	CHECK_INT(io_atomic_open(&w, at(0, "new"), &e), 0);
	io_atomic_write(&w, "sec", 3);
	check_file(at(0, "new"), "first"); /* until commit */
	io_atomic_write(&w, "ond", 3);
	CHECK_INT(w.written, 6);
	CHECK_INT(io_atomic_commit(&w, &e), 0);
	check_file(at(0, "new"), "second");
	CHECK_INT(mode_of(at(0, "new")), 0604);
	CHECK_INT(io_atomic_open(&w, at(0, "new"), &e), 0);
	io_atomic_write(&w, "third", 5);
	io_atomic_abort(&w);
	io_atomic_abort(&w);
	check_file(at(0, "new"), "second");

	CHECK_INT(write_text(dir, "x", &e), -1);
	CHECK_HAS(e.msg, "is a directory");
	CHECK_INT(write_text(at(1, "no/where"), "x", &e), -1);
	CHECK_HAS(e.msg, "no/where");
	CHECK_INT(write_text("", "x", &e), -1);
	for (long k = 1, done = 0; !done; k++) {
		mem_fail_at(k);
		done = write_text(at(0, "new"), "fourth", &e) == 0;
		mem_fail_at(0);
		check_file(at(0, "new"), done ? "fourth" : "second");
	}
	unlink(at(0, "new"));
	leave_folder();
}

/* Large and small pieces in turn arrive in order. */
static void atomic_large(void)
{
	static char big[700000];
	struct err e = {{0}};
	struct io_atomic w;
	unsigned char *p = NULL;
	size_t n = 0, pos = 0;
	enter_folder();
	for (size_t i = 0; i < sizeof big; i++)
		big[i] = (char)(i * 11 + i / 1000);
	CHECK_INT(io_atomic_open(&w, at(0, "f"), &e), 0);
	for (size_t step = 1; pos < sizeof big; pos += step, step = step * 5 % 300007) {
		if (step > sizeof big - pos)
			step = sizeof big - pos;
		io_atomic_write(&w, big + pos, step);
	}
	CHECK_INT(io_atomic_commit(&w, &e), 0);
	CHECK_INT(io_read_all(at(0, "f"), &p, &n, &e), 0);
	CHECK(n == sizeof big && memcmp(p, big, n) == 0);
	mem_free(p);
	unlink(at(0, "f"));
	leave_folder();
}

static void atomic_links(void)
{
	struct err e = {{0}};
	struct stat st;
	enter_folder();
	CHECK_INT(mkdir(at(0, "sub"), 0777), 0);
	put(at(1, "sub/real"), "old", 3);
	CHECK_INT(symlink("sub/real", at(2, "link")), 0);
	CHECK_INT(symlink("link", at(3, "link2")), 0);
	CHECK_INT(write_text(at(3, "link2"), "new", &e), 0);
	check_file(at(1, "sub/real"), "new");
	CHECK(lstat(at(2, "link"), &st) == 0 && S_ISLNK(st.st_mode));
	CHECK(lstat(at(3, "link2"), &st) == 0 && S_ISLNK(st.st_mode));
	unlink(at(1, "sub/real"));
	CHECK_INT(write_text(at(3, "link2"), "made", &e), 0); /* it led nowhere */
	check_file(at(1, "sub/real"), "made");
	CHECK_INT(symlink("loop", at(4, "loop")), 0);
	CHECK_INT(write_text(at(4, "loop"), "x", &e), -1);
	CHECK_HAS(e.msg, "symbolic link");
	for (int i = 4; i >= 1; i--)
		unlink(names[i]);
	rmdir(at(0, "sub"));
	leave_folder();
}

static void atomic_devices(void)
{
	struct err e = {{0}};
	struct stat st;
	char backup[300];
	CHECK_INT(write_text("/dev/null", "x", &e), 0);
	CHECK(stat("/dev/null", &st) == 0 && S_ISCHR(st.st_mode));
	CHECK_INT(io_backup("/dev/null", backup, sizeof backup, &e), 0);
	CHECK(stat("/dev/null", &st) == 0 && S_ISCHR(st.st_mode));
	if (stat("/dev/full", &st) == 0) {
		CHECK_INT(write_text("/dev/full", "x", &e), -1);
		CHECK_HAS(e.msg, "/dev/full: No space left");
	}
}

static void backups(void)
{
	struct err e = {{0}};
	char name[300];
	enter_folder();
	CHECK_INT(io_backup(at(0, "m"), name, sizeof name, &e), 0);
	put(at(0, "m"), "1", 1);
	put(at(1, "m.~2~"), "kept", 4);
	CHECK_INT(io_backup(at(0, "m"), name, sizeof name, &e), 1);
	CHECK_STR(name, at(2, "m.~1~"));
	check_file(name, "1");
	CHECK_INT(access(at(0, "m"), F_OK), -1);
	put(at(0, "m"), "3", 1);
	CHECK_INT(io_backup(at(0, "m"), name, sizeof name, &e), 1);
	CHECK_STR(name, at(3, "m.~3~"));
	check_file(at(1, "m.~2~"), "kept");
	check_file(at(2, "m.~1~"), "1");
	check_file(at(3, "m.~3~"), "3");
	put(at(0, "m"), "4", 1);
	CHECK_INT(io_backup(at(0, "m"), name, strlen(at(0, "m")) + 4, &e), -1);
	CHECK_HAS(e.msg, "too long");
	check_file(at(0, "m"), "4");
	CHECK_INT(io_backup(dir, name, sizeof name, &e), -1);
	CHECK_HAS(e.msg, "is a directory");
	for (int i = 0; i < 4; i++)
		unlink(names[i]);
	leave_folder();
}

/* A second name until the file is replaced. */
static void backup_links(void)
{
	struct err e = {{0}};
	char name[300];
	struct stat st;
	enter_folder();
	at(0, "m");
	CHECK_INT(io_backup_link(names[0], name, sizeof name, &e), 0);
	put(names[0], "1", 1);
	put(at(1, "m.~1~"), "kept", 4);
	CHECK_INT(io_backup_link(names[0], name, sizeof name, &e), 1);
	CHECK_STR(name, at(2, "m.~2~"));
	check_file(names[0], "1"); /* there at every moment */
	check_file(names[2], "1");
	io_backup_undo(names[0], name);
	check_file(names[0], "1");
	CHECK_INT(access(names[2], F_OK), -1);
	CHECK_INT(io_backup_link(names[0], name, sizeof name, &e), 1);
	CHECK_INT(write_text(names[0], "2", &e), 0);
	check_file(names[2], "1"); /* replacing the one leaves the other */
	check_file(names[0], "2");
	io_backup_undo(names[0], names[2]); /* too late: two files */
	check_file(names[2], "1");
	check_file(names[0], "2");
	check_file(names[1], "kept");

	/* A link would be followed: it is moved, as io_backup does, and moved back. */
	CHECK_INT(symlink("m", at(3, "s")), 0);
	CHECK_INT(io_backup_link(names[3], name, sizeof name, &e), 1);
	CHECK_STR(name, at(4, "s.~1~"));
	CHECK(lstat(names[3], &st) != 0 && lstat(names[4], &st) == 0 && S_ISLNK(st.st_mode));
	io_backup_undo(names[3], names[4]);
	CHECK(lstat(names[3], &st) == 0 && S_ISLNK(st.st_mode) && lstat(names[4], &st) != 0);
	CHECK_INT(io_backup_link(names[0], name, strlen(names[0]) + 4, &e), -1);
	CHECK_HAS(e.msg, "too long");
	check_file(names[0], "2");
	for (int i = 0; i < 4; i++)
		unlink(names[i]);
	leave_folder();
}

/* What a killed process left is removed by the next one that writes there; what a
 * living one is writing, or what only looks alike, is not. */
static void left_over(void)
{
	struct err e = {{0}};
	struct stat st;
	int ready[2];
	enter_folder();
	put(at(0, ".rnnlm-1-0.tmp"), "half", 4);
	put(at(1, ".rnnlm-.tmpx"), "x", 1);
	put(at(2, ".rnnlm-a.tmp"), "", 0);
	CHECK_INT(symlink("elsewhere", at(3, ".rnnlm-b.tmp")), 0);
	at(4, "m");
	CHECK_INT(pipe(ready), 0);
	pid_t child = fork();
	if (child == 0) { /* a writer that is killed in the midst */
		struct io_atomic w;
		if (io_atomic_open(&w, names[4], &e) == 0 && write(ready[1], w.temp, strlen(w.temp) + 1) > 0)
			pause();
		_exit(1);
	}
	char temp[192] = "";
	CHECK(read(ready[0], temp, sizeof temp) > 0);
	CHECK(lstat(names[0], &st) != 0 && lstat(names[2], &st) != 0);
	CHECK(lstat(names[1], &st) == 0 && lstat(names[3], &st) == 0);
	CHECK_INT(write_text(names[4], "1", &e), 0);
	CHECK(lstat(temp, &st) == 0); /* still at work */
	kill(child, SIGKILL);
	waitpid(child, NULL, 0);
	CHECK(lstat(temp, &st) == 0);
	CHECK_INT(write_text(names[4], "2", &e), 0);
	CHECK(lstat(temp, &st) != 0);
	check_file(names[4], "2");
	/* Two at once in one process. */
	struct io_atomic a, b;
	CHECK_INT(io_atomic_open(&a, names[4], &e), 0);
	CHECK_INT(io_atomic_open(&b, names[4], &e), 0);
	io_atomic_write(&a, "a", 1);
	io_atomic_write(&b, "b", 1);
	CHECK_INT(io_atomic_commit(&a, &e), 0);
	check_file(names[4], "a");
	CHECK_INT(io_atomic_commit(&b, &e), 0);
	check_file(names[4], "b");
	close(ready[0]);
	close(ready[1]);
	unlink(names[1]);
	unlink(names[3]);
	unlink(names[4]);
	leave_folder();
}

static void folders(void)
{
	struct err e = {{0}};
	struct stat st;
	enter_folder();
	CHECK_INT(io_mkdirs_for("plain", &e), 0);
	CHECK_INT(io_mkdirs_for("/plain", &e), 0);
	CHECK_INT(io_mkdirs_for(at(0, "a/b//c/file"), &e), 0);
	CHECK_INT(io_mkdirs_for(at(0, "a/b//c/file"), &e), 0);
	CHECK(stat(at(1, "a/b/c"), &st) == 0 && S_ISDIR(st.st_mode));
	CHECK_INT(access(at(0, "a/b/c/file"), F_OK), -1);
	put(at(2, "a/f"), "x", 1);
	CHECK_INT(io_mkdirs_for(at(3, "a/f/g"), &e), -1);
	CHECK_HAS(e.msg, "in the way");
	mem_fail_at(1);
	CHECK_INT(io_mkdirs_for(at(3, "a/d/g"), &e), -1);
	CHECK_HAS(e.msg, "out of memory");
	CHECK_INT(io_mkdirs_for("/dev/null/x/y", &e), -1);
	unlink(at(2, "a/f"));
	rmdir(at(1, "a/b/c"));
	rmdir(at(1, "a/b"));
	rmdir(at(1, "a"));
	leave_folder();
}

enum {ARRIVED, FAILED, CLOSED_PIPE};

/* What io_close_stdout says in a process whose stdout is fd (-1: closed). */
static int stdout_of_child(int fd, bool flush_first)
{
	int status = -1;
	fflush(stdout);
	pid_t pid = fork();
	if (pid == 0) {
		struct err e = {{0}};
		bool closed = false;
		signal(SIGPIPE, SIG_IGN);
		if (fd < 0)
			close(STDOUT_FILENO);
		else
			dup2(fd, STDOUT_FILENO);
		printf("something");
		if (flush_first)
			fflush(stdout);
		int res = io_close_stdout(&closed, &e);
		bool said = strncmp(e.msg, "standard output: ", 17) == 0;
		_exit(res == 0 ? ARRIVED : !said ? 9 : closed ? CLOSED_PIPE : FAILED);
	}
	waitpid(pid, &status, 0);
	return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static void standard_output(void)
{
	int fd[2], full = open("/dev/full", O_WRONLY), null = open("/dev/null", O_WRONLY);
	for (int early = 0; early < 2; early++) {
		CHECK_INT(stdout_of_child(null, early), ARRIVED);
		if (full >= 0)
			CHECK_INT(stdout_of_child(full, early), FAILED);
		CHECK_INT(stdout_of_child(-1, early), FAILED);
		CHECK_INT(pipe(fd), 0);
		close(fd[0]);
		CHECK_INT(stdout_of_child(fd[1], early), CLOSED_PIPE);
		close(fd[1]);
	}
	close(full);
	close(null);
}

static void clock_runs(void)
{
	double a = io_now(), b = io_now();
	CHECK(a > 0 && b >= a && b - a < 10);
}

TEST_MAIN("io", {"read_all", read_all}, {"from_pipe", from_pipe}, {"lines", lines},
          {"long_lines", long_lines}, {"lines_of_pipe", lines_of_pipe}, {"atomic", atomic},
          {"atomic_large", atomic_large}, {"atomic_links", atomic_links},
          {"atomic_devices", atomic_devices}, {"backups", backups},
          {"backup_links", backup_links}, {"left_over", left_over}, {"folders", folders},
          {"standard_output", standard_output}, {"clock_runs", clock_runs})
