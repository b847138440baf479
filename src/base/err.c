/* Messages of errors: formatted into a scratch line first, so that arguments
 * may point into the message that is being replaced. */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/err.h"

/* Length of s without a UTF-8 sequence that the end of the buffer has cut. */
static size_t whole_length(const char *s, size_t n)
{
	size_t back = 0;
	while (back < 3 && back < n && ((unsigned char)s[n - 1 - back] & 0xC0) == 0x80)
		back++;
	if (back == n)
		return n;
	unsigned char lead = (unsigned char)s[n - 1 - back];
	size_t want = lead >= 0xF0 ? 4 : lead >= 0xE0 ? 3 : lead >= 0xC0 ? 2 : 1;
	return want > back + 1 ? n - 1 - back : n;
}

/* line = fmt, and for tail != NULL ": " and the tail behind it. */
static void compose(char line[ERR_MAX], const char *tail, const char *fmt, va_list ap)
{
	int n = vsnprintf(line, ERR_MAX, fmt, ap);
	size_t len = n < 0 ? 0 : (size_t)n;
	line[n < 0 ? 0 : ERR_MAX - 1] = 0;
	if (tail && len < ERR_MAX) {
		n = snprintf(line + len, ERR_MAX - len, ": %s", tail);
		len += n < 0 ? 0 : (size_t)n;
	}
	if (len >= ERR_MAX)
		line[whole_length(line, ERR_MAX - 1)] = 0;
}

int err_set(struct err *e, const char *fmt, ...)
{
	char line[ERR_MAX];
	va_list ap;
	if (!e)
		return -1;
	va_start(ap, fmt);
	compose(line, NULL, fmt, ap);
	va_end(ap);
	strcpy(e->msg, line);
	return -1;
}

int err_sys(struct err *e, const char *fmt, ...)
{
	const char *why = strerror(errno);
	char line[ERR_MAX];
	va_list ap;
	if (!e)
		return -1;
	va_start(ap, fmt);
	compose(line, why, fmt, ap);
	va_end(ap);
	strcpy(e->msg, line);
	return -1;
}

int err_wrap(struct err *e, const char *fmt, ...)
{
	char line[ERR_MAX];
	va_list ap;
	if (!e)
		return -1;
	va_start(ap, fmt);
	compose(line, e->msg[0] ? e->msg : NULL, fmt, ap);
	va_end(ap);
	strcpy(e->msg, line);
	return -1;
}
