/* The product C (+)= A*B for one instruction set, after Goto and van de Geijn
 * ("Anatomy of high-performance matrix multiplication", 2008): B is packed in
 * panels of NR columns, a register tile of up to MR rows by one panel runs over
 * a block of KC of the reduction, and rows are grouped so that their part of A
 * stays in L2 while the panels pass by.
 *
 * Included by each set once per precision, after the set has defined
 *   VW        floats in a vector; NR = 2*VW
 *   vec and vec_zero, vec_load, vec_set1, vec_add, vec_fma, vec_store,
 *   vec_load_part, vec_store_part (the first n < VW numbers)
 * and, afresh for each inclusion,
 *   MR        most rows of a tile: 2*MR accumulators and the operands of a step
 *             fit the register file; 4, 6 or 12, and no more than VW or a
 *             multiple of it
 *   KC        depth of a block, even
 *   MC        rows of A kept in L2 while all panels pass: MC*KC numbers
 * It leaves `static const struct gemm gemm_f32`, or with BF16 defined gemm_bf16,
 * for which there must be
 *   pair      a vector of pairs of bf16 numbers, in a form to multiply;
 *             pair_load, pair_set1 (both halves of a uint32_t, to all), and
 *             pair_madd(a, b, c): c + a.even*b.even + a.odd*b.odd
 * Where CARRY is defined, tiles pack on the way, in registers that they leave free; in bf16
 *   pair_move(to, even, odd, sum): stores VW pairs of two rows; sum + even + odd
 *   pair_move_part(to, even, odd, n, sum): the same of the first n numbers, zeros behind them;
 *             odd may be NULL: zeros, and not added
 *
 * Every element of C is one chain of multiply-adds over a block, whatever tile
 * it falls into: this is what makes results independent of how work is cut. */

#include <stdint.h>
#include <string.h>

#include "base/mem.h"
#include "mat/bf16.h"
#include "mat/kern.h"

#ifndef NR /* what all inclusions share */
#define NR (2 * VW)

#define ALWAYS_INLINE inline __attribute__((always_inline))
#if defined(__clang__)
#define UNROLL _Pragma("clang loop unroll(full)")
#else
#define UNROLL _Pragma("GCC unroll 16")
#endif

static size_t min_size(size_t a, size_t b) { return a < b ? a : b; }
static size_t ceil_div(size_t a, size_t b) { return a / b + (a % b != 0); }

/* m rows in tiles of nearly equal height, none higher than most: 25 rows are
 * 9 + 8 + 8, not 12 + 12 + 1. The first `more` tiles have one row extra. */
struct rows {
	size_t tiles, low, more;
};

static struct rows rows_split(size_t m, size_t most)
{
	struct rows r = {.tiles = ceil_div(m, most)};
	r.low = m / r.tiles;
	r.more = m % r.tiles;
	return r;
}

static ALWAYS_INLINE void fetch_c(const int rows, const int nv, const real *c, size_t ldc)
{
	UNROLL
	for (int i = 0; i < rows; i++) {
		UNROLL
		for (int v = 0; v < nv; v++)
			__builtin_prefetch(c + (size_t)i * ldc + v * VW, 1);
	}
}

/* For few rows: several panels at once, as many as registers allow. */
static const size_t wide_panels[] = {4, 2, 2, 2};
enum { WIDE_ROWS = VW == 16 ? 4 : 3 };

/* A step's row of a panel is that many lines. */
enum { LINE = 64 /* bytes */, LINES_A_STEP = NR * sizeof(real) > LINE ? NR * sizeof(real) / LINE : 1 };

#define JOIN_(a, b) a##_##b
#define JOIN(a, b) JOIN_(a, b)
#endif

/* A step of the reduction takes STEP rows of B: lanes of a vector are a number
 * each, or a pair. */
#ifdef BF16
#define NAME(x) JOIN(x, bf16)
#define PREC PREC_BF16
#define STEP 2
#define NUMBER uint16_t
#define LANES_T pair
#define LANES_LOAD pair_load
#else
#define NAME(x) JOIN(x, f32)
#define PREC PREC_F32
#define STEP 1
#define NUMBER real
#define LANES_T vec
#define LANES_LOAD vec_load
#endif

/* Where a step is long enough to ask for a line without losing time. */
#if VW > 4 && (!defined(BF16) || defined(PAIR_NATIVE))
#define FETCH 1
#else
#define FETCH 0
#endif

/* A row of a sliver is copied in whole vectors, COPY numbers whatever its
 * length. */
#define COPY (MR > VW ? MR : VW)

/* Where tile t, which begins with row i, stands among slivers of depth kb: each
 * has room for a row behind it, which takes what is copied too much and keeps
 * the slivers out of each other's cache sets. */
static size_t NAME(sliver_at)(size_t t, size_t i, size_t kb)
{
	return i * ceil_div(kb, STEP) * STEP + t * COPY * STEP;
}

#include "mat/gemm_carry_tmpl.h"

/* acc += A's numbers of one step, count of them (an odd last row of bf16 has
 * one), times a row of the panels. */
static ALWAYS_INLINE void NAME(tile_step)(const int rows, const int nv, const int count,
                                          vec acc[MR][8], const NUMBER *a, size_t lda,
                                          const NUMBER *b, size_t bstep)
{
	LANES_T bv[8];
	UNROLL
	for (int v = 0; v < nv; v++)
		bv[v] = LANES_LOAD(b + (size_t)(v / 2) * bstep + v % 2 * VW * STEP);
	UNROLL
	for (int i = 0; i < rows; i++) {
#ifdef BF16
		uint32_t two = 0;
		if (count == 2)
			memcpy(&two, a + (size_t)i * lda, sizeof(two));
		else
			two = a[(size_t)i * lda];
		pair av = pair_set1(two);
		UNROLL
		for (int v = 0; v < nv; v++)
			acc[i][v] = pair_madd(av, bv[v], acc[i][v]);
#else
		(void)count;
		vec av = vec_set1(a[(size_t)i * lda]);
		UNROLL
		for (int v = 0; v < nv; v++)
			acc[i][v] = vec_fma(av, bv[v], acc[i][v]);
#endif
	}
}

/* C tile (rows, nv*VW) from rows of A and panels of B. nv is 1 (the left half
 * of a panel), 2 (a panel) or more (neighbouring panels, for few rows: one
 * chain of multiply-adds waits for itself, so several run side by side).
 * sliver: A is packed, (kb/STEP, rows, STEP), and its addresses are constants;
 * else rows are lda apart. bstep: from panel to panel. cols: columns of C that
 * exist. */
static ALWAYS_INLINE void NAME(tile_body)(const int rows, const int nv, const bool sliver, size_t kb,
                                          const NUMBER *a, size_t lda, const NUMBER *b, size_t bstep,
                                          real *c, size_t ldc, size_t cols, bool add,
                                          const struct NAME(errand) *errand)
{
	/* C is asked for so long before its end that it comes in time and has not left L1 again:
	 * tiles of the time loop are shorter, and their panels too. */
	const size_t soon = (sliver ? 48 : 128) * STEP;
	vec acc[MR][8];
	UNROLL
	for (int i = 0; i < rows; i++) {
		UNROLL
		for (int v = 0; v < nv; v++)
			acc[i][v] = vec_zero();
	}
	const bool asks = FETCH && nv == 2; /* if not, one loop is all, and C comes at the beginning */
	if (!asks)
		fetch_c(rows, nv, c, ldc);
	const struct NAME(errand) e = *errand; /* in registers */
	const NUMBER *later = e.later;
#ifdef CARRY
	const bool carries = sliver && nv == 2;
	size_t carried = carries && e.k ? (e.k - 1) / STEP * STEP : 0; /* whole vectors, which reach into the row below */
	vec sum = carries && e.sums ? vec_load_part(e.sums, e.n) : vec_zero();
	const NUMBER *from = e.from;
	NUMBER *to = e.to;
#endif

	size_t p = 0;
	for (int last = !asks; last < 2; last++) {
		size_t end = last ? kb : kb > soon ? kb - soon : 0;
#ifdef CARRY
		for (; carries && p + STEP <= end && p < carried; p += STEP) {
			__builtin_prefetch(later, 0, 2);
			if (STEP == 2)
				__builtin_prefetch(later + e.later_ld, 0, 2);
			later += STEP * e.later_ld;
			NAME(tile_step)(rows, nv, STEP, acc, a, STEP, b, bstep);
			a += rows * STEP;
			b += NR * STEP;
			sum = NAME(carry)(from, e.ld, to, sum);
			from += STEP * e.ld;
			to += e.step;
		}
#endif
		for (; p + STEP <= end; p += STEP) {
			if (asks) {
				__builtin_prefetch(later, 0, 2);
				if (sliver && STEP == 2)
					__builtin_prefetch(later + e.later_ld, 0, 2);
				later += (sliver ? STEP : 1) * e.later_ld;
			}
			NAME(tile_step)(rows, nv, STEP, acc, a, sliver ? STEP : lda, b, bstep);
			a += sliver ? rows * STEP : STEP;
			b += NR * STEP;
		}
		if (!last)
			fetch_c(rows, nv, c, ldc);
	}
	if (kb % STEP)
		NAME(tile_step)(rows, nv, 1, acc, a, sliver ? STEP : lda, b, bstep);
#ifdef CARRY
	if (carries && e.k) {
		sum = NAME(carry_rest)(&e, carried, sum);
		if (e.sums)
			vec_store_part(e.sums, sum, e.n);
	}
#endif

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

typedef void NAME(tile_fn)(size_t kb, const NUMBER *a, size_t lda, const NUMBER *b, size_t bstep,
                           real *c, size_t ldc, size_t cols, bool add, const struct NAME(errand) *e);

#define TILE(name, rows, nv, sliver)                                                       \
	static void NAME(name)(size_t kb, const NUMBER *a, size_t lda, const NUMBER *b,        \
	                       size_t bstep, real *c, size_t ldc, size_t cols, bool add,       \
	                       const struct NAME(errand) *e)                                   \
	{                                                                                      \
		NAME(tile_body)(rows, nv, sliver, kb, a, lda, b, bstep, c, ldc, cols, add, e);     \
	}
#define TILES(rows)                                                                        \
	TILE(tile_##rows##x1, rows, 1, false)                                                  \
	TILE(tile_##rows##x2, rows, 2, false)                                                  \
	TILE(sliver_##rows##x1, rows, 1, true)                                                 \
	TILE(sliver_##rows##x2, rows, 2, true)
#define NAMES(rows)                                                                        \
	{{NAME(tile_##rows##x1), NAME(tile_##rows##x2)}, {NAME(sliver_##rows##x1), NAME(sliver_##rows##x2)}}

TILES(1) TILES(2) TILES(3) TILES(4)
#if MR >= 6
TILES(5) TILES(6)
#endif
#if MR >= 12
TILES(7) TILES(8) TILES(9) TILES(10) TILES(11) TILES(12)
#endif
TILE(tile_1x8, 1, 8, false) TILE(tile_2x4, 2, 4, false) TILE(tile_3x4, 3, 4, false)
TILE(tile_4x4, 4, 4, false)

/* By rows - 1, sliver, and whether more than half of the panel's columns exist. */
static NAME(tile_fn) *const NAME(tiles)[MR][2][2] = {
	NAMES(1), NAMES(2), NAMES(3), NAMES(4),
#if MR >= 6
	NAMES(5), NAMES(6),
#endif
#if MR >= 12
	NAMES(7), NAMES(8), NAMES(9), NAMES(10), NAMES(11), NAMES(12),
#endif
};
static NAME(tile_fn) *const NAME(wide_tiles)[] = {
	NAME(tile_1x8), NAME(tile_2x4), NAME(tile_3x4), NAME(tile_4x4),
};

static size_t NAME(pack_bytes)(size_t k, size_t n)
{
	return ceil_div(k, STEP) * STEP * ceil_div(n, NR) * NR * sizeof(NUMBER);
}

static void NAME(pack)(void *dst, size_t k, size_t n, struct operand b, size_t j0, size_t j1)
{
#ifdef BF16
	bf16_pack(dst, k, n, b, j0, j1, KC, NR, STEP);
#else
	size_t npad = ceil_div(n, NR) * NR, rs = b.rs, cs = b.cs;
	for (size_t p0 = 0; p0 < k; p0 += KC) {
		size_t kb = min_size(KC, k - p0);
		for (size_t j = j0; j < j1; j++) {
			real *panel = (real *)dst + p0 * npad + j * NR * kb;
			const real *src = (const real *)b.data + p0 * rs + j * NR * cs;
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
#endif
}

/* COPY numbers of a row of A; of two neighbours if pairs are wanted. */
static ALWAYS_INLINE void NAME(copy_row)(NUMBER *out, const void *x, const void *y, const size_t size)
{
#ifdef BF16
	bf16_zip(COPY, out, x, y, size == sizeof(uint16_t) ? PREC_BF16 : PREC_F32);
#else
	(void)y;
	(void)size;
	for (size_t v = 0; v < COPY; v += VW)
		vec_store(out + v, vec_load((const real *)x + v));
#endif
}

/* A (m, kb), stored transposed, to slivers: tile after tile, (kb/STEP, rows, STEP).
 * room: rows of A that may be read. Whole vectors are copied where there are as
 * many rows; near the end a copy of those that exist is extended. */
static ALWAYS_INLINE void NAME(pack_slivers_of)(NUMBER *dst, size_t m, size_t room, size_t kb,
                                                const struct operand *a, const size_t size)
{
	enum { AHEAD = 16 };
	struct rows r = rows_split(m, MR);
	size_t depth = ceil_div(kb, STEP) * STEP, step = a->cs * size, whole = 0;
	for (size_t i = 0; whole < r.tiles && i + COPY <= room; whole++)
		i += r.low + (whole < r.more);
	real part[2][COPY] = {{0}};
	for (size_t p = 0; p < kb; p += STEP) {
		const char *x = (const char *)a->data + p * step, *later = x + AHEAD * step;
		const char *y = p + 1 < kb ? x + step : (const char *)bf16_no_row;
		size_t y_size = p + 1 < kb ? size : 0, t = 0, i = 0;
		for (size_t at = 0; p + AHEAD + STEP <= kb && at < m * size; at += LINE) {
			__builtin_prefetch(later + at);
			if (STEP == 2)
				__builtin_prefetch(later + at + step);
		}
		NUMBER *sliver = dst;
		for (size_t tall = 2; tall-- > 0;) {
			size_t rows = r.low + tall;
			for (size_t end = tall ? min_size(r.more, whole) : whole; t < end; t++, i += rows) {
				NAME(copy_row)(sliver + p * rows, x + i * size, y + i * y_size, size);
				sliver += rows * depth + COPY * STEP;
			}
		}
		for (; t < r.tiles; t++) {
			size_t rows = r.low + (t < r.more);
			memcpy(part[0], x + i * size, (room - i) * size);
			memcpy(part[1], y + i * y_size, (room - i) * size);
			NAME(copy_row)(sliver + p * rows, part[0], part[1], size);
			sliver += rows * depth + COPY * STEP;
			i += rows;
		}
	}
}

static void NAME(pack_slivers)(NUMBER *dst, size_t m, size_t room, size_t kb, const struct operand *a)
{
	if (STEP == 2 && a->type == PREC_BF16)
		NAME(pack_slivers_of)(dst, m, room, kb, a, sizeof(uint16_t));
	else
		NAME(pack_slivers_of)(dst, m, room, kb, a, sizeof(real));
}

/* All tiles of one panel, or of wide_panels of them. next: the panel that is multiplied after
 * it. */
static void NAME(panel_mul)(size_t m, size_t kb, const NUMBER *a, size_t lda, bool sliver,
                            const NUMBER *b, const NUMBER *next, real *c, size_t ldc, size_t cols,
                            bool add, struct NAME(strips) *strips)
{
	struct rows r = rows_split(m, MR);
	size_t depth = ceil_div(kb, STEP) * STEP;
	struct NAME(errand) e = {0};
	for (size_t t = 0, i = 0; t < r.tiles; t++) {
		size_t rows = r.low + (t < r.more);
		NAME(tile_fn) *f = cols > NR ? NAME(wide_tiles)[rows - 1]
		                             : NAME(tiles)[rows - 1][sliver][cols > VW];
		if (sliver && cols > VW)
			e = NAME(next_errand)(strips, kb);
		bool fetch = !sliver && t < LINES_A_STEP;
		if (!sliver || !e.later) {
			e.later = fetch ? next + t * depth / STEP * (LINE / sizeof(NUMBER)) : b;
			e.later_ld = fetch ? LINE / sizeof(NUMBER) : 0;
		}
		f(sliver ? depth : kb, a + (sliver ? NAME(sliver_at)(t, i, kb) : i * lda), lda, b, depth * NR,
		  c + i * ldc, ldc, cols, add, &e);
		i += rows;
	}
}

static void NAME(mul)(size_t m, size_t k, size_t n, struct operand a, const void *b, size_t j0,
                      size_t j1, real *c, size_t ldc, bool add, void *scratch,
                      const struct packing *meanwhile, size_t count)
{
	size_t npad = ceil_div(n, NR) * NR, end = min_size(n, j1 * NR);
	struct NAME(strips) strips = {.list = meanwhile};
	for (size_t i = 0; i < count; i++)
		strips.total += NAME(strips_of)(&meanwhile[i]);
	if (m == 0 || j0 * NR >= end) {
		NAME(move_rest)(&strips);
		return;
	}
	if (k == 0 && !add)
		for (size_t i = 0; i < m; i++)
			memset(c + i * ldc + j0 * NR, 0, (end - j0 * NR) * sizeof(real));
	bool sliver = a.cs != 1 || a.type != PREC;
	size_t group = m <= WIDE_ROWS && !sliver ? wide_panels[m - 1] : 1;
	size_t blocks = ceil_div(m, MC);
	for (size_t t = 0, i = 0; t < blocks; t++) {
		size_t mb = m / blocks + (t < m % blocks);
		for (size_t p = 0; p < k; p += KC) {
			size_t kb = min_size(KC, k - p), depth = ceil_div(kb, STEP) * STEP;
			struct operand at = operand_from(a, i, p);
			const NUMBER *ab = sliver ? scratch : at.data, *bp = (const NUMBER *)b + p * npad;
			if (sliver && !a.packed)
				NAME(pack_slivers)(scratch, mb, (a.room ? a.room : m) - i, kb, &at);
			for (size_t j = j0, np; j < j1; j += np) {
				np = (j + group) * NR <= end ? group : 1;
				size_t next = 0;
				if (j + np < j1)
					next = (j + np) * NR * depth;
				else if (p + kb < k)
					next = kb * npad + j0 * NR * min_size(depth, k - p - kb);
				NAME(panel_mul)(mb, kb, ab, a.rs, sliver, bp + j * NR * depth, bp + next, c + i * ldc + j * NR, ldc,
				                min_size(np * NR, end - j * NR), add || p > 0, &strips);
			}
		}
		i += mb;
	}
	NAME(move_rest)(&strips);
}

static size_t NAME(scratch_bytes)(size_t m, size_t k, size_t n)
{
	(void)n;
	size_t rows = min_size(m, MC);
	return NAME(sliver_at)(ceil_div(rows, MR), rows, min_size(k, KC)) * sizeof(NUMBER);
}

static const struct gemm NAME(gemm) = {
	.prec = PREC,
	.mr = MR, .nr = NR, .kc = KC, .mc = MC,
#ifdef CARRY
	.carries = true,
#endif
	.pack_bytes = NAME(pack_bytes),
	.pack = NAME(pack),
	.mul = NAME(mul),
	.scratch_bytes = NAME(scratch_bytes),
};

#undef NAME
#undef PREC
#undef STEP
#undef NUMBER
#undef LANES_T
#undef LANES_LOAD
#undef TILE
#undef TILES
#undef NAMES
#undef BF16
#undef CARRY
#undef FETCH
#undef COPY
#undef MR
#undef KC
#undef MC
