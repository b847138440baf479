/* Files. Reading whole files, pipes and lines; writing so that a reader sees
 * the old contents or the new, never a mixture. */
#ifndef RNNLM_BASE_IO_H
#define RNNLM_BASE_IO_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/mem.h"

/* The whole of a file, or of standard input for "-". A directory, a missing
 * or unreadable file is an error that names it. The contents may hold any
 * bytes; one 0 is put behind them (not counted). The buffer grows with what is
 * read: no size that the file claims is believed. *data is freed by mem_free. */
int io_read_all(const char *path, unsigned char **data, size_t *len, struct err *e);

/* Lines from a file or "-" as they come: never waits for more than one line.
 * A line may hold any bytes, 0 among them, and may be of any length. */
struct io_lines {
	int fd;
	bool eof;
	char *name;
	unsigned char *buf;
	size_t beg, end, cap;
	uint64_t number; /* of the line last returned, from 1 */
};
int io_lines_open(struct io_lines *r, const char *path, struct err *e);
/* 1 and *line, *len (valid until the next call; without the newline;
 * *newline says whether there was one), 0 at the end, -1 on error. */
int io_lines_next(struct io_lines *r, const unsigned char **line, size_t *len, bool *newline,
                  struct err *e);
/* Whether io_lines_next would return at once, without waiting for the writer: reads
 * what is there, and says whether a whole line is, or the end. */
bool io_lines_ready(struct io_lines *r);
void io_lines_close(struct io_lines *r);

/* Atomic replacement: a temporary file in the same folder, fsync, rename,
 * fsync of the folder. After io_atomic_open either commit or abort; a failed
 * write is remembered and reported by commit, which then aborts. The file
 * that was there before is untouched until commit succeeds. A symbolic link is
 * followed: its target is replaced. Permissions: those of the file replaced,
 * else 0666 less the umask. A process that is killed leaves its temporary file
 * (.rnnlm-*.tmp), which the next one to write in that folder removes. */
struct io_atomic {
	int fd;
	char *path, *temp;
	unsigned char *buf;
	size_t len;
	uint64_t written;
	int error; /* errno of the first failed write */
};
int io_atomic_open(struct io_atomic *w, const char *path, struct err *e);
void io_atomic_write(struct io_atomic *w, const void *p, size_t n);
int io_atomic_commit(struct io_atomic *w, struct err *e);
void io_atomic_abort(struct io_atomic *w);

/* If path exists, renames it to "path.~N~" with the first free N from 1 (as
 * GNU cp --backup=numbered), never over another file, and returns 1 with the
 * new name in backup; 0 if there was nothing. */
int io_backup(const char *path, char *backup, size_t size, struct err *e);
/* The same for a file that is going to be replaced atomically: where file systems can,
 * it has both names until then, so that there is no moment without one at path. If it
 * then was not replaced after all, io_backup_undo takes the second name away. */
int io_backup_link(const char *path, char *backup, size_t size, struct err *e);
void io_backup_undo(const char *path, const char *backup);

/* Keeps a file for this process: of all that ask for the same path one gets it, until it
 * gives it back or ends, however that may be; the others get -1 with e set, which says
 * which process has it. It stands in a temporary file beside path (.rnnlm-NAME.tmp). Where
 * there can be none, or path is no regular file, nothing is kept. */
struct io_claim {
	int fd; /* -1: none; starts as {-1} */
	char *name;
};
int io_claim_take(struct io_claim *c, const char *path, struct err *e);
void io_claim_drop(struct io_claim *c);

/* Makes the folders that lead to path (mkdir -p of its dirname). */
int io_mkdirs_for(const char *path, struct err *e);

/* Flushes stdout and says whether everything written to it arrived; called
 * once at exit (0, or -1 with e: "standard output: No space left on device").
 * A closed pipe is reported with *closed_pipe = true. */
int io_close_stdout(bool *closed_pipe, struct err *e);

/* Seconds of a clock that only goes forward. */
double io_now(void);

#endif
