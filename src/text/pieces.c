#include "text/pieces.h"

#include <string.h>

#include "base/mem.h"

enum { FIRST_SLOTS = 1024, FIRST_ROOM = 4096 };

uint64_t pieces_hash(const unsigned char *s, size_t len)
{
	const uint64_t odd = UINT64_C(0x9E3779B97F4A7C15); /* 2^64 / golden ratio */
	uint64_t h = len * odd, eight;
	for (; len >= sizeof eight; s += sizeof eight, len -= sizeof eight) {
		memcpy(&eight, s, sizeof eight);
		h = (h ^ eight) * odd;
		h ^= h >> 29;
	}
	eight = 0;
	memcpy(&eight, s, len);
	h = (h ^ eight) * odd;
	return h ^ h >> 32;
}

int pieces_append(struct pieces *p, const unsigned char *s, size_t len, struct err *e)
{
	size_t used = p->n ? p->start[p->n] : 0;
	if (p->n == PIECES_NONE - 1)
		return err_set(e, "too many different strings: more than %lu", (unsigned long)p->n);
	if (len > p->room - used) {
		size_t room = p->room ? 2 * p->room : FIRST_ROOM;
		while (room - used < len)
			room *= 2;
		unsigned char *text = mem_resize(p->text, room, 1, e);
		if (!text)
			return -1;
		p->text = text;
		p->room = room;
	}
	size_t *start = mem_grow(p->start, (size_t)p->n + 1, &p->cap, sizeof *start, e);
	if (!start)
		return -1;
	p->start = start;
	if (len)
		memcpy(p->text + used, s, len);
	p->start[p->n] = used;
	p->start[++p->n] = used + len;
	return 0;
}

/* The slot that holds the string, or the free one where it belongs. */
static size_t seek(const struct pieces *p, const unsigned char *s, size_t len)
{
	size_t i = pieces_hash(s, len) & (p->slots - 1), n;
	for (; p->slot[i]; i = (i + 1) & (p->slots - 1)) {
		const unsigned char *t = pieces_get(p, p->slot[i] - 1, &n);
		if (n == len && memcmp(s, t, n) == 0)
			break;
	}
	return i;
}

/* Twice the slots. */
static int widen(struct pieces *p, struct err *e)
{
	size_t slots = p->slots ? 2 * p->slots : FIRST_SLOTS, len;
	uint32_t *old = p->slot, *fresh = mem_new(slots, sizeof *fresh, e);
	if (!fresh)
		return -1;
	size_t before = p->slots;
	p->slot = fresh;
	p->slots = slots;
	for (size_t i = 0; i < before; i++) {
		if (!old[i])
			continue;
		const unsigned char *s = pieces_get(p, old[i] - 1, &len);
		p->slot[seek(p, s, len)] = old[i];
	}
	mem_free(old);
	return 0;
}

int pieces_add(struct pieces *p, const unsigned char *s, size_t len, uint32_t *number, struct err *e)
{
	if (p->slots / 2 <= p->n && widen(p, e))
		return -1;
	size_t i = seek(p, s, len);
	if (!p->slot[i]) {
		if (pieces_append(p, s, len, e))
			return -1;
		p->slot[i] = p->n;
	}
	*number = p->slot[i] - 1;
	return 0;
}

uint32_t pieces_find(const struct pieces *p, const unsigned char *s, size_t len)
{
	return p->slots ? p->slot[seek(p, s, len)] - 1 : PIECES_NONE; /* 0 - 1 is PIECES_NONE */
}

void pieces_free(struct pieces *p)
{
	mem_free(p->text);
	mem_free(p->start);
	mem_free(p->slot);
	*p = (struct pieces){0};
}
