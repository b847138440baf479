/* Any bytes as a model: what is accepted is no larger than its file, finite, and
 * can be run; what it says of training can be taken up or is refused. */
#include <math.h>
#include <stdbool.h>
#include <stdlib.h>

#include "nn/ckpt.h"
#include "nn/train.h"
#include "nn/work.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { MAX_INPUT = 64 << 10, T = 2, B = 2 };

static void require(bool so)
{
	if (!so)
		abort();
}

static bool all_finite(const struct model *m)
{
	for (size_t i = 0; i < m->size; i++)
		if (!isfinite(m->w[i]))
			return false;
	return true;
}

/* The weights may be of any size, so that the loss need not be a number. */
static void read_block(const struct model *m)
{
	const uint32_t in[T * B] = {0, 1, (uint32_t)m->cfg.vocab - 1, 1}, target[T * B] = {1, 0, 0, NO_TARGET};
	struct block b = {.T = T, .B = B, .in = in, .target = target};
	struct state s = {0};
	struct work *w = work_new(m, &(struct work_config){.T = T, .B = B}, NULL, NULL);
	size_t targets = 0;
	if (w && state_new(&s, m, B, NULL) == 0) {
		work_forward(w, &b, &s);
		work_loss(w, &b, NULL, &targets);
		require(targets == 3);
	}
	work_free(w);
	state_free(&s);
}

static void go_on(struct model *m, const struct tensorfile *f)
{
	static const uint32_t text[] = {0, 1, 1, 0, 1, 0, 0, 1, 0};
	const struct train_data data = {.train = text, .ntrain = 9, .first = NO_TARGET};
	const struct train_config cfg = {.batch = B, .seq = T, .lr = 0.01, .steps = 1, .restart = 0.5,
	                                 .optim = {.beta1 = 0.9, .beta2 = 0.99, .eps = 1e-8, .clip = 1}};
	const struct train_hooks none = {0};
	struct err e = {{0}};
	struct train *t = train_new(m, &cfg, &data, NULL, NULL);
	if (t && train_get(t, f, &e) == 0) {
		int rc = train_run(t, &none, &e);
		require(rc == 0 || (rc == -1 && e.msg[0]));
		require(all_finite(m));
	} else if (t) {
		require(e.msg[0]);
	}
	train_free(t);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct tensorfile f;
	struct model m;
	struct err e = {{0}};
	if (size > MAX_INPUT || tf_parse(&f, data, size, &e))
		return 0;
	if (ckpt_load(&f, &m, &e)) {
		require(e.msg[0] && !m.w && !m.list && !m.layer);
	} else {
		require(m.count <= size / 2 && m.size < m.count + 16 * (size_t)m.nlist);
		require(all_finite(&m));
		read_block(&m);
		if (tf_find(&f, "train.counters"))
			go_on(&m, &f);
		model_free(&m);
	}
	tf_close(&f);
	return 0;
}
