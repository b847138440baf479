/* Writing files so that nothing is lost: atomic replacement, numbered backups,
 * folders on the way. */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/io.h"
#include "base/io_private.h"

#define WRITE_BUFFER ((size_t)256 << 10)
#define MAX_LINKS 40
#define MAX_TEMPS 10000
#ifndef PATH_MAX
#define PATH_MAX 4096
#endif

/* Bytes of path that name its folder, with the last slash; 0 if it has none. */
static size_t folder_length(const char *path)
{
	const char *slash = strrchr(path, '/');
	return slash ? (size_t)(slash - path) + 1 : 0;
}

/* The name behind the symbolic links that path may be, which need not exist. */
static char *follow_links(const char *path, struct err *e)
{
	char to[PATH_MAX];
	struct stat st;
	char *at = mem_strndup(path, strlen(path), e);
	for (int links = 0; at && lstat(at, &st) == 0 && S_ISLNK(st.st_mode); links++) {
		ssize_t n = readlink(at, to, sizeof to - 1);
		struct buf next = {0};
		if (n < 0 || links == MAX_LINKS) {
			if (n >= 0)
				errno = ELOOP;
			err_sys(e, "cannot follow the symbolic link %s", path);
			mem_free(at);
			return NULL;
		}
		to[n] = 0;
		if ((to[0] != '/' && buf_add(&next, at, folder_length(at), e)) || buf_puts(&next, to, e))
			buf_free(&next);
		mem_free(at);
		at = next.p;
	}
	return at;
}

/* A new file in the folder of w->path; its name is short, since that of path
 * may be as long as names can be. O_EXCL and not mkstemp, so that the kernel
 * applies the umask, which cannot be read without changing it. */
static int open_temp(struct io_atomic *w, mode_t mode, struct err *e)
{
	size_t folder = folder_length(w->path);
	struct buf b = {0};
	int fd = -1;
	if (buf_add(&b, w->path, folder, e) || buf_puts(&b, "", e))
		goto out;
	io_temp_clean(b.p);
	for (int i = 0; fd < 0 && i < MAX_TEMPS; i++) {
		buf_clear(&b);
		if (buf_add(&b, w->path, folder, e) ||
		    buf_printf(&b, e, IO_TEMP_BEGINS "%ld-%d" IO_TEMP_ENDS, (long)getpid(), i))
			goto out;
		fd = open(b.p, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode);
		if (fd < 0 && errno != EEXIST)
			break;
		if (fd >= 0 && !io_temp_claim(fd, b.p)) {
			close(fd);
			fd = -1;
			errno = EEXIST;
		}
	}
	if (fd < 0) {
		err_sys(e, "cannot write %s: no file can be made in its folder", w->path);
		goto out;
	}
	w->temp = b.p;
	b.p = NULL;
out:
	buf_free(&b);
	return fd;
}

int io_atomic_open(struct io_atomic *w, const char *path, struct err *e)
{
	struct stat st;
	bool exists = stat(path, &st) == 0;
	*w = (struct io_atomic){.fd = -1};
	if (!*path)
		return err_set(e, "cannot write a file without a name");
	if (exists && S_ISDIR(st.st_mode))
		return err_set(e, "cannot write %s: it is a directory; name a file in it", path);
	/* Devices and pipes are written to; to put a file in their place would
	 * destroy them. */
	bool direct = exists && !S_ISREG(st.st_mode);
	w->path = direct ? mem_strndup(path, strlen(path), e) : follow_links(path, e);
	w->buf = w->path ? mem_resize(NULL, WRITE_BUFFER, 1, e) : NULL;
	if (!w->buf)
		goto fail;
	if (direct) {
		w->fd = open(path, O_WRONLY | O_CLOEXEC);
		if (w->fd < 0)
			err_sys(e, "cannot write %s", path);
	} else {
		w->fd = open_temp(w, exists ? st.st_mode & 0777 : 0666, e);
		if (w->fd >= 0 && exists && fchmod(w->fd, st.st_mode & 0777))
			w->error = errno;
	}
	if (w->fd >= 0)
		return 0;
fail:
	io_atomic_abort(w);
	return -1;
}

/* All n bytes to the descriptor; the first failure is kept and ends writing. */
static void write_out(struct io_atomic *w, const unsigned char *p, size_t n)
{
	while (n && !w->error) {
		ssize_t put = write(w->fd, p, n < (size_t)INT_MAX ? n : (size_t)INT_MAX);
		if (put < 0 && errno != EINTR)
			w->error = errno;
		if (put == 0)
			w->error = EIO;
		if (put > 0) {
			p += put;
			n -= (size_t)put;
		}
	}
}

static void flush(struct io_atomic *w)
{
	write_out(w, w->buf, w->len);
	w->len = 0;
}

void io_atomic_write(struct io_atomic *w, const void *p, size_t n)
{
	w->written += n;
	if (n > WRITE_BUFFER - w->len)
		flush(w);
	if (n > WRITE_BUFFER - w->len) {
		write_out(w, p, n);
	} else if (n) {
		memcpy(w->buf + w->len, p, n);
		w->len += n;
	}
}

/* The folder's entry on disk too. Folders that cannot be opened or synced (not
 * readable, or a file system that does not know how) are left to the system. */
static int sync_folder(char *path, struct err *e)
{
	size_t n = folder_length(path);
	char first = path[n];
	path[n] = 0; /* the folder's name in place: an allocation could fail here */
	int fd = open(n ? path : ".", O_RDONLY | O_CLOEXEC), res = 0;
	path[n] = first;
	if (fd >= 0 && fsync(fd) && (errno == EIO || errno == ENOSPC || errno == EDQUOT))
		res = err_sys(e, "%s was written, but its folder may not be on disk yet", path);
	if (fd >= 0)
		close(fd);
	return res;
}

int io_atomic_commit(struct io_atomic *w, struct err *e)
{
	int res = -1;
	flush(w);
	if (!w->error && w->temp && fsync(w->fd) && errno != EINVAL && errno != ENOTSUP)
		w->error = errno;
	int lock = w->temp ? dup(w->fd) : -1; /* the file is claimed until it has its name */
	if (close(w->fd) && !w->error)
		w->error = errno;
	w->fd = -1;
	if (w->error) {
		errno = w->error;
		err_sys(e, w->temp ? "cannot write %s (what was there is unchanged)" : "cannot write %s", w->path);
		goto out;
	}
	if (w->temp && rename(w->temp, w->path)) {
		err_sys(e, "cannot put the new file in place of %s (what was there is unchanged)", w->path);
		goto out;
	}
	if (w->temp) {
		mem_free(w->temp);
		w->temp = NULL;
		if (sync_folder(w->path, e))
			goto out;
	}
	res = 0;
out:
	io_atomic_abort(w);
	if (lock >= 0)
		close(lock);
	return res;
}

void io_atomic_abort(struct io_atomic *w)
{
	if (w->temp)
		unlink(w->temp);
	if (w->path && w->fd >= 0)
		close(w->fd);
	mem_free(w->temp);
	mem_free(w->path);
	mem_free(w->buf);
	*w = (struct io_atomic){0};
}

int io_backup(const char *path, char *backup, size_t size, struct err *e)
{
	struct stat st, itself;
	if (lstat(path, &itself)) {
		if (errno == ENOENT || errno == ENOTDIR)
			return 0;
		return err_sys(e, "cannot look at %s", path);
	}
	if (stat(path, &st))
		st = itself; /* a link that leads nowhere */
	if (S_ISDIR(st.st_mode))
		return err_set(e, "%s is a directory; name a file in it", path);
	if (S_ISCHR(st.st_mode) || S_ISBLK(st.st_mode) || S_ISFIFO(st.st_mode) || S_ISSOCK(st.st_mode))
		return 0; /* what was written there is not kept, so nothing can be lost */
	for (long n = 1;; n++) {
		int len = snprintf(backup, size, "%s.~%ld~", path, n);
		if (len < 0 || (size_t)len >= size)
			return err_set(e, "cannot keep %s under a numbered name: the name is too long", path);
		/* An empty file of our own reserves the name: what rename then
		 * replaces cannot be anybody else's. */
		int fd = open(backup, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
		if (fd < 0 && errno == EEXIST)
			continue;
		if (fd < 0)
			return err_sys(e, "cannot keep %s as %s", path, backup);
		close(fd);
		if (rename(path, backup) == 0)
			return 1;
		err_sys(e, "cannot keep %s as %s", path, backup);
		unlink(backup);
		return -1;
	}
}

int io_backup_link(const char *path, char *backup, size_t size, struct err *e)
{
	struct stat itself;
	if (lstat(path, &itself) == 0 && S_ISREG(itself.st_mode))
		for (long n = 1;; n++) {
			int len = snprintf(backup, size, "%s.~%ld~", path, n);
			if (len < 0 || (size_t)len >= size)
				break;
			if (link(path, backup) == 0)
				return 1;
			if (errno != EEXIST)
				break;
		}
	return io_backup(path, backup, size, e);
}

void io_backup_undo(const char *path, const char *backup)
{
	struct stat a, b;
	bool there = lstat(path, &a) == 0;
	if (!there && rename(backup, path) == 0)
		return;
	if (there && lstat(backup, &b) == 0 && a.st_dev == b.st_dev && a.st_ino == b.st_ino)
		unlink(backup);
}

int io_mkdirs_for(const char *path, struct err *e)
{
	struct stat st;
	int res = -1;
	char *part = mem_strndup(path, folder_length(path), e);
	if (!part)
		return -1;
	for (char *slash = strchr(part, '/'); slash; slash = strchr(slash + 1, '/')) {
		if (slash == part)
			continue;
		*slash = 0;
		if (mkdir(part, 0777) == 0) {
			*slash = '/';
			continue;
		}
		int why = errno;
		if (stat(part, &st)) {
			errno = why;
			err_sys(e, "cannot make the folder %s", part);
			goto out;
		}
		if (!S_ISDIR(st.st_mode)) {
			err_set(e, "cannot make the folder %s: a file of that name is in the way", part);
			goto out;
		}
		*slash = '/';
	}
	res = 0;
out:
	mem_free(part);
	return res;
}
