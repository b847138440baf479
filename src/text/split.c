#include "text/split.h"

#include <stdbool.h>
#include <stdint.h>

#include "text/utf8.h"

enum kind { LETTER, DIGIT, IDEOGRAPH, BLANK, NEWLINE, OTHER };

#define APOSTROPHE 0x2019u

/* From U+0080 on: what is not a letter. Ascending. */
static const struct range {
	uint32_t first, last;
	enum kind kind;
} ranges[] = {
	{0x80, 0x84, OTHER},        {0x85, 0x85, BLANK},          {0x86, 0x9F, OTHER},
	{0xA0, 0xA0, BLANK},        {0xA1, 0xA9, OTHER},          {0xAB, 0xB4, OTHER},
	{0xB6, 0xB9, OTHER},        {0xBB, 0xBF, OTHER},          {0xD7, 0xD7, OTHER},
	{0xF7, 0xF7, OTHER},        {0x37E, 0x37E, OTHER},        {0x387, 0x387, OTHER},
	{0x55A, 0x55F, OTHER},      {0x589, 0x58A, OTHER},        {0x5BE, 0x5BE, OTHER},
	{0x5C0, 0x5C0, OTHER},      {0x5C3, 0x5C3, OTHER},        {0x5F3, 0x5F4, OTHER},
	{0x60C, 0x60D, OTHER},      {0x61B, 0x61F, OTHER},        {0x660, 0x669, DIGIT},
	{0x66A, 0x66D, OTHER},      {0x6D4, 0x6D4, OTHER},        {0x6F0, 0x6F9, DIGIT},
	{0x964, 0x965, OTHER},      {0x966, 0x96F, DIGIT},        {0x1680, 0x1680, BLANK},
	{0x2000, 0x200A, BLANK},    {0x200B, 0x200B, OTHER},      {0x200E, 0x2027, OTHER},
	{0x2028, 0x2029, BLANK},    {0x202A, 0x202E, OTHER},      {0x202F, 0x202F, BLANK},
	{0x2030, 0x205E, OTHER},    {0x205F, 0x205F, BLANK},      {0x2060, 0x2BFF, OTHER},
	{0x2E00, 0x2E7F, OTHER},    {0x2E80, 0x2FFF, IDEOGRAPH},  {0x3000, 0x3000, BLANK},
	{0x3001, 0x3004, OTHER},    {0x3005, 0x3007, IDEOGRAPH},  {0x3008, 0x3020, OTHER},
	{0x3021, 0x302F, IDEOGRAPH}, {0x3030, 0x3030, OTHER},     {0x3031, 0x303C, IDEOGRAPH},
	{0x303D, 0x303F, OTHER},    {0x3040, 0x309F, IDEOGRAPH},  {0x30A0, 0x30A0, OTHER},
	{0x30A1, 0x30FA, IDEOGRAPH}, {0x30FB, 0x30FB, OTHER},     {0x30FC, 0x312F, IDEOGRAPH},
	{0x3190, 0x31FF, IDEOGRAPH}, {0x3200, 0x33FF, OTHER},     {0x3400, 0x4DBF, IDEOGRAPH},
	{0x4DC0, 0x4DFF, OTHER},    {0x4E00, 0xA4CF, IDEOGRAPH},  {0xE000, 0xF8FF, OTHER},
	{0xF900, 0xFAFF, IDEOGRAPH}, {0xFD3E, 0xFD3F, OTHER},     {0xFE00, 0xFE1F, OTHER},
	{0xFE30, 0xFE6F, OTHER},    {0xFEFF, 0xFEFF, OTHER},      {0xFF01, 0xFF0F, OTHER},
	{0xFF10, 0xFF19, DIGIT},    {0xFF1A, 0xFF20, OTHER},      {0xFF3B, 0xFF40, OTHER},
	{0xFF5B, 0xFF65, OTHER},    {0xFF66, 0xFF9F, IDEOGRAPH},  {0xFFE0, 0xFFFF, OTHER},
	{0x1B000, 0x1B2FF, IDEOGRAPH}, {0x1F000, 0x1FBFF, OTHER}, {0x20000, 0x3FFFF, IDEOGRAPH},
	{0xE0000, 0x10FFFF, OTHER},
};

static enum kind kind_of(uint32_t cp)
{
	size_t lo = 0, hi = sizeof ranges / sizeof *ranges;
	if (utf8_is_escape(cp))
		return cp >= UTF8_ESCAPE + 0x40 ? LETTER : OTHER;
	while (lo < hi) { /* the first range that does not end before cp */
		size_t mid = (lo + hi) / 2;
		if (ranges[mid].last < cp)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo < sizeof ranges / sizeof *ranges && ranges[lo].first <= cp ? ranges[lo].kind : LETTER;
}

static enum kind kind_of_ascii(unsigned char c)
{
	if ((c | 0x20) >= 'a' && (c | 0x20) <= 'z')
		return LETTER;
	if (c >= '0' && c <= '9')
		return DIGIT;
	return c == '\n' ? NEWLINE : c == ' ' || (c >= '\t' && c <= '\r') ? BLANK : OTHER;
}

/* Length and kind of the code point at s. */
static size_t look(enum split_rule rule, const unsigned char *s, size_t n, enum kind *kind)
{
	uint32_t cp;
	size_t len = 1;
	if (s[0] < 0x80) {
		*kind = kind_of_ascii(s[0]);
	} else {
		len = utf8_decode(s, n, &cp);
		*kind = kind_of(cp);
	}
	if (rule == SPLIT_WORDS && *kind == DIGIT)
		*kind = LETTER;
	return len;
}

/* Length of an apostrophe at s and the letter behind it, 0 if it is not so. */
static size_t inner(enum split_rule rule, const unsigned char *s, size_t n)
{
	uint32_t cp;
	enum kind kind;
	size_t len = utf8_decode(s, n, &cp);
	if ((cp != '\'' && cp != APOSTROPHE) || len == n)
		return 0;
	size_t letter = look(rule, s + len, n - len, &kind);
	return kind == LETTER ? len + letter : 0;
}

size_t split_next(enum split_rule rule, const unsigned char *s, size_t n)
{
	enum kind kind, next = NEWLINE;
	size_t i = look(rule, s, n, &kind), len = 0, last = 0;
	if (kind == NEWLINE)
		return i;
	if (kind == BLANK) {
		while (i < n) {
			len = look(rule, s + i, n - i, &next);
			if (next != BLANK || i + len > SPLIT_MOST)
				break;
			last = i;
			i += len;
		}
		if (i == n || next == BLANK || next == NEWLINE || s[last] != ' ')
			return i;
		if (last > 0)
			return last; /* the last space goes with what follows */
		kind = next;
		i += len;
	}
	if (rule == SPLIT_WORDS && kind != LETTER)
		return i;
	while (i < n) {
		len = look(rule, s + i, n - i, &next);
		if (next != kind)
			len = kind == LETTER ? inner(rule, s + i, n - i) : 0;
		if (!len || i + len > SPLIT_MOST)
			break;
		i += len;
	}
	return i;
}
