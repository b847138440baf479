/* Newton-Schulz iteration on the smaller side of a matrix, by one thread. */
#include "nn/muon.h"

#include <math.h>
#include <string.h>

#include "base/mem.h"
#include "mat/mat.h"

const double muon_coefficients[3] = {3.4445, -4.7750, 2.0315};

/* Rows of a symmetric product that are made at a time. */
enum { BAND = 96, TILE = 16 };

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

/* A matrix as the left-hand side of a product: itself, or rounded. */
static const void *lhs(struct muon *s, const real *x, size_t rows, size_t cols, size_t ld)
{
	if (!s->half)
		return x;
	for (size_t i = 0; i < rows; i++)
		kern_get()->round_bf16(cols, (uint16_t *)s->half + i * ld, x + i * ld);
	return s->half;
}

static const void *row(const struct muon *s, const void *x, size_t i, size_t ld)
{
	return (const char *)x + i * ld * (s->half ? sizeof(uint16_t) : sizeof(real));
}

/* C = X B with C known to be symmetric: what lies above the diagonal is copied from
 * below. */
static void symmetric(struct muon *s, const struct mat_pack *b, const void *a, size_t lda, real *c, size_t ldc)
{
	size_t n = b->n, nr = (size_t)s->g->nr;
	for (size_t i = 0; i < n; i += BAND) {
		size_t end = i + BAND < n ? i + BAND : n, upto = (end + nr - 1) / nr * nr;
		mat_mul_part(b, end - i, row(s, a, i, lda), lda, 0, upto < n ? upto : n, c + i * ldc, ldc, false);
	}
	/* In tiles, so that a line of memory is used whole on both sides. */
	for (size_t i = 0; i < n; i += TILE)
		for (size_t j = i; j < n; j += TILE)
			for (size_t y = i; y < n && y < i + TILE; y++)
				for (size_t x = j > y ? j : y + 1; x < n && x < j + TILE; x++)
					c[y * ldc + x] = c[x * ldc + y];
}

static void transpose(size_t rows, size_t cols, real *y, size_t ldy, const real *x, size_t ldx)
{
	for (size_t i = 0; i < rows; i++)
		for (size_t j = 0; j < cols; j++)
			y[j * ldy + i] = x[i * ldx + j];
}

void muon_direction(struct muon *s, size_t rows, size_t cols, real *x)
{
	const struct kern *k = kern_get();
	bool flip = rows > cols;
	size_t n = flip ? cols : rows, m = flip ? rows : cols, ldm = mat_stride(m), ldn = mat_stride(n);
	double norm = sqrt(k->sumsq(rows * cols, x));
	struct mat_pack b;

	if (!(norm > 0))
		return;
	k->scale(rows * cols, x, (real)(1 / norm));
	if (flip)
		transpose(rows, cols, s->x, ldm, x, cols);
	else
		for (size_t i = 0; i < n; i++)
			memcpy(s->x + i * ldm, x + i * cols, m * sizeof(real));
	for (int step = 0; step < MUON_STEPS; step++) {
		mat_pack_init(&b, s->g, m, n, s->packed);
		mat_pack_part(&b, s->x, 1, ldm, 0, 1);
		symmetric(s, &b, lhs(s, s->x, n, m, ldm), ldm, s->a, ldn);

		mat_pack_init(&b, s->g, n, n, s->packed);
		mat_pack_part(&b, s->a, ldn, 1, 0, 1);
		symmetric(s, &b, lhs(s, s->a, n, n, ldn), ldn, s->c, ldn);

		for (size_t i = 0; i < n; i++) {
			k->scale(n, s->c + i * ldn, (real)muon_coefficients[2]);
			k->axpy(n, s->c + i * ldn, (real)muon_coefficients[1], s->a + i * ldn);
		}
		mat_pack_init(&b, s->g, n, m, s->packed);
		mat_pack_part(&b, s->x, ldm, 1, 0, 1);
		for (size_t i = 0; i < n; i++)
			k->scale(m, s->x + i * ldm, (real)muon_coefficients[0]);
		mat_mul_part(&b, n, lhs(s, s->c, n, n, ldn), ldn, 0, m, s->x, ldm, true);
	}
	if (flip)
		transpose(n, m, x, cols, s->x, ldm);
	else
		for (size_t i = 0; i < n; i++)
			memcpy(x + i * cols, s->x + i * ldm, m * sizeof(real));
}
