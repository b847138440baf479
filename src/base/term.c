/* The terminal: what it can do, and numbers and texts in the form that suits it. */
#ifdef __APPLE__
#define _DARWIN_C_SOURCE /* TIOCGWINSZ */
#elif !defined(__linux__)
#undef _POSIX_C_SOURCE /* the BSDs show it only without */
#endif

#include "base/term.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "base/term_private.h"

bool term_is_tty(int fd)
{
	return isatty(fd) == 1;
}

int term_width(int fd)
{
#ifdef TIOCGWINSZ
	struct winsize size = {0};
	if (ioctl(fd, TIOCGWINSZ, &size) == 0 && size.ws_col > 0)
		return size.ws_col;
#endif
	const char *columns = getenv("COLUMNS");
	char *end = NULL;
	long n = columns ? strtol(columns, &end, 10) : 0;
	return n > 0 && n <= 10000 && !*end ? (int)n : 80;
}

bool term_colour(int fd, enum term_when when)
{
	if (when != TERM_AUTO)
		return when == TERM_ALWAYS;
	const char *no = getenv("NO_COLOR"), *term = getenv("TERM");
	return term_is_tty(fd) && !(no && *no) && term && *term && strcmp(term, "dumb") != 0;
}

void term_time(double seconds, char *out, size_t size)
{
	if (!isfinite(seconds) || seconds > 1e12) {
		snprintf(out, size, "--:--");
		return;
	}
	long long all = seconds > 0 ? (long long)ceil(seconds) : 0;
	long long h = all / 3600, m = all / 60 % 60, s = all % 60;
	if (h)
		snprintf(out, size, "%lld:%02lld:%02lld", h, m, s);
	else
		snprintf(out, size, "%lld:%02lld", m, s);
}

void term_count(double n, char *out, size_t size)
{
	static const char *const suffix[] = {"", "k", "M", "G", "T", "P"};
	enum { LAST = sizeof(suffix) / sizeof(suffix[0]) - 1 };
	size_t power = 0;
	double scaled = n;
	if (fabs(n) < 1000 && n == floor(n)) {
		snprintf(out, size, "%.0f", n);
		return;
	}
	while (fabs(scaled) >= 999.5 && power < LAST) { /* what would be printed as 1e+03 */
		scaled /= 1000;
		power++;
	}
	snprintf(out, size, "%.3g%s", scaled, isfinite(n) ? suffix[power] : "");
}

int term_bar(double fraction, int width, bool utf8, struct buf *out)
{
	int full = fraction > 0 ? (int)(fmin(fraction, 1) * width) : 0; /* NaN: none */
	for (int i = 0; i < width; i++) {
		const char *cell = i < full ? (utf8 ? "\xE2\x96\x88" : "#") : (utf8 ? "\xE2\x96\x91" : "-");
		if (buf_puts(out, cell, NULL) < 0)
			return -1;
	}
	return 0;
}

bool term_utf8(void)
{
	static const char *const names[] = {"LC_ALL", "LC_CTYPE", "LANG"};
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		const char *value = getenv(names[i]);
		if (!value || !*value)
			continue;
		for (; *value; value++) {
			bool utf = (value[0] | 0x20) == 'u' && (value[1] | 0x20) == 't' && (value[2] | 0x20) == 'f';
			if (utf && (value[3] == '8' || (value[3] == '-' && value[4] == '8')))
				return true;
		}
		return false;
	}
	return false;
}

size_t term_symbol(const char *s, size_t n, uint32_t *cp)
{
	static const uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
	unsigned char lead = (unsigned char)s[0];
	size_t length = lead < 0x80 ? 1 : lead < 0xC0 ? 0 : lead < 0xE0 ? 2 : lead < 0xF0 ? 3 : lead < 0xF8 ? 4 : 0;
	*cp = TERM_INVALID;
	if (length == 0 || length > n)
		return 1;
	uint32_t v = length == 1 ? lead : lead & (0xFFu >> (length + 1));
	for (size_t i = 1; i < length; i++) {
		unsigned char c = (unsigned char)s[i];
		if ((c & 0xC0) != 0x80)
			return 1;
		v = v << 6 | (c & 0x3F);
	}
	if (v < least[length] || v > 0x10FFFF || (v >= 0xD800 && v <= 0xDFFF))
		return 1;
	*cp = v;
	return length;
}

/* C0, DEL, C1; line and paragraph separators; what turns the direction of
 * writing round and so shuffles the columns beside it. */
static bool garbles(uint32_t cp)
{
	return cp < 0x20 || (cp >= 0x7F && cp < 0xA0) || cp == TERM_INVALID ||
	       (cp >= 0x2028 && cp <= 0x202E) || (cp >= 0x2066 && cp <= 0x2069);
}

int term_visible(const char *s, size_t n, struct buf *out, struct err *e)
{
	while (n > 0) {
		uint32_t cp;
		size_t used = term_symbol(s, n, &cp);
		if (!garbles(cp)) {
			if (buf_add(out, s, used, e) < 0)
				return -1;
		} else if (cp == '\n') {
			if (buf_puts(out, "\\n", e) < 0)
				return -1;
		} else {
			for (size_t i = 0; i < used; i++)
				if (buf_printf(out, e, "\\x%02X", (unsigned char)s[i]) < 0)
					return -1;
		}
		s += used;
		n -= used;
	}
	return 0;
}
