/* nn/model: which parameters there are, what they are at the start, and what is
 * refused. */
#include <stdint.h>

#include "nn.h"

/* A list of parameters written down once more, by hand. */
struct want {
	const struct model *m;
	int next;
	size_t end, count;
};

static void want(struct want *w, const char *name, int layer, int ndim, size_t rows, size_t cols)
{
	char full[64];
	snprintf(full, sizeof full, layer < 0 ? "%s" : "%s_l%d", name, layer);
	CHECK(w->next < w->m->nlist);
	if (w->next >= w->m->nlist)
		return;
	const struct param *p = &w->m->list[w->next++];
	CHECK_STR(p->name, full);
	CHECK_INT(p->ndim, ndim);
	CHECK_INT(p->rows, rows);
	CHECK_INT(p->cols, cols);
	CHECK_INT(p->offset % 16, 0);
	CHECK(p->offset >= w->end && p->offset < w->end + 16);
	w->end = p->offset + rows * cols;
	w->count += rows * cols;
}

static void check_list(const struct model_config *c, size_t gates)
{
	struct model m;
	struct err e = {{0}};
	if (ready(model_new(&m, c, &e), &e))
		return;
	struct want w = {.m = &m};
	size_t H = (size_t)c->hidden, V = (size_t)c->vocab, E = (size_t)c->embed, count = 0;
	if (E)
		want(&w, "embed.weight", -1, 2, V, E);
	for (int l = 0; l < c->layers; l++) {
		CHECK_INT(m.layer[l].wx, w.next);
		want(&w, "rnn.weight_ih", l, 2, gates * H, l ? H : E ? E : V);
		CHECK_INT(m.layer[l].wh, w.next);
		want(&w, "rnn.weight_hh", l, 2, gates * H, H);
		CHECK_INT(m.layer[l].bx, w.next);
		want(&w, "rnn.bias_ih", l, 1, gates * H, 1);
		CHECK_INT(m.layer[l].bh, w.next);
		want(&w, "rnn.bias_hh", l, 1, gates * H, 1);
	}
	if (!c->tie)
		want(&w, "out.weight", -1, 2, V, H);
	want(&w, "out.bias", -1, 1, V, 1);
	CHECK_INT(m.nlist, w.next);
	CHECK_INT(m.embed, E ? 0 : -1);
	CHECK_INT(m.out_w, c->tie ? 0 : w.next - 2);
	CHECK_INT(m.out_b, w.next - 1);
	CHECK_INT(m.count, w.count);
	CHECK(m.size >= w.end && m.size < w.end + 16);
	CHECK_INT((uintptr_t)m.w % 64, 0);
	CHECK_INT(model_count(c, &count, &e), 0);
	CHECK_INT(count, w.count);
	for (size_t i = 0; i < m.size; i++)
		if (m.w[i] != 0)
			CHECK(!"zeros before they are set");
	model_free(&m);
}

static int gates_of(const char *cell)
{
	return strcmp(cell, "lstm") == 0 ? 4 : strcmp(cell, "gru") == 0 ? 3 : 1;
}

static void parameters(void)
{
	for (int c = 0; cell_names[c]; c++)
		for (int layers = 1; layers <= 12; layers += 11) /* two digits among the names */
			for (int kind = 0; kind < 8; kind++) {
				struct model_config cfg = {.cell = c, .layers = layers, .hidden = 7, .vocab = 5, .residual = kind & 1};
				cfg.tie = kind >> 1 == 3;
				cfg.embed = (const int[]){0, 3, 7, 7}[kind >> 1];
				check_list(&cfg, (size_t)gates_of(cell_names[c]));
			}
	CHECK(cell_index("lstm") >= 0 && cell_index("gru") >= 0 && cell_index("rnn") >= 0);
}

/* A new model with initial weights. */
static int init(struct model *m, const struct model_config *cfg, uint64_t seed)
{
	struct err e = {{0}};
	return ready(kern_init(&e) || model_new(m, cfg, &e) || model_init(m, seed, &e), &e);
}

/* Largest entry of |W W' - I|. */
static double off_identity(const real *w, size_t n)
{
	double worst = 0;
	for (size_t i = 0; i < n; i++)
		for (size_t j = 0; j < n; j++) {
			double sum = i == j ? -1 : 0;
			for (size_t k = 0; k < n; k++)
				sum += (double)w[i * n + k] * (double)w[j * n + k];
			worst = !(fabs(sum) <= worst) ? fabs(sum) : worst;
		}
	return worst;
}

static void orthogonal(void)
{
	static const int sizes[] = {1, 2, 3, 7, 16, 33, 100};
	for (int c = 0; cell_names[c]; c++)
		for (size_t s = 0; s < sizeof sizes / sizeof *sizes; s++) {
			struct model_config cfg = {.cell = c, .layers = 2, .hidden = sizes[s], .vocab = 5};
			struct model m;
			if (init(&m, &cfg, 3))
				return;
			size_t H = (size_t)cfg.hidden, G = (size_t)m.cell->gates;
			const real *first = model_param(&m, m.layer[0].wh);
			for (int l = 0; l < 2; l++)
				for (size_t g = 0; g < G; g++) {
					const real *w = model_param(&m, m.layer[l].wh) + g * H * H;
					CHECK_NEAR(off_identity(w, H), 0, 1e-5);
					CHECK(H == 1 || w[1] != 0); /* no mere permutation or mirror */
					CHECK(H < 3 || w == first || memcmp(w, first, H * H * sizeof *w) != 0);
				}
			model_free(&m);
		}
}

/* Entries fill the range [-bound, bound] evenly. */
static void check_uniform(const struct model *m, int index, double bound)
{
	const struct param *p = &m->list[index];
	size_t n = p->rows * p->cols;
	double min = 0, max = 0, sum = 0, squares = 0, products = 0, down = 0;
	for (size_t i = 0; i < n; i++) {
		double x = (double)model_param(m, index)[i] / bound;
		min = fmin(min, x);
		max = fmax(max, x);
		sum += x;
		squares += x * x;
		products += i ? x * (double)model_param(m, index)[i - 1] / bound : 0;
		down += i >= p->cols ? x * (double)model_param(m, index)[i - p->cols] / bound : 0;
	}
	CHECK(min >= -1 && min < -0.97);
	CHECK(max <= 1 && max > 0.97);
	CHECK_NEAR(sum / (double)n, 0, 0.06);
	CHECK_NEAR(squares / (double)n, 1.0 / 3, 0.03);
	CHECK_NEAR(products / (double)n, 0, 0.04); /* neighbours in a row and in a column are independent */
	CHECK_NEAR(down / (double)n, 0, 0.04);
}

static void check_bias(const struct model *m, int index, double forget)
{
	const struct param *p = &m->list[index];
	size_t H = (size_t)m->cfg.hidden;
	bool lstm = strcmp(m->cell->name, "lstm") == 0;
	for (size_t i = 0; i < p->rows; i++)
		CHECK_NEAR(model_param(m, index)[i], lstm && i >= H && i < 2 * H ? forget : 0, 0);
}

static void bounds(void)
{
	for (int c = 0; cell_names[c]; c++)
		for (int kind = 0; kind < 3; kind++) {
			struct model_config cfg = {.cell = c, .layers = 2, .hidden = 40, .vocab = 50, .tie = kind == 2};
			cfg.embed = (const int[]){0, 24, 40}[kind];
			struct model m;
			if (init(&m, &cfg, 9))
				return;
			if (cfg.embed)
				check_uniform(&m, m.embed, cfg.tie ? 1 / sqrt(40) : 1);
			check_uniform(&m, m.layer[0].wx, cfg.embed ? 1 / sqrt(cfg.embed) : 3);
			check_uniform(&m, m.layer[1].wx, 1 / sqrt(40));
			if (!cfg.tie)
				check_uniform(&m, m.out_w, 1 / sqrt(40));
			for (int l = 0; l < 2; l++) {
				check_bias(&m, m.layer[l].bx, 1);
				check_bias(&m, m.layer[l].bh, 0);
			}
			for (int v = 0; v < 50; v++)
				CHECK_NEAR(model_param(&m, m.out_b)[v], 0, 0);
			/* What lies between the views stays zero: norms go over the whole block. */
			for (int i = 0; i < m.nlist; i++)
				for (size_t k = m.list[i].offset + m.list[i].rows * m.list[i].cols;
				     k < (i + 1 < m.nlist ? m.list[i + 1].offset : m.size); k++)
					CHECK_NEAR(m.w[k], 0, 0);
			model_free(&m);
		}
}

static void seeds(void)
{
	for (int c = 0; cell_names[c]; c++) {
		struct model_config cfg = {.cell = c, .layers = 2, .hidden = 19, .embed = 6, .vocab = 23};
		struct model a, b;
		struct err e = {{0}};
		if (init(&a, &cfg, 77) || init(&b, &cfg, 1))
			return;
		uint64_t version = b.version;
		for (int p = 0; p < a.nlist; p++)
			if (a.list[p].ndim == 2)
				CHECK(memcmp(model_param(&a, p), model_param(&b, p),
				             a.list[p].rows * a.list[p].cols * sizeof(real)) != 0);
		fill_model(&b, 3); /* what was there before must not matter */
		CHECK_INT(model_init(&b, 77, &e), 0);
		CHECK(memcmp(a.w, b.w, a.size * sizeof(real)) == 0);
		CHECK(b.version > version + 1);
		CHECK_INT(model_init(&b, 77 + ((uint64_t)1 << 40), &e), 0); /* all 64 bits of a seed count */
		CHECK(memcmp(a.w, b.w, a.size * sizeof(real)) != 0);
		model_free(&a);
		model_free(&b);
	}
}

static void refuses(void)
{
	static const struct {
		struct model_config c;
		const char *says;
	} bad[] = {
		{{.cell = -1, .layers = 1, .hidden = 4, .vocab = 5}, "no cell number -1"},
		{{.cell = 99, .layers = 1, .hidden = 4, .vocab = 5}, "no cell number 99"},
		{{.layers = 0, .hidden = 4, .vocab = 5}, "layers must be 1 to 64, not 0"},
		{{.layers = 65, .hidden = 4, .vocab = 5}, "layers must be 1 to 64, not 65"},
		{{.layers = 1, .hidden = 0, .vocab = 5}, "hidden must be 1 to 65536, not 0"},
		{{.layers = 1, .hidden = -4, .vocab = 5}, "not -4"},
		{{.layers = 1, .hidden = 65537, .vocab = 5}, "not 65537"},
		{{.layers = 1, .hidden = 4, .embed = -1, .vocab = 5}, "embed must be 0 (one-hot) to 65536, not -1"},
		{{.layers = 1, .hidden = 4, .embed = 65537, .vocab = 5}, "not 65537"},
		{{.layers = 1, .hidden = 4, .vocab = 1}, "the vocabulary must have 2 to 16777216 symbols, not 1"},
		{{.layers = 1, .hidden = 4, .vocab = (1 << 24) + 1}, "not 16777217"},
		{{.layers = 1, .hidden = 4, .vocab = 5, .tie = true}, "(--embed=4, not 0)"},
		{{.layers = 1, .hidden = 4, .embed = 5, .vocab = 5, .tie = true}, "(--embed=4, not 5)"},
	};
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
		struct model m = {.nlist = 7};
		struct err e = {{0}};
		size_t count = 123;
		CHECK_INT(model_new(&m, &bad[i].c, &e), -1);
		CHECK_HAS(e.msg, bad[i].says);
		CHECK(!m.w && !m.list && !m.layer && !m.nlist);
		e.msg[0] = 0;
		CHECK_INT(model_count(&bad[i].c, &count, &e), -1);
		CHECK_HAS(e.msg, bad[i].says);
		CHECK_INT(count, 123);
		model_free(&m);
	}
}

/* Counting must not need the memory: the largest of all configurations. */
static void counts_largest(void)
{
	struct model_config c = {.cell = cell_index("lstm"), .layers = 64, .hidden = 65536, .embed = 65536, .vocab = 1 << 24};
	struct err e = {{0}};
	size_t count = 0, H = 65536, V = (size_t)1 << 24;
	long before = mem_count();
	CHECK_INT(model_count(&c, &count, &e), 0);
	CHECK_INT(count, V * H + 64 * (2 * 4 * H * H + 2 * 4 * H) + V * H + V);
	CHECK_INT(mem_count(), before);
}

static void failing_memory(void)
{
	struct model_config cfg = {.cell = cell_index("lstm"), .layers = 2, .hidden = 5, .embed = 3, .vocab = 7};
	struct model m;
	struct state s = {0};
	int stage = 0;
	for (long n = 1; stage < 3 && n < 20; n++) {
		struct err e = {{0}};
		mem_fail_at(n);
		stage = model_new(&m, &cfg, &e) ? 0 : model_init(&m, 1, &e) ? 1 : state_new(&s, &m, 4, &e) ? 2 : 3;
		mem_fail_at(0);
		if (stage < 3)
			CHECK_HAS(e.msg, "out of memory");
		if (stage == 0)
			CHECK(!m.w && !m.list && !m.layer);
		if (stage == 2)
			CHECK(!s.s);
		CHECK(n > 1 || stage == 0);
		model_free(&m);
		state_free(&s);
	}
	CHECK_INT(stage, 3);
	model_free(&m); /* zeros: fine */
	state_free(&s);
}

static void state(void)
{
	for (int c = 0; cell_names[c]; c++) {
		struct model_config cfg = {.cell = c, .layers = 3, .hidden = 5, .vocab = 4};
		struct model m;
		struct state s;
		struct err e = {{0}};
		if (ready(model_new(&m, &cfg, &e) || state_new(&s, &m, 2, &e), &e))
			return;
		int states = strcmp(cell_names[c], "lstm") == 0 ? 2 : 1;
		CHECK_INT(s.layers, 3);
		CHECK_INT(s.states, states);
		CHECK_INT(s.batch, 2);
		CHECK_INT(s.hidden, 5);
		for (int i = 0; i < 3 * states * 2 * 5; i++) {
			CHECK_NEAR(s.s[i], 0, 0);
			s.s[i] = 1;
		}
		state_clear(&s);
		for (int i = 0; i < 3 * states * 2 * 5; i++)
			CHECK_NEAR(s.s[i], 0, 0);
		state_free(&s);
		CHECK(!s.s);
		model_free(&m);
	}
}

/* Symbol by symbol: rows of embedding and output, columns of one-hot input weights. */
static void take(void)
{
	static const uint32_t from[] = {0, MODEL_NEW_SYMBOL, 2, MODEL_NEW_SYMBOL, 1, 3}; /* 6 of 4; the unknown last */
	for (int c = 0; cell_names[c]; c++)
		for (int kind = 0; kind < 3; kind++) {
			struct model_config cfg = {.cell = c, .layers = 2, .hidden = 5, .vocab = 4, .embed = (const int[]){0, 3, 5}[kind],
			                           .tie = kind == 2, .precision = PREC_BF16};
			struct model old, m, fresh;
			struct err e = {{0}};
			if (ready(kern_init(&e) || model_new(&old, &cfg, &e) || model_init(&old, 1, &e), &e))
				return;
			cfg.vocab = 6;
			cfg.precision = PREC_F32;
			if (ready(model_new(&m, &cfg, &e) || model_init(&m, 2, &e) || model_new(&fresh, &cfg, &e) ||
			          model_init(&fresh, 2, &e), &e))
				return;
			uint64_t version = m.version;
			CHECK_INT(model_take(&m, &old, from, &e), 0);
			CHECK(m.version != version);
			for (int i = 0; i < m.nlist; i++) {
				const struct param *p = &m.list[i], *q = &old.list[i];
				bool by_row = i == m.embed || i == m.out_w || i == m.out_b, by_column = m.embed < 0 && i == m.layer[0].wx;
				for (size_t r = 0; r < p->rows; r++)
					for (size_t k = 0; k < p->cols; k++) {
						size_t old_r = by_row ? from[r] : r, old_k = by_column ? from[k] : k;
						bool is_new = old_r == MODEL_NEW_SYMBOL || old_k == MODEL_NEW_SYMBOL;
						real want = is_new ? model_param(&fresh, i)[r * p->cols + k] : model_param(&old, i)[old_r * q->cols + old_k];
						CHECK(model_param(&m, i)[r * p->cols + k] == want);
					}
			}
			/* Another shape; a symbol that is not there. */
			struct model_config other = cfg;
			struct model wide;
			other.hidden = other.tie ? 7 : 6;
			other.embed = other.tie ? 7 : other.embed;
			if (ready(model_new(&wide, &other, &e), &e))
				return;
			CHECK_INT(model_take(&wide, &old, from, &e), -1);
			CHECK_HAS(e.msg, "same shape");
			static const uint32_t too_far[] = {0, 1, 2, 3, 4, 3};
			CHECK_INT(model_take(&m, &old, too_far, &e), -1);
			CHECK_HAS(e.msg, "no symbol 4");
			model_free(&wide);
			model_free(&old);
			model_free(&m);
			model_free(&fresh);
		}
}

TEST_MAIN("model", {"parameters", parameters}, {"orthogonal", orthogonal}, {"bounds", bounds}, {"seeds", seeds},
          {"refuses", refuses}, {"counts_largest", counts_largest}, {"failing_memory", failing_memory}, {"state", state},
          {"take", take})
