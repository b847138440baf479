/* Parallel streams over ids. */
#include "test.h"

#include "nn/streams.h"

/* Each target is read once an epoch, streams follow one another, the rest of
 * the division is left out. */
static void streams_cover_the_text(void)
{
	uint32_t ids[24], in[3 * 4], target[3 * 4];
	for (uint32_t i = 0; i < 24; i++)
		ids[i] = i;
	struct streams s;
	streams_init(&s, ids, 24, 3); /* 23 targets: 3 streams of 7 */
	CHECK_INT(s.batch, 3);
	CHECK_INT(s.length, 7);
	for (uint64_t epoch = 0; epoch < 2; epoch++) {
		int seen[24] = {0};
		bool fresh = false;
		CHECK_INT(streams_next(&s, 4, in, target, &fresh), 4);
		CHECK_INT(fresh, 1);
		CHECK_INT(s.epoch, epoch);
		for (int t = 0; t < 4; t++)
			for (uint32_t b = 0; b < 3; b++) {
				CHECK_INT(in[t * 3 + b], b * 7 + (uint32_t)t);
				CHECK_INT(target[t * 3 + b], in[t * 3 + b] + 1);
				seen[target[t * 3 + b]]++;
			}
		CHECK_INT(streams_next(&s, 4, in, target, &fresh), 3);
		CHECK_INT(fresh, 0);
		CHECK_INT(s.pos, 7);
		for (int i = 0; i < 9; i++) {
			CHECK_INT(target[i], in[i] + 1);
			seen[target[i]]++;
		}
		for (int i = 0; i < 24; i++)
			CHECK_INT(seen[i], i >= 1 && i <= 21);
	}
}

static void streams_of_a_short_text(void)
{
	uint32_t ids[4] = {5, 6, 7, 8}, in[64], target[64];
	bool fresh;
	struct streams s;
	streams_init(&s, ids, 4, 64);
	CHECK_INT(s.batch, 3);
	CHECK_INT(s.length, 1);
	CHECK_INT(streams_next(&s, 10, in, target, &fresh), 1);
	CHECK_INT(in[2], 7);
	CHECK_INT(target[2], 8);
	streams_init(&s, ids, 2, 1);
	CHECK_INT(s.length, 1);
	CHECK_INT(streams_next(&s, 10, in, target, &fresh), 1);
	CHECK_INT(target[0], 6);
	CHECK_INT(streams_next(&s, 10, in, target, &fresh), 1);
	CHECK_INT(fresh, 1);
	CHECK_INT(s.epoch, 1);
	streams_init(&s, ids, 1, 4);
	CHECK_INT(streams_next(&s, 10, in, target, &fresh), 0);
}

TEST_MAIN("streams", {"cover_the_text", streams_cover_the_text}, {"short_text", streams_of_a_short_text})
