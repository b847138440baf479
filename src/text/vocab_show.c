/* Symbols for eyes. */
#include "text/vocab_private.h"

#include "base/term.h"
#include "text/utf8.h"

/* Blanks and marks of direction: what would be taken for nothing, or would
 * turn the line around it. Other symbols without a width are found by it. */
static bool is_invisible(uint32_t cp)
{
	static const uint32_t ranges[][2] = {
	    {0x7F, 0xA0},     {0xAD, 0xAD},     {0x61C, 0x61C},   {0x115F, 0x1160},
	    {0x1680, 0x1680}, {0x180E, 0x180E}, {0x2000, 0x200F}, {0x2028, 0x202F},
	    {0x205F, 0x206F}, {0x3000, 0x3000}, {0x3164, 0x3164}, {0xFEFF, 0xFEFF},
	    {0xFFF9, 0xFFFB}, {0xE0000, 0xE0FFF},
	};
	for (size_t i = 0; i < sizeof ranges / sizeof *ranges; i++)
		if (cp >= ranges[i][0] && cp <= ranges[i][1])
			return true;
	return cp < 0x20;
}

/* A code point, an escape, or a byte. A mark may stand as it is behind a letter. */
static int show_symbol(uint32_t symbol, bool byte, bool first, struct buf *out, struct err *e)
{
	switch (symbol) {
	case '\n':
		return buf_puts(out, "\\n", e);
	case '\r':
		return buf_puts(out, "\\r", e);
	case '\t':
		return buf_puts(out, "\\t", e);
	}
	if (byte && symbol >= 0x80)
		return buf_printf(out, e, "\\x%02X", (unsigned)symbol);
	if (utf8_is_escape(symbol))
		return buf_printf(out, e, "\\x%02X", (unsigned)(symbol - UTF8_ESCAPE + 0x80));
	unsigned char bytes[4];
	size_t n = utf8_encode(symbol, bytes);
	if (!is_invisible(symbol) && (!first || term_columns((const char *)bytes, n) > 0))
		return buf_add(out, bytes, n, e);
	if (symbol < 0x80)
		return buf_printf(out, e, "\\x%02X", (unsigned)symbol);
	if (symbol < 0x10000)
		return buf_printf(out, e, "\\u%04X", (unsigned)symbol);
	return buf_printf(out, e, "\\U%08X", (unsigned)symbol);
}

static int show_piece(const unsigned char *s, size_t len, struct buf *out, struct err *e)
{
	for (size_t i = 0, n; i < len; i += n) {
		uint32_t cp;
		n = utf8_decode(s + i, len - i, &cp);
		if (cp == ' ' || cp == '\\' ? buf_puts(out, cp == ' ' ? "\\s" : "\\\\", e)
		                           : show_symbol(cp, false, i == 0, out, e))
			return -1;
	}
	return 0;
}

static int show(const struct vocab *v, uint32_t id, const char *space, struct buf *out, struct err *e)
{
	size_t len;
	if (vocab_check_id(v, id, e))
		return -1;
	if (id == v->size - 1)
		return buf_puts(out, "<unk>", e);
	if (unit_pieces(v->unit)) {
		const unsigned char *piece = pieces_get(&v->pieces, id, &len);
		return show_piece(piece, len, out, e);
	}
	if (v->symbols[id] == ' ')
		return buf_puts(out, space, e);
	return show_symbol(v->symbols[id], v->unit == UNIT_BYTE, true, out, e);
}

int vocab_show(const struct vocab *v, uint32_t id, struct buf *out, struct err *e)
{
	return show(v, id, "' '", out, e);
}

int vocab_show_word(const struct vocab *v, uint32_t id, struct buf *out, struct err *e)
{
	return show(v, id, "\\s", out, e);
}
