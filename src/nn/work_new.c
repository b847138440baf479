/* Making and freeing the scratch of a block: all memory is taken here. */
#include "nn/work_private.h"

#include <string.h>

#include "base/mem.h"

#define PIECE_BYTES ((size_t)4 << 20)  /* of logits at a time */
#define TABLE_BYTES ((size_t)64 << 20) /* of a table of all symbols, for inference */

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

static int make_layer(struct work *w, int index, struct err *e)
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
	    !(l->zero = take(w, l->hs, sizeof(real), e)) ||
	    !(l->hin = take(w, l->keep_hin ? T * B * l->ldh : B * l->ldh, w->lhs_size, e)))
		return -1;
	l->half = w->lhs_size != sizeof(real);
	l->all_steps = w->cfg.train && !l->half;
	if (index && !l->all_steps)
		l->a = w->layer[0].a;
	else
		l->a = take(w, (l->all_steps ? T * B : layer_rows(T, B)) * l->lda, sizeof(real), e);
	if (!l->a)
		return -1;
	for (int k = 0; k < l->cell->states; k++) {
		bool all = k ? w->cfg.train : !l->half || w->own_x || (w->cfg.train && l->cell->backward_h);
		l->kept[k] = all ? T + 1 : 2;
		if (!(l->s[k] = take(w, l->kept[k] * B * l->ldh, sizeof(real), e)))
			return -1;
	}
	l->h = l->half ? take(w, (T + 1) * B * l->ldh, w->lhs_size, e) : l->s[0];
	if (w->cfg.train)
		l->da = l->half ? take(w, T * B * l->lda, w->lhs_size, e) : l->a;
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
		if (make_layer(w, (int)l, e))
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

	if (w->cfg.dropout_hh) {
		size_t per = (size_t)w->m->cell->gates * H * H;
		w->mask_hh = take(w, L, sizeof *w->mask_hh, e);
		w->wh = take(w, L, sizeof *w->wh, e);
		for (size_t l = 0; l < L; l++)
			if (!w->mask_hh || !w->wh || !(w->mask_hh[l] = take(w, per, sizeof(real), e)) ||
			    !(w->wh[l] = take(w, per, sizeof(real), e)))
				return -1;
	}

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
	size_t bytes = max_size(mat_mul_tn_scratch(w->g, threads, gates, H, n, 2),
	                        mat_mul_tn_scratch(w->g, threads, H, H, n, 1));
	bytes = max_size(bytes, mat_mul_tn_scratch(w->g, threads, V, H, w->piece, 1));
	if (E)
		bytes = max_size(bytes, max_size(mat_mul_tn_scratch(w->g32, threads, gates, E, w->rows, 1),
		                                 mat_mul_tn_scratch(w->g32, threads, H, E, w->rows, 1)));
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
