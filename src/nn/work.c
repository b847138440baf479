/* A block of input through the whole model and back.
 *
 * Layer 0 never multiplies one-hot vectors: its input product is a table with a
 * row per symbol, made once per step from embedding and input weights, and a
 * block gathers rows of it. Its gradient is scattered into a table of the same
 * shape, from which those of the input weights and the embedding follow. While
 * training, only the symbols of the block have rows; for inference with a small
 * vocabulary all have, once and for all.
 *
 * The output layer goes through the block in pieces of rows, forward, loss and
 * backward in one go, so that memory does not grow with T*B*vocab. */
#include "nn/work.h"

#include <math.h>
#include <string.h>

#include "base/mem.h"
#include "base/rng.h"
#include "nn/layer.h"
#include "nn/phase.h"

enum { MAX_BLOCKS = 32 * MODEL_MAX_LAYERS };
#define PIECE_BYTES ((size_t)4 << 20)  /* of logits at a time */
#define TABLE_BYTES ((size_t)64 << 20) /* of a table of all symbols, for inference */

struct work {
	const struct model *m;
	struct work_config cfg;
	struct pool *pool;
	const struct gemm *g, *g32; /* of the model's precision; of f32 */
	size_t lhs_size;  /* bytes of an element of a left-hand side */
	uint64_t version; /* of the weights that are packed */
	int T, B;         /* of the block last run */

	struct layer *layer;  /* (layers) */
	real **x;             /* (layers+1) input of each layer, [layers]: of the output; x[0] NULL */
	void **lhs;           /* (layers+1) the same as left-hand sides of products */
	bool own_x;           /* x[l+1] is memory of its own, not the layer's h */
	void *da;             /* of all layers in turn, see layer.h */
	real *mask;           /* (layers, B, hidden) dropout behind each layer */
	real *in_scale;       /* (T,B) dropout of input symbols */
	bool dropped;         /* the block last run had dropout */

	/* the table of layer 0 */
	bool full;            /* a row for every symbol */
	size_t rows, nrows;   /* capacity; in use */
	uint32_t *row_of;     /* (vocab) row of a symbol, or NO_TARGET */
	uint32_t *row_id;     /* (rows) */
	uint32_t *row;        /* (T,B) of the block's symbols */
	real *table, *dtable; /* (rows, slots, hs) */
	real *emb, *demb;     /* (rows, embed) */
	size_t lde;

	struct mat_pack out, outt; /* (H, V), (V, H) */
	size_t piece, ldv;
	real *logits;  /* (piece, V) */
	void *dlogits; /* (piece, V) their gradient as a left-hand side; f32: logits itself */
	real *nats;    /* (T*B) */
	real *d;       /* (T,B,hidden) gradient of a layer's output, then of its input */
	real *ds[CELL_STATES]; /* (B,hidden) */
	void *scratch; /* of mat_mul_tn */

	double *seconds; /* by phase, or NULL */
	void *block[MAX_BLOCKS];
	int nblocks;
	size_t bytes;
};

/* --- making ------------------------------------------------------------------- */

static void *take(struct work *w, size_t count, size_t size, struct err *e)
{
	if (w->nblocks == MAX_BLOCKS) {
		err_set(e, "a model with so many layers needs more than %d blocks of memory", MAX_BLOCKS);
		return NULL;
	}
	void *p = mem_block(count, size, e);
	if (p) {
		w->block[w->nblocks++] = p;
		w->bytes += count * size;
	}
	return p;
}

static int take_pack(struct work *w, struct mat_pack *p, const struct gemm *g, size_t k, size_t n,
                     struct err *e)
{
	void *data = take(w, mat_pack_bytes(g, k, n), 1, e);
	if (!data)
		return -1;
	mat_pack_init(p, g, k, n, data);
	return 0;
}

static int make_layer(struct work *w, int index, real *shared_a, struct err *e)
{
	const struct model *m = w->m;
	struct layer *l = &w->layer[index];
	size_t H = (size_t)m->cfg.hidden, T = (size_t)w->cfg.T, B = (size_t)w->cfg.B;
	l->cell = m->cell;
	l->hidden = m->cfg.hidden;
	l->in = index ? m->cfg.hidden : m->cfg.embed;
	l->hs = mat_round(H);
	l->ldh = mat_stride(H);
	l->lda = mat_stride((size_t)l->cell->slots * l->hs);
	layer_init(l);
	l->keep_hin = w->cfg.train && w->cfg.resets;
	if (!(l->bias = take(w, (size_t)l->cell->slots * l->hs, sizeof(real), e)) ||
	    !(l->zero = take(w, H, sizeof(real), e)) ||
	    !(l->hin = take(w, l->keep_hin ? T * B * l->ldh : B * l->ldh, w->lhs_size, e)) ||
	    !(l->a = shared_a ? shared_a : take(w, T * B * l->lda, sizeof(real), e)))
		return -1;
	for (int k = 0; k < l->cell->states; k++)
		if (!(l->s[k] = take(w, (T + 1) * B * l->ldh, sizeof(real), e)))
			return -1;
	l->half = w->lhs_size != sizeof(real);
	l->h = l->half ? take(w, (T + 1) * B * l->ldh, w->lhs_size, e) : l->s[0];
	if (l->half && w->cfg.train && !w->da)
		w->da = take(w, T * B * l->lda, w->lhs_size, e);
	l->da = l->half ? w->da : l->a;
	if (!l->h || (w->cfg.train && !l->da))
		return -1;
	/* The table of layer 0 is a small product: it stays in f32. */
	const struct gemm *in = index ? w->g : w->g32;
	for (int g = 0; g < l->cell->gates; g++)
		if (take_pack(w, &l->wh[g], w->g, H, H, e) ||
		    (l->in && take_pack(w, &l->wx[g], in, (size_t)l->in, H, e)))
			return -1;
	if (!w->cfg.train)
		return 0;
	for (int r = 0; r < l->rec_runs; r++)
		if (take_pack(w, &l->wht[r], w->g, (size_t)l->rec_run[r].len * H, H, e))
			return -1;
	for (int r = 0; l->in && r < l->in_runs; r++)
		if (take_pack(w, &l->wxt[r], in, (size_t)l->in_run[r].len * H, (size_t)l->in, e))
			return -1;
	return 0;
}

static size_t max_size(size_t a, size_t b)
{
	return a > b ? a : b;
}

static int make(struct work *w, struct err *e)
{
	const struct model_config *c = &w->m->cfg;
	size_t H = (size_t)c->hidden, V = (size_t)c->vocab, L = (size_t)c->layers, E = (size_t)c->embed;
	size_t n = (size_t)w->cfg.T * (size_t)w->cfg.B;
	int threads = pool_size(w->pool);

	w->layer = take(w, L, sizeof *w->layer, e);
	w->x = take(w, L + 1, sizeof *w->x, e);
	w->lhs = take(w, L + 1, sizeof *w->lhs, e);
	if (!w->layer || !w->x || !w->lhs)
		return -1;
	bool half = w->lhs_size != sizeof(real);
	w->own_x = c->residual || w->cfg.dropout;
	for (size_t l = 0; l < L; l++) {
		if (make_layer(w, (int)l, w->cfg.train || !l ? NULL : w->layer[0].a, e))
			return -1;
		size_t ldh = w->layer[l].ldh;
		if (w->own_x && !(w->x[l + 1] = take(w, n * ldh, sizeof(real), e)))
			return -1;
		w->lhs[l + 1] = !w->own_x ? layer_row(&w->layer[l], w->layer[l].h, (size_t)w->cfg.B, ldh) :
			half ? take(w, n * ldh, w->lhs_size, e) : (void *)w->x[l + 1];
		if (!w->lhs[l + 1])
			return -1;
	}
	size_t ldh = w->layer[0].ldh, lda = w->layer[0].lda, B = (size_t)w->cfg.B;
	if (w->cfg.dropout && (!(w->mask = take(w, L * B * ldh, sizeof(real), e)) ||
	                       !(w->in_scale = take(w, n, sizeof(real), e))))
		return -1;

	w->full = !w->cfg.train && V * lda * sizeof(real) <= TABLE_BYTES;
	w->rows = w->full || V < n ? V : n;
	w->lde = mat_stride(E);
	if (!(w->row_of = take(w, V, sizeof *w->row_of, e)) ||
	    !(w->row_id = take(w, w->rows, sizeof *w->row_id, e)) ||
	    !(w->row = take(w, n, sizeof *w->row, e)) ||
	    !(w->table = take(w, w->rows * lda, sizeof(real), e)) ||
	    (E && !(w->emb = take(w, w->rows * w->lde, sizeof(real), e))))
		return -1;
	memset(w->row_of, 0xff, V * sizeof *w->row_of);

	w->ldv = mat_stride(V);
	w->piece = PIECE_BYTES / (w->ldv * sizeof(real));
	w->piece = w->piece < 16 ? 16 : w->piece;
	w->piece = w->piece < n ? w->piece : n;
	if (take_pack(w, &w->out, w->g, H, V, e) || !(w->logits = take(w, w->piece * w->ldv, sizeof(real), e)) ||
	    !(w->nats = take(w, n, sizeof(real), e)))
		return -1;
	if (!w->cfg.train)
		return 0;

	if (!(w->dtable = take(w, w->rows * lda, sizeof(real), e)) ||
	    (E && !(w->demb = take(w, w->rows * w->lde, sizeof(real), e))) || take_pack(w, &w->outt, w->g, V, H, e))
		return -1;
	w->dlogits = half ? take(w, w->piece * w->ldv, w->lhs_size, e) : w->logits;
	if (!w->dlogits)
		return -1;
	if (!(w->d = take(w, n * ldh, sizeof(real), e)))
		return -1;
	for (int k = 0; k < w->m->cell->states; k++)
		if (!(w->ds[k] = take(w, B * ldh, sizeof(real), e)))
			return -1;
	size_t gates = (size_t)w->m->cell->gates * H;
	size_t bytes = max_size(mat_mul_tn_scratch(w->g, threads, gates, H, n),
	                        mat_mul_tn_scratch(w->g, threads, H, H, n));
	bytes = max_size(bytes, mat_mul_tn_scratch(w->g, threads, V, H, w->piece));
	if (E)
		bytes = max_size(bytes, max_size(mat_mul_tn_scratch(w->g32, threads, gates, E, w->rows),
		                                 mat_mul_tn_scratch(w->g32, threads, H, E, w->rows)));
	w->scratch = take(w, bytes, 1, e);
	return w->scratch ? 0 : -1;
}

struct work *work_new(const struct model *m, const struct work_config *cfg, struct pool *pool,
                      struct err *e)
{
	struct work *w = mem_new(1, sizeof *w, e);
	if (!w)
		return NULL;
	w->m = m;
	w->cfg = *cfg;
	w->pool = pool;
	w->g32 = kern_get()->gemm[PREC_F32];
	w->g = kern_get()->gemm[m->cfg.precision];
	w->lhs_size = m->cfg.precision == PREC_BF16 ? sizeof(uint16_t) : sizeof(real);
	if (make(w, e)) {
		err_wrap(e, "memory for blocks of %d steps of %d streams", cfg->T, cfg->B);
		work_free(w);
		return NULL;
	}
	return w;
}

void work_free(struct work *w)
{
	if (!w)
		return;
	while (w->nblocks)
		mem_free(w->block[--w->nblocks]);
	mem_free(w);
}

size_t work_bytes(const struct work *w)
{
	return w->bytes;
}

void work_shape(const struct work *w, int *T, int *B)
{
	*T = w->cfg.T;
	*B = w->cfg.B;
}

void work_profile(struct work *w, double *seconds)
{
	w->seconds = seconds;
	for (int l = 0; l < w->m->cfg.layers; l++)
		w->layer[l].seconds = seconds;
}

size_t work_piece(const struct work *w)
{
	return w->piece;
}

/* --- packing, table ------------------------------------------------------------- */

static void pack_part(void *arg, int part, int parts)
{
	struct work *w = arg;
	const struct model *m = w->m;
	const real *out = model_param(m, m->out_w);
	size_t H = (size_t)m->cfg.hidden;
	for (int l = 0; l < m->cfg.layers; l++)
		layer_pack_part(&w->layer[l], m, l, w->cfg.train, part, parts);
	mat_pack_part(&w->out, out, 1, H, part, parts);
	if (w->cfg.train)
		mat_pack_part(&w->outt, out, H, 1, part, parts);
}

/* One-hot input: row of symbol v = column v of the input weights, gate by gate. */
static void columns_part(void *arg, int part, int parts)
{
	struct work *w = arg;
	const struct layer *l = &w->layer[0];
	const real *wx = model_param(w->m, w->m->layer[0].wx);
	size_t H = (size_t)l->hidden, V = (size_t)w->m->cfg.vocab, lo, hi;
	pool_share(part, parts, H, 16, &lo, &hi);
	for (int g = 0; g < l->cell->gates; g++)
		for (size_t u = lo; u < hi; u++) {
			const real *from = wx + ((size_t)g * H + u) * V;
			real *to = w->table + (size_t)l->cell->in_slot[g] * l->hs + u;
			for (size_t r = 0; r < w->nrows; r++)
				to[r * l->lda] = from[w->row_id[r]];
		}
}

static void fill_table(struct work *w)
{
	struct layer *l = &w->layer[0];
	size_t E = (size_t)w->m->cfg.embed;
	if (!E) {
		pool_run(w->pool, columns_part, w);
		return;
	}
	const real *emb = model_param(w->m, w->m->embed);
	for (size_t r = 0; r < w->nrows; r++)
		memcpy(w->emb + r * w->lde, emb + w->row_id[r] * E, E * sizeof(real));
	for (int g = 0; g < l->cell->gates; g++)
		mat_mul(w->pool, &l->wx[g], w->nrows, w->emb, w->lde,
		        w->table + (size_t)l->cell->in_slot[g] * l->hs, l->lda, false);
}

static void refresh(struct work *w, const struct block *b)
{
	bool stale = w->version != w->m->version;
	if (stale)
		pool_run(w->pool, pack_part, w);
	w->version = w->m->version;
	if (w->full) {
		if (!stale)
			return;
		w->nrows = w->rows;
		for (uint32_t v = 0; v < w->rows; v++)
			w->row_of[v] = w->row_id[v] = v;
	} else {
		for (size_t r = 0; r < w->nrows; r++)
			w->row_of[w->row_id[r]] = NO_TARGET;
		w->nrows = 0;
		for (size_t i = 0; i < (size_t)b->T * (size_t)b->B; i++)
			if (w->row_of[b->in[i]] == NO_TARGET) {
				w->row_of[b->in[i]] = (uint32_t)w->nrows;
				w->row_id[w->nrows++] = b->in[i];
			}
	}
	fill_table(w);
}

/* --- dropout -------------------------------------------------------------------- */

static real keep_or_drop(uint32_t bits, real rate)
{
	return rng_unit32(bits) < (double)rate ? 0 : 1 / (1 - rate);
}

static void make_masks(struct work *w, const struct block *b)
{
	const struct dropout *d = b->drop;
	size_t B = (size_t)b->B, H = (size_t)w->m->cfg.hidden, ldh = w->layer[0].ldh;
	for (int l = 0; l < w->m->cfg.layers; l++)
		for (size_t s = 0; s < B; s++)
			for (size_t u = 0; u < H; u += 4) {
				uint32_t x[4];
				rng_draw(d->seed, RNG_DROPOUT, d->step, (uint32_t)l + 1, (uint32_t)s, (uint32_t)(u / 4), x);
				for (size_t k = 0; k < 4 && u + k < H; k++)
					w->mask[((size_t)l * B + s) * ldh + u + k] = keep_or_drop(x[k], d->rate);
			}
	for (size_t i = 0; i < (size_t)b->T * B; i++) {
		uint32_t x[4];
		rng_draw(d->seed, RNG_DROPOUT, d->step, 0, (uint32_t)(i % B), b->in[i], x);
		w->in_scale[i] = keep_or_drop(x[0], d->rate);
	}
}

/* --- forward --------------------------------------------------------------------- */

struct block_job {
	struct work *w;
	const struct block *b;
	size_t rows; /* T*B, or those of a piece */
	size_t r0;
	int layer;
	real scale;
	real *d;
	size_t targets;
};

/* x_(l+1) = (h_l + x_l) mask */
static void output_part(void *arg, int part, int parts)
{
	struct block_job *j = arg;
	struct work *w = j->w;
	const struct layer *l = &w->layer[j->layer];
	const struct kern *k = kern_get();
	size_t lo, hi, H = (size_t)l->hidden, B = (size_t)j->b->B;
	pool_share(part, parts, j->rows, 1, &lo, &hi);
	for (size_t i = lo; i < hi; i++) {
		real *x = w->x[j->layer + 1] + i * l->ldh;
		memcpy(x, l->s[0] + (B + i) * l->ldh, H * sizeof(real));
		if (w->m->cfg.residual && j->layer > 0)
			k->add(H, x, w->x[j->layer] + i * l->ldh);
		if (w->dropped)
			k->mul(H, x, x, w->mask + ((size_t)j->layer * B + i % B) * l->ldh);
		if (l->half)
			k->round_bf16(H, layer_row(l, w->lhs[j->layer + 1], i, l->ldh), x);
	}
}

static real *state_rows(const struct work *w, const struct state *s, int layer, int k)
{
	size_t per = (size_t)s->batch * (size_t)s->hidden;
	return s->s + ((size_t)layer * (size_t)w->m->cell->states + (size_t)k) * per;
}

void work_forward(struct work *w, const struct block *b, struct state *s)
{
	size_t H = (size_t)w->m->cfg.hidden, T = (size_t)b->T, B = (size_t)b->B;
	struct block_job j = {.w = w, .b = b, .rows = T * B};

	w->T = b->T;
	w->B = b->B;
	w->dropped = b->drop && b->drop->rate > 0;
	refresh(w, b);
	if (w->dropped)
		make_masks(w, b);
	for (size_t i = 0; i < T * B; i++)
		w->row[i] = w->row_of[b->in[i]];
	for (int i = 0; i < w->m->cfg.layers; i++) {
		struct layer *l = &w->layer[i];
		for (int k = 0; k < l->cell->states; k++)
			for (size_t r = 0; r < B; r++)
				memcpy(l->s[k] + r * l->ldh, state_rows(w, s, i, k) + r * H, H * sizeof(real));
		for (size_t r = 0; l->half && r < B; r++)
			kern_get()->round_bf16(H, layer_row(l, l->h, r, l->ldh), l->s[0] + r * l->ldh);
		struct layer_input in = {.x = w->lhs[i], .ldx = l->ldh, .table = w->table, .row = w->row,
		                         .scale = w->dropped ? w->in_scale : NULL};
		layer_forward(l, w->pool, b->T, b->B, b->reset, &in);
		j.layer = i;
		if (w->own_x)
			pool_run(w->pool, output_part, &j);
		else
			w->lhs[i + 1] = layer_row(l, l->h, B, l->ldh);
		for (int k = 0; k < l->cell->states; k++)
			for (size_t r = 0; r < B; r++)
				memcpy(state_rows(w, s, i, k) + r * H, l->s[k] + (T * B + r) * l->ldh, H * sizeof(real));
	}
}

/* --- output layer and loss --------------------------------------------------------- */

static void logits_rows(struct work *w, size_t r0, size_t lo, size_t hi)
{
	const real *bias = model_param(w->m, w->m->out_b);
	size_t V = (size_t)w->m->cfg.vocab, ldh = w->layer[0].ldh;
	for (size_t i = lo; i < hi; i++)
		memcpy(w->logits + i * w->ldv, bias, V * sizeof(real));
	mat_mul_part(&w->out, hi - lo, layer_row(&w->layer[0], w->lhs[w->m->cfg.layers], r0 + lo, ldh), ldh, 0, V,
	             w->logits + lo * w->ldv, w->ldv, true);
}

static void logits_part(void *arg, int part, int parts)
{
	struct block_job *j = arg;
	size_t lo, hi;
	pool_share(part, parts, j->rows, 1, &lo, &hi);
	logits_rows(j->w, j->r0, lo, hi);
}

real *work_logits(struct work *w, size_t r0, size_t n, size_t *ld)
{
	struct block_job j = {.w = w, .r0 = r0, .rows = n};
	pool_run(w->pool, logits_part, &j);
	*ld = w->ldv;
	return w->logits;
}

static void loss_part(void *arg, int part, int parts)
{
	struct block_job *j = arg;
	struct work *w = j->w;
	const uint32_t *target = j->b->target + j->r0;
	size_t lo, hi, V = (size_t)w->m->cfg.vocab;
	struct stopwatch clock = phase_start(part ? NULL : w->seconds);
	pool_share(part, parts, j->rows, 1, &lo, &hi);
	logits_rows(w, j->r0, lo, hi);
	phase_end(&clock, PHASE_PRODUCTS);
	for (size_t i = lo; i < hi; i++) {
		const real *z = w->logits + i * w->ldv;
		w->nats[j->r0 + i] = target[i] == NO_TARGET ? 0 : kern_get()->logsumexp(V, z) - z[target[i]];
	}
	phase_end(&clock, PHASE_SOFTMAX);
}

static double sum_targets(const struct block *b, const real *nats, size_t *targets)
{
	double sum = 0;
	*targets = 0;
	for (size_t i = 0; i < (size_t)b->T * (size_t)b->B; i++)
		if (b->target[i] != NO_TARGET) {
			sum += (double)nats[i];
			++*targets;
		}
	return sum;
}

double work_loss(struct work *w, const struct block *b, real *nats, size_t *targets)
{
	size_t rows = (size_t)b->T * (size_t)b->B;
	for (size_t r = 0; r < rows; r += w->piece) {
		struct block_job j = {.w = w, .b = b, .r0 = r, .rows = rows - r < w->piece ? rows - r : w->piece};
		pool_run(w->pool, loss_part, &j);
	}
	if (nats)
		memcpy(nats, w->nats, rows * sizeof(real));
	return sum_targets(b, w->nats, targets);
}

/* Logits, loss, gradient of the logits, and from it that of the rows of x. */
static void loss_back_part(void *arg, int part, int parts)
{
	struct block_job *j = arg;
	struct work *w = j->w;
	const struct layer *l = &w->layer[0];
	const struct kern *k = kern_get();
	const uint32_t *target = j->b->target + j->r0;
	size_t lo, hi, V = (size_t)w->m->cfg.vocab, ldh = l->ldh;
	struct stopwatch clock = phase_start(part ? NULL : w->seconds);
	pool_share(part, parts, j->rows, 1, &lo, &hi);
	logits_rows(w, j->r0, lo, hi);
	phase_end(&clock, PHASE_PRODUCTS);
	for (size_t i = lo; i < hi; i++) {
		real *z = w->logits + i * w->ldv;
		if (target[i] == NO_TARGET) {
			memset(z, 0, V * sizeof(real));
			w->nats[j->r0 + i] = 0;
		} else {
			real z_target = z[target[i]];
			w->nats[j->r0 + i] = k->softmax(V, z, z) - z_target;
			k->scale(V, z, j->scale);
			z[target[i]] -= j->scale;
		}
		if (l->half)
			k->round_bf16(V, layer_row(l, w->dlogits, i, w->ldv), z);
	}
	phase_end(&clock, PHASE_SOFTMAX);
	mat_mul_part(&w->outt, hi - lo, layer_row(l, w->dlogits, lo, w->ldv), w->ldv, 0, (size_t)w->m->cfg.hidden,
	             j->d + (j->r0 + lo) * ldh, ldh, false);
	phase_end(&clock, PHASE_PRODUCTS);
}

static void out_bias_part(void *arg, int part, int parts)
{
	struct block_job *j = arg;
	size_t lo, hi;
	pool_share(part, parts, (size_t)j->w->m->cfg.vocab, 16, &lo, &hi);
	kern_get()->colsum(j->rows, hi - lo, j->d + lo, j->w->logits + lo, j->w->ldv);
}

/* --- backward ---------------------------------------------------------------------- */

static void mask_part(void *arg, int part, int parts)
{
	struct block_job *j = arg;
	struct work *w = j->w;
	size_t lo, hi, H = (size_t)w->m->cfg.hidden, B = (size_t)j->b->B, ldh = w->layer[0].ldh;
	pool_share(part, parts, j->rows, 1, &lo, &hi);
	for (size_t i = lo; i < hi; i++)
		kern_get()->mul(H, j->d + i * ldh, j->d + i * ldh, w->mask + ((size_t)j->layer * B + i % B) * ldh);
}

/* Gradients of the rows of the table, split over columns: every part goes through
 * all rows in order. */
static void scatter_part(void *arg, int part, int parts)
{
	struct block_job *j = arg;
	struct work *w = j->w;
	const struct layer *l = &w->layer[0];
	const struct kern *k = kern_get();
	size_t lo, hi;
	pool_share(part, parts, l->hs, 16, &lo, &hi);
	if (lo == hi)
		return;
	for (size_t r = 0; r < w->nrows; r++)
		for (int g = 0; g < l->cell->gates; g++)
			memset(w->dtable + r * l->lda + (size_t)l->cell->in_slot[g] * l->hs + lo, 0,
			       (hi - lo) * sizeof(real));
	for (size_t i = 0; i < j->rows; i++) {
		real *to = w->dtable + (size_t)w->row[i] * l->lda;
		const real *a = l->a + i * l->lda;
		for (int g = 0; g < l->cell->gates; g++) {
			size_t at = (size_t)l->cell->in_slot[g] * l->hs + lo;
			if (w->dropped)
				k->axpy(hi - lo, to + at, w->in_scale[i], a + at);
			else
				k->add(hi - lo, to + at, a + at);
		}
	}
}

static void columns_back_part(void *arg, int part, int parts)
{
	struct block_job *j = arg;
	struct work *w = j->w;
	const struct layer *l = &w->layer[0];
	size_t H = (size_t)l->hidden, V = (size_t)w->m->cfg.vocab, lo, hi;
	pool_share(part, parts, H, 16, &lo, &hi);
	for (int g = 0; g < l->cell->gates; g++)
		for (size_t u = lo; u < hi; u++) {
			real *to = j->d + ((size_t)g * H + u) * V;
			const real *from = w->dtable + (size_t)l->cell->in_slot[g] * l->hs + u;
			for (size_t r = 0; r < w->nrows; r++)
				to[w->row_id[r]] += from[r * l->lda];
		}
}

/* From the table's gradient to those of the input weights and the embedding. */
static void table_back(struct work *w, struct block_job *j, real *grad)
{
	const struct model *m = w->m;
	struct layer *l = &w->layer[0];
	real *dwx = grad + m->list[m->layer[0].wx].offset;
	size_t H = (size_t)l->hidden, E = (size_t)m->cfg.embed;

	pool_run(w->pool, scatter_part, j);
	if (!E) {
		j->d = dwx;
		pool_run(w->pool, columns_back_part, j);
		return;
	}
	for (int r = 0; r < l->in_runs; r++) {
		const real *da = w->dtable + (size_t)l->in_run[r].slot * l->hs;
		mat_mul_tn(w->pool, w->g32, (size_t)l->in_run[r].len * H, E, w->nrows, da, l->lda, w->emb, w->lde,
		           dwx + (size_t)l->in_run[r].gate * H * E, E, w->scratch);
		mat_mul(w->pool, &l->wxt[r], w->nrows, da, l->lda, w->demb, w->lde, r > 0);
	}
	real *de = grad + m->list[m->embed].offset;
	for (size_t r = 0; r < w->nrows; r++)
		kern_get()->add(E, de + w->row_id[r] * E, w->demb + r * w->lde);
}

double work_train(struct work *w, const struct block *b, struct state *s, real *grad, real *ds_in)
{
	const struct model *m = w->m;
	size_t rows = (size_t)b->T * (size_t)b->B, H = (size_t)m->cfg.hidden, V = (size_t)m->cfg.vocab;
	size_t B = (size_t)b->B, ldh = w->layer[0].ldh, targets = 0;

	work_forward(w, b, s);
	memset(grad, 0, m->size * sizeof(real));
	for (size_t i = 0; i < rows; i++)
		targets += b->target[i] != NO_TARGET;
	real scale = targets ? (real)(1.0 / (double)targets) : 0;

	for (size_t r = 0; r < rows; r += w->piece) {
		struct block_job j = {.w = w, .b = b, .r0 = r, .rows = rows - r < w->piece ? rows - r : w->piece,
		                      .scale = scale, .d = w->d};
		pool_run(w->pool, loss_back_part, &j);
		struct stopwatch clock = phase_start(w->seconds);
		mat_mul_tn(w->pool, w->g, V, H, j.rows, w->dlogits, w->ldv,
		           layer_row(&w->layer[0], w->lhs[m->cfg.layers], r, ldh), ldh,
		           grad + m->list[m->out_w].offset, H, w->scratch);
		phase_end(&clock, PHASE_PRODUCTS);
		j.d = grad + m->list[m->out_b].offset;
		pool_run(w->pool, out_bias_part, &j);
	}

	for (int i = m->cfg.layers - 1; i >= 0; i--) {
		struct layer *l = &w->layer[i];
		struct block_job j = {.w = w, .b = b, .rows = rows, .layer = i, .d = w->d};
		/* The residual path hands the gradient of the output on to the input. */
		enum layer_dx dx = i == 0 ? DX_NONE : m->cfg.residual ? DX_ADD : DX_STORE;
		if (w->dropped)
			pool_run(w->pool, mask_part, &j);
		for (int k = 0; k < l->cell->states; k++)
			memset(w->ds[k], 0, B * ldh * sizeof(real));
		layer_backward(l, w->pool, b->T, b->B, b->reset, w->d, w->ds, dx);
		layer_grads(l, w->pool, m, i, b->T, b->B, b->reset != NULL, w->lhs[i], ldh, grad, w->scratch);
		for (int k = 0; ds_in && k < l->cell->states; k++)
			for (size_t r = 0; r < B; r++)
				memcpy(ds_in + (((size_t)i * (size_t)l->cell->states + (size_t)k) * B + r) * H,
				       w->ds[k] + r * ldh, H * sizeof(real));
	}
	struct block_job j = {.w = w, .b = b, .rows = rows};
	table_back(w, &j, grad);
	return targets ? sum_targets(b, w->nats, &targets) / (double)targets : 0;
}
