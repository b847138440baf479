/* What side by side sampling rests on: a lane's logits are the same bits whatever
 * else is in the work, in whatever lane it is, and when it changes lanes. */
#include "nn.h"

enum { V = 37, LANES = 21, STEPS = 16 };

static uint32_t ids[LANES][STEPS];

/* Logits of every step of one stream alone. */
static int alone(struct model *m, int stream, real *logits)
{
	struct err e = {{0}};
	struct state s = {0};
	struct work *w = work_new(m, &(struct work_config){.T = 1, .B = 1}, NULL, &e);
	if (ready(!w || state_new(&s, m, 1, &e), &e))
		return -1;
	for (int t = 0; t < STEPS; t++) {
		size_t ld;
		work_forward(w, &(struct block){.T = 1, .B = 1, .in = &ids[stream][t]}, &s);
		memcpy(logits + t * V, work_logits(w, 0, 1, &ld), V * sizeof(real));
	}
	work_free(w);
	state_free(&s);
	return 0;
}

/* All streams together; stream i ends after its share of the steps, and the last lane
 * moves into its place, as it does in rnnlm sample. */
static void together(struct model *m, struct pool *pool, const real *want)
{
	struct err e = {{0}};
	struct state s = {0};
	int lane[LANES], pos[LANES] = {0}, busy = LANES;
	uint32_t in[LANES];
	long different = 0;
	struct work *w = work_new(m, &(struct work_config){.T = 1, .B = LANES}, pool, &e);
	if (ready(!w || state_new(&s, m, LANES, &e), &e))
		return;
	for (int i = 0; i < LANES; i++)
		lane[i] = i;
	while (busy) {
		size_t ld;
		for (int i = 0; i < busy; i++)
			in[i] = ids[lane[i]][pos[lane[i]]];
		work_forward(w, &(struct block){.T = 1, .B = busy, .in = in}, &s);
		CHECK(work_piece(w) >= LANES);
		const real *z = work_logits(w, 0, (size_t)busy, &ld);
		for (int i = 0; i < busy; i++)
			different += memcmp(z + (size_t)i * ld, want + (lane[i] * STEPS + pos[lane[i]]) * V, V * sizeof(real)) != 0;
		for (int i = busy - 1; i >= 0; i--)
			if (++pos[lane[i]] > lane[i] * 5 % STEPS) {
				state_copy(&s, i, &s, --busy);
				lane[i] = lane[busy];
			}
	}
	CHECK_INT(different, 0);
	work_free(w);
	state_free(&s);
}

static void run(void)
{
	struct err e = {{0}};
	struct pool *pool = pool_new(3, &e);
	real *want = calloc((size_t)LANES * STEPS * V, sizeof *want);
	CHECK(want && !ready(!pool, &e));
	draw_ids(&ids[0][0], (size_t)LANES * STEPS, V, 5);
	for (int c = 0; want && cell_names[c]; c++)
		for (int kind = 0; kind < 3; kind++) {
			struct model_config cfg = {.cell = c, .layers = 2, .hidden = kind ? 50 : 33, .vocab = V, .embed = kind == 1 ? 12 : 0,
			                           .residual = kind == 2};
			struct model m;
			if (make_model(&m, &cfg, 0.3))
				return;
			for (int i = 0; i < LANES; i++)
				if (alone(&m, i, want + i * STEPS * V))
					return;
			together(&m, NULL, want);
			together(&m, pool, want);
			model_free(&m);
		}
	free(want);
	pool_free(pool);
}

static void f32(void)
{
	test_precision = PREC_F32;
	run();
}

static void bf16(void)
{
	test_precision = PREC_BF16;
	run();
	test_precision = PREC_F32;
}

TEST_MAIN("lanes", {"f32", f32}, {"bf16", bf16})
