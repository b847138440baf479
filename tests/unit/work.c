/* nn/work: what must be the same bits however a block is cut, split over
 * threads or laid out, and what dropout, resets and missing targets mean. That
 * the derivatives are right is tests/grad's business. */
#include "nn.h"

enum { MOST = 4096 };

/* A block of random ids, and what running it leaves. */
struct run {
	struct model *m;
	struct work *w;
	struct state s;
	size_t nstate;
	real *grad, *ds;
	real nats[MOST];
	double loss;
};

static uint32_t in[MOST], target[MOST];
static uint8_t reset[MOST];

static void draw_block(int V, uint32_t series)
{
	draw_ids(in, MOST, V, 2 * series);
	draw_ids(target, MOST, V, 2 * series + 1);
}

static int run_new(struct run *r, struct model *m, struct work_config cfg, struct pool *pool)
{
	struct err e = {{0}};
	*r = (struct run){.m = m};
	if (ready(state_new(&r->s, m, cfg.B, &e) || !(r->w = work_new(m, &cfg, pool, &e)), &e))
		return -1;
	r->nstate = state_size(&r->s);
	r->grad = calloc(m->size, sizeof(real));
	r->ds = calloc(r->nstate, sizeof(real));
	return 0;
}

static void run_free(struct run *r)
{
	work_free(r->w);
	state_free(&r->s);
	free(r->grad);
	free(r->ds);
}

/* The state carried in: the same numbers for the same stream, however many there are. */
static void start_state(struct run *r)
{
	size_t H = (size_t)r->s.hidden;
	for (size_t i = 0; i < r->nstate; i++) {
		size_t row = i / H, b = row % (size_t)r->s.batch, k = row / (size_t)r->s.batch;
		r->s.s[i] = (real)(0.5 * noise(1000 + (uint32_t)k, b * H + i % H));
	}
}

static void train_block(struct run *r, const struct block *b)
{
	start_state(r);
	memset(r->grad, 0x55, r->m->size * sizeof(real)); /* must be overwritten */
	r->loss = work_train(r->w, b, &r->s, r->grad, r->ds);
}

static size_t loss_block(struct run *r, const struct block *b)
{
	size_t n = 0;
	start_state(r);
	work_forward(r->w, b, &r->s);
	r->loss = work_loss(r->w, b, r->nats, &n);
	return n;
}

static bool same(const void *a, const void *b, size_t n)
{
	return memcmp(a, b, n) == 0;
}

static void check_same(const struct run *a, const struct run *b, const char *what)
{
	bool ok = a->loss == b->loss && same(a->grad, b->grad, a->m->size * sizeof(real)) &&
	          same(a->s.s, b->s.s, a->nstate * sizeof(real)) && same(a->ds, b->ds, a->nstate * sizeof(real));
	if (!ok)
		printf("  %s\n", what);
	CHECK(ok);
	CHECK(isfinite(a->loss) && a->loss > 0);
}

/* Kinds of models: all that a layer's way through the code depends on. */
enum { KINDS = 6 };
static struct model_config kind_config(int kind, int cell, int hidden, int vocab)
{
	struct model_config c = {.cell = cell, .layers = 1 + kind % 3, .hidden = hidden, .vocab = vocab};
	c.embed = kind == 1 ? 9 : kind == 2 || kind == 4 ? hidden : 0;
	c.tie = kind == 4;
	c.residual = kind == 2 || kind == 5;
	return c;
}

/* --- threads ---------------------------------------------------------------------- */

static void check_threads(const struct model_config *c, int T, int B, bool resets, double dropout)
{
	struct model m;
	struct dropout drop = drop_all(dropout, 5, 3);
	struct block b = {.T = T, .B = B, .in = in, .target = target, .reset = resets ? reset : NULL,
	                  .drop = dropout > 0 ? &drop : NULL};
	struct work_config wc = {.T = T, .B = B, .train = true, .resets = resets, .dropout = dropout > 0, .dropout_hh = dropout > 0};
	struct run one = {0}, more = {0};
	char what[120];
	if (make_model(&m, c, 0.3) || run_new(&one, &m, wc, NULL))
		return;
	train_block(&one, &b);
	for (int threads = 2; threads <= 3; threads++) {
		struct pool *pool = pool_new(threads, NULL);
		snprintf(what, sizeof what, "%s %dx%d embed %d%s%s B %d dropout %g, %d threads", cell_names[c->cell], c->layers,
		         c->hidden, c->embed, c->tie ? " tied" : "", c->residual ? " residual" : "", B, dropout, threads);
		if (run_new(&more, &m, wc, pool))
			return;
		train_block(&more, &b);
		check_same(&one, &more, what);
		double sum = 0;
		for (size_t n = loss_block(&more, &b); n; n = 0)
			sum = more.loss / (double)n;
		loss_block(&one, &b);
		CHECK(same(one.nats, more.nats, (size_t)(T * B) * sizeof(real)));
		train_block(&one, &b);
		CHECK_NEAR(sum, one.loss, 1e-5); /* the same loss without a backward pass */
		run_free(&more);
		pool_free(pool);
	}
	run_free(&one);
	model_free(&m);
}

/* Streams are enough for every thread to have its own (40), for two of them (17) or not. */
static void threads(void)
{
	static const int sizes[] = {1, 7, 16, 33, 100}, batches[] = {1, 2, 17, 40};
	draw_block(23, 1);
	for (size_t i = 0; i < MOST; i++)
		reset[i] = i % 11 == 3;
	int kind = 0;
	for (int c = 0; cell_names[c]; c++)
		for (size_t h = 0; h < 5; h++)
			for (size_t b = 0; b < 4; b++, kind++) {
				struct model_config cfg = kind_config(kind % KINDS, c, sizes[h], 23);
				check_threads(&cfg, 3, batches[b], kind % 4 == 1, kind % 5 < 2 ? 0.4 : 0);
			}
}

static void threads_kinds(void)
{
	draw_block(23, 2);
	for (int c = 0; cell_names[c]; c++)
		for (int kind = 0; kind < KINDS; kind++)
			for (int drop = 0; drop < 2; drop++) {
				struct model_config cfg = kind_config(kind, c, 20, 23);
				check_threads(&cfg, 4, kind % 2 ? 5 : 26, false, drop ? 0.3 : 0);
			}
}

/* --- how a text is cut in blocks ------------------------------------------------------ */

/* One block of 64 steps is two of 32, and 64 of one. */
static void blocks(void)
{
	enum { T = 64, B = 3, V = 19 };
	draw_block(V, 3);
	for (int c = 0; cell_names[c]; c++)
		for (int kind = 0; kind < KINDS; kind++)
			for (int train = 0; train < 2; train++) {
				struct model_config cfg = kind_config(kind, c, 21, V);
				struct model m;
				struct run whole, part;
				if (make_model(&m, &cfg, 0.2) ||
				    run_new(&whole, &m, (struct work_config){.T = T, .B = B, .train = train}, NULL) ||
				    run_new(&part, &m, (struct work_config){.T = T, .B = B}, NULL))
					return;
				struct block b = {.T = T, .B = B, .in = in, .target = target};
				CHECK_INT(loss_block(&whole, &b), T * B);
				for (int len = 1; len <= 32; len += 31) {
					size_t targets, row = 0, ld;
					double sum = 0;
					start_state(&part);
					for (; row < T * B; row += (size_t)(len * B)) {
						struct block p = {.T = len, .B = B, .in = in + row, .target = target + row};
						work_forward(part.w, &p, &part.s);
						sum += work_loss(part.w, &p, part.nats + row, &targets);
						CHECK_INT(targets, len * B);
					}
					CHECK(same(whole.nats, part.nats, T * B * sizeof(real)));
					CHECK(same(whole.s.s, part.s.s, part.nstate * sizeof(real)));
					CHECK_NEAR(sum, whole.loss, 1e-9 * sum);
					/* The last row's logits; nothing but the loss depends on how many are asked for. */
					const real *z = work_logits(part.w, (size_t)(len * B) - 1, 1, &ld), *all;
					CHECK(ld >= V && work_piece(whole.w) >= 5);
					all = work_logits(whole.w, T * B - 5, 5, &ld);
					CHECK(same(z, all + 4 * ld, V * sizeof(real)));
					double e = 0;
					for (int v = 0; v < V; v++)
						e += exp((double)z[v] - (double)z[target[T * B - 1]]);
					CHECK_NEAR(log(e), whole.nats[T * B - 1], 1e-5);
				}
				run_free(&whole);
				run_free(&part);
				model_free(&m);
			}
}

/* A work made for larger blocks does smaller ones with the same bits, also after others. */
static void smaller_blocks(void)
{
	enum { V = 19 };
	struct model m;
	struct run exact, roomy;
	draw_block(V, 4);
	for (int c = 0; cell_names[c]; c++) {
		struct model_config cfg = kind_config(1, c, 18, V);
		if (make_model(&m, &cfg, 0.4) ||
		    run_new(&exact, &m, (struct work_config){.T = 5, .B = 4, .train = true}, NULL) ||
		    run_new(&roomy, &m, (struct work_config){.T = 9, .B = 4, .train = true, .resets = true, .dropout = true, .dropout_hh = true}, NULL))
			return;
		struct dropout drop = drop_all(0.5, 1, 1);
		struct block b = {.T = 5, .B = 4, .in = in, .target = target};
		struct block other = {.T = 9, .B = 4, .in = in + 100, .target = target + 100, .drop = &drop};
		train_block(&roomy, &other);
		train_block(&roomy, &b);
		train_block(&exact, &b);
		check_same(&exact, &roomy, cell_names[c]);
		int T, B;
		work_shape(roomy.w, &T, &B);
		CHECK_INT(T, 9);
		CHECK_INT(B, 4);
		/* Changed weights are seen once their version is raised. */
		double before = exact.loss;
		fill_model(&m, 0.2);
		train_block(&exact, &b);
		train_block(&roomy, &b);
		check_same(&exact, &roomy, cell_names[c]);
		CHECK(exact.loss != before);
		run_free(&exact);
		run_free(&roomy);
		model_free(&m);
	}
}

/* --- resets ----------------------------------------------------------------------------- */

/* Streams that start afresh inside a block are sequences from the zero state;
 * the gradient of the mean is the mean of their gradients. */
static void resets(void)
{
	enum { T = 12, B = 3, V = 13 };
	draw_block(V, 5);
	for (int i = 0; i < T * B; i++)
		reset[i] = i < B || i == 3 * B + 1 || i == 4 * B + 1 || i == 7 * B + 2 || i == 11 * B;
	for (int c = 0; cell_names[c]; c++)
		for (int kind = 0; kind < KINDS; kind++) {
			struct model_config cfg = kind_config(kind, c, 17, V);
			struct model m;
			struct run all, infer, one;
			struct work_config wc = {.T = T, .B = B, .train = true, .resets = true};
			struct block b = {.T = T, .B = B, .in = in, .target = target, .reset = reset};
			if (make_model(&m, &cfg, 0.4) || run_new(&all, &m, wc, NULL) ||
			    run_new(&infer, &m, (struct work_config){.T = T, .B = B}, NULL) ||
			    run_new(&one, &m, (struct work_config){.T = T, .B = 1, .train = true}, NULL))
				return;
			real *sum = calloc(m.size, sizeof(real));
			CHECK_INT(loss_block(&all, &b), T * B);
			CHECK_INT(loss_block(&infer, &b), T * B);
			CHECK(same(all.nats, infer.nats, T * B * sizeof(real)));
			CHECK(same(all.s.s, infer.s.s, all.nstate * sizeof(real)));
			for (int s = 0; s < B; s++)
				for (int t = 0, len; t < T; t += len) {
					uint32_t x[T], y[T];
					for (len = 0; t + len < T && (!len || !reset[(t + len) * B + s]); len++) {
						x[len] = in[(t + len) * B + s];
						y[len] = target[(t + len) * B + s];
					}
					struct block p = {.T = len, .B = 1, .in = x, .target = y};
					size_t n;
					state_clear(&one.s);
					work_forward(one.w, &p, &one.s);
					work_loss(one.w, &p, one.nats, &n);
					for (int i = 0; i < len; i++)
						CHECK(same(&one.nats[i], &all.nats[(t + i) * B + s], sizeof(real)));
					for (size_t k = 0; t + len == T && k < all.nstate / (size_t)(B * 17); k++)
						CHECK(same(one.s.s + k * 17, all.s.s + (k * B + (size_t)s) * 17, 17 * sizeof(real)));
					state_clear(&one.s);
					work_train(one.w, &p, &one.s, one.grad, NULL);
					for (size_t i = 0; i < m.size; i++)
						sum[i] += one.grad[i] * (real)len / (T * B);
				}
			train_block(&all, &b);
			CHECK_NEAR(distance(all.grad, sum, m.size), 0, test_precision == PREC_BF16 ? 0.01 : 1e-5);
			for (size_t i = 0; i < all.nstate; i++)
				CHECK_NEAR(all.ds[i], 0, 0); /* the state carried in was not used */
			free(sum);
			run_free(&all);
			run_free(&infer);
			run_free(&one);
			model_free(&m);
		}
}

/* --- missing targets ---------------------------------------------------------------------- */

static void no_targets(void)
{
	enum { T = 8, B = 3, V = 13 };
	for (int c = 0; cell_names[c]; c++)
		for (int kind = 0; kind < KINDS; kind++) {
			struct model_config cfg = kind_config(kind, c, 17, V);
			struct model m;
			struct run all, one;
			if (make_model(&m, &cfg, 0.4) ||
			    run_new(&all, &m, (struct work_config){.T = T, .B = B, .train = true}, NULL) ||
			    run_new(&one, &m, (struct work_config){.T = T, .B = 1, .train = true}, NULL))
				return;
			real *grad = calloc(m.size, sizeof(real));
			struct block b = {.T = T, .B = B, .in = in, .target = target};

			/* Only stream 0 has targets, and those up to step 4: the others, and
			 * what it reads after, do not matter. */
			draw_block(V, 6);
			uint32_t x[T], y[T];
			for (int t = 0; t < T; t++) {
				for (int s = 0; s < B; s++)
					if (s || t > 4)
						target[t * B + s] = NO_TARGET;
				x[t] = in[t * B];
				y[t] = target[t * B];
			}
			CHECK_INT(loss_block(&all, &b), 5);
			for (int i = 0; i < T * B; i++)
				CHECK(target[i] == NO_TARGET ? all.nats[i] == 0 : all.nats[i] > 0);
			train_block(&all, &b);
			double loss = all.loss;
			memcpy(grad, all.grad, m.size * sizeof(real));
			for (int t = 0; t < T; t++)
				for (int s = 0; s < B; s++)
					if (s || t > 4)
						in[t * B + s] = (in[t * B + s] + 1) % V;
			train_block(&all, &b);
			CHECK(all.loss == loss);
			CHECK_NEAR(distance(all.grad, grad, m.size), 0, 1e-6);
			struct block p = {.T = 5, .B = 1, .in = x, .target = y};
			train_block(&one, &p);
			CHECK_NEAR(one.loss, loss, 1e-6); /* the mean is over targets, not rows */
			CHECK_NEAR(distance(one.grad, grad, m.size), 0, 1e-5);
			CHECK(distance(one.grad, all.grad, m.size) < 1 && fabs((double)one.grad[m.list[m.out_b].offset]) > 1e-6);

			/* None at all. */
			for (int i = 0; i < T * B; i++)
				target[i] = NO_TARGET;
			CHECK_INT(loss_block(&all, &b), 0);
			CHECK_NEAR(all.loss, 0, 0);
			train_block(&all, &b);
			CHECK_NEAR(all.loss, 0, 0);
			for (size_t i = 0; i < m.size; i++)
				CHECK_NEAR(all.grad[i], 0, 0);
			free(grad);
			run_free(&all);
			run_free(&one);
			model_free(&m);
		}
}

/* --- dropout --------------------------------------------------------------------------------- */

static void dropout_draws(void)
{
	enum { T = 6, B = 5, V = 13 };
	draw_block(V, 7);
	for (int c = 0; cell_names[c]; c++)
		for (int kind = 0; kind < KINDS; kind++) {
			struct model_config cfg = kind_config(kind, c, 18, V);
			struct model m;
			struct run a, b, plain;
			struct work_config wc = {.T = T, .B = B, .train = true, .dropout = true, .dropout_hh = true};
			if (make_model(&m, &cfg, 0.4) || run_new(&a, &m, wc, NULL) || run_new(&b, &m, wc, NULL))
				return;
			wc.dropout = wc.dropout_hh = false;
			if (run_new(&plain, &m, wc, NULL))
				return;
			struct dropout d = drop_all(0.3, 8, 4), d2 = d;
			struct block x = {.T = T, .B = B, .in = in, .target = target, .drop = &d};
			struct block y = {.T = T, .B = B, .in = in, .target = target, .drop = &d2};
			train_block(&a, &x);
			train_block(&b, &y);
			check_same(&a, &b, "same seed and step");
			for (int i = 0; i < 3; i++) {
				d2 = d;
				d2.step += i == 0;
				d2.seed += i == 1 ? 1 : i == 2 ? (uint64_t)1 << 32 : 0;
				train_block(&b, &y);
				CHECK(a.loss != b.loss);
			}
			d2 = (struct dropout){.seed = 8, .step = 4};
			train_block(&b, &y);
			y.drop = NULL;
			train_block(&plain, &y);
			check_same(&plain, &b, "rate 0");
			train_block(&b, &y);
			check_same(&plain, &b, "no dropout in a work that could");
			CHECK(a.loss != plain.loss);
			run_free(&a);
			run_free(&b);
			run_free(&plain);
			model_free(&m);
		}
}

/* Dropped recurrent weights: their gradient is zero, whatever the stream and position, and
 * that of the others is not; about rate of them are, others each step, none of any
 * other matrix. That the rest is scaled the gradient check knows. */
static void dropout_weights(void)
{
	enum { T = 5, B = 6, H = 40, V = 13 };
	const double rate = 0.3;
	draw_block(V, 9);
	for (int c = 0; cell_names[c]; c++) {
		struct model_config cfg = {.cell = c, .layers = 2, .hidden = H, .vocab = V};
		struct model m;
		struct run r;
		if (make_model(&m, &cfg, 0.4) || run_new(&r, &m, (struct work_config){.T = T, .B = B, .train = true, .dropout_hh = true}, NULL))
			return;
		size_t n = (size_t)(m.cell->gates * H * H);
		uint8_t *before = calloc(n, 1);
		for (uint32_t step = 0; step < 2; step++) {
			struct dropout d = {.hh = (real)rate, .seed = 3, .step = step};
			struct block b = {.T = T, .B = B, .in = in, .target = target, .drop = &d};
			size_t zeros = 0, same = 0, others = 0;
			train_block(&r, &b);
			const real *wh = r.grad + m.list[m.layer[1].wh].offset, *wx = r.grad + m.list[m.layer[1].wx].offset;
			for (size_t i = 0; i < n; i++) {
				zeros += wh[i] == 0;
				others += wx[i] == 0;
				same += (wh[i] == 0) == before[i];
				before[i] = wh[i] == 0;
			}
			/* A rectified unit that is never on has no gradient anywhere. */
			bool rectified = strcmp(cell_names[c], "rnn-relu") == 0;
			CHECK(rectified || others == 0);
			CHECK_NEAR((double)zeros / (double)n, rate, rectified ? 0.1 : 0.02);
			CHECK(step == 0 || (same > n / 2 && same < n * 9 / 10));
		}
		free(before);
		run_free(&r);
		model_free(&m);
	}
}

/* A model in which every mask can be seen: the unit u of a rectified layer is 1
 * plus the input's factor, and is the logit u. */
static void dropout_masks(void)
{
	enum { T = 9, B = 40, H = 33 };
	const double rate = 0.3, keep = 1 / (1 - rate);
	struct model_config cfg = {.cell = cell_index("rnn-relu"), .layers = 1, .hidden = H, .vocab = H};
	struct model m;
	struct run r;
	draw_block(H, 8);
	if (make_model(&m, &cfg, 0) ||
	    run_new(&r, &m, (struct work_config){.T = T, .B = B, .dropout = true, .dropout_hh = true}, NULL))
		return;
	for (int i = 0; i < H * H; i++)
		model_param(&m, m.layer[0].wx)[i] = 1;
	for (int i = 0; i < H; i++) {
		model_param(&m, m.layer[0].bx)[i] = 1;
		model_param(&m, m.out_w)[i * H + i] = 1;
	}
	m.version++;

	static int8_t unit[2][B][H], symbol[2][B][H]; /* -1 unknown, 0 dropped, 1 kept */
	memset(unit, -1, sizeof unit);
	memset(symbol, -1, sizeof symbol);
	for (int step = 0; step < 2; step++) {
		struct dropout d = {.input = (real)rate, .output = (real)rate, .seed = 21, .step = (uint32_t)step};
		struct block b = {.T = T, .B = B, .in = in, .drop = &d};
		size_t ld;
		state_clear(&r.s);
		work_forward(r.w, &b, &r.s);
		CHECK(work_piece(r.w) >= T * B);
		const real *z = work_logits(r.w, 0, T * B, &ld);
		for (int t = 0; t < T; t++)
			for (int s = 0; s < B; s++)
				for (int u = 0; u < H; u++) {
					double x = (double)z[(size_t)(t * B + s) * ld + (size_t)u] / keep;
					int8_t kept = x > 0, read = fabs(x - 1) > 1e-3;
					CHECK(!kept || fabs(x - 1) < 1e-5 || fabs(x - 1 - keep) < 1e-5);
					int8_t *mask = &unit[step][s][u], *whole = &symbol[step][s][in[t * B + s]];
					CHECK(*mask == -1 || *mask == kept); /* locked over all positions */
					*mask = kept;
					if (kept) {
						CHECK(*whole == -1 || *whole == read); /* all of a symbol, wherever it stands */
						*whole = read;
					}
				}
	}
	/* Factors average 1, and differ by step, stream and unit. */
	double units = 0, symbols = 0, seen = 0, differ[3] = {0};
	for (int s = 0; s < B; s++)
		for (int u = 0; u < H; u++) {
			units += unit[0][s][u] * keep / (B * H);
			differ[0] += unit[0][s][u] != unit[1][s][u];
			differ[1] += unit[0][s][u] != unit[0][(s + 1) % B][u];
			differ[2] += unit[0][s][u] != unit[0][s][(u + 1) % H];
			if (symbol[0][s][u] >= 0) {
				symbols += symbol[0][s][u] * keep;
				seen++;
			}
		}
	CHECK_NEAR(units, 1, 0.07);
	CHECK(seen > 200);
	CHECK_NEAR(symbols / seen, 1, 0.15);
	for (int i = 0; i < 3; i++)
		CHECK_NEAR(differ[i] / (B * H), 2 * rate * (1 - rate), 0.06);
	run_free(&r);
	model_free(&m);
}

/* The table holds the bias only while no symbols are dropped: blocks of both kinds may
 * take turns. Dropping none at all is no dropout. */
static void dropout_by_turns(void)
{
	enum { T = 4, B = 3, V = 11, H = 17 };
	draw_block(V, 10);
	for (int c = 0; cell_names[c]; c++)
		for (int kind = 0; kind < 4; kind++) {
			struct model_config cfg = kind_config(kind % 2, c, H, V);
			struct work_config wc = {.T = T, .B = B, .dropout = true, .train = kind > 1};
			struct model m;
			struct run r;
			real first[T * B];
			if (make_model(&m, &cfg, 0.4) || run_new(&r, &m, wc, NULL))
				return;
			struct dropout some = {.input = (real)0.5, .seed = 3}, none = {.input = (real)1e-9, .seed = 3};
			struct block b = {.T = T, .B = B, .in = in, .target = target}, d = b, z = b;
			d.drop = &some;
			z.drop = &none;
			loss_block(&r, &b);
			memcpy(first, r.nats, sizeof first);
			loss_block(&r, &d);
			CHECK(distance(r.nats, first, T * B) > 1e-3);
			loss_block(&r, &z);
			CHECK_NEAR(distance(r.nats, first, T * B), 0, test_precision == PREC_BF16 ? 0.01 : 1e-5);
			loss_block(&r, &b);
			CHECK(same(r.nats, first, sizeof first));
			run_free(&r);
			model_free(&m);
		}
}

/* --- large vocabularies --------------------------------------------------------------------- */

/* Training keeps rows for the symbols of the block only, inference for all. */
static void rows_of_block(void)
{
	enum { T = 5, B = 4, V = 5000 };
	draw_block(V, 9);
	for (int c = 0; cell_names[c]; c++)
		for (int kind = 0; kind < 2; kind++) {
			struct model_config cfg = kind_config(kind, c, 12, V);
			struct model m;
			struct run infer, train;
			if (make_model(&m, &cfg, 0.4) || run_new(&infer, &m, (struct work_config){.T = T, .B = B}, NULL) ||
			    run_new(&train, &m, (struct work_config){.T = T, .B = B, .train = true}, NULL))
				return;
			for (int i = 0; i < 3; i++) { /* the second block knows nothing of the first */
				const uint32_t *ids = in + (i == 2 ? 0 : i) * T * B;
				struct block b = {.T = T, .B = B, .in = ids, .target = target};
				size_t ld;
				loss_block(&infer, &b);
				loss_block(&train, &b);
				CHECK(same(infer.nats, train.nats, T * B * sizeof(real)));
				CHECK(same(infer.s.s, train.s.s, infer.nstate * sizeof(real)));
				const real *z = work_logits(infer.w, 3, 7, &ld);
				const real *y = work_logits(train.w, 3, 7, &ld);
				for (size_t k = 0; k < 7; k++)
					CHECK(same(z + k * ld, y + k * ld, V * sizeof(real)));
			}
			/* Symbols that do not occur get no gradient. */
			struct block b = {.T = T, .B = B, .in = in, .target = target};
			train_block(&train, &b);
			bool occurs[V] = {false};
			for (int i = 0; i < T * B; i++)
				occurs[in[i]] = true;
			for (int v = 0; v < V; v++) {
				double sum = 0;
				if (cfg.embed)
					for (int k = 0; k < cfg.embed; k++)
						sum += fabs((double)train.grad[m.list[m.embed].offset + (size_t)(v * cfg.embed + k)]);
				else
					for (size_t k = 0; k < m.list[m.layer[0].wx].rows; k++)
						sum += fabs((double)train.grad[m.list[m.layer[0].wx].offset + k * V + (size_t)v]);
				CHECK(occurs[v] ? sum > 0 : sum == 0);
			}
			run_free(&infer);
			run_free(&train);
			model_free(&m);
		}
}

/* The output layer in several pieces, against sums in double. With T = 1 the state is
 * what the output layer reads. */
static void pieces(void)
{
	enum { B = 40, H = 4, V = 70000 };
	struct model_config cfg = {.cell = cell_index("rnn"), .layers = 1, .hidden = H, .vocab = V};
	struct model m;
	struct run r, more;
	struct work_config wc = {.T = 1, .B = B, .train = true};
	struct block b = {.T = 1, .B = B, .in = in, .target = target};
	struct pool *pool = pool_new(3, NULL);
	static double sum[V], dw[V][H], db[V];
	double dbias[H] = {0};
	size_t n, ld;
	draw_block(V, 10);
	target[5] = target[33] = NO_TARGET;
	if (make_model(&m, &cfg, 1) || run_new(&r, &m, wc, NULL) || run_new(&more, &m, wc, pool))
		return;
	CHECK(work_piece(r.w) * 2 < B);
	train_block(&r, &b);
	train_block(&more, &b);
	check_same(&r, &more, "pieces, 3 threads");
	n = loss_block(&r, &b);
	CHECK_INT(n, B - 2);
	CHECK_NEAR(r.loss / (double)n, more.loss, 1e-5);

	memset(dw, 0, sizeof dw);
	memset(db, 0, sizeof db);
	double loss = 0;
	for (size_t i = 0; i < B; i++) {
		if (target[i] == NO_TARGET)
			continue;
		const real *z = work_logits(r.w, i, 1, &ld);
		double all = 0;
		for (size_t v = 0; v < V; v++)
			all += sum[v] = exp((double)z[v]);
		loss += log(all) - (double)z[target[i]];
		CHECK_NEAR(r.nats[i], log(all) - (double)z[target[i]], 1e-4);
		for (size_t v = 0; v < V; v++) {
			double d = (sum[v] / all - (v == target[i])) / (double)n;
			db[v] += d;
			for (size_t u = 0; u < H; u++) {
				double h = (double)r.s.s[i * H + u];
				dw[v][u] += d * h;
				dbias[u] += d * (double)model_param(&m, m.out_w)[v * H + u] * (1 - h * h);
			}
		}
	}
	for (size_t u = 0; u < H; u++)
		CHECK_NEAR(more.grad[m.list[m.layer[0].bx].offset + u], dbias[u], 1e-6);
	CHECK_NEAR(r.loss, loss, 1e-4 * loss);
	const real *gb = more.grad + m.list[m.out_b].offset, *gw = more.grad + m.list[m.out_w].offset;
	double worst = 0;
	for (size_t v = 0; v < V; v++) {
		worst = fmax(worst, fabs((double)gb[v] - db[v]));
		for (size_t u = 0; u < H; u++)
			worst = fmax(worst, fabs((double)gw[v * H + u] - dw[v][u]));
	}
	CHECK_NEAR(worst, 0, 1e-7);
	CHECK_NEAR(gb[target[0]], db[target[0]], 1e-7);
	CHECK(gb[target[0]] < -0.01);
	run_free(&r);
	run_free(&more);
	pool_free(pool);
	model_free(&m);
}

/* --- memory ----------------------------------------------------------------------------------- */

static size_t bytes_of(const struct model *m, struct work_config wc)
{
	struct err e = {{0}};
	struct work *w = work_new(m, &wc, NULL, &e);
	size_t bytes = w ? work_bytes(w) : 0;
	CHECK(w != NULL);
	work_free(w);
	return bytes;
}

/* Grows with steps times streams, and far slower than their logits would. */
static void memory(void)
{
	struct model_config cfg = {.cell = cell_index("gru"), .layers = 2, .hidden = 16, .vocab = 20000};
	struct model m;
	if (make_model(&m, &cfg, 0))
		return;
	for (int train = 0; train < 2; train++) {
		size_t at[3];
		for (int i = 0; i < 3; i++)
			at[i] = bytes_of(&m, (struct work_config){.T = 200 * (i + 1), .B = 4, .train = train});
		double grow = (double)(at[1] - at[0]), again = (double)(at[2] - at[1]);
		CHECK(at[1] > at[0]);
		CHECK_NEAR(again, grow, 0.01 * grow);
		CHECK(grow < 800.0 * 20000 * sizeof(real) / 10);
		CHECK_NEAR((double)bytes_of(&m, (struct work_config){.T = 50, .B = 16, .train = train}), (double)at[0],
		           0.05 * (double)at[0]);
	}
	model_free(&m);
}

static void failing_memory(void)
{
	struct model_config cfg = kind_config(5, cell_index("gru"), 5, 7);
	struct work_config wc = {.T = 3, .B = 2, .train = true, .resets = true, .dropout = true, .dropout_hh = true};
	struct model m;
	struct work *w = NULL;
	long n = 1;
	cfg.embed = 4;
	if (make_model(&m, &cfg, 0.3))
		return;
	for (; !w && n < 500; n++) {
		struct err e = {{0}};
		mem_fail_at(n);
		w = work_new(&m, &wc, NULL, &e);
		mem_fail_at(0);
		if (!w)
			CHECK_HAS(e.msg, "out of memory");
		if (!w && n > 1)
			CHECK_HAS(e.msg, "memory for blocks of 3 steps of 2 streams: ");
	}
	CHECK(w && n > 50);
	/* Nothing is allocated afterwards. */
	struct state s = {0};
	struct err e = {{0}};
	real *grad = calloc(m.size, sizeof *grad);
	if (ready(state_new(&s, &m, 2, &e), &e) == 0) {
		struct block b = {.T = 3, .B = 2, .in = in, .target = target};
		long before = mem_count();
		draw_block(7, 11);
		CHECK(work_train(w, &b, &s, grad, NULL) > 0);
		CHECK_INT(mem_count(), before);
	}
	free(grad);
	state_free(&s);
	work_free(w);
	work_free(NULL);
	model_free(&m);
}

/* As many layers as a model may have, with as many packed pieces as a cell can need. */
static void deepest(void)
{
	for (int c = 0; cell_names[c]; c++) {
		struct model_config cfg = {.cell = c, .layers = MODEL_MAX_LAYERS, .hidden = 5, .embed = 3, .vocab = 4, .residual = true};
		struct work_config wc = {.T = 2, .B = 1, .train = true, .resets = true, .dropout = true, .dropout_hh = true};
		struct model m;
		struct run r;
		struct block b = {.T = 2, .B = 1, .in = in, .target = target};
		draw_block(4, 12);
		if (make_model(&m, &cfg, 0.3) || run_new(&r, &m, wc, NULL))
			return;
		train_block(&r, &b);
		CHECK(r.loss > 0 && isfinite(r.loss));
		run_free(&r);
		model_free(&m);
	}
}

/* --- bf16 --------------------------------------------------------------------------------- */

/* All that must be the same bits in float32 must be in bf16. */
static void again(void (*test)(void))
{
	test_precision = PREC_BF16;
	test();
	test_precision = PREC_F32;
}
static void bf16_threads(void)
{
	again(threads);
	again(threads_kinds);
}
static void bf16_blocks(void)
{
	again(blocks);
	again(smaller_blocks);
	again(resets);
}

/* Rounding the inputs of products to 8 bits moves loss and gradient a little, and
 * does move them. */
static void bf16_near_f32(void)
{
	enum { T = 12, B = 20 };
	struct block b = {.T = T, .B = B, .in = in, .target = target};
	struct work_config wc = {.T = T, .B = B, .train = true};
	draw_block(23, 30);
	for (int c = 0; cell_names[c]; c++)
		for (int kind = 0; kind < KINDS; kind++) {
			struct model_config cfg = kind_config(kind, c, 48, 23);
			struct model m[2];
			struct run r[2] = {{0}};
			for (int k = 0; k < 2; k++) {
				test_precision = k ? PREC_BF16 : PREC_F32;
				if (make_model(&m[k], &cfg, 0.15) || run_new(&r[k], &m[k], wc, NULL))
					return;
				train_block(&r[k], &b);
			}
			test_precision = PREC_F32;
			double apart = 0, size = 0;
			for (size_t i = 0; i < m[0].size; i++) {
				double d = (double)r[1].grad[i] - (double)r[0].grad[i];
				apart += d * d;
				size += (double)r[0].grad[i] * (double)r[0].grad[i];
			}
			CHECK_NEAR(r[1].loss, r[0].loss, 0.01);
			double moved = sqrt(apart / size);
			CHECK(moved > 1e-4 && moved < 0.04); /* not zero: bf16 is really used */
			for (int k = 0; k < 2; k++) {
				run_free(&r[k]);
				model_free(&m[k]);
			}
		}
}

TEST_MAIN("work", {"bf16_threads", bf16_threads}, {"bf16_blocks", bf16_blocks}, {"bf16_near_f32", bf16_near_f32},
          {"threads", threads}, {"threads_kinds", threads_kinds}, {"blocks", blocks},
          {"smaller_blocks", smaller_blocks}, {"resets", resets}, {"no_targets", no_targets},
          {"dropout_draws", dropout_draws}, {"dropout_masks", dropout_masks}, {"dropout_weights", dropout_weights}, {"dropout_by_turns", dropout_by_turns},
          {"rows_of_block", rows_of_block},
          {"pieces", pieces}, {"memory", memory}, {"failing_memory", failing_memory}, {"deepest", deepest})
