/* The search against all texts there are: every string over a small alphabet, its
 * cost by dynamic programming, its probability by a run of the model of its own. */
#include "nn.h"

#include "nn/correct_private.h"

enum {
	LETTERS = 3, V = LETTERS + 2, NEWLINE = LETTERS, UNKNOWN = LETTERS + 1, /* ids */
	MOST = 9, /* symbols of a text */
	MANY = 4096
};

static const uint8_t may[V] = {1, 1, 1, 0, 0};
static const struct model_config shape = {.layers = 2, .hidden = 12, .vocab = V};
static const struct correct_config plain = {.cost = {1.1, 0.9, 1.3, 0.7}, .beam = MANY, .inserts = 2, .tries = LETTERS,
                                            .most_edits = 2, .first = NEWLINE, .end = NEWLINE};

static int lstm(struct model *m)
{
	struct model_config c = shape;
	c.cell = cell_index("lstm");
	return make_model(m, &c, 1.5);
}

/* -log P of a text, end included, in a run of its own. */
static double nats_of(const struct model *m, const struct correct_config *cfg, const uint32_t *y, size_t n)
{
	uint32_t in[MOST + 2] = {0}, target[MOST + 2];
	size_t T = 0, targets;
	struct err e = {{0}};
	struct state s = {0};
	struct work *w = work_new(m, &(struct work_config){.T = MOST + 2, .B = 1}, NULL, &e);
	double nats = NAN;
	if (ready(!w || state_new(&s, m, 1, &e), &e))
		return NAN;
	for (size_t i = 0; i <= n; i++) {
		uint32_t before = i ? y[i - 1] : cfg->first, next = i < n ? y[i] : cfg->end;
		if (before == NO_TARGET)
			continue;
		in[T] = before;
		target[T++] = next;
	}
	if (T) {
		struct block b = {.T = (int)T, .B = 1, .in = in, .target = target};
		work_forward(w, &b, &s);
		nats = work_loss(w, &b, NULL, &targets);
	} else {
		nats = 0;
	}
	state_free(&s);
	work_free(w);
	return nats;
}

/* Least cost of making y of x with at most `most` edits; INFINITY: impossible. The
 * first `fixed` symbols, and those that may not be edited, are copied. */
static double cost_of(const struct correct_config *c, const uint32_t *x, size_t n, const uint32_t *y, size_t m,
                      size_t most, size_t fixed)
{
	static double d[MOST + 1][MOST + 1][5];
	for (size_t i = 0; i <= n; i++)
		for (size_t j = 0; j <= m; j++)
			for (size_t k = 0; k <= most; k++) {
				double best = i || j ? INFINITY : 0;
				bool x_free = i > fixed && may[x[i - 1]], y_free = j && may[y[j - 1]];
				if (i && j && x[i - 1] == y[j - 1])
					best = fmin(best, d[i - 1][j - 1][k]);
				if (k && j && y_free && i >= fixed)
					best = fmin(best, d[i][j - 1][k - 1] + c->cost[CORRECT_INSERT]);
				if (k && i && x_free)
					best = fmin(best, d[i - 1][j][k - 1] + c->cost[CORRECT_DELETE]);
				if (k && i && j && x_free && y_free && x[i - 1] != y[j - 1])
					best = fmin(best, d[i - 1][j - 1][k - 1] + c->cost[CORRECT_REPLACE]);
				if (k && i > 1 && j > 1 && x_free && i - 1 > fixed && may[x[i - 2]] && x[i - 1] == y[j - 2] &&
				    x[i - 2] == y[j - 1])
					best = fmin(best, d[i - 2][j - 2][k - 1] + c->cost[CORRECT_SWAP]);
				d[i][j][k] = best;
			}
	return d[n][m][most];
}

/* The text that a candidate's edits make; SIZE_MAX if they make none. */
static size_t apply(const struct correct_candidate *k, const uint32_t *x, size_t n, uint32_t *y)
{
	size_t at = 0, m = 0;
	for (size_t i = 0; i < k->nedits; i++) {
		const struct correct_edit *ed = &k->edits[i];
		size_t covers = ed->op == CORRECT_INSERT ? 0 : ed->op == CORRECT_SWAP ? 2 : 1;
		if (ed->pos < at || ed->pos + covers > n || m + (ed->pos - at) + 2 > MOST)
			return SIZE_MAX;
		while (at < ed->pos)
			y[m++] = x[at++];
		if (ed->op == CORRECT_SWAP) {
			y[m++] = x[at + 1];
			y[m++] = x[at];
		} else if (ed->op != CORRECT_DELETE) {
			y[m++] = ed->id;
		}
		at += covers;
	}
	if (m + (n - at) > MOST)
		return SIZE_MAX;
	while (at < n)
		y[m++] = x[at++];
	return m;
}

/* All texts over the letters and the symbols of x that are not: score and how many. */
struct all {
	double score[MANY];
	size_t n;
};

static void enumerate(const struct model *m, const struct correct_config *c, const uint32_t *x, size_t n, struct all *all)
{
	size_t fixed = c->first == NO_TARGET && n;
	all->n = 0;
	for (size_t len = n > 2 ? n - 2 : 0; len <= n + 2; len++) {
		uint32_t y[MOST] = {0};
		for (;;) {
			double cost = cost_of(c, x, n, y, len, c->most_edits, fixed);
			if (cost < INFINITY && all->n < MANY)
				all->score[all->n++] = -nats_of(m, c, y, len) - cost;
			size_t i = 0; /* the next one, counting in base V */
			while (i < len && ++y[i] == V)
				y[i++] = 0;
			if (i == len)
				break;
		}
	}
}

static int falling(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;
	return x > y ? -1 : x < y;
}

/* The search with these rules on x finds all texts, with their scores, in order. */
static void check_exact(const struct model *m, const struct correct_config *c, const uint32_t *x, size_t n)
{
	static struct all all;
	struct err e = {{0}};
	const struct correct_candidate *list;
	size_t found;
	bool original = false;
	struct corrector *s = corrector_new(m, c, NULL, &e);
	if (ready(!s, &e))
		return;
	corrector_allow(s, may);
	if (ready(correct_search(s, x, n, NULL, &list, &found, &e), &e))
		return;
	enumerate(m, c, x, n, &all);
	qsort(all.score, all.n, sizeof *all.score, falling);
	CHECK(all.n > 1 && all.n < MANY);
	CHECK_INT(found, all.n);
	for (size_t i = 0; i < found; i++) {
		uint32_t y[MOST];
		size_t len = apply(&list[i], x, n, y);
		CHECK(len != SIZE_MAX);
		if (len == SIZE_MAX)
			break;
		CHECK_NEAR(list[i].nats, nats_of(m, c, y, len), 1e-4);
		CHECK_NEAR(list[i].cost, cost_of(c, x, n, y, len, c->most_edits, c->first == NO_TARGET && n), 1e-9);
		CHECK(list[i].nedits <= c->most_edits);
		if (i < all.n)
			CHECK_NEAR(-list[i].nats - list[i].cost, all.score[i], 1e-4);
		original |= list[i].nedits == 0;
	}
	CHECK(original);
	corrector_free(s);
	/* A beam that leaves most out still has the best ones. */
	struct correct_config narrow = *c;
	narrow.beam = all.n / 5 > 5 ? all.n / 5 : 5;
	if (ready(!(s = corrector_new(m, &narrow, NULL, &e)), &e))
		return;
	corrector_allow(s, may);
	CHECK_INT(correct_search(s, x, n, NULL, &list, &found, &e), 0);
	CHECK(found >= 3 && found <= narrow.beam + 1);
	for (size_t i = 0; i < 3 && i < found && i < all.n; i++)
		CHECK_NEAR(-list[i].nats - list[i].cost, all.score[i], 1e-4);
	corrector_free(s);
}

static void exhaustive(void)
{
	struct model m;
	if (lstm(&m))
		return;
	for (uint32_t series = 0; series < 4; series++) {
		struct correct_config c = plain;
		uint32_t x[4];
		draw_ids(x, 4, LETTERS, series);
		for (int k = 0; k < 4; k++)
			c.cost[k] = 1.5 + 1.4 * noise(50 + series, (size_t)k);
		check_exact(&m, &c, x, 3 + series % 2);
	}
	model_free(&m);
}

static void exhaustive_edges(void)
{
	static const uint32_t kept[4] = {0, UNKNOWN, 1, NEWLINE}, same[3] = {2, 2, 2};
	struct model m;
	struct correct_config c = plain;
	if (lstm(&m))
		return;
	check_exact(&m, &c, kept, 4); /* symbols that stay where they are */
	check_exact(&m, &c, same, 3);
	check_exact(&m, &c, same, 1);
	c.first = NO_TARGET; /* the first symbol is given */
	c.end = NO_TARGET;
	check_exact(&m, &c, kept, 3);
	c = plain;
	/* Two cheap edits in place of a dear one, where edits are counted. */
	c.cost[CORRECT_REPLACE] = 5;
	c.cost[CORRECT_SWAP] = 4;
	c.cost[CORRECT_INSERT] = c.cost[CORRECT_DELETE] = 0.1;
	check_exact(&m, &c, kept, 3);
	c.most_edits = 1;
	check_exact(&m, &c, same, 3);
	for (int k = 0; k < 4; k++)
		c.cost[k] = 0;
	c.most_edits = 2;
	check_exact(&m, &c, kept, 3);
	model_free(&m);
}

/* Any number of edits, on a text long enough for the lists of edits to be shared and
 * used again: what comes out is what its edits and its own run say. */
static void narrow(void)
{
	enum { N = 300 };
	struct model m;
	struct err e = {{0}};
	struct correct_config c = plain;
	const struct correct_candidate *list;
	uint32_t x[N], y[MOST];
	size_t found;
	double narrowest = NAN, score = NAN;
	if (lstm(&m))
		return;
	c.most_edits = 0;
	draw_ids(x, N, LETTERS, 9);
	for (c.beam = 1; c.beam <= 64; c.beam *= 4) {
		struct corrector *s = corrector_new(&m, &c, NULL, &e);
		if (ready(!s, &e))
			return;
		corrector_allow(s, may);
		CHECK_INT(correct_search(s, x, N, NULL, &list, &found, &e), 0);
		CHECK(found >= 1 && found <= c.beam + 1);
		score = -list[0].nats - list[0].cost;
		narrowest = c.beam == 1 ? score : narrowest;
		double cost = 0;
		for (size_t i = 0; i < list[0].nedits; i++) {
			cost += c.cost[list[0].edits[i].op];
			CHECK(i == 0 || list[0].edits[i - 1].pos <= list[0].edits[i].pos);
		}
		CHECK(list[0].nedits > 10);
		CHECK_NEAR(list[0].cost, cost, 1e-9);
		bool original = false;
		for (size_t i = 0; i < found; i++) {
			original |= list[i].nedits == 0;
			CHECK(i == 0 || list[i].nedits == 0 || -list[i].nats - list[i].cost <= -list[i - 1].nats - list[i - 1].cost);
		}
		CHECK(original);
		/* A corrector can be used again, and says the same. */
		uint32_t few[4] = {1, 0, 2, 1};
		CHECK_INT(correct_search(s, few, 4, NULL, &list, &found, &e), 0);
		size_t n = apply(&list[0], few, 4, y);
		CHECK(n != SIZE_MAX);
		if (n != SIZE_MAX)
			CHECK_NEAR(list[0].nats, nats_of(&m, &c, y, n), 1e-4);
		CHECK_INT(correct_search(s, x, N, NULL, &list, &found, &e), 0);
		CHECK_NEAR(-list[0].nats - list[0].cost, score, 0);
		corrector_free(s);
	}
	CHECK(score > narrowest + 1); /* these weights, this text: wide is better */
	model_free(&m);
}

static void dear(void)
{
	static const uint32_t x[5] = {2, 0, 1, 1, 0};
	struct model m;
	struct err e = {{0}};
	struct correct_config c = plain;
	const struct correct_candidate *list;
	size_t found;
	if (lstm(&m))
		return;
	for (int k = 0; k < 4; k++)
		c.cost[k] = 1000;
	c.beam = 3;
	struct corrector *s = corrector_new(&m, &c, NULL, &e);
	if (ready(!s, &e))
		return;
	corrector_allow(s, may);
	CHECK_INT(correct_search(s, x, 5, NULL, &list, &found, &e), 0);
	CHECK(found > 0);
	CHECK_INT(list[0].nedits, 0);
	CHECK_NEAR(list[0].cost, 0, 0);
	CHECK_NEAR(list[0].nats, nats_of(&m, &c, x, 5), 1e-4);
	/* Nothing may be edited: nothing is, however cheap. */
	static const uint8_t none[V] = {0};
	corrector_allow(s, none);
	CHECK_INT(correct_search(s, x, 5, NULL, &list, &found, &e), 0);
	CHECK_INT(found, 1);
	CHECK_INT(list[0].nedits, 0);
	corrector_free(s);
	model_free(&m);
}

static void empty(void)
{
	struct model m;
	struct err e = {{0}};
	struct correct_config c = plain;
	const struct correct_candidate *list;
	size_t found;
	if (lstm(&m))
		return;
	c.cost[CORRECT_INSERT] = 0;
	for (int k = 0; k < 2; k++) {
		struct corrector *s = corrector_new(&m, &c, NULL, &e);
		if (ready(!s, &e))
			return;
		corrector_allow(s, may);
		CHECK_INT(correct_search(s, NULL, 0, NULL, &list, &found, &e), 0);
		CHECK_INT(found, 1);
		CHECK_INT(list[0].nedits, 0);
		CHECK_NEAR(list[0].nats, nats_of(&m, &c, NULL, 0), 1e-5);
		corrector_free(s);
		c.first = c.end = NO_TARGET;
	}
	model_free(&m);
}

static void threads(void)
{
	struct model m;
	struct err e = {{0}};
	struct correct_config c = plain;
	const struct correct_candidate *list[2];
	size_t found[2];
	uint32_t x[40];
	struct corrector *s[2];
	if (lstm(&m))
		return;
	c.most_edits = 0;
	c.beam = 20;
	draw_ids(x, 40, LETTERS, 5);
	for (int k = 0; k < 2; k++) {
		struct pool *pool = pool_new(k + 1, &e);
		s[k] = pool ? corrector_new(&m, &c, pool, &e) : NULL;
		if (ready(!s[k], &e))
			return;
		corrector_allow(s[k], may);
		CHECK_INT(correct_search(s[k], x, 40, NULL, &list[k], &found[k], &e), 0);
		pool_free(pool);
	}
	CHECK_INT(found[0], found[1]);
	for (size_t i = 0; i < found[0] && i < found[1]; i++) {
		CHECK(list[0][i].nats == list[1][i].nats);
		CHECK(list[0][i].cost == list[1][i].cost);
		CHECK_INT(list[0][i].nedits, list[1][i].nedits);
	}
	corrector_free(s[0]);
	corrector_free(s[1]);
	model_free(&m);
}

/* Weights so large that nothing is a number. */
static void not_numbers(void)
{
	static const uint32_t x[4] = {0, 1, 2, 0};
	struct model m;
	struct err e = {{0}};
	struct correct_config c = plain;
	const struct correct_candidate *list;
	size_t found;
	if (lstm(&m))
		return;
	for (size_t i = 0; i < V; i++)
		model_param(&m, m.out_b)[i] = i % 2 ? NAN : INFINITY;
	m.version++;
	c.beam = 5;
	struct corrector *s = corrector_new(&m, &c, NULL, &e);
	if (ready(!s, &e))
		return;
	corrector_allow(s, may);
	CHECK_INT(correct_search(s, x, 4, NULL, &list, &found, &e), 0);
	CHECK(found >= 1);
	CHECK_INT(list[0].nedits, 0); /* nothing is better than what is there */
	corrector_free(s);
	model_free(&m);
}

/* After a search nothing is held but what the hypotheses at the end need: slots and
 * edits of those that are gone can be used again. */
static void nothing_lost(void)
{
	enum { N = 500 };
	uint32_t x[N];
	struct model m;
	struct err e = {{0}};
	struct correct_config c = plain;
	const struct correct_candidate *list;
	size_t found;
	if (lstm(&m))
		return;
	c.beam = 12;
	c.most_edits = 0;
	draw_ids(x, N, LETTERS, 21);
	struct corrector *s = corrector_new(&m, &c, NULL, &e);
	if (ready(!s, &e))
		return;
	corrector_allow(s, may);
	CHECK_INT(correct_search(s, x, N, NULL, &list, &found, &e), 0);
	size_t unused = 0, live = 0, slots = 0;
	for (uint32_t at = s->free_edit; at; at = s->edit[at].refs)
		unused++;
	bool *seen = mem_new(s->nedit + s->nslots, sizeof *seen, &e);
	if (ready(!seen, &e))
		return;
	for (size_t i = 0; i < s->nnow; i++) {
		for (uint32_t at = s->now[i].edit; at; at = s->edit[at].before) {
			live += !seen[at];
			seen[at] = true;
		}
		slots += !seen[s->nedit + s->now[i].slot];
		seen[s->nedit + s->now[i].slot] = true;
	}
	CHECK(live > 50 && unused > 0);
	CHECK_INT(live + unused, s->nedit - 1);
	CHECK_INT(slots + s->nspare, s->nslots);
	mem_free(seen);
	corrector_free(s);
	model_free(&m);
}

static bool at_once(void)
{
	return true;
}

static void memory(void)
{
	static const uint32_t x[4] = {0, 1, 2, 0};
	struct model m;
	struct err e = {{0}};
	struct correct_config c = plain;
	const struct correct_candidate *list;
	size_t found;
	long n = 1;
	if (lstm(&m))
		return;
	c.beam = 8;
	for (; n < 400; n++) {
		mem_fail_at(n);
		struct corrector *s = corrector_new(&m, &c, NULL, &e);
		int rc = -1;
		if (s) {
			corrector_allow(s, may);
			rc = correct_search(s, x, 4, NULL, &list, &found, &e);
		}
		mem_fail_at(0);
		CHECK(rc == 0 || e.msg[0]);
		if (s && rc) { /* what failed once works when there is memory */
			CHECK_INT(correct_search(s, x, 4, NULL, &list, &found, &e), 0);
			CHECK(found > 1);
		}
		corrector_free(s);
		if (rc == 0)
			break;
		e.msg[0] = 0;
	}
	CHECK(n > 10 && n < 400);
	struct corrector *s = corrector_new(&m, &c, NULL, &e);
	if (ready(!s, &e))
		return;
	corrector_allow(s, may);
	CHECK_INT(correct_search(s, x, 4, at_once, &list, &found, &e), -1);
	CHECK_STR(e.msg, "interrupted");
	corrector_free(s);
	corrector_free(NULL);
	model_free(&m);
}

TEST_MAIN("correct", {"exhaustive", exhaustive}, {"exhaustive edges", exhaustive_edges}, {"narrow", narrow},
          {"dear", dear}, {"empty", empty}, {"threads", threads}, {"not numbers", not_numbers},
          {"nothing lost", nothing_lost}, {"memory", memory})
