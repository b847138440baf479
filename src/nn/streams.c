/* Parallel streams over ids. */
#include "nn/streams.h"

void streams_init(struct streams *s, const uint32_t *ids, size_t n, size_t batch)
{
	size_t targets = n > 1 ? n - 1 : 0;
	if (batch > targets)
		batch = targets;
	if (batch < 1)
		batch = 1;
	*s = (struct streams){.ids = ids, .batch = batch, .length = targets / batch};
}

size_t streams_next(struct streams *s, size_t seq, uint32_t *in, uint32_t *target, bool *fresh)
{
	if (s->pos == s->length) {
		s->pos = 0;
		s->epoch++;
	}
	*fresh = s->pos == 0;
	size_t T = s->length - s->pos < seq ? s->length - s->pos : seq;
	for (size_t b = 0; b < s->batch; b++) {
		const uint32_t *ids = s->ids + b * s->length + s->pos;
		for (size_t t = 0; t < T; t++) {
			in[t * s->batch + b] = ids[t];
			target[t * s->batch + b] = ids[t + 1];
		}
	}
	s->pos += T;
	return T;
}
