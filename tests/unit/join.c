/* nn/join: the joined model's logits are the mean of the members' logits. */
#include "nn/join.h"
#include "nn.h"

enum { T = 7, B = 3, MOST = 3 };

/* Logits of a block, and of a second one behind it, with one stream starting afresh in between. */
static void logits_of(const struct model *m, real *to)
{
	struct work *w;
	struct state s;
	struct err e = {{0}};
	uint32_t ids[2 * T * B];
	uint8_t reset[T * B] = {0};
	size_t V = (size_t)m->cfg.vocab, ld;
	draw_ids(ids, 2 * T * B, m->cfg.vocab, 5);
	reset[2 * B + 1] = 1;
	if (ready(!(w = work_new(m, &(struct work_config){.T = T, .B = B}, NULL, &e)) || state_new(&s, m, B, &e), &e))
		return;
	for (int k = 0; k < 2; k++) {
		work_forward(w, &(struct block){.T = T, .B = B, .in = ids + k * T * B, .reset = k ? reset : NULL}, &s);
		for (size_t i = 0; i < T * B; i++)
			memcpy(to + ((size_t)k * T * B + i) * V, work_logits(w, i, 1, &ld), V * sizeof *to);
	}
	state_free(&s);
	work_free(w);
}

static void check_mean(struct model_config c, int members)
{
	struct model part[MOST], joint = {0};
	struct model_config wide;
	struct err e = {{0}};
	size_t n = (size_t)(2 * T * B * c.vocab);
	real *mean = calloc(n, sizeof *mean), *one = calloc(n, sizeof *one);
	if (ready(join_config(&c, members, &wide, &e) || model_new(&joint, &wide, &e), &e))
		goto out;
	CHECK_INT(wide.hidden, c.hidden * members);
	CHECK_INT(wide.embed, c.embed * members);
	for (int k = 0; k < members; k++) {
		if (make_model(&part[k], &c, 0.3 + 0.2 * k))
			goto out;
		logits_of(&part[k], one);
		for (size_t i = 0; i < n; i++)
			mean[i] += one[i] / (real)members;
		if (ready(join_member(&joint, &part[k], k, members, &e), &e))
			goto out;
		model_free(&part[k]);
	}
	logits_of(&joint, one);
	CHECK_NEAR(distance(one, mean, n), 0, 1e-5);
out:
	model_free(&joint);
	free(mean);
	free(one);
}

static void mean_of_logits(void)
{
	for (int cell = 0; cell_names[cell]; cell++)
		for (int members = 1; members <= MOST; members++)
			for (int layers = 1; layers <= 3; layers++) {
				struct model_config c = {.cell = cell, .layers = layers, .hidden = 5, .vocab = 11};
				check_mean(c, members);
				c.embed = 4;
				c.residual = true;
				check_mean(c, members);
			}
	check_mean((struct model_config){.cell = cell_index("lstm"), .layers = 2, .hidden = 64, .vocab = 30}, 2);
}

/* Zeros between the members are left out of the products, but only while they are zeros. */
static void blocks(void)
{
	static const enum precision precisions[] = {PREC_F32, PREC_BF16};
	struct model_config c = {.cell = cell_index("gru"), .layers = 2, .hidden = 64, .embed = 16, .vocab = 30}, wide;
	size_t n = (size_t)(2 * T * B * c.vocab);
	real *as_blocks = calloc(n, sizeof *as_blocks), *dense = calloc(n, sizeof *dense);
	for (int i = 0; i < 2; i++) {
		struct model part, joint;
		struct err e = {{0}};
		test_precision = precisions[i];
		if (make_model(&part, &c, 0.4))
			break;
		part.cfg.precision = precisions[i];
		if (ready(join_config(&part.cfg, 3, &wide, &e) || model_new(&joint, &wide, &e), &e))
			break;
		for (int k = 0; k < 3; k++)
			ready(join_member(&joint, &part, k, 3, &e), &e);
		for (int changed = 0; changed < 2; changed++) {
			joint.cfg.members = 3;
			logits_of(&joint, as_blocks);
			joint.cfg.members = 0;
			logits_of(&joint, dense);
			CHECK_NEAR(distance(as_blocks, dense, n), 0, 1e-5);
			if (!changed)
				logits_of(&part, dense);
			CHECK(changed ? distance(as_blocks, dense, n) < 1e-5 : distance(as_blocks, dense, n) < 0.05);
			model_param(&joint, joint.layer[1].wh)[100 * 192 + 5] = 1; /* from the first member to the second */
		}
		model_free(&part);
		model_free(&joint);
	}
	test_precision = PREC_F32;
	free(as_blocks);
	free(dense);
}

static void refused(void)
{
	struct model_config c = {.cell = 0, .layers = 1, .hidden = 8, .embed = 8, .vocab = 5, .tie = true}, wide;
	struct model a, b, joint;
	struct err e = {{0}};
	CHECK(join_config(&c, 2, &wide, &e) == -1);
	CHECK_HAS(e.msg, "tied");
	c.tie = false;
	CHECK(join_config(&c, MODEL_MAX_HIDDEN / 8 + 1, &wide, &e) == -1);
	CHECK_HAS(e.msg, "wider");
	CHECK(join_config(&c, 0, &wide, &e) == -1);
	if (ready(join_config(&c, 2, &wide, &e) || model_new(&joint, &wide, &e), &e) || make_model(&a, &c, 1))
		return;
	c.vocab = 6;
	if (make_model(&b, &c, 1))
		return;
	CHECK(join_member(&joint, &a, 0, 2, &e) == 0);
	CHECK(join_member(&joint, &b, 1, 2, &e) == -1);
	CHECK_HAS(e.msg, "vocabulary");
	model_free(&a);
	model_free(&b);
	model_free(&joint);
}

TEST_MAIN("join", {"mean_of_logits", mean_of_logits}, {"blocks", blocks}, {"refused", refused})
