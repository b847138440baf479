/* Temporary files that outlived their writer. */
#include "base/io_private.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/io.h"
#include "base/mem.h"

#ifdef LOCK_EX /* flock is in no standard, and some systems hide it from programs that keep to one */

/* The name still stands for the open file: it was neither renamed nor removed. */
static bool is_named(int fd, const char *name)
{
	struct stat open_file, named;
	return fstat(fd, &open_file) == 0 && lstat(name, &named) == 0 && open_file.st_dev == named.st_dev &&
	       open_file.st_ino == named.st_ino;
}

bool io_temp_claim(int fd, const char *name)
{
	if (flock(fd, LOCK_EX | LOCK_NB) && errno == EWOULDBLOCK)
		return false;
	return is_named(fd, name);
}

/* Whoever removes or renames a temporary file holds its lock. So from the moment that
 * the lock is ours and the name is still the file's, nobody else touches it: it cannot
 * have become the file that it was meant to be. */
static void remove_stale(const char *name)
{
	struct stat st;
	if (lstat(name, &st) || !S_ISREG(st.st_mode) || st.st_uid != geteuid())
		return;
	int fd = open(name, O_WRONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	if (fd < 0)
		return;
	if (flock(fd, LOCK_EX | LOCK_NB) == 0 && is_named(fd, name))
		unlink(name);
	close(fd);
}

void io_temp_clean(const char *folder)
{
	static const size_t begins = sizeof IO_TEMP_BEGINS - 1, ends = sizeof IO_TEMP_ENDS - 1;
	struct buf name = {0};
	DIR *dir = opendir(*folder ? folder : ".");
	if (!dir)
		return; /* a folder may let us write and not read */
	for (struct dirent *entry; (entry = readdir(dir));) {
		size_t n = strlen(entry->d_name);
		if (n <= begins + ends || strncmp(entry->d_name, IO_TEMP_BEGINS, begins) != 0 ||
		    strcmp(entry->d_name + n - ends, IO_TEMP_ENDS) != 0)
			continue;
		buf_clear(&name);
		if (buf_puts(&name, folder, NULL) == 0 && buf_puts(&name, entry->d_name, NULL) == 0)
			remove_stale(name.p);
	}
	closedir(dir);
	buf_free(&name);
}

/* Opens the file and takes its lock: 1; 0 if another has it; -1 if there can be no file.
 * Who cleans up a left-over has its lock for a moment, too, and then removes it. */
static int take_lock(const char *name, int *fd)
{
	enum { TRIES = 20 };
	const struct timespec moment = {.tv_nsec = 1000 * 1000};
	for (int i = 0; i < TRIES; i++) {
		*fd = open(name, O_RDWR | O_CREAT | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC, 0666);
		if (*fd < 0)
			return -1;
		if (io_temp_claim(*fd, name))
			return 1;
		if (i + 1 < TRIES) {
			close(*fd);
			nanosleep(&moment, NULL);
		}
	}
	return 0;
}

int io_claim_take(struct io_claim *c, const char *path, struct err *e)
{
	const char *slash = strrchr(path, '/'), *base = slash ? slash + 1 : path;
	struct buf name = {0};
	struct stat st;
	char owner[32] = "";
	*c = (struct io_claim){.fd = -1};
	if (stat(path, &st) == 0 && !S_ISREG(st.st_mode))
		return 0;
	if (buf_add(&name, path, (size_t)(base - path), e) || buf_printf(&name, e, IO_TEMP_BEGINS "%s" IO_TEMP_ENDS, base))
		goto fail;
	int fd, ours = take_lock(name.p, &fd);
	if (ours < 0) {
		buf_free(&name);
		return 0;
	}
	if (!ours) {
		ssize_t n = pread(fd, owner, sizeof owner - 1, 0);
		close(fd);
		owner[n > 0 ? strspn(owner, "0123456789") : 0] = 0;
		err_set(e, "%s is being written by another rnnlm%s%s%s: give this run a file of its own with -o, or wait", path,
		        *owner ? " (process " : "", owner, *owner ? ")" : "");
		goto fail;
	}
	int len = snprintf(owner, sizeof owner, "%ld", (long)getpid());
	if (ftruncate(fd, 0) || pwrite(fd, owner, (size_t)len, 0) < 0) {
		/* a full disk: it is ours without our number, too */
	}
	*c = (struct io_claim){fd, name.p};
	return 0;
fail:
	buf_free(&name);
	return -1;
}

void io_claim_drop(struct io_claim *c)
{
	if (c->fd >= 0) {
		unlink(c->name);
		close(c->fd);
	}
	mem_free(c->name);
	*c = (struct io_claim){.fd = -1};
}

#else

int io_claim_take(struct io_claim *c, const char *path, struct err *e)
{
	(void)path;
	(void)e;
	*c = (struct io_claim){.fd = -1};
	return 0;
}

void io_claim_drop(struct io_claim *c)
{
	(void)c;
}

bool io_temp_claim(int fd, const char *name)
{
	(void)fd;
	(void)name;
	return true;
}

void io_temp_clean(const char *folder)
{
	(void)folder;
}

#endif
