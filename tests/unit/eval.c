/* nn/eval: sequences side by side against each alone, step by step. */
#include "nn/eval.h"

#include "nn.h"

enum { V = 17, TEXT = 3000 };

static uint32_t text[TEXT];

/* ln sum exp of n logits, in double. */
static double denominator(const real *z, size_t n)
{
	double max = -INFINITY, sum = 0;
	for (size_t v = 0; v < n; v++)
		max = fmax(max, (double)z[v]);
	for (size_t v = 0; v < n; v++)
		sum += exp((double)z[v] - max);
	return max + log(sum);
}

/* What eval_sequences must find for one sequence, by a block of one step per id. */
static void alone(struct model *m, struct seq *q)
{
	struct err e = {{0}};
	struct state s;
	struct work *w = work_new(m, &(struct work_config){.T = 1, .B = 1}, NULL, &e);
	q->nats = 0;
	q->scored = 0;
	if (ready(state_new(&s, m, 1, &e) || !w, &e))
		return;
	uint32_t before = q->first;
	for (size_t i = 0; i < q->n; before = q->ids[i++]) {
		if (before == NO_TARGET)
			continue;
		size_t ld;
		work_forward(w, &(struct block){.T = 1, .B = 1, .in = &before}, &s);
		const real *z = work_logits(w, 0, 1, &ld);
		if (i >= q->skip) {
			q->nats += denominator(z, (size_t)m->cfg.vocab) - (double)z[q->ids[i]];
			q->scored++;
		}
	}
	work_free(w);
	state_free(&s);
}

/* --- callbacks -------------------------------------------------------------------- */

enum { SEQS = 40 };

struct heard {
	const struct seq *seqs;
	size_t vocab, calls, limit; /* 0: no limit */
	size_t next[SEQS], count[SEQS];
	double nats[SEQS];
};

static int hear(void *arg, size_t seq, size_t pos, uint32_t target, real nats, const real *logits)
{
	struct heard *h = arg;
	CHECK(seq < SEQS && pos < h->seqs[seq].n);
	CHECK(pos >= h->next[seq] && pos >= h->seqs[seq].skip); /* in order, each once */
	CHECK(h->count[seq] == 0 || pos == h->next[seq]);
	CHECK_INT(target, h->seqs[seq].ids[pos]);
	CHECK_NEAR(nats, denominator(logits, h->vocab) - (double)logits[target], 2e-5);
	h->next[seq] = pos + 1;
	h->count[seq]++;
	h->nats[seq] += (double)nats;
	return ++h->calls == h->limit ? -1 : 0;
}

/* Lengths from nothing to several blocks, with and without something before, with
 * beginnings that are not scored (one longer than its sequence). */
static void make_seqs(struct seq *q)
{
	static const size_t lengths[] = {5, 0, 1, 64, 2, 65, 130, 1, 0, 33, 63, 7, 200, 3, 128, 12};
	for (size_t i = 0; i < SEQS; i++)
		q[i] = (struct seq){.ids = text + 37 * i, .n = lengths[i % 16], .first = i % 3 == 1 ? NO_TARGET : text[i],
		                    .skip = i % 5 == 2 ? 4 : 0, .nats = 99, .scored = 99};
}

static void check_lanes(struct model *m, int T, int B, struct pool *pool)
{
	struct err e = {{0}};
	struct seq all[SEQS], one;
	struct heard h = {.seqs = all, .vocab = (size_t)m->cfg.vocab};
	struct work *w = work_new(m, &(struct work_config){.T = T, .B = B}, pool, &e);
	make_seqs(all);
	if (ready(!w || eval_sequences(w, m, all, SEQS, hear, &h, NULL, &e), &e))
		return;
	for (size_t i = 0; i < SEQS; i++) {
		one = all[i];
		alone(m, &one);
		size_t unread = one.first == NO_TARGET, from = one.skip > unread ? one.skip : unread;
		CHECK_INT(one.scored, one.n > from ? one.n - from : 0);
		CHECK_INT(all[i].scored, one.scored);
		CHECK_NEAR(all[i].nats, one.nats, 1e-5 * one.nats);
		CHECK_INT(h.count[i], one.scored);
		CHECK_INT(h.next[i], one.scored ? one.n : 0);
		CHECK_NEAR(h.nats[i], all[i].nats, 1e-9 * one.nats);
	}
	/* Without a callback, and once more with the same work: the same bits. */
	struct seq again[SEQS];
	make_seqs(again);
	CHECK_INT(eval_sequences(w, m, again, SEQS, NULL, NULL, NULL, &e), 0);
	for (size_t i = 0; i < SEQS; i++)
		CHECK(again[i].nats == all[i].nats && again[i].scored == all[i].scored);
	work_free(w);
}

static void lanes(void)
{
	draw_ids(text, TEXT, V, 31);
	for (int c = 0; cell_names[c]; c++) {
		struct model_config cfg = {.cell = c, .layers = 2, .hidden = 13, .embed = c % 2 ? 6 : 0, .vocab = V, .residual = true};
		struct pool *pool = pool_new(2, NULL);
		struct model m;
		if (make_model(&m, &cfg, 0.3))
			return;
		check_lanes(&m, 20, 7, NULL);
		check_lanes(&m, 100, 3, pool);
		check_lanes(&m, 64, 1, NULL);
		check_lanes(&m, 1, 60, NULL); /* more lanes than sequences */
		model_free(&m);
		pool_free(pool);
	}
}

/* The longest begin, of equals the first: lanes end together. */
static int note_seq(void *arg, size_t seq, size_t pos, uint32_t target, real nats, const real *logits)
{
	struct { size_t seq[8], n; } *order = arg;
	(void)target, (void)nats, (void)logits;
	if (pos == 0)
		order->seq[order->n++] = seq;
	return 0;
}

static void longest_first(void)
{
	static const size_t lengths[] = {3, 9, 1, 70, 9, 2}, want[] = {3, 1, 4, 0, 5, 2};
	struct { size_t seq[8], n; } order = {.n = 0};
	struct model_config cfg = {.cell = 0, .layers = 1, .hidden = 4, .vocab = V};
	struct model m;
	struct err e = {{0}};
	struct seq q[6];
	draw_ids(text, TEXT, V, 33);
	if (make_model(&m, &cfg, 0.5))
		return;
	for (size_t i = 0; i < 6; i++)
		q[i] = (struct seq){.ids = text, .n = lengths[i], .first = 1};
	struct work *w = work_new(&m, &(struct work_config){.T = 12, .B = 1}, NULL, &e);
	if (ready(!w || eval_sequences(w, &m, q, 6, note_seq, &order, NULL, &e), &e))
		return;
	CHECK_INT(order.n, 6);
	for (size_t i = 0; i < order.n; i++)
		CHECK_INT(order.seq[i], want[i]);
	work_free(w);
	model_free(&m);
}

/* A block's logits come in several pieces. */
static void pieces_of_logits(void)
{
	enum { MANY = 70000 };
	struct model_config cfg = {.cell = 0, .layers = 1, .hidden = 4, .vocab = MANY};
	struct model m;
	struct err e = {{0}};
	struct seq q[2] = {{.ids = text, .n = 9, .first = 5}, {.ids = text + 50, .n = 12, .first = NO_TARGET}}, one;
	struct heard h = {.seqs = q, .vocab = MANY};
	draw_ids(text, TEXT, MANY, 32);
	if (make_model(&m, &cfg, 0.5))
		return;
	struct work *w = work_new(&m, &(struct work_config){.T = 12, .B = 2}, NULL, &e);
	if (ready(!w || eval_sequences(w, &m, q, 2, hear, &h, NULL, &e), &e))
		return;
	CHECK(work_piece(w) < 22);
	CHECK_INT(h.calls, 9 + 11);
	for (int i = 0; i < 2; i++) {
		one = q[i];
		alone(&m, &one);
		CHECK_INT(q[i].scored, one.scored);
		CHECK_NEAR(q[i].nats, one.nats, 1e-5 * one.nats);
	}
	work_free(w);
	model_free(&m);
}

/* --- ends before the end ------------------------------------------------------------- */

static int looked, stop_at;

static bool stop(void)
{
	return ++looked >= stop_at;
}

static const struct model_config small = {.layers = 1, .hidden = 8, .vocab = V};

static void stops(void)
{
	struct model m;
	struct err e = {{0}};
	draw_ids(text, TEXT, V, 33);
	if (make_model(&m, &small, 0.3))
		return;
	struct work *w = work_new(&m, &(struct work_config){.T = 10, .B = 2}, NULL, &e);
	if (ready(!w, &e))
		return;
	for (int i = 1; i <= 3; i++) {
		struct seq q[2] = {{.ids = text, .n = 100, .first = 1}, {.ids = text + 300, .n = 100, .first = 2}};
		looked = 0;
		stop_at = i;
		e.msg[0] = 0;
		CHECK_INT(eval_sequences(w, &m, q, 2, NULL, NULL, stop, &e), -1);
		CHECK_STR(e.msg, "interrupted");
		CHECK_INT(looked, i);
		CHECK_INT(q[0].scored, 10 * i); /* looked at once a block */
	}
	struct seq q[2] = {{.ids = text, .n = 100, .first = 1}, {.ids = text + 300, .n = 95, .first = 2}};
	looked = 0;
	stop_at = 1000;
	CHECK_INT(eval_sequences(w, &m, q, 2, NULL, NULL, stop, &e), 0);
	CHECK_INT(q[0].scored, 100);
	CHECK_INT(q[1].scored, 95);
	CHECK_INT(looked, 10);

	struct heard h = {.seqs = q, .vocab = V, .limit = 7};
	CHECK_INT(eval_sequences(w, &m, q, 2, hear, &h, NULL, &e), -1);
	CHECK_INT(h.calls, 7);

	CHECK_INT(eval_sequences(w, &m, NULL, 0, NULL, NULL, NULL, &e), 0);
	struct seq none[3] = {{.nats = 5, .scored = 5}, {.ids = text, .n = 1, .first = NO_TARGET, .nats = 5, .scored = 5}};
	CHECK_INT(eval_sequences(w, &m, none, 3, NULL, NULL, NULL, &e), 0);
	for (int i = 0; i < 3; i++)
		CHECK(none[i].nats == 0 && none[i].scored == 0);
	work_free(w);
	model_free(&m);
}

static void failing_memory(void)
{
	struct model m;
	struct err e = {{0}};
	struct seq q = {.ids = text, .n = 30, .first = 1};
	int rc = -1;
	draw_ids(text, TEXT, V, 34);
	if (make_model(&m, &small, 0.3))
		return;
	struct work *w = work_new(&m, &(struct work_config){.T = 10, .B = 2}, NULL, &e);
	if (ready(!w, &e))
		return;
	long n = 1;
	for (; rc && n < 30; n++) {
		e.msg[0] = 0;
		mem_fail_at(n);
		rc = eval_sequences(w, &m, &q, 1, NULL, NULL, NULL, &e);
		mem_fail_at(0);
		if (rc)
			CHECK_HAS(e.msg, "out of memory");
	}
	CHECK(rc == 0 && n > 5);
	CHECK_INT(q.scored, 30);
	work_free(w);
	model_free(&m);
}

/* --- pieces of a text -------------------------------------------------------------------- */

static void cover(void)
{
	static const size_t lengths[] = {0, 1, 2, 5, 31, 32, 33, 100, 128, 129, 640, 641, 2999};
	static struct seq q[64];
	draw_ids(text, TEXT, V, 35);
	for (size_t l = 0; l < sizeof lengths / sizeof *lengths; l++)
		for (size_t pieces = 1; pieces <= 64; pieces = pieces * 2 + 1)
			for (size_t warm = 0; warm <= 32; warm += 8)
				for (int first = 0; first < 2; first++) {
					size_t n = lengths[l], hits[TEXT] = {0};
					size_t made = eval_pieces(q, pieces, text, n, first ? 3 : NO_TARGET, warm);
					CHECK(made <= pieces);
					CHECK((made == 0) == (n == 0));
					for (size_t i = 0; i < made; i++) {
						size_t at = (size_t)(q[i].ids - text);
						CHECK(q[i].ids >= text && at + q[i].n <= n);
						CHECK(q[i].skip < q[i].n);
						CHECK(q[i].skip <= warm && (i == 0 || q[i].skip == warm || at == 0));
						CHECK_INT(q[i].first, at ? text[at - 1] : first ? 3 : NO_TARGET);
						for (size_t k = q[i].skip; k < q[i].n; k++)
							hits[at + k]++;
					}
					size_t wrong = 0;
					for (size_t i = 0; i < n; i++)
						wrong += hits[i] != 1;
					CHECK_INT(wrong, 0);
					/* Pieces share the work, but are no shorter than warming up is worth. */
					CHECK(warm || n < pieces || made > pieces / 2);
					CHECK(made < 2 || q[0].n >= 4 * warm);
				}
}

/* Side by side, warmed up, the text is as likely as in one stream; cold it is not. */
static void agree(void)
{
	enum { N = 2500 };
	struct model_config cfg = {.layers = 2, .hidden = 12, .vocab = V};
	for (int c = 0; cell_names[c]; c++) {
		struct seq q[16], whole = {.ids = text, .n = N, .first = 4};
		struct model m;
		struct err e = {{0}};
		double nats[2] = {0};
		cfg.cell = c;
		draw_ids(text, TEXT, V, 36);
		if (make_model(&m, &cfg, 0.25))
			return;
		struct work *w = work_new(&m, &(struct work_config){.T = 32, .B = 16}, NULL, &e);
		if (ready(!w || eval_sequences(w, &m, &whole, 1, NULL, NULL, NULL, &e), &e))
			return;
		CHECK_INT(whole.scored, N);
		for (int cold = 0; cold < 2; cold++) {
			size_t made = eval_pieces(q, 16, text, N, 4, cold ? 0 : 32), scored = 0;
			CHECK_INT(made, 16);
			CHECK_INT(eval_sequences(w, &m, q, made, NULL, NULL, NULL, &e), 0);
			for (size_t i = 0; i < made; i++) {
				nats[cold] += q[i].nats;
				scored += q[i].scored;
			}
			CHECK_INT(scored, N);
		}
		CHECK_NEAR(nats[0] / N, whole.nats / N, 1e-5);
		CHECK(fabs(nats[1] - whole.nats) > 10 * fabs(nats[0] - whole.nats));
		work_free(w);
		model_free(&m);
	}
}

TEST_MAIN("eval", {"lanes", lanes}, {"longest_first", longest_first}, {"pieces_of_logits", pieces_of_logits}, {"stops", stops},
          {"failing_memory", failing_memory}, {"cover", cover}, {"agree", agree})
