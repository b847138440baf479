/* Layer 0 never multiplies one-hot vectors: its input product is a table with a row per
 * symbol, made once per step from embedding and input weights, and a block gathers rows
 * of it. Its gradient is scattered into a table of the same shape, from which those of
 * the input weights and the embedding follow. While training, only the symbols of the
 * block have rows; for inference with a small vocabulary all have, once and for all. */
#include "nn/work_private.h"

#include <string.h>

/* Rows begin as the bias, for the cell to add both at once; not where dropout scales
 * what is in them. */
static void begin_rows(struct work *w)
{
	const struct layer *l = &w->layer[0];
	size_t n = (size_t)l->cell->slots * l->hs;
	for (size_t r = 0; r < w->nrows; r++)
		if (w->dropped)
			memset(w->table + r * l->lda, 0, n * sizeof(real));
		else
			memcpy(w->table + r * l->lda, l->bias, n * sizeof(real));
}

/* One-hot input: row of symbol v = column v of the input weights, gate by gate. LINE units
 * at a time: their column is read, and a line of the row written, from cache. */
enum { LINE = 16, AHEAD = 4 /* rows asked for before they are added */ };

static void columns_part(void *arg, int part, int parts)
{
	struct work *w = arg;
	const struct layer *l = &w->layer[0];
	const real *wx = model_param(w->m, w->m->layer[0].wx);
	size_t H = (size_t)l->hidden, V = (size_t)w->m->cfg.vocab, lo, hi;
	pool_share(part, parts, H, 16, &lo, &hi);
	for (int g = 0; g < l->cell->gates; g++)
		for (size_t u = lo; u < hi; u += LINE) {
			const real *from = wx + ((size_t)g * H + u) * V;
			real *to = w->table + (size_t)l->cell->in_slot[g] * l->hs + u;
			size_t n = hi - u < LINE ? hi - u : LINE;
			for (size_t r = 0; r < w->nrows; r++)
				for (size_t k = 0; k < n; k++)
					to[r * l->lda + k] += from[k * V + w->row_id[r]];
		}
}

static void fill_table(struct work *w)
{
	struct layer *l = &w->layer[0];
	size_t E = (size_t)w->m->cfg.embed;
	begin_rows(w);
	if (!E) {
		pool_run(w->pool, columns_part, w);
		return;
	}
	const real *emb = model_param(w->m, w->m->embed);
	for (size_t r = 0; r < w->nrows; r++)
		memcpy(w->emb + r * w->lde, emb + w->row_id[r] * E, E * sizeof(real));
	for (int g = 0; g < l->cell->gates; g++)
		mat_mul(w->pool, &l->wx[g], w->nrows, w->emb, w->lde,
		        w->table + (size_t)l->cell->in_slot[g] * l->hs, l->lda, true);
}

void table_make(struct work *w, const struct block *b, bool stale)
{
	size_t n = (size_t)b->T * (size_t)b->B;
	if (!w->full) {
		for (size_t r = 0; r < w->nrows; r++)
			w->row_of[w->row_id[r]] = NO_TARGET;
		w->nrows = 0;
		for (size_t i = 0; i < n; i++)
			if (w->row_of[b->in[i]] == NO_TARGET) {
				w->row_of[b->in[i]] = (uint32_t)w->nrows;
				w->row_id[w->nrows++] = b->in[i];
			}
	} else if (stale) {
		w->nrows = w->rows;
		for (uint32_t v = 0; v < w->rows; v++)
			w->row_of[v] = w->row_id[v] = v;
	}
	if (!w->full || stale)
		fill_table(w);
	for (size_t i = 0; i < n; i++)
		w->row[i] = w->row_of[b->in[i]];
}

/* Gradients of the rows of the table, split over columns: every part goes through
 * all rows in order. */
static void scatter_part(void *arg, int part, int parts)
{
	struct block_job *j = arg;
	struct work *w = j->w;
	const struct layer *l = &w->layer[0];
	for (int q = 0; q < l->in_runs; q++) {
		struct run run = l->in_run[q];
		size_t lo, hi;
		pool_share(part, parts, (size_t)run.len * l->hs, 16, &lo, &hi);
		real *columns = w->dtable + (size_t)run.slot * l->hs + lo;
		for (size_t r = 0; r < w->nrows; r++)
			memset(columns + r * l->lda, 0, (hi - lo) * sizeof(real));
		for (size_t i = 0; i < j->rows; i++) {
			if (i + AHEAD < j->rows)
				layer_fetch_slot_grad(l, i + AHEAD, run.slot, lo, hi - lo);
			layer_add_slot_grad(l, i, run.slot, lo, hi - lo, w->dropped ? w->in_scale[i] : 1,
			                    columns + (size_t)w->row[i] * l->lda);
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
		for (size_t u = lo; u < hi; u += LINE) {
			real *to = j->d + ((size_t)g * H + u) * V;
			const real *from = w->dtable + (size_t)l->cell->in_slot[g] * l->hs + u;
			size_t n = hi - u < LINE ? hi - u : LINE;
			for (size_t r = 0; r < w->nrows; r++)
				for (size_t k = 0; k < n; k++)
					to[k * V + w->row_id[r]] += from[r * l->lda + k];
		}
}

/* From the table's gradient to those of the input weights and the embedding. */
void table_back(struct work *w, struct block_job *j, real *grad)
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
