/* A block of input through the whole model and back.
 *
 * The output layer goes through the block in pieces of rows, forward, loss and
 * backward in one go, so that memory does not grow with T*B*vocab. */
#include "nn/work_private.h"

#include <string.h>

#include "base/mem.h"
#include "base/rng.h"
#include "nn/phase.h"

/* --- dropout -------------------------------------------------------------------- */

static real keep_or_drop(uint32_t bits, real rate)
{
	return rng_unit32(bits) < (double)rate ? 0 : 1 / (1 - rate);
}

static void masks_part(void *arg, int part, int parts)
{
	struct block_job *j = arg;
	struct work *w = j->w;
	const struct dropout *d = j->b->drop;
	size_t lo, hi, layers = (size_t)w->m->cfg.layers, B = (size_t)j->b->B, H = (size_t)w->m->cfg.hidden;
	pool_share(part, parts, layers * B, 1, &lo, &hi);
	for (size_t r = lo; r < hi; r++)
		for (size_t u = 0; u < H; u += 4) {
			uint32_t x[4];
			rng_draw(d->seed, RNG_DROPOUT, d->step, (uint32_t)(r / B) + 1, (uint32_t)(r % B), (uint32_t)(u / 4), x);
			for (size_t k = 0; k < 4 && u + k < H; k++)
				w->mask[r * w->layer[0].ldh + u + k] = keep_or_drop(x[k], r / B + 1 < layers ? d->layers : d->output);
		}
	pool_share(part, parts, j->rows, 1, &lo, &hi);
	for (size_t i = lo; i < hi; i++) {
		uint32_t x[4];
		rng_draw(d->seed, RNG_DROPOUT, d->step, 0, (uint32_t)(i % B), j->b->in[i], x);
		w->in_scale[i] = keep_or_drop(x[0], d->input);
	}
}

/* Sixteen bits decide about a weight. */
static void drop_weights_part(void *arg, int part, int parts)
{
	struct block_job *j = arg;
	struct work *w = j->w;
	const struct dropout *d = j->b->drop;
	size_t lo, hi, H = (size_t)w->m->cfg.hidden;
	uint32_t limit = (uint32_t)((double)d->hh * 65536);
	real scale = (real)(65536.0 / (65536 - limit));
	pool_share(part, parts, (size_t)w->m->cell->gates * H, 1, &lo, &hi);
	for (int l = 0; l < w->m->cfg.layers; l++)
		for (size_t r = lo; r < hi; r++) {
			real *mask = w->mask_hh[l] + r * H;
			for (size_t u = 0; u < H; u += 8) {
				uint32_t x[4];
				rng_draw(d->seed, RNG_DROPOUT, d->step, (uint32_t)(MODEL_MAX_LAYERS + 1 + l), (uint32_t)r, (uint32_t)(u / 8), x);
				for (size_t k = 0; k < 8 && u + k < H; k++)
					mask[u + k] = (x[k / 2] >> 16 * (k % 2) & 0xffff) < limit ? 0 : scale;
			}
			kern_get()->mul(H, w->wh[l] + r * H, model_param(w->m, w->m->layer[l].wh) + r * H, mask);
		}
}

/* --- forward --------------------------------------------------------------------- */

static void pack_part(void *arg, int part, int parts)
{
	struct work *w = arg;
	const struct model *m = w->m;
	const real *out = model_param(m, m->out_w);
	size_t H = (size_t)m->cfg.hidden;
	for (int l = 0; l < m->cfg.layers; l++)
		layer_pack_part(&w->layer[l], m, l, w->dropped_hh ? w->wh[l] : model_param(m, m->layer[l].wh), w->cfg.train, part,
		                parts);
	mat_pack_part(&w->out, out, 1, H, part, parts);
	if (w->cfg.train)
		mat_pack_part(&w->outt, out, H, 1, part, parts);
}

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
		memcpy(x, layer_state(l, 0, 1, B, i), H * sizeof(real));
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

	pool_adapt(w->pool);
	w->T = b->T;
	w->B = b->B;
	bool had = w->dropped, had_hh = w->dropped_hh;
	w->dropped = b->drop && (b->drop->input > 0 || b->drop->layers > 0 || b->drop->output > 0);
	w->dropped_hh = b->drop && b->drop->hh > 0;
	bool stale = w->version != w->m->version || had_hh || w->dropped_hh;
	if (w->dropped_hh)
		pool_run(w->pool, drop_weights_part, &j);
	if (stale && w->m->cfg.members > 1 && !w->cfg.train)
		for (int l = 0; l < w->m->cfg.layers; l++)
			layer_find_blocks(&w->layer[l], w->m, l);
	if (stale)
		pool_run(w->pool, pack_part, w);
	w->version = w->m->version;
	table_make(w, b, stale || had != w->dropped);
	if (w->dropped)
		pool_run(w->pool, masks_part, &j);
	for (int i = 0; i < w->m->cfg.layers; i++) {
		struct layer *l = &w->layer[i];
		for (int k = 0; k < l->cell->states; k++)
			for (size_t r = 0; r < B; r++)
				memcpy(layer_state(l, k, 0, B, r), state_rows(w, s, i, k) + r * H, H * sizeof(real));
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
				memcpy(state_rows(w, s, i, k) + r * H, layer_state(l, k, T, B, r), H * sizeof(real));
	}
}

/* Rows that the output layer takes at a time: what it makes of them stays in cache, and
 * reading its weights costs little beside. */
enum { LOSS_ROWS = 96 };

/* --- output layer and loss --------------------------------------------------------- */

static void logits_rows(struct work *w, size_t r0, size_t lo, size_t hi, real *z)
{
	const real *bias = model_param(w->m, w->m->out_b);
	size_t V = (size_t)w->m->cfg.vocab, ldh = w->layer[0].ldh;
	for (size_t i = 0; i < hi - lo; i++)
		memcpy(z + i * w->ldv, bias, V * sizeof(real));
	mat_mul_part(&w->out, hi - lo, layer_row(&w->layer[0], w->lhs[w->m->cfg.layers], r0 + lo, ldh), ldh, 0, V, z,
	             w->ldv, true);
}

static void logits_part(void *arg, int part, int parts)
{
	struct block_job *j = arg;
	size_t lo, hi;
	pool_share(part, parts, j->rows, 1, &lo, &hi);
	logits_rows(j->w, j->r0, lo, hi, j->w->logits + lo * j->w->ldv);
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
	for (size_t at = lo, end; at < hi; at = end) {
		end = hi - at < LOSS_ROWS ? hi : at + LOSS_ROWS;
		logits_rows(w, j->r0, at, end, w->logits + lo * w->ldv); /* nobody reads them again */
		phase_end(&clock, PHASE_PRODUCTS);
		real *nats = w->nats + j->r0;
		kern_get()->logsumexp_rows(end - at, V, nats + at, w->logits + lo * w->ldv, w->ldv);
		for (size_t i = at; i < end; i++)
			nats[i] = target[i] == NO_TARGET ? 0 : nats[i] - w->logits[(lo + i - at) * w->ldv + target[i]];
		phase_end(&clock, PHASE_SOFTMAX);
	}
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
	void *x = w->lhs[w->m->cfg.layers];
	size_t lo, hi, V = (size_t)w->m->cfg.vocab, ldh = l->ldh;
	size_t row_bytes = (size_t)w->m->cfg.hidden * w->lhs_size;
	struct stopwatch clock = phase_start(part ? NULL : w->seconds);
	pool_share(part, parts, j->rows, 1, &lo, &hi);
	for (size_t at = lo, end; at < hi; at = end) {
		end = hi - at < LOSS_ROWS ? hi : at + LOSS_ROWS;
		logits_rows(w, j->r0, at, end, w->logits + at * w->ldv);
		phase_end(&clock, PHASE_PRODUCTS);
		for (size_t i = at; i < end; i++) {
			real *z = w->logits + i * w->ldv;
			if (i + LOSS_ROWS < hi) /* what is multiplied next */
				mem_fetch(layer_row(l, x, j->r0 + i + LOSS_ROWS, ldh), row_bytes);
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
		mat_mul_part(&w->outt, end - at, layer_row(l, w->dlogits, at, w->ldv), w->ldv, 0, (size_t)w->m->cfg.hidden,
		             j->d + (j->r0 + at) * ldh, ldh, false);
		phase_end(&clock, PHASE_PRODUCTS);
	}
}

static void out_bias_part(void *arg, int part, int parts)
{
	struct block_job *j = arg;
	size_t lo, hi;
	pool_share(part, parts, (size_t)j->w->m->cfg.vocab, 16, &lo, &hi);
	kern_get()->colsum(j->rows, hi - lo, j->d + lo, PREC_F32, j->w->logits + lo, j->w->ldv);
}

/* --- backward ---------------------------------------------------------------------- */

static void mask_hh_part(void *arg, int part, int parts)
{
	struct block_job *j = arg;
	const struct model *m = j->w->m;
	size_t lo, hi, H = (size_t)m->cfg.hidden;
	real *g = j->d + m->list[m->layer[j->layer].wh].offset;
	pool_share(part, parts, (size_t)m->cell->gates * H * H, 16, &lo, &hi);
	kern_get()->mul(hi - lo, g + lo, g + lo, j->w->mask_hh[j->layer] + lo);
}

static void mask_part(void *arg, int part, int parts)
{
	struct block_job *j = arg;
	struct work *w = j->w;
	size_t lo, hi, H = (size_t)w->m->cfg.hidden, B = (size_t)j->b->B, ldh = w->layer[0].ldh;
	pool_share(part, parts, j->rows, 1, &lo, &hi);
	for (size_t i = lo; i < hi; i++)
		kern_get()->mul(H, j->d + i * ldh, j->d + i * ldh, w->mask + ((size_t)j->layer * B + i % B) * ldh);
}

static void clear_part(void *arg, int part, int parts)
{
	struct block_job *j = arg;
	size_t lo, hi;
	pool_share(part, parts, j->w->m->size, 16, &lo, &hi);
	memset(j->d + lo, 0, (hi - lo) * sizeof(real));
}

double work_train(struct work *w, const struct block *b, struct state *s, real *grad, real *ds_in)
{
	const struct model *m = w->m;
	size_t rows = (size_t)b->T * (size_t)b->B, H = (size_t)m->cfg.hidden, V = (size_t)m->cfg.vocab;
	size_t B = (size_t)b->B, ldh = w->layer[0].ldh, targets = 0;

	work_forward(w, b, s);
	pool_run(w->pool, clear_part, &(struct block_job){.w = w, .d = grad});
	for (size_t i = 0; i < rows; i++)
		targets += b->target[i] != NO_TARGET;
	real scale = targets ? (real)(1.0 / (double)targets) : 0;

	for (size_t r = 0; r < rows; r += w->piece) {
		struct block_job j = {.w = w, .b = b, .r0 = r, .rows = rows - r < w->piece ? rows - r : w->piece,
		                      .scale = scale, .d = w->d};
		pool_run(w->pool, loss_back_part, &j);
		struct stopwatch clock = phase_start(w->seconds);
		const void *x = layer_row(&w->layer[0], w->lhs[m->cfg.layers], r, ldh);
		struct mat_tn out = {{x, ldh, m->cfg.precision}, grad + m->list[m->out_w].offset};
		mat_mul_tn_of(w->pool, w->g, V, H, j.rows, (struct mat_rows){w->dlogits, w->ldv, m->cfg.precision}, &out, 1, H,
		              NULL, w->scratch);
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
		j.d = grad;
		if (w->dropped_hh)
			pool_run(w->pool, mask_hh_part, &j);
		for (int k = 0; ds_in && k < l->cell->states; k++)
			for (size_t r = 0; r < B; r++)
				memcpy(ds_in + (((size_t)i * (size_t)l->cell->states + (size_t)k) * B + r) * H,
				       w->ds[k] + r * ldh, H * sizeof(real));
	}
	struct block_job j = {.w = w, .b = b, .rows = rows};
	table_back(w, &j, grad);
	return targets ? sum_targets(b, w->nats, &targets) / (double)targets : 0;
}

const real *work_nats(const struct work *w)
{
	return w->nats;
}
