/* What is particular to a terminal: is there one, how wide, colours, and a
 * progress line that is rewritten in place on a terminal and is one plain line
 * per report elsewhere. Formats into a buf; the caller prints. */
#ifndef RNNLM_BASE_TERM_H
#define RNNLM_BASE_TERM_H

#include <stdbool.h>
#include <stddef.h>

#include "base/mem.h"

enum term_when { TERM_AUTO, TERM_ALWAYS, TERM_NEVER };

bool term_is_tty(int fd);
/* Columns of the terminal on fd: ioctl, else $COLUMNS, else 80. */
int term_width(int fd);
/* auto: a terminal, NO_COLOR unset or empty, TERM set and not "dumb". */
bool term_colour(int fd, enum term_when when);

/* "1:02:03", "2:07", "0:09" (rounded up); "--:--" when not finite. */
void term_time(double seconds, char *out, size_t size);
/* "1.2k", "34.5k", "1.23M", three significant digits; below 1000 as it is. */
void term_count(double n, char *out, size_t size);

/* A bar of the given width: fraction in [0, 1]; UTF-8 blocks if utf8, else
 * '#' and '-'. */
int term_bar(double fraction, int width, bool utf8, struct buf *out);
/* Whether the locale's charset (LC_ALL, LC_CTYPE, LANG) is UTF-8. */
bool term_utf8(void);
/* Display columns of n bytes of UTF-8 (wide East Asian symbols count two,
 * combining marks none, invalid bytes one). */
size_t term_columns(const char *s, size_t n);
/* Control characters and invalid bytes made visible (\n as \n, others \xNN);
 * the rest as it is. For tables that must not be garbled by data. */
int term_visible(const char *s, size_t n, struct buf *out, struct err *e);

#endif
