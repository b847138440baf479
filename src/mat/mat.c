/* Products over the kernels: who does which tile of C. */
#include "mat/mat.h"

#include <stdint.h>

enum { WAY = 4096 /* bytes after which an L1 begins again */ };

static size_t round_up(size_t n, size_t grain)
{
	return (n + grain - 1) / grain * grain;
}

static size_t panels_of(const struct gemm *g, size_t n)
{
	return round_up(n, (size_t)g->nr) / (size_t)g->nr;
}

size_t mat_round(size_t n)
{
	return round_up(n, 16);
}

size_t mat_stride(size_t n)
{
	size_t r = mat_round(n);
	return r && r * sizeof(real) % (WAY / 2) == 0 ? r + 32 : r;
}

size_t mat_pack_bytes(const struct gemm *g, size_t k, size_t n)
{
	return g->pack_bytes(k, n);
}

void mat_pack_init(struct mat_pack *p, const struct gemm *g, size_t k, size_t n, void *data)
{
	*p = (struct mat_pack){.g = g, .k = k, .n = n, .blocks = 1, .data = data};
}

bool mat_in_blocks(const struct gemm *g, const real *b, size_t n, size_t blocks)
{
	if (n % blocks || n / blocks % (size_t)g->nr)
		return false;
	size_t width = n / blocks;
	for (size_t i = 0; i < n; i++)
		for (size_t j = 0, from = i / width * width; j < n; j++)
			if (b[i * n + j] != 0 && (j < from || j >= from + width))
				return false;
	return true;
}

static void *block_data(const struct mat_pack *p, size_t block)
{
	return (char *)p->data + block * p->g->pack_bytes(p->k / p->blocks, p->n / p->blocks);
}

void mat_pack_part(struct mat_pack *p, const real *b, size_t rs, size_t cs, int part, int parts)
{
	size_t lo, hi, k = p->k / p->blocks, n = p->n / p->blocks;
	pool_share(part, parts, panels_of(p->g, n), 1, &lo, &hi);
	for (size_t i = 0; i < p->blocks; i++)
		p->g->pack(block_data(p, i), k, n, (struct operand){.data = b + i * (k * rs + n * cs), .type = PREC_F32, .rs = rs, .cs = cs}, lo, hi);
}

struct pack_job {
	struct mat_pack *p;
	const real *b;
	size_t rs, cs;
};

static void pack_run(void *arg, int part, int parts)
{
	struct pack_job *j = arg;
	mat_pack_part(j->p, j->b, j->rs, j->cs, part, parts);
}

void mat_pack_fill(struct mat_pack *p, const real *b, size_t rs, size_t cs, struct pool *pool)
{
	pool_run(pool, pack_run, &(struct pack_job){p, b, rs, cs});
}

static size_t lhs_bytes(const struct gemm *g)
{
	return g->prec == PREC_BF16 ? sizeof(uint16_t) : sizeof(real);
}

/* Rows of A, row-major, from row i on. */
static struct operand rows_from(const struct gemm *g, const void *a, size_t lda, size_t i)
{
	return (struct operand){.data = (const char *)a + i * lda * lhs_bytes(g), .type = g->prec, .rs = lda, .cs = 1};
}

void mat_mul_part(const struct mat_pack *b, size_t m, const void *a, size_t lda, size_t n0,
                  size_t n1, real *c, size_t ldc, bool add)
{
	size_t nr = (size_t)b->g->nr, k = b->k / b->blocks, n = b->n / b->blocks;
	for (size_t i = n ? n0 / n : 0; i * n < n1; i++) {
		size_t lo = n0 > i * n ? n0 - i * n : 0, hi = n1 - i * n < n ? n1 - i * n : n;
		if (lo < hi) /* hi = n need not be a multiple of nr: rounded up, nothing would become a panel */
			b->g->mul(m, k, n, rows_from(b->g, (const char *)a + i * k * lhs_bytes(b->g), lda, 0), block_data(b, i), lo / nr,
			          round_up(hi, nr) / nr, c + i * n, ldc, add, NULL, NULL, 0);
	}
}

/* A part's tile of C: rows [i0, i1), panels [j0, j1). */
struct share {
	size_t i0, i1, j0, j1;
};

/* Parts form a grid over C. Of the grids whose largest tile is least work (a
 * tile lower than mr still costs the reading of B), the one that reads least:
 * rows of A plus columns of B. */
static struct share share_of(const struct gemm *g, size_t m, size_t n, int part, int parts)
{
	size_t panels = panels_of(g, n), least = SIZE_MAX, least_read = SIZE_MAX;
	int down = 1;
	for (int d = 1; d <= parts; d++) {
		if (parts % d)
			continue;
		size_t rows = round_up(m, (size_t)d) / (size_t)d;
		size_t across = (size_t)(parts / d);
		size_t cols = round_up(panels, across) / across * (size_t)g->nr;
		size_t work = (rows < (size_t)g->mr ? (size_t)g->mr : rows) * cols;
		if (work < least || (work == least && rows + cols < least_read)) {
			least = work;
			least_read = rows + cols;
			down = d;
		}
	}
	struct share s;
	pool_share(part % down, down, m, 1, &s.i0, &s.i1);
	pool_share(part / down, parts / down, panels, 1, &s.j0, &s.j1);
	return s;
}

struct mul_job {
	const struct mat_pack *b;
	size_t m, lda, ldc;
	const void *a;
	real *c;
	bool add;
};

static void mul_run(void *arg, int part, int parts)
{
	const struct mul_job *q = arg;
	const struct gemm *g = q->b->g;
	struct share s = share_of(g, q->m, q->b->n, part, parts);
	g->mul(s.i1 - s.i0, q->b->k, q->b->n, rows_from(g, q->a, q->lda, s.i0), q->b->data, s.j0, s.j1,
	       q->c + s.i0 * q->ldc, q->ldc, q->add, NULL, NULL, 0);
}

void mat_mul(struct pool *pool, const struct mat_pack *b, size_t m, const void *a, size_t lda,
             real *c, size_t ldc, bool add)
{
	pool_run(pool, mul_run, &(struct mul_job){b, m, lda, ldc, a, c, add});
}

/* Scratch of mat_mul_tn: two buffers for packed blocks of B, for each of them, shared, then two
 * for slivers of A for each part. One of the two is read while the other is written, at the same
 * pace: half a WAY keeps a load from looking like that of what was stored just before. */
static size_t tn_buffer(size_t bytes)
{
	return round_up(bytes, WAY) + WAY / 2;
}

static size_t tn_block_bytes(const struct gemm *g, size_t n, size_t k)
{
	size_t kc = (size_t)g->kc;
	return tn_buffer(g->pack_bytes(k < kc ? k : kc, n));
}

static size_t tn_part_bytes(const struct gemm *g, size_t m, size_t n, size_t k)
{
	size_t kc = (size_t)g->kc;
	return tn_buffer(g->scratch_bytes(m, k < kc ? k : kc, n));
}

size_t mat_mul_tn_scratch(const struct gemm *g, int threads, size_t m, size_t n, size_t k, size_t count)
{
	return 2 * count * tn_block_bytes(g, n, k) + 2 * (size_t)threads * tn_part_bytes(g, m, n, k);
}

struct tn_job {
	struct pool *pool;
	const struct gemm *g;
	size_t m, n, k, ldc;
	struct mat_rows a;
	const struct mat_tn *with;
	size_t count;
	real *sums;
	char *scratch;
};

/* Element (i, j) of the array, as an operand that begins there. */
static struct operand rows_at(const struct mat_rows *r, size_t i, size_t j, size_t rs, size_t cs)
{
	size_t bytes = r->type == PREC_BF16 ? sizeof(uint16_t) : sizeof(real);
	return (struct operand){.data = (const char *)r->x + (i * r->ld + j) * bytes, .type = r->type, .rs = rs, .cs = cs};
}

/* Rows of A that are packed together: an equal part of what a part has. */
static size_t tn_rows(const struct gemm *g, size_t m)
{
	size_t mc = (size_t)g->mc, blocks = (m + mc - 1) / mc;
	return blocks ? (m + blocks - 1) / blocks : 0;
}

/* A part of the job: its tile of C, and its panels [lo, hi) of B to pack. */
struct tn_part {
	const struct tn_job *q;
	struct share s;
	size_t lo, hi, step; /* rows of A that are packed together */
	char *slivers[2];
	bool carry; /* products pack what comes next */
};

static size_t tn_depth(const struct tn_job *q, size_t p)
{
	size_t kc = (size_t)q->g->kc;
	return q->k - p < kc ? q->k - p : kc;
}

static char *tn_block(const struct tn_job *q, size_t p, size_t w)
{
	return q->scratch + (2 * w + p / (size_t)q->g->kc % 2) * tn_block_bytes(q->g, q->n, q->k);
}

/* The part's panels of block p of B, of the w-th product. */
static struct packing tn_panels(const struct tn_part *t, size_t p, size_t w)
{
	const struct mat_rows *b = &t->q->with[w].b;
	return (struct packing){.x = rows_at(b, p, 0, b->ld, 1), .k = tn_depth(t->q, p), .n = t->q->n,
	                        .j0 = t->lo, .j1 = t->hi, .to = tn_block(t->q, p, w)};
}

/* Rows of A from i on, block p. The part with C's first columns sums them. */
static struct packing tn_slivers(const struct tn_part *t, size_t p, size_t i)
{
	const struct tn_job *q = t->q;
	size_t left = t->s.i1 - i;
	return (struct packing){.slivers = true, .x = rows_at(&q->a, p, i, 1, q->a.ld), .k = tn_depth(q, p),
	                        .n = left < t->step ? left : t->step,
	                        .sums = q->sums && t->s.j0 == 0 ? q->sums + i : NULL};
}

static void tn_pack_block(const struct tn_part *t, size_t p)
{
	for (size_t w = 0; w < t->q->count; w++) {
		struct packing b = tn_panels(t, p, w);
		t->q->g->pack(b.to, b.k, b.n, b.x, b.j0, b.j1);
	}
}

/* The part's rows of C, with block p. The first product packs the part's share of the next
 * block of B on its way, the last one the rows of A that come next. */
static void tn_multiply(struct tn_part *t, size_t p, bool *packed)
{
	const struct tn_job *q = t->q;
	size_t kb = tn_depth(q, p);
	for (size_t i = t->s.i0; i < t->s.i1; i += t->step) {
		struct packing now = tn_slivers(t, p, i), meanwhile[MAT_TN_MOST + 1];
		bool first = i == t->s.i0, last = i + t->step >= t->s.i1, more = !last || p + kb < q->k;
		now.x.packed = *packed;
		now.x.room = q->m - i;
		if (!*packed && now.sums)
			kern_get()->colsum(kb, now.n, now.sums, now.x.type, now.x.data, q->a.ld);
		for (size_t w = 0; w < q->count; w++, now.x.packed = true) {
			size_t count = 0;
			for (size_t v = 0; t->carry && first && w == 0 && p + kb < q->k && t->lo < t->hi && v < q->count; v++)
				meanwhile[count++] = tn_panels(t, p + kb, v);
			if (t->carry && more && w + 1 == q->count) {
				meanwhile[count] = last ? tn_slivers(t, p + kb, t->s.i0) : tn_slivers(t, p, i + t->step);
				meanwhile[count++].to = t->slivers[1];
			}
			q->g->mul(now.n, kb, q->n, now.x, tn_block(q, p, w), t->s.j0, t->s.j1, q->with[w].c + i * q->ldc, q->ldc,
			          true, t->slivers[0], meanwhile, count);
		}
		*packed = t->carry;
		if (t->carry) {
			char *other = t->slivers[1];
			t->slivers[1] = t->slivers[0];
			t->slivers[0] = other;
		}
	}
}

/* Block by block of the reduction: all parts pack a share of B's block, wait for each other, and
 * multiply their tile. With two buffers one meeting per block is enough: whoever packs block
 * p + 1 has met those who used block p - 1. */
static void tn_run(void *arg, int part, int parts)
{
	const struct tn_job *q = arg;
	const struct gemm *g = q->g;
	size_t bytes = tn_part_bytes(g, q->m, q->n, q->k);
	struct tn_part t = {.q = q, .s = share_of(g, q->m, q->n, part, parts)};
	t.slivers[0] = q->scratch + 2 * q->count * tn_block_bytes(g, q->n, q->k) + 2 * (size_t)part * bytes;
	t.slivers[1] = t.slivers[0] + bytes;
	t.step = tn_rows(g, t.s.i1 - t.s.i0);
	pool_share(part, parts, panels_of(g, q->n), 1, &t.lo, &t.hi);
	t.carry = g->carries && q->a.type == g->prec && t.s.i0 < t.s.i1 && t.s.j0 < t.s.j1;
	for (size_t w = 0; w < q->count; w++)
		t.carry = t.carry && q->with[w].b.type == g->prec;
	bool packed = false; /* the rows of A that come next */
	for (size_t p = 0, kb; p < q->k; p += kb) {
		kb = tn_depth(q, p);
		if (p == 0 || !t.carry)
			tn_pack_block(&t, p);
		if (parts > 1)
			pool_barrier(q->pool);
		if (t.s.j0 < t.s.j1)
			tn_multiply(&t, p, &packed);
	}
}

void mat_mul_tn_of(struct pool *pool, const struct gemm *g, size_t m, size_t n, size_t k, struct mat_rows a,
                   const struct mat_tn *with, size_t count, size_t ldc, real *sums, void *scratch)
{
	pool_run(pool, tn_run, &(struct tn_job){pool, g, m, n, k, ldc, a, with, count, sums, scratch});
}

void mat_mul_tn(struct pool *pool, const struct gemm *g, size_t m, size_t n, size_t k,
                const real *a, size_t lda, const real *b, size_t ldb, real *c, size_t ldc,
                void *scratch)
{
	struct mat_tn with = {{b, ldb, PREC_F32}, c};
	mat_mul_tn_of(pool, g, m, n, k, (struct mat_rows){a, lda, PREC_F32}, &with, 1, ldc, NULL, scratch);
}
