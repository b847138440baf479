#include "text/whole.h"

/* The state behind a byte, or -1: it cannot come. */
static int step(enum whole_state state, unsigned char byte)
{
	static const struct {
		unsigned char lo, hi, to;
	} rest[WHOLE_STATES] = {
		[WHOLE_1] = {0x80, 0xBF, WHOLE},    [WHOLE_2] = {0x80, 0xBF, WHOLE_1},  [WHOLE_3] = {0x80, 0xBF, WHOLE_2},
		[WHOLE_E0] = {0xA0, 0xBF, WHOLE_1}, [WHOLE_ED] = {0x80, 0x9F, WHOLE_1}, [WHOLE_F0] = {0x90, 0xBF, WHOLE_2},
		[WHOLE_F4] = {0x80, 0x8F, WHOLE_2},
	};
	if (state != WHOLE)
		return byte < rest[state].lo || byte > rest[state].hi ? -1 : rest[state].to;
	if (byte < 0x80)
		return WHOLE;
	if (byte < 0xC2 || byte > 0xF4)
		return -1;
	switch (byte) {
	case 0xE0: return WHOLE_E0;
	case 0xED: return WHOLE_ED;
	case 0xF0: return WHOLE_F0;
	case 0xF4: return WHOLE_F4;
	}
	return byte < 0xE0 ? WHOLE_1 : byte < 0xF0 ? WHOLE_2 : WHOLE_3;
}

enum whole_state whole_after(const void *text, size_t len)
{
	const unsigned char *p = text;
	int state = WHOLE;
	for (size_t i = 0; i < len; i++) {
		int next = step((enum whole_state)state, p[i]);
		if (next < 0) /* it may yet begin a sequence of its own */
			next = step(WHOLE, p[i]);
		state = next < 0 ? WHOLE : next;
	}
	return (enum whole_state)state;
}

int whole_new(struct whole *w, const struct vocab *v, struct err *e)
{
	struct buf text = {0};
	*w = (struct whole){.size = v->size};
	if (!(w->next = mem_new((size_t)WHOLE_STATES * v->size, 1, e)))
		return -1;
	for (int s = 0; s < WHOLE_STATES; s++)
		w->stuck[s] = true;
	for (uint32_t id = 0; id + 1 < v->size; id++) {
		buf_clear(&text);
		if (vocab_decode(v, id, &text, e)) {
			buf_free(&text);
			whole_free(w);
			return -1;
		}
		for (int s = 0; s < WHOLE_STATES; s++) {
			int state = s;
			for (size_t i = 0; i < text.len && state >= 0; i++)
				state = step((enum whole_state)state, (unsigned char)text.p[i]);
			w->next[(size_t)s * v->size + id] = (unsigned char)(state + 1);
			w->stuck[s] &= state < 0;
		}
	}
	buf_free(&text);
	return 0;
}

void whole_free(struct whole *w)
{
	mem_free(w->next);
	*w = (struct whole){0};
}

const unsigned char *whole_allowed(const struct whole *w, enum whole_state state)
{
	return !w->next || w->stuck[state] ? NULL : w->next + (size_t)state * w->size;
}

enum whole_state whole_step(const struct whole *w, enum whole_state state, uint32_t id)
{
	unsigned char next = w->next ? w->next[(size_t)state * w->size + id] : 0;
	return next ? (enum whole_state)(next - 1) : WHOLE;
}
