#include "text/tally.h"

#include "base/mem.h"

int tally_add(struct tally *t, const unsigned char *s, size_t len, uint64_t times, struct err *e)
{
	uint32_t number, before = t->pieces.n;
	if (pieces_add(&t->pieces, s, len, &number, e))
		return -1;
	if (number == before) {
		uint64_t *count = mem_grow(t->count, number, &t->cap, sizeof *count, e);
		if (!count)
			return -1;
		t->count = count;
		t->count[number] = 0;
	}
	t->count[number] += times;
	return 0;
}

int tally_text(struct tally *t, enum split_rule rule, const unsigned char *text, size_t len, struct err *e)
{
	for (size_t i = 0, n; i < len; i += n) {
		n = split_next(rule, text + i, len - i);
		if (tally_add(t, text + i, n, 1, e))
			return -1;
	}
	return 0;
}

void tally_free(struct tally *t)
{
	pieces_free(&t->pieces);
	mem_free(t->count);
	*t = (struct tally){0};
}
