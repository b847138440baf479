/* Which model a command works with when -m does not say. */
#include <dirent.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cmd/cmd.h"

#define FOLDER "models"
#define SUFFIX ".safetensors"
#define SMALL "small" SUFFIX

static const char *program; /* argv[0] */

void cmd_set_program(const char *argv0)
{
	program = argv0;
}

static bool is_file(const char *path, struct stat *st)
{
	return stat(path, st) == 0 && S_ISREG(st->st_mode);
}

/* When the file was last written; a's time less b's, by sign. */
static int compare_times(const struct stat *a, const struct stat *b)
{
	if (a->st_mtime != b->st_mtime)
		return a->st_mtime < b->st_mtime ? -1 : 1;
#ifdef __APPLE__
	long na = a->st_mtimensec, nb = b->st_mtimensec;
#else
	long na = a->st_mtim.tv_nsec, nb = b->st_mtim.tv_nsec;
#endif
	return na < nb ? -1 : na > nb;
}

/* The newest models/(name).safetensors in *path; NULL there if there is none.
 * Of two of the same age the one whose name comes first, so that the choice
 * does not depend on the order of the folder. */
static int newest(char **path, struct err *e)
{
	struct stat best = {0};
	struct buf name = {0};
	int status = -1;
	DIR *dir = opendir(FOLDER);
	*path = NULL;
	if (!dir)
		return 0;
	for (struct dirent *entry; (entry = readdir(dir));) {
		struct stat st;
		size_t n = strlen(entry->d_name), tail = strlen(SUFFIX);
		if (n <= tail || entry->d_name[0] == '.' || strcmp(entry->d_name + n - tail, SUFFIX) != 0)
			continue;
		buf_clear(&name);
		if (buf_printf(&name, e, FOLDER "/%s", entry->d_name) < 0)
			goto out;
		if (!is_file(name.p, &st))
			continue;
		int order = *path ? compare_times(&st, &best) : 1;
		if (order < 0 || (order == 0 && strcmp(name.p, *path) > 0))
			continue;
		mem_free(*path);
		if (!(*path = mem_strndup(name.p, name.len, e)))
			goto out;
		best = st;
	}
	status = 0;
out:
	closedir(dir);
	buf_free(&name);
	return status;
}

/* models/small.safetensors beside the running program, as in a build tree, or
 * where `make install` puts it; NULL in *path if neither is there. */
static int shipped(char **path, struct err *e)
{
	char self[4096];
	struct stat st;
	struct buf name = {0};
	int status = -1;
	*path = NULL;
	ssize_t n = readlink("/proc/self/exe", self, sizeof(self));
	const char *exe = n > 0 && (size_t)n < sizeof(self) ? self : program;
	size_t length = exe == self ? (size_t)n : exe ? strlen(exe) : 0;
	while (length && exe[length - 1] != '/')
		length--;
	if (length) {
		if (buf_add(&name, exe, length, e) < 0 || buf_puts(&name, FOLDER "/" SMALL, e) < 0)
			goto out;
	}
	if (!length || !is_file(name.p, &st)) {
		buf_clear(&name);
		if (buf_puts(&name, RNNLM_DATADIR "/" SMALL, e) < 0)
			goto out;
	}
	status = 0;
	if (is_file(name.p, &st) && !(*path = mem_strndup(name.p, name.len, e)))
		status = -1;
out:
	buf_free(&name);
	return status;
}

static bool same_file(const char *a, const char *b)
{
	struct stat sa, sb;
	return stat(a, &sa) == 0 && stat(b, &sb) == 0 && sa.st_dev == sb.st_dev && sa.st_ino == sb.st_ino;
}

int cmd_model_path(const char *given, char **path, bool *bundled, struct err *e)
{
	const char *chosen = getenv("RNNLM_MODEL"), *why = " (from $RNNLM_MODEL)";
	char *small = NULL;
	int status = -1;
	*path = NULL;
	*bundled = false;
	if (given || (chosen && *chosen)) {
		const char *name = given ? given : chosen;
		if (!(*path = mem_strndup(name, strlen(name), e)))
			return -1;
	} else {
		if (newest(path, e) < 0 || shipped(&small, e) < 0)
			goto out;
		why = " (the newest in " FOLDER "/; -m names another)";
		if (*path) {
			*bundled = small && same_file(*path, small);
		} else if (small) {
			*path = small;
			small = NULL;
			*bundled = true;
		} else {
			err_set(e, "no model: " FOLDER "/ holds none and the small one that comes with the program "
			           "is not there; train one with 'rnnlm train FILE', or name one with -m");
			goto out;
		}
		if (*bundled)
			why = " (the small model that comes with rnnlm; -m names another)";
	}
	if (!given)
		cmd_note("model: %s%s", *path, why);
	status = 0;
out:
	if (status < 0) {
		mem_free(*path);
		*path = NULL;
	}
	mem_free(small);
	return status;
}
