/* One recurrent layer.
 *
 * A step of the time loop is
 *
 *      a_t  = x_t Wx' + h_(t-1) Wh'            B x H by H x GH, twice
 *      cell                                     elementwise: first adds the bias
 *
 * and backwards
 *
 *      cell                                     elementwise: slots become their gradients
 *      dh += da_t Wh,  dx_t = da_t Wx           B x GH by GH x H, twice
 *
 * after which dWh and dWx are one large product each, over all steps and streams.
 *
 * Threads share a grid of streams x units. Split by streams they never meet inside
 * the loop, but each reads all the weights at every step; split by units each
 * reads its part of the weights only, and they meet at a barrier once a step.
 * With many streams the first is chosen, with few the second: a product of fewer than
 * MIN_ROWS rows cannot keep the multipliers busy. Either way every element is
 * computed the same, so the bits do not depend on it.
 *
 * Split by streams, everything about a row is done while it is in cache: a's row
 * takes both products for CHUNK units (at layer 0 one: the table's row is added with the
 * bias), and goes through the cell at once; backwards its gradients give dh and dx before the next
 * step is looked at. A block's a is larger than the caches (52 MB at 512 units, 64 x
 * 100), so this spares two of three trips to memory. Split by units, the input products
 * of ROWS rows are done at a time, and those of the whole block after the loop: with one
 * stream, a product per step would read the weights for every symbol.
 *
 * In bf16 no float32 activation is kept: a holds the rows in work and stays in cache,
 * and the loop writes half the bytes, 16-bit copies for the backward pass, which puts
 * the bf16 gradients in their place.
 *
 * What bounds it: the products run at the speed of the multipliers as long as the weights
 * stay in the last-level cache (each step reads them all, 8 MB at 512 units in float32):
 * tiles ask for the next panel's lines while they multiply (mat/gemm_tmpl.h). Larger ones
 * are read at the speed of memory. The gradients of the weights run near that speed of the
 * multipliers, too: their tiles pack the rows that come next on their way
 * (mat/gemm_carry_tmpl.h). What is left is elementwise:
 * at 128 units the gates take 8 % of the time (a division and some 17 operations for each
 * sigmoid; backwards the way of the slots from L2), threads wait for each other for 1 to 3 %,
 * packing, softmax and optimiser take 4 %. */
#include "nn/layer.h"

#include <string.h>

#include "base/mem.h"
#include "nn/phase.h"

enum { CHUNK = 256, MIN_ROWS = 8, ROWS = 96 };

static size_t min_size(size_t a, size_t b)
{
	return a < b ? a : b;
}

/* Part of a (rows x units) grid. */
struct share {
	size_t r0, r1, u0, u1;
	bool meet; /* several parts work on the same rows */
};

static bool split_by_rows(size_t rows, int parts)
{
	return rows >= (size_t)parts * MIN_ROWS;
}

static struct share share(size_t rows, size_t units, int nr, int part, int parts)
{
	struct share s = {0, rows, 0, units, false};
	if (parts == 1)
		return s;
	if (split_by_rows(rows, parts)) {
		pool_share(part, parts, rows, 1, &s.r0, &s.r1);
	} else {
		pool_share(part, parts, units, (size_t)nr, &s.u0, &s.u1);
		s.meet = true;
	}
	return s;
}

static int find_runs(const struct layer *l, const int *slot, struct run *run)
{
	int n = 0;
	bool packed = l->hs == (size_t)l->hidden;
	for (int g = 0; g < l->cell->gates; g++) {
		if (n && packed && slot[g] == run[n - 1].slot + run[n - 1].len)
			run[n - 1].len++;
		else
			run[n++] = (struct run){.gate = g, .slot = slot[g], .len = 1};
	}
	return n;
}

void layer_init(struct layer *l)
{
	l->in_runs = find_runs(l, l->cell->in_slot, l->in_run);
	l->rec_runs = find_runs(l, l->cell->rec_slot, l->rec_run);
}

void layer_find_blocks(struct layer *l, const struct model *m, int index)
{
	const struct layer_params *p = &m->layer[index];
	size_t H = (size_t)l->hidden, members = m->cfg.members > 1 ? (size_t)m->cfg.members : 1;
	for (int g = 0; g < l->cell->gates; g++) {
		const struct gemm *gemm = l->wh[g].g;
		const real *wh = model_param(m, p->wh) + (size_t)g * H * H, *wx = model_param(m, p->wx) + (size_t)g * H * H;
		l->wh[g].blocks = mat_in_blocks(gemm, wh, H, members) ? members : 1;
		if (index > 0)
			l->wx[g].blocks = mat_in_blocks(gemm, wx, H, members) ? members : 1;
	}
}

void layer_pack_part(struct layer *l, const struct model *m, int index, const real *wh, bool backward, int part,
                     int parts)
{
	const struct cell *cell = l->cell;
	const struct layer_params *p = &m->layer[index];
	const real *wx = model_param(m, p->wx);
	const real *bx = model_param(m, p->bx), *bh = model_param(m, p->bh);
	size_t H = (size_t)l->hidden, in = (size_t)l->in;

	for (int g = 0; g < cell->gates; g++) {
		if (in)
			mat_pack_part(&l->wx[g], wx + (size_t)g * H * in, 1, in, part, parts);
		mat_pack_part(&l->wh[g], wh + (size_t)g * H * H, 1, H, part, parts);
	}
	for (int r = 0; backward && in && r < l->in_runs; r++)
		mat_pack_part(&l->wxt[r], wx + (size_t)l->in_run[r].gate * H * in, in, 1, part, parts);
	for (int r = 0; backward && r < l->rec_runs; r++)
		mat_pack_part(&l->wht[r], wh + (size_t)l->rec_run[r].gate * H * H, H, 1, part, parts);

	if (part == 0) {
		memset(l->bias, 0, (size_t)cell->slots * l->hs * sizeof *l->bias);
		for (int g = 0; g < cell->gates; g++) {
			real *bi = l->bias + (size_t)cell->in_slot[g] * l->hs;
			real *br = l->bias + (size_t)cell->rec_slot[g] * l->hs;
			for (size_t u = 0; u < H; u++)
				bi[u] += bx[(size_t)g * H + u];
			for (size_t u = 0; u < H; u++)
				br[u] += bh[(size_t)g * H + u];
		}
	}
}

struct loop_job {
	struct layer *l;
	struct pool *pool;
	size_t T, B;
	size_t steps; /* whose rows stand in a together */
	const uint8_t *reset;
	const struct layer_input *in;
	real *d;
	real *const *ds;
	enum layer_dx dx;
};

/* --- the input ---------------------------------------------------------------------------- */

/* The cell adds a row to what the products give: the table's, which holds the bias
 * already, or the bias. Rows of the table that dropout scales do not hold it, and go the
 * way of a product. */
static bool input_is_added(const struct layer_input *in)
{
	return !in->x && !in->scale;
}

static const real *added_row(const struct loop_job *j, size_t i)
{
	const struct layer *l = j->l;
	return input_is_added(j->in) ? j->in->table + (size_t)j->in->row[i] * l->lda : l->bias;
}

/* x Wx' or its stand-in, for rows [r0, r1) of the block; to is the first of them in a. */
static void multiply_input(const struct loop_job *j, real *to, size_t r0, size_t r1, size_t u0, size_t u1)
{
	struct layer *l = j->l;
	const struct cell *cell = l->cell;
	const struct layer_input *in = j->in;
	for (int g = 0; in->x && g < cell->gates; g++)
		mat_mul_part(&l->wx[g], r1 - r0, layer_row(l, in->x, r0, in->ldx), in->ldx, u0, u1,
		             to + (size_t)cell->in_slot[g] * l->hs, l->lda, false);
	for (int g = 0; !in->x && g < cell->gates; g++) {
		size_t at = (size_t)cell->in_slot[g] * l->hs + u0;
		if (!in->scale && cell->in_slot[g] == cell->rec_slot[g])
			continue;
		for (size_t i = r0; i < r1; i++) {
			real *a = to + (i - r0) * l->lda + at;
			memset(a, 0, (u1 - u0) * sizeof(real));
			if (in->scale)
				kern_get()->axpy(u1 - u0, a, in->scale[i], in->table + (size_t)in->row[i] * l->lda + at);
		}
	}
}

/* Whether the recurrent product finds the input's in its slot. */
static bool slot_is_begun(const struct loop_job *j, int gate)
{
	const struct cell *cell = j->l->cell;
	return !input_is_added(j->in) && cell->in_slot[gate] == cell->rec_slot[gate];
}

/* --- the time loop ---------------------------------------------------------------------- */

size_t layer_rows(size_t T, size_t B)
{
	return min_size(T * B, B < ROWS ? ROWS : B);
}

/* The rows of a that step t works on. */
static real *step_rows(const struct loop_job *j, size_t t)
{
	return j->l->a + (j->l->all_steps ? t : t % j->steps) * j->B * j->l->lda;
}

/* Slots of a left-hand side, from a row on. */
static void *slot_rows(const struct layer *l, size_t row, int slot)
{
	return layer_row(l, layer_row(l, l->da, row, l->lda), (size_t)slot, l->hs);
}

static int16_t *kept_units(const struct layer *l, size_t row, size_t slot, size_t u)
{
	return (int16_t *)slot_rows(l, row, (int)slot) + u;
}

/* n units of all slots, as runs of numbers that stand together in a row. */
struct slot_runs {
	size_t count, len;
};

static struct slot_runs slot_runs(const struct layer *l, size_t n)
{
	size_t slots = (size_t)l->cell->slots;
	return n == l->hs ? (struct slot_runs){1, slots * n} : (struct slot_runs){slots, n};
}

/* State k before step t of stream b. */
static const real *prev_row(const struct loop_job *j, int k, size_t t, size_t b)
{
	if (j->reset && j->reset[t * j->B + b])
		return j->l->zero;
	return layer_state(j->l, k, t, j->B, b);
}

/* h of step t as the product reads it, for the part's rows and units, where streams
 * start afresh. */
static void copy_inputs(const struct loop_job *j, const struct share *s, void *hin, size_t t)
{
	const struct layer *l = j->l;
	size_t size = l->half ? sizeof(uint16_t) : sizeof(real), bytes = (s->u1 - s->u0) * size;
	for (size_t b = s->r0; b < s->r1; b++) {
		char *to = (char *)layer_row(l, hin, b, l->ldh) + s->u0 * size;
		if (j->reset[t * j->B + b])
			memset(to, 0, bytes);
		else
			memcpy(to, (char *)layer_row(l, l->h, t * j->B + b, l->ldh) + s->u0 * size, bytes);
	}
}

static void forward_part(void *arg, int part, int parts)
{
	struct loop_job *j = arg;
	struct layer *l = j->l;
	const struct cell *cell = l->cell;
	const struct kern *kern = kern_get();
	size_t T = j->T, B = j->B, ldh = l->ldh, hs = l->hs, nr = (size_t)l->wh[0].g->nr;
	/* A product of few rows takes several panels at once. */
	size_t chunk = B < MIN_ROWS ? (size_t)l->hidden : CHUNK > nr ? CHUNK / nr * nr : nr;
	struct stopwatch clock = phase_start(part ? NULL : l->seconds);
	struct share s = share(B, (size_t)l->hidden, (int)nr, part, parts);
	bool fused = split_by_rows(B, parts);

	for (size_t t = 0; t < T; t++) {
		if (!fused && t % j->steps == 0)
			multiply_input(j, step_rows(j, t), t * B + s.r0, min_size(t + j->steps, T) * B, s.u0, s.u1);
		void *h = layer_row(l, l->h, t * B, ldh);
		if (j->reset && (l->keep_hin || memchr(j->reset + t * B, 1, B))) {
			h = layer_row(l, l->hin, l->keep_hin ? t * B : 0, ldh);
			copy_inputs(j, &s, h, t);
			if (s.meet)
				pool_barrier(j->pool);
		}
		for (size_t u = s.u0; u < s.u1; u += chunk) {
			size_t end = min_size(u + chunk, s.u1);
			real *a = step_rows(j, t) + s.r0 * l->lda;
			if (fused)
				multiply_input(j, a, t * B + s.r0, t * B + s.r1, u, end);
			for (int g = 0; g < cell->gates; g++)
				mat_mul_part(&l->wh[g], s.r1 - s.r0, layer_row(l, h, s.r0, ldh), ldh, u, end,
				             a + (size_t)cell->rec_slot[g] * hs, l->lda, slot_is_begun(j, g));
			phase_end(&clock, PHASE_PRODUCTS);
			struct slot_runs kept = slot_runs(l, end - u);
			for (size_t b = s.r0; b < s.r1; b++, a += l->lda) {
				const real *prev[CELL_STATES];
				real *next[CELL_STATES];
				for (int k = 0; k < cell->states; k++) {
					prev[k] = prev_row(j, k, t, b) + u;
					next[k] = layer_state(l, k, t + 1, B, b) + u;
				}
				cell->forward(end - u, hs, a + u, added_row(j, t * B + b) + u, prev, next);
				if (l->half)
					kern->round_bf16(end - u, (uint16_t *)layer_row(l, l->h, (t + 1) * B + b, ldh) + u, next[0]);
				for (size_t k = 0; l->half && l->da && k < kept.count; k++)
					kern->round_unit(kept.len, kept_units(l, t * B + b, k, u), a + k * hs + u);
			}
			phase_end(&clock, PHASE_GATES);
		}
		if (s.meet)
			pool_barrier(j->pool);
		phase_end(&clock, PHASE_OTHER);
	}
}

void layer_forward(struct layer *l, struct pool *pool, int T, int B, const uint8_t *reset,
                   const struct layer_input *in)
{
	struct loop_job j = {.l = l, .pool = pool, .T = (size_t)T, .B = (size_t)B, .reset = reset, .in = in};
	j.steps = split_by_rows(j.B, pool_parts(pool)) || j.B > ROWS ? 1 : ROWS / j.B;
	pool_run(pool, forward_part, &j);
}

/* d = da Wx, or added, for rows and units. */
static void input_back(const struct loop_job *j, size_t r0, size_t r1, size_t u0, size_t u1)
{
	const struct layer *l = j->l;
	for (int i = 0; i < l->in_runs; i++)
		mat_mul_part(&l->wxt[i], r1 - r0, slot_rows(l, r0, l->in_run[i].slot), l->lda, u0, u1,
		             j->d + r0 * l->ldh, l->ldh, j->dx == DX_ADD || i > 0);
}

static void input_back_part(void *arg, int part, int parts)
{
	struct loop_job *j = arg;
	struct share s = share(j->T * j->B, (size_t)j->l->in, j->l->wxt[0].g->nr, part, parts);
	for (size_t r = s.r0; r < s.r1 && s.u0 < s.u1; r += ROWS)
		input_back(j, r, min_size(r + ROWS, s.r1), s.u0, s.u1);
}

/* What the gates of step t will read of row b comes from far, and after products that
 * fill the caches: it is asked for a step ahead, half of it at a time, because loads wait
 * for what was asked for before them. */
static void fetch_slots(const struct loop_job *j, size_t t, size_t b, const struct share *s)
{
	const struct layer *l = j->l;
	struct slot_runs kept = slot_runs(l, s->u1 - s->u0);
	size_t size = l->half ? sizeof(int16_t) : sizeof(real);
	for (size_t k = 0; k < kept.count; k++)
		mem_fetch(layer_row(l, slot_rows(l, t * j->B + b, (int)k), s->u0, 1), kept.len * size);
}

static void fetch_states(const struct loop_job *j, size_t t, size_t b, const struct share *s)
{
	const struct layer *l = j->l;
	size_t n = (s->u1 - s->u0) * sizeof(real);
	mem_fetch(j->d + (t * j->B + b) * l->ldh + s->u0, n);
	for (int k = l->cell->backward_h ? 0 : 1; k < l->cell->states; k++)
		mem_fetch(prev_row(j, k, t, b) + s->u0, n);
}

static void backward_part(void *arg, int part, int parts)
{
	struct loop_job *j = arg;
	struct layer *l = j->l;
	const struct cell *cell = l->cell;
	const struct kern *kern = kern_get();
	size_t B = j->B, ldh = l->ldh, hs = l->hs;
	struct share s = share(B, (size_t)l->hidden, l->wht[0].g->nr, part, parts);
	size_t n = s.u1 - s.u0;
	struct slot_runs kept = slot_runs(l, n);
	bool fused = j->dx != DX_NONE && split_by_rows(B, parts);
	struct stopwatch clock = phase_start(part ? NULL : l->seconds);

	for (size_t t = j->T; t-- > 0;) {
		real *a = step_rows(j, t) + s.r0 * l->lda + s.u0;
		for (size_t b = s.r0; n && b < s.r1; b++, a += l->half ? 0 : l->lda) {
			const real *prev[CELL_STATES], *next[CELL_STATES];
			real *ds[CELL_STATES];
			for (int k = 0; k < cell->states; k++) {
				prev[k] = prev_row(j, k, t, b) + s.u0;
				next[k] = layer_state(l, k, t + 1, B, b) + s.u0;
				ds[k] = j->ds[k] + b * ldh + s.u0;
			}
			for (size_t k = 0; l->half && k < kept.count; k++)
				kern->widen_unit(kept.len, a + k * hs, kept_units(l, t * B + b, k, s.u0));
			if (t)
				fetch_slots(j, t - 1, b, &s);
			cell->backward(n, hs, a, prev, next, j->d + (t * B + b) * ldh + s.u0, ds);
			if (t)
				fetch_states(j, t - 1, b, &s);
			for (size_t k = 0; l->half && k < kept.count; k++)
				kern->round_bf16(kept.len, (uint16_t *)slot_rows(l, t * B + b, (int)k) + s.u0, a + k * hs);
		}
		phase_end(&clock, PHASE_GATES);
		if (s.meet)
			pool_barrier(j->pool);
		phase_end(&clock, PHASE_OTHER);
		for (int r = 0; n && r < l->rec_runs; r++)
			mat_mul_part(&l->wht[r], s.r1 - s.r0, slot_rows(l, t * B + s.r0, l->rec_run[r].slot), l->lda, s.u0,
			             s.u1, j->ds[0] + s.r0 * ldh, ldh, true);
		if (fused)
			input_back(j, t * B + s.r0, t * B + s.r1, 0, (size_t)l->in);
		phase_end(&clock, PHASE_PRODUCTS);
		for (size_t b = s.r0; j->reset && b < s.r1; b++)
			for (int k = 0; j->reset[t * B + b] && k < cell->states; k++)
				memset(j->ds[k] + b * ldh + s.u0, 0, n * sizeof(real));
	}
}

void layer_backward(struct layer *l, struct pool *pool, int T, int B, const uint8_t *reset, real *d,
                    real *const ds[], enum layer_dx dx)
{
	struct loop_job j = {.l = l, .pool = pool, .T = (size_t)T, .B = (size_t)B, .reset = reset,
	                     .d = d, .ds = ds, .dx = dx, .steps = 1};
	pool_run(pool, backward_part, &j);
	struct stopwatch clock = phase_start(l->seconds);
	if (dx != DX_NONE && !split_by_rows(j.B, pool_parts(pool)))
		pool_run(pool, input_back_part, &j);
	phase_end(&clock, PHASE_PRODUCTS);
}

/* --- gradients of the parameters ------------------------------------------------ */

struct grads_job {
	struct layer *l;
	size_t rows;
	real *bx;
};

void layer_add_slot_grad(const struct layer *l, size_t i, int slot, size_t u, size_t n, real scale, real *to)
{
	const struct kern *k = kern_get();
	const void *from = layer_row(l, slot_rows(l, i, slot), u, 1);
	real *wide = l->a + (size_t)slot * l->hs + u; /* a is free now, and its first row is u's part's */
	if (scale == 1) {
		k->colsum(1, n, to, l->half ? PREC_BF16 : PREC_F32, from, l->lda);
	} else if (l->half) {
		k->widen_bf16(n, wide, from);
		k->axpy(n, to, scale, wide);
	} else {
		k->axpy(n, to, scale, from);
	}
}

void layer_fetch_slot_grad(const struct layer *l, size_t i, int slot, size_t u, size_t n)
{
	mem_fetch(layer_row(l, slot_rows(l, i, slot), u, 1), n * (l->half ? sizeof(uint16_t) : sizeof(real)));
}

/* Where a gate's two halves stand apart, its bias_ih; the other biases are summed on the way
 * of the products. */
static void bias_part(void *arg, int part, int parts)
{
	struct grads_job *j = arg;
	const struct layer *l = j->l;
	enum precision type = l->half ? PREC_BF16 : PREC_F32;
	size_t u0, u1, H = (size_t)l->hidden;
	pool_share(part, parts, H, 16, &u0, &u1);
	for (int g = 0; g < l->cell->gates; g++)
		if (l->cell->in_slot[g] != l->cell->rec_slot[g])
			kern_get()->colsum(j->rows, u1 - u0, j->bx + (size_t)g * H + u0, type,
			                   layer_row(l, slot_rows(l, 0, l->cell->in_slot[g]), u0, 1), l->lda);
}

/* Whether input and recurrent product have the gradients of the r-th run in common. */
static bool same_run(const struct layer *l, int r)
{
	return r < l->in_runs && r < l->rec_runs && l->in_run[r].slot == l->rec_run[r].slot &&
	       l->in_run[r].gate == l->rec_run[r].gate && l->in_run[r].len == l->rec_run[r].len;
}

void layer_grads(struct layer *l, struct pool *pool, const struct model *m, int index, int T, int B,
                 bool resets, const void *x, size_t ldx, real *grad, void *scratch)
{
	const struct layer_params *p = &m->layer[index];
	const struct gemm *g = l->wh[0].g;
	size_t H = (size_t)l->hidden, rows = (size_t)T * (size_t)B;
	struct grads_job j = {.l = l, .rows = rows, .bx = grad + m->list[p->bx].offset};

	struct stopwatch clock = phase_start(l->seconds);
	pool_run(pool, bias_part, &j);
	phase_end(&clock, PHASE_OTHER);
	enum precision type = l->half ? PREC_BF16 : PREC_F32;
	struct mat_rows h = {resets ? l->hin : l->h, l->ldh, type}, in = {x, ldx, type};
	real *wh = grad + m->list[p->wh].offset, *wx = grad + m->list[p->wx].offset;
	real *bh = grad + m->list[p->bh].offset;
	for (int r = 0; r < l->rec_runs; r++) {
		struct run run = l->rec_run[r];
		bool both = x && same_run(l, r);
		struct mat_tn with[2] = {{h, wh + (size_t)run.gate * H * H}, {in, wx + (size_t)run.gate * H * H}};
		mat_mul_tn_of(pool, g, (size_t)run.len * H, H, rows, (struct mat_rows){slot_rows(l, 0, run.slot), l->lda, type},
		              with, both ? 2 : 1, H, bh + (size_t)run.gate * H, scratch);
	}
	for (int r = 0; x && r < l->in_runs; r++) {
		struct run run = l->in_run[r];
		struct mat_tn with = {in, wx + (size_t)run.gate * H * H};
		if (!same_run(l, r))
			mat_mul_tn_of(pool, g, (size_t)run.len * H, H, rows, (struct mat_rows){slot_rows(l, 0, run.slot), l->lda, type},
			              &with, 1, H, NULL, scratch);
	}
	for (int k = 0; k < l->cell->gates; k++)
		if (l->cell->in_slot[k] == l->cell->rec_slot[k])
			memcpy(j.bx + (size_t)k * H, bh + (size_t)k * H, H * sizeof(real));
	phase_end(&clock, PHASE_PRODUCTS);
}
