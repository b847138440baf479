/* One recurrent layer.
 *
 * The input product of a whole block is one large product before the loop
 * (layer_input); what is left inside it, step by step, is
 *
 *      a_t += h_(t-1) Wh'     B x H by H x GH
 *      cell                    elementwise
 *
 * and backwards
 *
 *      cell                    elementwise: slots become their gradients
 *      dh += da_t Wh          B x GH by GH x H
 *
 * after which dWh, dWx and dX are again one large product each.
 *
 * Threads share a grid of streams x units. Split by streams they never meet
 * inside the loop, but each reads all of Wh at every step; split by units each
 * reads its part of Wh only, and they meet at a barrier once a step (twice
 * backwards). With many streams the first is chosen, with few the second: a
 * product of fewer than MIN_ROWS rows cannot keep the multipliers busy. Either
 * way every element is computed the same, so the bits do not depend on it.
 *
 * The gate pass follows the product at once for every CHUNK of units, while
 * their pre-activations are in the first-level cache. */
#include "nn/layer.h"

#include <string.h>

#include "nn/phase.h"

enum { CHUNK = 64, MIN_ROWS = 8 };

static size_t min_size(size_t a, size_t b)
{
	return a < b ? a : b;
}

/* Part of a (rows x units) grid: a part's rows and units, and whether parts share rows. */
struct share {
	size_t r0, r1, u0, u1;
	bool meet; /* several parts work on the same rows */
};

static struct share share(size_t rows, size_t units, int nr, int part, int parts)
{
	struct share s = {0, rows, 0, units, false};
	if (parts == 1)
		return s;
	if (rows >= (size_t)parts * MIN_ROWS) {
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

void layer_pack_part(struct layer *l, const struct model *m, int index, bool backward, int part,
                     int parts)
{
	const struct cell *cell = l->cell;
	const struct layer_params *p = &m->layer[index];
	const real *wx = model_param(m, p->wx), *wh = model_param(m, p->wh);
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

/* --- the input product ------------------------------------------------------ */

struct input_job {
	struct layer *l;
	size_t rows;
	const void *x;
	size_t ldx;
};

static void input_part(void *arg, int part, int parts)
{
	struct input_job *j = arg;
	struct layer *l = j->l;
	size_t hs = l->hs, step = 96; /* rows at a time, so that a stays in the second-level cache */
	struct share s = share(j->rows, (size_t)l->hidden, l->wh[0].g->nr, part, parts);
	if (s.u0 == s.u1)
		return;
	for (size_t r = s.r0; r < s.r1; r += step) {
		size_t n = min_size(step, s.r1 - r);
		for (size_t i = r; i < r + n; i++)
			for (int k = 0; k < l->cell->slots; k++)
				memcpy(l->a + i * l->lda + (size_t)k * hs + s.u0, l->bias + (size_t)k * hs + s.u0,
				       (s.u1 - s.u0) * sizeof(real));
		for (int g = 0; g < l->cell->gates; g++)
			mat_mul_part(&l->wx[g], n, layer_row(l, j->x, r, j->ldx), j->ldx, s.u0, s.u1,
			             l->a + r * l->lda + (size_t)l->cell->in_slot[g] * hs, l->lda, true);
	}
}

void layer_input(struct layer *l, struct pool *pool, size_t rows, const void *x, size_t ldx)
{
	struct input_job j = {l, rows, x, ldx};
	struct stopwatch clock = phase_start(l->seconds);
	pool_run(pool, input_part, &j);
	phase_end(&clock, PHASE_PRODUCTS);
}

/* --- the time loop ------------------------------------------------------------ */

struct loop_job {
	struct layer *l;
	struct pool *pool;
	size_t T, B;
	const uint8_t *reset;
	const real *dy;
	real *const *ds;
};

/* State k before step t of stream b. */
static const real *prev_row(const struct loop_job *j, int k, size_t t, size_t b)
{
	if (j->reset && j->reset[t * j->B + b])
		return j->l->zero;
	return j->l->s[k] + (t * j->B + b) * j->l->ldh;
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
	size_t B = j->B, ldh = l->ldh, hs = l->hs, nr = (size_t)l->wh[0].g->nr;
	size_t chunk = CHUNK > nr ? CHUNK / nr * nr : nr;
	struct stopwatch clock = phase_start(part ? NULL : l->seconds);
	struct share s = share(B, (size_t)l->hidden, (int)nr, part, parts);

	for (size_t t = 0; t < j->T; t++) {
		void *h = layer_row(l, l->h, t * B, ldh);
		if (j->reset && (l->keep_hin || memchr(j->reset + t * B, 1, B))) {
			h = layer_row(l, l->hin, l->keep_hin ? t * B : 0, ldh);
			copy_inputs(j, &s, h, t);
			if (s.meet)
				pool_barrier(j->pool);
		}
		for (size_t u = s.u0; u < s.u1; u += chunk) {
			size_t end = min_size(u + chunk, s.u1);
			real *a = l->a + (t * B + s.r0) * l->lda;
			for (int g = 0; g < cell->gates; g++)
				mat_mul_part(&l->wh[g], s.r1 - s.r0, layer_row(l, h, s.r0, ldh), ldh, u, end,
				             a + (size_t)cell->rec_slot[g] * hs, l->lda, true);
			phase_end(&clock, PHASE_PRODUCTS);
			for (size_t b = s.r0; b < s.r1; b++, a += l->lda) {
				const real *prev[CELL_STATES];
				real *next[CELL_STATES];
				for (int k = 0; k < cell->states; k++) {
					prev[k] = prev_row(j, k, t, b) + u;
					next[k] = l->s[k] + ((t + 1) * B + b) * ldh + u;
				}
				cell->forward(end - u, hs, a + u, prev, next);
				if (l->half)
					kern->round_bf16(end - u, (uint16_t *)layer_row(l, l->h, (t + 1) * B + b, ldh) + u, next[0]);
			}
			phase_end(&clock, PHASE_GATES);
		}
		if (s.meet)
			pool_barrier(j->pool);
		phase_end(&clock, PHASE_OTHER);
	}
}

void layer_forward(struct layer *l, struct pool *pool, int T, int B, const uint8_t *reset)
{
	struct loop_job j = {.l = l, .pool = pool, .T = (size_t)T, .B = (size_t)B, .reset = reset};
	pool_run(pool, forward_part, &j);
}

/* Gradients of a slot as a left-hand side, from a row on. */
static const void *slot_rows(const struct layer *l, size_t row, int slot)
{
	return layer_row(l, layer_row(l, l->da, row, l->lda), (size_t)slot, l->hs);
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
	struct stopwatch clock = phase_start(part ? NULL : l->seconds);

	for (size_t t = j->T; t-- > 0;) {
		real *a = l->a + (t * B + s.r0) * l->lda;
		for (size_t b = s.r0; n && b < s.r1; b++) {
			const real *prev[CELL_STATES], *next[CELL_STATES];
			real *ds[CELL_STATES];
			for (int k = 0; k < cell->states; k++) {
				prev[k] = prev_row(j, k, t, b) + s.u0;
				next[k] = l->s[k] + ((t + 1) * B + b) * ldh + s.u0;
				ds[k] = j->ds[k] + b * ldh + s.u0;
			}
			kern->add(n, ds[0], j->dy + (t * B + b) * ldh + s.u0);
			cell->backward(n, hs, a + (b - s.r0) * l->lda + s.u0, prev, next, ds);
			for (int k = 0; l->half && k < cell->slots; k++)
				kern->round_bf16(n, (uint16_t *)layer_row(l, l->da, t * B + b, l->lda) + (size_t)k * hs + s.u0,
				                 a + (b - s.r0) * l->lda + (size_t)k * hs + s.u0);
		}
		phase_end(&clock, PHASE_GATES);
		if (s.meet)
			pool_barrier(j->pool);
		phase_end(&clock, PHASE_OTHER);
		for (int r = 0; n && r < l->rec_runs; r++)
			mat_mul_part(&l->wht[r], s.r1 - s.r0, slot_rows(l, t * B + s.r0, l->rec_run[r].slot), l->lda, s.u0,
			             s.u1, j->ds[0] + s.r0 * ldh, ldh, true);
		phase_end(&clock, PHASE_PRODUCTS);
		for (size_t b = s.r0; j->reset && b < s.r1; b++)
			for (int k = 0; j->reset[t * B + b] && k < cell->states; k++)
				memset(j->ds[k] + b * ldh + s.u0, 0, n * sizeof(real));
	}
}

void layer_backward(struct layer *l, struct pool *pool, int T, int B, const uint8_t *reset,
                    const real *dy, real *const ds[])
{
	struct loop_job j = {.l = l, .pool = pool, .T = (size_t)T, .B = (size_t)B, .reset = reset,
	                     .dy = dy, .ds = ds};
	pool_run(pool, backward_part, &j);
}

/* --- gradients of the parameters ------------------------------------------------ */

struct grads_job {
	struct layer *l;
	size_t rows;
	real *bx, *bh;
	real *dx;
	size_t lddx;
	bool add;
};

static void bias_part(void *arg, int part, int parts)
{
	struct grads_job *j = arg;
	const struct layer *l = j->l;
	const struct cell *cell = l->cell;
	size_t u0, u1, H = (size_t)l->hidden;
	pool_share(part, parts, H, 16, &u0, &u1);
	for (int g = 0; g < cell->gates; g++) {
		real *bx = j->bx + (size_t)g * H, *bh = j->bh + (size_t)g * H;
		kern_get()->colsum(j->rows, u1 - u0, bx + u0, l->a + (size_t)cell->in_slot[g] * l->hs + u0, l->lda);
		if (cell->in_slot[g] == cell->rec_slot[g])
			memcpy(bh + u0, bx + u0, (u1 - u0) * sizeof(real));
		else
			kern_get()->colsum(j->rows, u1 - u0, bh + u0, l->a + (size_t)cell->rec_slot[g] * l->hs + u0, l->lda);
	}
}

static void dx_part(void *arg, int part, int parts)
{
	struct grads_job *j = arg;
	const struct layer *l = j->l;
	size_t step = 96;
	struct share s = share(j->rows, (size_t)l->in, l->wxt[0].g->nr, part, parts);
	if (s.u0 == s.u1)
		return;
	for (size_t r = s.r0; r < s.r1; r += step)
		for (int i = 0; i < l->in_runs; i++)
			mat_mul_part(&l->wxt[i], min_size(step, s.r1 - r), slot_rows(l, r, l->in_run[i].slot), l->lda,
			             s.u0, s.u1, j->dx + r * j->lddx, j->lddx, j->add || i > 0);
}

void layer_grads(struct layer *l, struct pool *pool, const struct model *m, int index, int T, int B,
                 bool resets, const void *x, size_t ldx, real *dx, bool add_dx, real *grad,
                 void *scratch)
{
	const struct layer_params *p = &m->layer[index];
	const struct gemm *g = l->wh[0].g;
	size_t H = (size_t)l->hidden, rows = (size_t)T * (size_t)B;
	struct grads_job j = {.l = l, .rows = rows, .bx = grad + m->list[p->bx].offset,
	                      .bh = grad + m->list[p->bh].offset, .dx = dx, .lddx = l->ldh, .add = add_dx};

	struct stopwatch clock = phase_start(l->seconds);
	pool_run(pool, bias_part, &j);
	phase_end(&clock, PHASE_OTHER);
	for (int r = 0; r < l->rec_runs; r++)
		mat_mul_tn(pool, g, (size_t)l->rec_run[r].len * H, H, rows, slot_rows(l, 0, l->rec_run[r].slot), l->lda,
		           resets ? l->hin : l->h, l->ldh,
		           grad + m->list[p->wh].offset + (size_t)l->rec_run[r].gate * H * H, H, scratch);
	phase_end(&clock, PHASE_PRODUCTS);
	if (!x)
		return;
	for (int r = 0; r < l->in_runs; r++)
		mat_mul_tn(pool, g, (size_t)l->in_run[r].len * H, H, rows, slot_rows(l, 0, l->in_run[r].slot), l->lda, x,
		           ldx, grad + m->list[p->wx].offset + (size_t)l->in_run[r].gate * H * H, H, scratch);
	pool_run(pool, dx_part, &j);
	phase_end(&clock, PHASE_PRODUCTS);
}
