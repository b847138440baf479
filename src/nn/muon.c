/* Newton-Schulz iteration on the smaller side of a matrix, all threads on one. */
#include "nn/muon.h"

#include <math.h>
#include <string.h>

#include "base/mem.h"
#include "mat/mat.h"

const double muon_coefficients[3] = {3.4445, -4.7750, 2.0315};

/* Rows of a symmetric product that are made at a time. */
enum { BAND = 48, TILE = 16 };

struct muon {
	const struct gemm *g;
	size_t n, m;        /* (n, m), n <= m: the largest */
	real *x, *a, *c;    /* (n, m), (n, n), (n, n) */
	void *half;         /* (n, m) rounded, or NULL in float32 */
	void *packed;       /* a right-hand side (m, n), (n, n) or (n, m) */
};

struct muon *muon_new(enum precision prec, size_t rows, size_t cols, struct err *e)
{
	struct muon *s = mem_new(1, sizeof *s, e);
	if (!s)
		return NULL;
	s->g = kern_get()->gemm[prec];
	s->n = rows < cols ? rows : cols;
	s->m = rows < cols ? cols : rows;
	size_t bytes = mat_pack_bytes(s->g, s->m, s->n), other = mat_pack_bytes(s->g, s->n, s->m);
	size_t ldm = mat_stride(s->m), ldn = mat_stride(s->n);
	s->x = mem_block(s->n * ldm, sizeof *s->x, e);
	s->a = mem_block(s->n * ldn, sizeof *s->a, e);
	s->c = mem_block(s->n * ldn, sizeof *s->c, e);
	s->packed = mem_block(bytes > other ? bytes : other, 1, e);
	if (prec == PREC_BF16)
		s->half = mem_block(s->n * ldm, sizeof(uint16_t), e);
	if (s->x && s->a && s->c && s->packed && (s->half || prec != PREC_BF16))
		return s;
	muon_free(s);
	return NULL;
}

void muon_free(struct muon *s)
{
	if (!s)
		return;
	mem_free(s->x);
	mem_free(s->a);
	mem_free(s->c);
	mem_free(s->half);
	mem_free(s->packed);
	mem_free(s);
}

struct direction_job {
	struct muon *s;
	struct pool *pool;
	size_t n, m; /* of X */
	bool flip;   /* X is the transpose of x */
	real *x;
	real scale;  /* 1 / |x| */
};

static const void *row(const struct muon *s, const void *x, size_t i, size_t ld)
{
	return (const char *)x + i * ld * (s->half ? sizeof(uint16_t) : sizeof(real));
}

/* Rows [r0, r1) of a matrix as the left-hand side of a product: themselves, or rounded. */
static const void *lhs_rows(struct muon *s, const real *x, size_t r0, size_t r1, size_t cols, size_t ld)
{
	if (!s->half)
		return x + r0 * ld;
	for (size_t i = r0; i < r1; i++)
		kern_get()->round_bf16(cols, (uint16_t *)s->half + i * ld, x + i * ld);
	return row(s, s->half, r0, ld);
}

/* A part's packing of the right-hand side (k, n) whose element (i, j) is x[i*rs + j*cs]. */
static struct mat_pack pack(const struct direction_job *q, size_t k, size_t n, const real *x, size_t rs, size_t cs,
                            int part, int parts)
{
	struct mat_pack b;
	mat_pack_init(&b, q->s->g, k, n, q->s->packed);
	mat_pack_part(&b, x, rs, cs, part, parts);
	pool_barrier(q->pool);
	return b;
}

/* Bands below the diagonal grow: dealt to and fro, parts get about the same. */
static bool own(size_t band, int part, int parts)
{
	size_t k = band % (2 * (size_t)parts);
	return (k < (size_t)parts ? k : 2 * (size_t)parts - 1 - k) == (size_t)part;
}

/* C = A B, (n, n), where it is known to be symmetric: what lies above the diagonal is copied
 * from below. */
static void symmetric(const struct direction_job *q, const struct mat_pack *b, const real *a, size_t lda, int part,
                      int parts, real *c, size_t ldc)
{
	size_t n = b->n, nr = (size_t)q->s->g->nr;
	for (size_t i = 0; i < n; i += BAND) {
		size_t end = i + BAND < n ? i + BAND : n, upto = (end + nr - 1) / nr * nr;
		if (own(i / BAND, part, parts))
			mat_mul_part(b, end - i, lhs_rows(q->s, a, i, end, b->k, lda), lda, 0, upto < n ? upto : n, c + i * ldc,
			             ldc, false);
	}
	pool_barrier(q->pool);
	/* In tiles, so that a line of memory is used whole on both sides. */
	for (size_t i = 0; i < n; i += TILE)
		for (size_t j = i; own(i / TILE, part, parts) && j < n; j += TILE)
			for (size_t y = i; y < n && y < i + TILE; y++)
				for (size_t x = j > y ? j : y + 1; x < n && x < j + TILE; x++)
					c[y * ldc + x] = c[x * ldc + y];
	pool_barrier(q->pool);
}

/* Rows [r0, r1) of X between its own place and the caller's, where it may be transposed. */
static void load(const struct direction_job *q, size_t r0, size_t r1, size_t ld)
{
	for (size_t i = r0; i < r1; i++)
		for (size_t j = 0; j < q->m; j++)
			q->s->x[i * ld + j] = q->scale * (q->flip ? q->x[j * q->n + i] : q->x[i * q->m + j]);
}

static void store(const struct direction_job *q, size_t r0, size_t r1, size_t ld)
{
	for (size_t i = r0; i < r1; i++)
		for (size_t j = 0; j < q->m; j++)
			*(q->flip ? &q->x[j * q->n + i] : &q->x[i * q->m + j]) = q->s->x[i * ld + j];
}

static void direction_part(void *arg, int part, int parts)
{
	const struct direction_job *q = arg;
	const struct kern *k = kern_get();
	struct muon *s = q->s;
	size_t n = q->n, m = q->m, ldm = mat_stride(m), ldn = mat_stride(n), r0, r1;
	pool_share(part, parts, n, TILE, &r0, &r1);

	load(q, r0, r1, ldm);
	for (int step = 0; step < MUON_STEPS; step++) {
		pool_barrier(q->pool);
		struct mat_pack b = pack(q, m, n, s->x, 1, ldm, part, parts);
		symmetric(q, &b, s->x, ldm, part, parts, s->a, ldn);

		b = pack(q, n, n, s->a, ldn, 1, part, parts);
		symmetric(q, &b, s->a, ldn, part, parts, s->c, ldn);

		b = pack(q, n, m, s->x, ldm, 1, part, parts);
		for (size_t i = r0; i < r1; i++) {
			k->scale(n, s->c + i * ldn, (real)muon_coefficients[2]);
			k->axpy(n, s->c + i * ldn, (real)muon_coefficients[1], s->a + i * ldn);
			k->scale(m, s->x + i * ldm, (real)muon_coefficients[0]);
		}
		mat_mul_part(&b, r1 - r0, lhs_rows(s, s->c, r0, r1, n, ldn), ldn, 0, m, s->x + r0 * ldm, ldm, true);
	}
	store(q, r0, r1, ldm);
}

void muon_direction(struct muon *s, struct pool *pool, size_t rows, size_t cols, real *x)
{
	bool flip = rows > cols;
	double norm = sqrt(kern_get()->sumsq(rows * cols, x));
	if (norm > 0)
		pool_run(pool, direction_part, &(struct direction_job){
			.s = s, .pool = pool, .n = flip ? cols : rows, .m = flip ? rows : cols, .flip = flip, .x = x,
			.scale = (real)(1 / norm),
		});
}
