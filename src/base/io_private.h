/* Shared by the io*.c files only. */
#ifndef RNNLM_BASE_IO_PRIVATE_H
#define RNNLM_BASE_IO_PRIVATE_H

#include <stdbool.h>

#define IO_TEMP_BEGINS ".rnnlm-"
#define IO_TEMP_ENDS ".tmp"

/* Temporary files. While one is written, its writer holds a lock on it, which ends with
 * the process however that ends: a temporary file without a lock is nobody's.
 *
 * io_temp_claim takes the lock of a file just made. False: somebody took it for a
 * left-over in the moment before; make another. (Where a file system knows no locks,
 * nothing is claimed and nothing cleaned up.)
 * io_temp_clean removes what killed processes of this user left behind in a folder
 * ("" is the current one). */
bool io_temp_claim(int fd, const char *name);
void io_temp_clean(const char *folder);

#endif
