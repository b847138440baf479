/* The product C (+)= A*B for one instruction set, after Goto and van de Geijn
 * ("Anatomy of high-performance matrix multiplication", 2008): B is packed in
 * panels of NR columns, a register tile of up to MR rows by one panel runs over
 * a block of KC of the reduction, and rows are grouped so that their part of A
 * stays in L2 while the panels pass by.
 *
 * Included once by each set, which defines first
 *   VW        numbers in a vector; NR = 2*VW
 *   MR        most rows of a tile: 2*MR accumulators and 3 more vectors fit
 *             the register file; 4, 6 or 12
 *   KC        depth of a block
 *   MC        rows of A kept in L2 while all panels pass: MC*KC numbers
 *   vec and vec_zero, vec_load, vec_set1, vec_add, vec_fma, vec_store,
 *   vec_load_part, vec_store_part (the first n < VW numbers)
 * and leaves `static const struct gemm gemm_f32`.
 *
 * Every element of C is one chain of vec_fma over a block, whatever tile it
 * falls into: this is what makes results independent of how work is cut. */

#include <stdint.h>
#include <string.h>

#include "mat/kern.h"

#define NR (2 * VW)

#define ALWAYS_INLINE inline __attribute__((always_inline))
#if defined(__clang__)
#define UNROLL _Pragma("clang loop unroll(full)")
#else
#define UNROLL _Pragma("GCC unroll 16")
#endif

/* C tile (rows, nv*VW) from rows of A and panels of B. nv is 1 (the left half
 * of a panel), 2 (a panel) or more (neighbouring panels, for few rows: one
 * chain of multiply-adds waits for itself, so several run side by side).
 * sliver: A is packed, (kb, rows), and its addresses are constants; else rows
 * are lda apart. bstep: from panel to panel. cols: columns of C that exist. */
static ALWAYS_INLINE void tile_body(const int rows, const int nv, const bool sliver, size_t kb,
                                    const real *a, size_t lda, const real *b, size_t bstep, real *c,
                                    size_t ldc, size_t cols, bool add)
{
	vec acc[MR][8];
	UNROLL
	for (int i = 0; i < rows; i++) {
		UNROLL
		for (int v = 0; v < nv; v++) {
			acc[i][v] = vec_zero();
			__builtin_prefetch(c + (size_t)i * ldc + v * VW, 1);
		}
	}

	for (size_t p = 0; p < kb; p++) {
		vec bv[8];
		UNROLL
		for (int v = 0; v < nv; v++)
			bv[v] = vec_load(b + (size_t)(v / 2) * bstep + (v % 2) * VW);
		UNROLL
		for (int i = 0; i < rows; i++) {
			vec av = vec_set1(a[sliver ? (size_t)i : (size_t)i * lda]);
			UNROLL
			for (int v = 0; v < nv; v++)
				acc[i][v] = vec_fma(av, bv[v], acc[i][v]);
		}
		a += sliver ? rows : 1;
		b += NR;
	}

	UNROLL
	for (int i = 0; i < rows; i++) {
		real *ci = c + (size_t)i * ldc;
		UNROLL
		for (int v = 0; v < nv; v++) {
			size_t at = (size_t)v * VW;
			if (cols >= at + VW) {
				vec_store(ci + at, add ? vec_add(vec_load(ci + at), acc[i][v]) : acc[i][v]);
			} else if (cols > at) {
				vec old = add ? vec_load_part(ci + at, cols - at) : vec_zero();
				vec_store_part(ci + at, add ? vec_add(old, acc[i][v]) : acc[i][v], cols - at);
			}
		}
	}
}

typedef void tile_fn(size_t kb, const real *a, size_t lda, const real *b, size_t bstep, real *c,
                     size_t ldc, size_t cols, bool add);

#define TILE(name, rows, nv, sliver)                                                       \
	static void name(size_t kb, const real *a, size_t lda, const real *b, size_t bstep,    \
	                 real *c, size_t ldc, size_t cols, bool add)                           \
	{                                                                                      \
		tile_body(rows, nv, sliver, kb, a, lda, b, bstep, c, ldc, cols, add);              \
	}
#define TILES(rows)                                                                        \
	TILE(tile_##rows##x1, rows, 1, false)                                                  \
	TILE(tile_##rows##x2, rows, 2, false)                                                  \
	TILE(sliver_##rows##x1, rows, 1, true)                                                 \
	TILE(sliver_##rows##x2, rows, 2, true)
#define NAMES(rows) {{tile_##rows##x1, tile_##rows##x2}, {sliver_##rows##x1, sliver_##rows##x2}}

TILES(1) TILES(2) TILES(3) TILES(4)
#if MR >= 6
TILES(5) TILES(6)
#endif
#if MR >= 12
TILES(7) TILES(8) TILES(9) TILES(10) TILES(11) TILES(12)
#endif
TILE(tile_1x8, 1, 8, false) TILE(tile_2x4, 2, 4, false) TILE(tile_3x4, 3, 4, false)

/* By rows - 1, sliver, and whether more than half of the panel's columns exist. */
static tile_fn *const tiles[MR][2][2] = {
	NAMES(1), NAMES(2), NAMES(3), NAMES(4),
#if MR >= 6
	NAMES(5), NAMES(6),
#endif
#if MR >= 12
	NAMES(7), NAMES(8), NAMES(9), NAMES(10), NAMES(11), NAMES(12),
#endif
};
/* For 1 to 3 rows: several panels at once. */
static tile_fn *const wide_tiles[3] = {tile_1x8, tile_2x4, tile_3x4};
static const size_t wide_panels[3] = {4, 2, 2};

static size_t min_size(size_t a, size_t b) { return a < b ? a : b; }
static size_t ceil_div(size_t a, size_t b) { return a / b + (a % b != 0); }

static size_t gemm_pack_bytes(size_t k, size_t n)
{
	return k * ceil_div(n, NR) * NR * sizeof(real);
}

static void gemm_pack(void *dst, size_t k, size_t n, const real *b, size_t rs, size_t cs, size_t j0,
                      size_t j1)
{
	size_t npad = ceil_div(n, NR) * NR;
	for (size_t p0 = 0; p0 < k; p0 += KC) {
		size_t kb = min_size(KC, k - p0);
		for (size_t j = j0; j < j1; j++) {
			real *panel = (real *)dst + p0 * npad + j * NR * kb;
			const real *src = b + p0 * rs + j * NR * cs;
			size_t cols = min_size(NR, n - j * NR);
			for (size_t p = 0; p < kb; p++) {
				real *row = panel + p * NR;
				if (cs == 1 && cols == NR)
					memcpy(row, src + p * rs, NR * sizeof(real));
				else
					for (size_t q = 0; q < cols; q++)
						row[q] = src[p * rs + q * cs];
				for (size_t q = cols; q < NR; q++)
					row[q] = 0;
			}
		}
	}
}

/* m rows in tiles of nearly equal height, none higher than MR: 25 rows are
 * 9 + 8 + 8, not 12 + 12 + 1. The first `more` tiles have one row extra. */
struct rows {
	size_t tiles, low, more;
};

static struct rows rows_split(size_t m)
{
	struct rows r = {.tiles = ceil_div(m, MR)};
	r.low = m / r.tiles;
	r.more = m % r.tiles;
	return r;
}

/* A (m, kb), stored transposed, to slivers: tile after tile, each (kb, rows),
 * with a vector's room in between. The room takes what copying whole vectors
 * writes too much, and keeps the slivers out of each other's cache sets. */
static void pack_slivers(real *dst, size_t m, size_t kb, const real *a, size_t rs, size_t cs)
{
	struct rows r = rows_split(m);
	for (size_t p = 0; p < kb; p++) {
		const real *src = a + p * cs, *later = p + 8 < kb ? src + 8 * cs : src;
		for (size_t t = 0, i = 0; t < r.tiles; t++) {
			size_t rows = r.low + (t < r.more);
			real *out = dst + i * kb + t * VW + p * rows;
			__builtin_prefetch(later + i * rs);
			if (rs == 1 && rows <= VW && i + VW <= m)
				vec_store(out, vec_load(src + i));
			else
				for (size_t q = 0; q < rows; q++)
					out[q] = src[(i + q) * rs];
			i += rows;
		}
	}
}

/* All tiles of one panel, or of wide_panels of them. */
static void panel_mul(size_t m, size_t kb, const real *a, size_t lda, bool sliver, const real *b,
                      real *c, size_t ldc, size_t cols, bool add)
{
	struct rows r = rows_split(m);
	for (size_t t = 0, i = 0; t < r.tiles; t++) {
		size_t rows = r.low + (t < r.more);
		tile_fn *f = cols > NR ? wide_tiles[rows - 1] : tiles[rows - 1][sliver][cols > VW];
		f(kb, a + (sliver ? i * kb + t * VW : i * lda), lda, b, kb * NR, c + i * ldc, ldc, cols, add);
		i += rows;
	}
}

static void gemm_mul(size_t m, size_t k, size_t n, const real *a, size_t rs, size_t cs,
                     const void *b, size_t j0, size_t j1, real *c, size_t ldc, bool add,
                     void *scratch)
{
	size_t npad = ceil_div(n, NR) * NR, end = min_size(n, j1 * NR);
	if (m == 0 || j0 * NR >= end)
		return;
	if (k == 0 && !add)
		for (size_t i = 0; i < m; i++)
			memset(c + i * ldc + j0 * NR, 0, (end - j0 * NR) * sizeof(real));
	bool sliver = cs != 1;
	size_t group = m <= 3 && !sliver ? wide_panels[m - 1] : 1;
	size_t blocks = ceil_div(m, MC);
	for (size_t t = 0, i = 0; t < blocks; t++) {
		size_t mb = m / blocks + (t < m % blocks);
		for (size_t p = 0; p < k; p += KC) {
			size_t kb = min_size(KC, k - p);
			const real *ab = a + i * rs + p * cs;
			if (sliver) {
				pack_slivers(scratch, mb, kb, ab, rs, cs);
				ab = scratch;
			}
			for (size_t j = j0, np; j < j1; j += np) {
				np = (j + group) * NR <= end ? group : 1;
				panel_mul(mb, kb, ab, rs, sliver, (const real *)b + p * npad + j * NR * kb,
				          c + i * ldc + j * NR, ldc, min_size(np * NR, end - j * NR), add || p > 0);
			}
		}
		i += mb;
	}
}

static size_t gemm_scratch_bytes(size_t m, size_t k, size_t n)
{
	(void)n;
	size_t rows = min_size(m, MC);
	return (rows * min_size(k, KC) + ceil_div(rows, MR) * VW) * sizeof(real);
}

static const struct gemm gemm_f32 = {
	.mr = MR, .nr = NR, .kc = KC,
	.pack_bytes = gemm_pack_bytes,
	.pack = gemm_pack,
	.mul = gemm_mul,
	.scratch_bytes = gemm_scratch_bytes,
};
