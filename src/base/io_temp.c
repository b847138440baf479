/* Temporary files that outlived their writer. */
#include "base/io_private.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

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

#else

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
