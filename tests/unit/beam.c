/* nn/beam against every continuation there is, scored one by one. */
#include "nn/beam.h"

#include "nn.h"
#include "nn/sampler.h"

enum { V = 4, MOST_LEN = 5, MOST = 1024 };

/* A continuation that ends behind the pair 2 1, wherever that stands: marks as a
 * text's search for its end has them. */
static uint32_t pair_ends(void *arg, uint32_t mark, uint32_t id)
{
	++*(long *)arg;
	return mark == 1 && id == 1 ? BEAM_ENDS : id == 2;
}

static uint32_t first_ends(void *arg, uint32_t mark, uint32_t id)
{
	(void)arg;
	(void)mark;
	return id == 0 ? BEAM_ENDS : 0;
}

/* A language in which 0 follows an even number of 2s only, and 1 an odd one: marks 1
 * and 2. */
static uint32_t parity(void *arg, uint32_t mark, uint32_t id)
{
	(void)arg;
	return id == 2 ? 3 - mark : mark;
}

static const unsigned char *by_parity(void *arg, uint32_t mark)
{
	static const unsigned char even[V] = {1, 0, 1, 1}, odd[V] = {0, 1, 1, 0};
	(void)arg;
	return mark == 1 ? even : mark == 2 ? odd : NULL;
}

struct setting {
	struct model m;
	struct state start;
	uint32_t first;
};

/* A model of few symbols whose start state is not zero. */
static int setting_new(struct setting *s, int cell, double scale)
{
	struct err e = {{0}};
	struct model_config cfg = {.cell = cell, .layers = 2, .hidden = 9, .vocab = V, .embed = cell % 2 ? 3 : 0};
	*s = (struct setting){.first = 1};
	if (make_model(&s->m, &cfg, scale) || ready(state_new(&s->start, &s->m, 1, &e), &e))
		return -1;
	for (size_t i = 0; i < state_size(&s->start); i++)
		s->start.s[i] = (real)(0.5 * noise(77, i));
	return 0;
}

static void setting_free(struct setting *s)
{
	state_free(&s->start);
	model_free(&s->m);
}

/* Cost of a continuation, read alone, one symbol at a time. */
static double cost(const struct setting *s, const uint32_t *ids, size_t n)
{
	struct err e = {{0}};
	struct state state;
	struct work *w = work_new(&s->m, &(struct work_config){.T = 1, .B = 1}, NULL, &e);
	double nats = 0;
	uint32_t before = s->first;
	if (ready(!w || state_new(&state, &s->m, 1, &e), &e))
		return NAN;
	state_copy(&state, 0, &s->start, 0);
	for (size_t i = 0; i < n; before = ids[i++]) {
		size_t ld;
		double sum = 0;
		work_forward(w, &(struct block){.T = 1, .B = 1, .in = &before}, &state);
		const real *z = work_logits(w, 0, 1, &ld);
		for (int v = 0; v < V; v++)
			sum += exp((double)z[v]);
		nats += log(sum) - (double)z[ids[i]];
	}
	work_free(w);
	state_free(&state);
	return nats;
}

static struct beam_path all[MOST];
static uint32_t ids_of[MOST][MOST_LEN];
static size_t nall;

/* Every continuation, depth first. */
static void list_all(const struct setting *s, const struct beam_config *c, uint32_t *ids, size_t n, uint32_t mark)
{
	if (n == c->length || mark == BEAM_ENDS) {
		CHECK(nall < MOST);
		memcpy(ids_of[nall], ids, n * sizeof *ids);
		all[nall] = (struct beam_path){.ids = ids_of[nall], .n = n, .nats = cost(s, ids, n), .ended = mark == BEAM_ENDS};
		nall++;
		return;
	}
	for (uint32_t v = 0; v < V; v++) {
		const unsigned char *may = c->allow ? c->allow(c->arg, mark) : NULL;
		if (v == c->ban || (may && !may[v]))
			continue;
		ids[n] = v;
		list_all(s, c, ids, n + 1, c->end ? c->end(c->arg, mark, v) : mark);
	}
}

static int falling(const void *a, const void *b)
{
	const struct beam_path *x = a, *y = b;
	return (x->nats > y->nats) - (x->nats < y->nats);
}

static int search(const struct setting *s, struct pool *pool, const struct beam_config *c, struct beam_path **p, size_t *n)
{
	struct err e = {{0}};
	return ready(beam_search(&s->m, pool, c, &s->start, s->first, NULL, p, n, &e), &e);
}

/* The search finds the best of all, in order. */
static void check_exact(const struct setting *s, struct beam_config c)
{
	uint32_t ids[MOST_LEN] = {0};
	struct beam_path *found;
	size_t n;
	nall = 0;
	list_all(s, &c, ids, 0, c.mark);
	qsort(all, nall, sizeof *all, falling);
	c.width = c.wanted = nall;
	for (int less = 0; less < 2; less++) {
		if (less)
			c.wanted = (nall + 4) / 5;
		if (search(s, NULL, &c, &found, &n))
			return;
		CHECK_INT(n, c.wanted);
		for (size_t i = 0; i < n; i++) {
			CHECK_NEAR(found[i].nats, all[i].nats, 1e-5 * (1 + all[i].nats));
			CHECK_NEAR(cost(s, found[i].ids, found[i].n), found[i].nats, 1e-5 * (1 + all[i].nats));
			bool apart = (i == 0 || all[i].nats - all[i - 1].nats > 1e-4) && (i + 1 == nall || all[i + 1].nats - all[i].nats > 1e-4);
			if (!apart)
				continue;
			CHECK_INT(found[i].n, all[i].n);
			CHECK_INT(found[i].ended, all[i].ended);
			CHECK(found[i].n == all[i].n && memcmp(found[i].ids, all[i].ids, all[i].n * sizeof(uint32_t)) == 0);
		}
		beam_free(found, n);
	}
}

static void exact(void)
{
	static const double scales[] = {0.5, 2};
	for (int cell = 0; cell_names[cell]; cell++)
		for (int k = 0; k < 2; k++) {
			struct setting s;
			long calls = 0;
			if (setting_new(&s, cell, scales[k]))
				return;
			for (size_t length = 1; length <= MOST_LEN; length += 2)
				check_exact(&s, (struct beam_config){.length = length, .ban = V - 1});
			check_exact(&s, (struct beam_config){.length = 4, .ban = NO_TARGET});
			check_exact(&s, (struct beam_config){.length = MOST_LEN, .ban = V - 1, .end = pair_ends, .arg = &calls});
			check_exact(&s, (struct beam_config){.length = MOST_LEN, .ban = V - 1, .end = first_ends});
			for (uint32_t mark = 1; mark <= 3; mark++) /* 3: all may come, and marks stay */
				check_exact(&s, (struct beam_config){.length = 4, .ban = NO_TARGET, .mark = mark, .allow = by_parity,
				                                     .end = mark < 3 ? parity : NULL});
			CHECK(calls > 0);
			setting_free(&s);
		}
}

/* A beam of one is greedy. */
static void greedy(void)
{
	enum { LENGTH = 40 };
	for (int cell = 0; cell_names[cell]; cell++) {
		struct setting s;
		struct err e = {{0}};
		struct beam_path *found;
		size_t n, ld;
		if (setting_new(&s, cell, 1.5))
			return;
		struct work *w = work_new(&s.m, &(struct work_config){.T = 1, .B = 1}, NULL, &e);
		if (ready(!w, &e) || search(&s, NULL, &(struct beam_config){.width = 1, .wanted = 1, .length = LENGTH, .ban = V - 1}, &found, &n))
			return;
		CHECK_INT(n, 1);
		CHECK_INT(found->n, LENGTH);
		uint32_t next = s.first;
		for (size_t i = 0; i < found->n; i++) {
			work_forward(w, &(struct block){.T = 1, .B = 1, .in = &next}, &s.start);
			next = sampler_best(work_logits(w, 0, 1, &ld), V, V - 1);
			CHECK_INT(found->ids[i], next);
		}
		beam_free(found, n);
		work_free(w);
		setting_free(&s);
	}
}

/* Wider is no worse here, more threads change nothing, and all results differ. */
static void widths(void)
{
	struct err e = {{0}};
	struct setting s;
	struct pool *pool = pool_new(3, &e);
	double before = INFINITY;
	if (ready(!pool, &e) || setting_new(&s, 0, 1.5)) /* tanh: numbers stay small */
		return;
	for (size_t width = 1; width <= 64; width *= 4) {
		struct beam_path *found, *again;
		size_t n, m;
		struct beam_config c = {.width = width, .wanted = width, .length = 12, .ban = V - 1};
		if (search(&s, NULL, &c, &found, &n) || search(&s, pool, &c, &again, &m))
			return;
		CHECK_INT(n, width);
		CHECK_INT(m, width);
		CHECK(found[0].nats <= before + 1e-9);
		before = found[0].nats;
		for (size_t i = 0; i < n; i++) {
			CHECK(found[i].nats == again[i].nats && memcmp(found[i].ids, again[i].ids, found[i].n * sizeof(uint32_t)) == 0);
			CHECK_NEAR(cost(&s, found[i].ids, found[i].n), found[i].nats, 1e-4);
			CHECK(i == 0 || found[i - 1].nats <= found[i].nats);
			for (size_t j = 0; j < i; j++)
				CHECK(memcmp(found[i].ids, found[j].ids, found[i].n * sizeof(uint32_t)) != 0);
		}
		beam_free(found, n);
		beam_free(again, m);
	}
	pool_free(pool);
	setting_free(&s);
}

/* All as likely: by the order of ids, place by place. */
static void ties(void)
{
	struct setting s;
	struct beam_path *found;
	size_t n;
	if (setting_new(&s, 0, 0))
		return;
	struct beam_config c = {.width = 7, .wanted = 7, .length = 3, .ban = 1};
	if (search(&s, NULL, &c, &found, &n))
		return;
	static const uint32_t want[7][3] = {{0, 0, 0}, {0, 0, 2}, {0, 0, 3}, {0, 2, 0}, {0, 2, 2}, {0, 2, 3}, {0, 3, 0}};
	CHECK_INT(n, 7);
	for (size_t i = 0; i < n; i++) {
		CHECK(memcmp(found[i].ids, want[i], sizeof want[i]) == 0);
		CHECK_NEAR(found[i].nats, 3 * log(V), 1e-5);
	}
	beam_free(found, n);
	setting_free(&s);
}

static bool at_once(void)
{
	return true;
}

static void edges(void)
{
	struct setting s;
	struct beam_path *found;
	struct err e = {{0}};
	size_t n;
	if (setting_new(&s, 1, 1))
		return;
	/* Nothing to write; more wanted than there are; stopped; too long to keep. */
	struct beam_config c = {.width = 5, .wanted = 5, .ban = V - 1};
	if (search(&s, NULL, &c, &found, &n))
		return;
	CHECK_INT(n, 1);
	CHECK(n == 1 && found->n == 0 && found->nats == 0 && !found->ended);
	beam_free(found, n);
	c.length = 1;
	if (search(&s, NULL, &c, &found, &n))
		return;
	CHECK_INT(n, 3);
	beam_free(found, n);
	c.length = 20;
	CHECK_INT(beam_search(&s.m, NULL, &c, &s.start, s.first, at_once, &found, &n, &e), 0);
	CHECK_INT(n, 1);
	CHECK(n == 1 && found->n == 0);
	beam_free(found, n);
	c.length = (size_t)1 << 31;
	CHECK_INT(beam_search(&s.m, NULL, &c, &s.start, s.first, NULL, &found, &n, &e), -1);
	CHECK_HAS(e.msg, "narrower");
	CHECK(found == NULL && n == 0);
	beam_free(NULL, 0);
	setting_free(&s);
}

static void memory(void)
{
	struct setting s;
	struct beam_path *found;
	struct err e = {{0}};
	size_t n = 0;
	long at = 1;
	if (setting_new(&s, 0, 1))
		return;
	struct beam_config c = {.width = 6, .wanted = 3, .length = 8, .ban = V - 1};
	for (int rc = -1; rc && at < 300; at++) {
		e.msg[0] = 0;
		mem_fail_at(at);
		rc = beam_search(&s.m, NULL, &c, &s.start, s.first, NULL, &found, &n, &e);
		mem_fail_at(0);
		CHECK(rc == 0 || (e.msg[0] && !found && n == 0));
	}
	CHECK(at > 20 && at < 300);
	CHECK_INT(n, 3);
	beam_free(found, n);
	setting_free(&s);
}

TEST_MAIN("beam", {"exact", exact}, {"greedy", greedy}, {"widths", widths}, {"ties", ties}, {"edges", edges},
          {"memory", memory})
