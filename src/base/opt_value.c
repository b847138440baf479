/* The value of one option: from text, to text, and what is allowed. */
#include "base/opt_private.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* From here on a bound is as good as none: see CMD_OPT_SEED and the like. */
#define NO_BOUND 9e15
#define MILLION 1000000

static void *member(void *dst, const struct opt *o)
{
	return (char *)dst + o->offset;
}

static const void *member_const(const void *src, const struct opt *o)
{
	return (const char *)src + o->offset;
}

/* A value for a message: cut, and harmless to the terminal, since it may come
 * from a file. */
struct quoted {
	char s[72];
};
static struct quoted quote(const char *value)
{
	struct quoted q = {0};
	size_t n = 0, most = sizeof(q.s) - 6;
	q.s[n++] = '\'';
	for (; *value && n < most; value++)
		q.s[n++] = (unsigned char)*value < 0x20 || *value == 0x7f ? '?' : *value;
	if (*value) {
		while ((*value & 0xC0) == 0x80 && n > 1) { /* not inside a UTF-8 sequence */
			value--;
			n--;
		}
		memcpy(q.s + n, "...", 3);
		n += 3;
	}
	q.s[n] = '\'';
	return q;
}

/* The shortest decimal that reads back as the same double. */
static void shortest(double v, char *out, size_t size)
{
	for (int digits = 6; digits <= 17; digits++) {
		snprintf(out, size, "%.*g", digits, v);
		if (strtod(out, NULL) == v)
			return;
	}
}

static int duration_text(double seconds, struct buf *out, struct err *e)
{
	if (seconds != floor(seconds) || seconds >= 1e9) {
		char s[40];
		shortest(seconds, s, sizeof(s));
		return buf_printf(out, e, "%ss", s);
	}
	long all = (long)seconds, h = all / 3600, m = all / 60 % 60, s = all % 60;
	if (h && buf_printf(out, e, "%ldh", h) < 0)
		return -1;
	if (m && buf_printf(out, e, "%ldm", m) < 0)
		return -1;
	if (s || !all)
		return buf_printf(out, e, "%lds", s);
	return 0;
}

static int bound_text(const struct opt *o, double v, struct buf *out, struct err *e)
{
	if (o->type == OPT_DURATION)
		return duration_text(v, out, e);
	char s[40];
	if (o->type == OPT_INT)
		snprintf(s, sizeof(s), "%.0f", v);
	else
		shortest(v, s, sizeof(s));
	return buf_puts(out, s, e);
}

static bool bounded(const struct opt *o)
{
	bool number = o->type == OPT_INT || o->type == OPT_REAL || o->type == OPT_DURATION ||
	              o->type == OPT_FRACTION;
	return number && (o->min != 0 || o->max != 0);
}

int opt_value_range(const struct opt *o, struct buf *out, struct err *e)
{
	if (!bounded(o))
		return 0;
	bool low = o->min > -NO_BOUND, high = o->max < NO_BOUND;
	if (low && !high && buf_puts(out, "at least ", e) < 0)
		return -1;
	if (low && bound_text(o, o->min, out, e) < 0)
		return -1;
	if (high && buf_puts(out, low ? " to " : "at most ", e) < 0)
		return -1;
	return high ? bound_text(o, o->max, out, e) : 0;
}

/* "--hidden: '12x' is not a whole number; 1 to 65536 is allowed" */
static int refuse(const struct opt *o, const char *value, const char *why, struct err *e)
{
	struct buf range = {0};
	struct quoted q = quote(value);
	if (opt_value_range(o, &range, e) == 0) {
		if (range.len)
			err_set(e, "--%s: %s %s; allowed is %s", o->name, q.s, why, range.p);
		else
			err_set(e, "--%s: %s %s", o->name, q.s, why);
	}
	buf_free(&range);
	return -1;
}

/* In the units of the bounds. NaN is outside. */
static int check_range(const struct opt *o, const char *value, double v, struct err *e)
{
	if (!bounded(o) || (v >= o->min && v <= o->max))
		return 0;
	return refuse(o, value, "is out of range", e);
}

static bool digit(char c)
{
	return c >= '0' && c <= '9';
}

static int set_int(const struct opt *o, void *dst, const char *value, struct err *e)
{
	static const char wrong[] = "is not a whole number";
	const char *first = value + (*value == '-' || *value == '+');
	if (!digit(*first)) /* strtoll would skip white space */
		return refuse(o, value, wrong, e);
	char *end;
	errno = 0;
	long long v = strtoll(value, &end, 10);
	bool overflow = errno == ERANGE;
	long long unit = 1;
	switch (*end) {
	case 'k': case 'K': unit = 1000; break;
	case 'm': case 'M': unit = 1000000; break;
	case 'g': case 'G': unit = 1000000000; break;
	}
	if (end[unit > 1])
		return refuse(o, value, wrong, e);
	if (overflow || v > INT64_MAX / unit || v < INT64_MIN / unit)
		return refuse(o, value, bounded(o) && o->max < NO_BOUND ? "is out of range" : "does not fit in 64 bits", e);
	int64_t result = v * unit;
	if (check_range(o, value, (double)result, e) < 0)
		return -1;
	*(int64_t *)dst = result;
	return 0;
}

/* A decimal number at s, finite and not negative; hexadecimal, "inf" and
 * "nan", which strtod knows, are not for people. NULL if there is none. */
static const char *decimal(const char *s, double *v)
{
	const char *first = s + (*s == '.');
	if (!digit(*first) || (s[0] == '0' && (s[1] == 'x' || s[1] == 'X')))
		return NULL;
	char *end;
	*v = strtod(s, &end);
	return isfinite(*v) ? end : NULL;
}

static int set_real(const struct opt *o, void *dst, const char *value, struct err *e)
{
	bool minus = *value == '-';
	double v;
	const char *end = decimal(value + (minus || *value == '+'), &v);
	if (!end || *end)
		return refuse(o, value, "is not a number", e);
	v = minus ? -v : v;
	if (check_range(o, value, v, e) < 0)
		return -1;
	*(double *)dst = v;
	return 0;
}

/* 90, 90s, 1.5h, 1h30m: units fall, each at most once, and only a number that
 * stands alone may lack one. */
static int set_duration(const struct opt *o, void *dst, const char *value, struct err *e)
{
	static const char units[] = "hms";
	static const double seconds[] = {3600, 60, 1};
	double sum = 0;
	int next = 0;
	const char *s = value;
	do {
		double v;
		const char *end = decimal(s, &v);
		if (!end)
			goto wrong;
		if (!*end && s == value) {
			sum = v;
			break;
		}
		const char *unit = *end ? strchr(units + next, *end) : NULL;
		if (!unit)
			goto wrong;
		next = (int)(unit - units) + 1;
		sum += v * seconds[next - 1];
		s = end + 1;
	} while (*s);
	if (check_range(o, value, sum, e) < 0)
		return -1;
	*(double *)dst = sum;
	return 0;
wrong:
	return refuse(o, value, "is not a duration (write 90, 90s, 3m or 1h30m)", e);
}

/* Kept in millionths, so that what a corpus is cut at is exact. */
static int set_fraction(const struct opt *o, void *dst, const char *value, struct err *e)
{
	const char *s = value + (*value == '-' || *value == '+');
	int64_t v = 0;
	int whole = 0, places = 0;
	for (; digit(*s); s++, whole++)
		if (whole < 12) /* 10^12 millions still fit */
			v = v * 10 + (*s - '0');
	if (*s == '.')
		for (s++; digit(*s); s++, places++)
			if (places < 6)
				v = v * 10 + (*s - '0');
	if (*s || whole + places == 0)
		return refuse(o, value, "is not a decimal fraction", e);
	if (whole > 12)
		return refuse(o, value, "is out of range", e);
	if (places > 6)
		return refuse(o, value, "has more than six decimals", e);
	for (; places < 6; places++)
		v *= 10;
	v = *value == '-' ? -v : v;
	if (bounded(o) && (v < llround(o->min * MILLION) || v > llround(o->max * MILLION)))
		return refuse(o, value, "is out of range", e);
	*(int64_t *)dst = v;
	return 0;
}

static int set_choice(const struct opt *o, void *dst, const char *value, struct err *e)
{
	struct buf list = {0};
	for (int i = 0; o->choices[i]; i++) {
		if (strcmp(o->choices[i], value) == 0) {
			*(int *)dst = i;
			buf_free(&list);
			return 0;
		}
		if (buf_printf(&list, e, "%s%s", i ? ", " : "", o->choices[i]) < 0)
			goto out;
	}
	const char *meant = opt_nearest(value, o->choices);
	err_set(e, "--%s: %s is not one of %s%s%s%s", o->name, quote(value).s, list.p,
	        meant ? "; did you mean " : "", meant ? meant : "", meant ? "?" : "");
out:
	buf_free(&list);
	return -1;
}

static int set_flag(const struct opt *o, void *dst, const char *value, struct err *e)
{
	bool on = strcmp(value, "true") == 0;
	if (!on && strcmp(value, "false") != 0)
		return refuse(o, value, "is neither true nor false; a flag needs no value", e);
	*(bool *)dst = on;
	return 0;
}

int opt_value_set(const struct opt *o, void *dst, const char *value, struct err *e)
{
	void *to = member(dst, o);
	switch (o->type) {
	case OPT_FLAG: return set_flag(o, to, value, e);
	case OPT_INT: return set_int(o, to, value, e);
	case OPT_REAL: return set_real(o, to, value, e);
	case OPT_CHOICE: return set_choice(o, to, value, e);
	case OPT_DURATION: return set_duration(o, to, value, e);
	case OPT_FRACTION: return set_fraction(o, to, value, e);
	case OPT_STRING: break;
	}
	*(const char **)to = value;
	return 0;
}

static int fraction_text(int64_t v, struct buf *out, struct err *e)
{
	char s[40];
	uint64_t size = v < 0 ? 0 - (uint64_t)v : (uint64_t)v;
	int n = snprintf(s, sizeof(s), "%s%llu.%06llu", v < 0 ? "-" : "",
	                 (unsigned long long)(size / MILLION), (unsigned long long)(size % MILLION));
	while (s[n - 1] == '0')
		n--;
	if (s[n - 1] == '.')
		n--;
	return buf_add(out, s, (size_t)n, e);
}

int opt_text(const struct opt *o, const void *src, struct buf *out, struct err *e)
{
	const void *from = member_const(src, o);
	char s[40];
	switch (o->type) {
	case OPT_FLAG: return buf_puts(out, *(const bool *)from ? "true" : "false", e);
	case OPT_INT: return buf_printf(out, e, "%lld", (long long)*(const int64_t *)from);
	case OPT_CHOICE: return buf_puts(out, o->choices[*(const int *)from], e);
	case OPT_DURATION: return duration_text(*(const double *)from, out, e);
	case OPT_FRACTION: return fraction_text(*(const int64_t *)from, out, e);
	case OPT_REAL:
		shortest(*(const double *)from, s, sizeof(s));
		return buf_puts(out, s, e);
	case OPT_STRING: break;
	}
	const char *text = *(const char *const *)from;
	return buf_puts(out, text ? text : "", e);
}
