/* What goes to a terminal: times, counts, bars, widths, harmless text. */
#define _XOPEN_SOURCE 700 /* posix_openpt */
#include "base/term.h"

#include <fcntl.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "test.h"

static const char *time_text(double seconds)
{
	static char s[40];
	term_time(seconds, s, sizeof(s));
	return s;
}

static const char *count_text(double n)
{
	static char s[40];
	term_count(n, s, sizeof(s));
	return s;
}

static void times(void)
{
	CHECK_STR(time_text(0), "0:00");
	CHECK_STR(time_text(8.2), "0:09");
	CHECK_STR(time_text(59.5), "1:00");
	CHECK_STR(time_text(127), "2:07");
	CHECK_STR(time_text(3599), "59:59");
	CHECK_STR(time_text(3723), "1:02:03");
	CHECK_STR(time_text(360000), "100:00:00");
	CHECK_STR(time_text(-5), "0:00");
	CHECK_STR(time_text(INFINITY), "--:--");
	CHECK_STR(time_text(NAN), "--:--");
	CHECK_STR(time_text(1e300), "--:--");
}

static void counts(void)
{
	CHECK_STR(count_text(0), "0");
	CHECK_STR(count_text(7), "7");
	CHECK_STR(count_text(999), "999");
	CHECK_STR(count_text(12.34), "12.3");
	CHECK_STR(count_text(999.7), "1k");
	CHECK_STR(count_text(1000), "1k");
	CHECK_STR(count_text(1200), "1.2k");
	CHECK_STR(count_text(34500), "34.5k");
	CHECK_STR(count_text(999499), "999k");
	CHECK_STR(count_text(999999), "1M");
	CHECK_STR(count_text(1234567), "1.23M");
	CHECK_STR(count_text(5e9), "5G");
	CHECK_STR(count_text(-1500), "-1.5k");
	CHECK_STR(count_text(1e21), "1e+06P");
	CHECK_STR(count_text(INFINITY), "inf");
	CHECK_HAS(count_text(NAN), "nan");
}

static const char *bar(double fraction, int width, bool utf8)
{
	static struct buf b;
	buf_free(&b);
	b = (struct buf){0};
	CHECK_INT(term_bar(fraction, width, utf8, &b), 0);
	return b.p ? b.p : "";
}

static void bars(void)
{
	CHECK_STR(bar(0, 4, false), "----");
	CHECK_STR(bar(0.5, 4, false), "##--");
	CHECK_STR(bar(0.74, 4, false), "##--");
	CHECK_STR(bar(1, 4, false), "####");
	CHECK_STR(bar(7, 4, false), "####");
	CHECK_STR(bar(-1, 4, false), "----");
	CHECK_STR(bar(NAN, 4, false), "----");
	CHECK_STR(bar(0.5, 0, false), "");
	CHECK_STR(bar(0.5, -3, true), "");
	CHECK_STR(bar(0.5, 2, true), "\xE2\x96\x88\xE2\x96\x91");
	struct buf b = {0};
	mem_fail_at(1);
	CHECK_INT(term_bar(0.5, 4, true, &b), -1);
	buf_free(&b);
	CHECK_STR(bar(0, 0, false), "");
	buf_free(&b);
}

static size_t columns(const char *s)
{
	return term_columns(s, strlen(s));
}

static void widths(void)
{
	CHECK_INT(columns(""), 0);
	CHECK_INT(columns("plain"), 5);
	CHECK_INT(columns("\xC3\xA9t\xC3\xA9"), 3);              /* precomposed e acute */
	CHECK_INT(columns("e\xCC\x81"), 1);                      /* e and a combining acute */
	CHECK_INT(columns("\xE6\x97\xA5\xE6\x9C\xAC"), 4);       /* two ideographs */
	CHECK_INT(columns("\xED\x95\x9C"), 2);                   /* Hangul syllable */
	CHECK_INT(columns("\xF0\x9F\x98\x80"), 2);               /* emoji */
	CHECK_INT(columns("\xEF\xBD\xB1"), 1);                   /* halfwidth katakana */
	CHECK_INT(columns("\xEF\xBC\xA1"), 2);                   /* fullwidth A */
	CHECK_INT(columns("\xE2\x80\x8B"), 0);                   /* zero width space */
	CHECK_INT(columns("a\xE2\x80\x8D" "b"), 2);              /* joiner */
	CHECK_INT(columns("\xD7\xA9\xD6\xB8"), 1);               /* Hebrew letter with a point */
	CHECK_INT(columns("\xF0\x90\x8D\x88"), 1);               /* Gothic */
	CHECK_INT(columns("\xFF\xFE"), 2);                       /* not UTF-8: one each */
	CHECK_INT(columns("\xC0\x80"), 2);                       /* overlong */
	CHECK_INT(columns("\xED\xA0\x80"), 3);                   /* surrogate */
	CHECK_INT(columns("\xF4\x90\x80\x80"), 4);               /* beyond U+10FFFF */
	CHECK_INT(columns("\xE6\x97"), 2);                       /* cut off */
	CHECK_INT(term_columns("\xE6\x97\xA5", 2), 2);           /* never reads on */
}

static const char *visible(const char *s, size_t n)
{
	static struct buf b;
	struct err e = {0};
	buf_free(&b);
	b = (struct buf){0};
	CHECK_INT(term_visible(s, n, &b, &e), 0);
	return b.p ? b.p : "";
}
#define VISIBLE(s) visible(s, sizeof(s) - 1)

static void harmless(void)
{
	CHECK_STR(VISIBLE("plain \\ text"), "plain \\ text");
	CHECK_STR(VISIBLE("a\nb\tc\r"), "a\\nb\\x09c\\x0D");
	CHECK_STR(VISIBLE("\0\033[2J\x7F"), "\\x00\\x1B[2J\\x7F");
	CHECK_STR(VISIBLE("\xC2\x9B" "1m"), "\\xC2\\x9B1m");               /* CSI as one C1 symbol */
	CHECK_STR(VISIBLE("\xE2\x80\xAE"), "\\xE2\\x80\\xAE");             /* right-to-left override */
	CHECK_STR(VISIBLE("\xC3\xA9\xC3"), "\xC3\xA9\\xC3");
	CHECK_STR(VISIBLE("\xFF\xE6\x97\xA5"), "\\xFF\xE6\x97\xA5");
	struct err e = {0};
	for (int kind = 0; kind < 3; kind++) {
		struct buf b = {0};
		mem_fail_at(1);
		CHECK_INT(term_visible(kind == 0 ? "a" : kind == 1 ? "\n" : "\x01", 1, &b, &e), -1);
		CHECK(e.msg[0]);
		buf_free(&b);
	}
	mem_fail_at(0);
	visible("", 0);
}

static void locale_utf8(void)
{
	unsetenv("LC_ALL");
	unsetenv("LC_CTYPE");
	unsetenv("LANG");
	CHECK(!term_utf8());
	setenv("LANG", "de_DE.UTF-8", 1);
	CHECK(term_utf8());
	setenv("LANG", "de_DE.utf8", 1);
	CHECK(term_utf8());
	setenv("LC_CTYPE", "C", 1);
	CHECK(!term_utf8());
	setenv("LC_ALL", "", 1);
	CHECK(!term_utf8());
	setenv("LC_ALL", "C.UTF-8", 1);
	CHECK(term_utf8());
	setenv("LC_ALL", "ut", 1);
	CHECK(!term_utf8());
}

/* Runs last: a pipe is no terminal, a pseudo-terminal is one. */
static void terminals(void)
{
	int p[2];
	CHECK_INT(pipe(p), 0);
	setenv("TERM", "xterm", 1);
	unsetenv("NO_COLOR");
	CHECK(!term_is_tty(p[1]));
	CHECK(!term_is_tty(-1));
	CHECK(!term_colour(p[1], TERM_AUTO));
	CHECK(term_colour(p[1], TERM_ALWAYS));
	CHECK(!term_colour(p[1], TERM_NEVER));
	unsetenv("COLUMNS");
	CHECK_INT(term_width(p[1]), 80);
	setenv("COLUMNS", "123", 1);
	CHECK_INT(term_width(p[1]), 123);
	static const char *const bad[] = {"0", "-4", "12x", "", "99999999999999"};
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		setenv("COLUMNS", bad[i], 1);
		CHECK_INT(term_width(p[1]), 80);
	}
	close(p[0]);
	close(p[1]);

	int master = posix_openpt(O_RDWR | O_NOCTTY);
	if (master < 0 || grantpt(master) < 0 || unlockpt(master) < 0)
		return; /* no pseudo-terminals here */
	int tty = open(ptsname(master), O_RDWR | O_NOCTTY);
	if (tty < 0)
		return;
	CHECK(term_is_tty(tty));
	CHECK(term_colour(tty, TERM_AUTO));
	CHECK(!term_colour(tty, TERM_NEVER));
	setenv("NO_COLOR", "", 1);
	CHECK(term_colour(tty, TERM_AUTO));
	setenv("NO_COLOR", "1", 1);
	CHECK(!term_colour(tty, TERM_AUTO));
	CHECK(term_colour(tty, TERM_ALWAYS));
	unsetenv("NO_COLOR");
	setenv("TERM", "dumb", 1);
	CHECK(!term_colour(tty, TERM_AUTO));
	unsetenv("TERM");
	CHECK(!term_colour(tty, TERM_AUTO));
	struct winsize size = {.ws_row = 20, .ws_col = 57};
	if (ioctl(tty, TIOCSWINSZ, &size) == 0)
		CHECK_INT(term_width(tty), 57);
	close(tty);
	close(master);
}

TEST_MAIN("term", {"times", times}, {"counts", counts}, {"bars", bars}, {"widths", widths},
          {"harmless", harmless}, {"locale_utf8", locale_utf8}, {"terminals", terminals})
