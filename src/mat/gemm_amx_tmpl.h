/* The bf16 product in tiles: 16 rows of C by 16 columns, 32 numbers deep, two by
 * two of them in registers. Blocked as in gemm_tmpl.h. Compiled by kern_amx.c
 * with the CPU's tiles, and by tests/kern/amx_plain.h with tiles in plain C,
 * so that all but five instructions are tested on every machine.
 *
 * The includer defines, each t being a constant from 0 to 7:
 *   tiles_config(const struct tile_config *)  shapes; what tiles hold is lost
 *   tiles_release()                           no tile is used any more
 *   tile_zero(t)
 *   tile_load(t, p, stride), tile_store(t, p, stride)   stride in bytes
 *   tile_madd(c, a, b)   c (r, 16) += a (r, 16, 2) b (16, 16, 2): floats, and
 *                        pairs of bf16
 * and this leaves `static const struct gemm gemm_bf16`.
 *
 * A is loaded from where it stands: a tile has as many rows as there are, so
 * nothing behind the last one is read. The last k % 32 columns are copied beside
 * zeros. B's panels are two tiles wide, their depth padded with zeros. A tile of
 * C begins with what C holds, or zero, in every place, so that an element's bits
 * do not depend on where it stands. */
#include <stdint.h>
#include <string.h>

#include "mat/bf16.h"
#include "mat/kern.h"

#define AMX_INLINE static inline __attribute__((always_inline))

enum {
	TR = 16,       /* rows of a tile, and columns of C in one */
	TK = 32,       /* its depth */
	TNR = 2 * TR,  /* columns of a panel */
	TKC = 512,     /* depth of a block */
	TMC = 256,     /* rows of A kept in L2 */
	TLD = TKC + TK /* row stride of packed A, no power of two */
};

/* Tiles by number: 0 to 3 sums, C(r, v) = 2*r + v; 4 and 5 A; 6 and 7 B. The
 * form that the instruction reads. */
struct tile_config {
	uint8_t palette, start_row, zeros[14];
	uint16_t row_bytes[16];
	uint8_t rows[16];
};

/* For r0 rows and, below them, r1 more; r1 may be 0: then 2, 3 and 5 are not
 * used, and have a row for form's sake. */
static void tiles_for(size_t r0, size_t r1)
{
	struct tile_config cfg = {.palette = 1};
	size_t low = r1 ? r1 : 1;
	const size_t rows[8] = {r0, r0, low, low, r0, low, TR, TR};
	for (int t = 0; t < 8; t++) {
		cfg.row_bytes[t] = 64;
		cfg.rows[t] = (uint8_t)rows[t];
	}
	tiles_config(&cfg);
}

/* A's numbers for one panel: whole tiles where they stand, and the rest. */
struct tile_rows {
	const uint16_t *whole, *rest; /* NULL: no rest */
	size_t ld, steps;             /* row stride of whole; tiles along k */
};

/* One step along k. low: there is a lower row of tiles; right: a second column. */
AMX_INLINE void tiles_step(const bool low, const bool right, const uint16_t *a, size_t lda,
                           const uint16_t *b)
{
	tile_load(4, a, lda * 2);
	tile_load(6, b, TNR * 4);
	tile_madd(0, 4, 6);
	if (right) {
		tile_load(7, b + 2 * TR, TNR * 4);
		tile_madd(1, 4, 7);
	}
	if (low) {
		tile_load(5, a + TR * lda, lda * 2);
		tile_madd(2, 5, 6);
	}
	if (low && right)
		tile_madd(3, 5, 7);
}

/* C, up to two by two tiles, ldc apart, all of whose columns exist. */
AMX_INLINE void tiles_mul(const bool low, const bool right, const struct tile_rows *a,
                          const uint16_t *b, real *c, size_t ldc, bool add)
{
	size_t stride = ldc * sizeof(real);
	real *below = low ? c + TR * ldc : c;
	if (add) {
		tile_load(0, c, stride);
		if (right)
			tile_load(1, c + TR, stride);
		if (low)
			tile_load(2, below, stride);
		if (low && right)
			tile_load(3, below + TR, stride);
	} else {
		tile_zero(0);
		tile_zero(1);
		tile_zero(2);
		tile_zero(3);
	}
	for (size_t s = 0; s < a->steps; s++)
		tiles_step(low, right, a->whole + s * TK, a->ld, b + s * TK * TNR);
	if (a->rest)
		tiles_step(low, right, a->rest, TK, b + a->steps * TK * TNR);
	tile_store(0, c, stride);
	if (right)
		tile_store(1, c + TR, stride);
	if (low)
		tile_store(2, below, stride);
	if (low && right)
		tile_store(3, below + TR, stride);
}

/* rows (up to 32) of C by one panel, of which cols exist. */
static void block_mul(size_t rows, const struct tile_rows *a, const uint16_t *b, real *c, size_t ldc,
                      size_t cols, bool add)
{
	real edge[2 * TR * TNR];
	size_t width = cols > TR ? TNR : TR;
	bool low = rows > TR, whole = cols == width;
	real *out = whole ? c : edge;
	size_t ld = whole ? ldc : TNR;
	if (!whole && add)
		for (size_t i = 0; i < rows; i++) {
			memcpy(edge + i * TNR, c + i * ldc, cols * sizeof(real));
			memset(edge + i * TNR + cols, 0, (width - cols) * sizeof(real));
		}
	if (low && width == TNR)
		tiles_mul(true, true, a, b, out, ld, add);
	else if (low)
		tiles_mul(true, false, a, b, out, ld, add);
	else if (width == TNR)
		tiles_mul(false, true, a, b, out, ld, add);
	else
		tiles_mul(false, false, a, b, out, ld, add);
	if (!whole)
		for (size_t i = 0; i < rows; i++)
			memcpy(c + i * ldc, edge + i * TNR, cols * sizeof(real));
}

/* t (16, 16) pairs, transposed, to dst, row stride ld pairs' halves. */
static void transpose(uint16_t *dst, size_t ld, const uint32_t t[16][16])
{
#ifdef __AVX512F__
	/* Swapping ever larger blocks across the diagonal: pairs, then two, four
	 * and eight. */
	__m512i x[16], y[16];
	for (int i = 0; i < 16; i++)
		x[i] = _mm512_loadu_si512(t[i]);
	for (int i = 0; i < 16; i += 2) {
		y[i] = _mm512_unpacklo_epi32(x[i], x[i + 1]);
		y[i + 1] = _mm512_unpackhi_epi32(x[i], x[i + 1]);
	}
	for (int i = 0; i < 16; i += 4)
		for (int j = 0; j < 2; j++) {
			x[i + 2 * j] = _mm512_unpacklo_epi64(y[i + j], y[i + j + 2]);
			x[i + 2 * j + 1] = _mm512_unpackhi_epi64(y[i + j], y[i + j + 2]);
		}
	for (int i = 0; i < 16; i += 8)
		for (int j = 0; j < 4; j++) {
			y[i + j] = _mm512_shuffle_i32x4(x[i + j], x[i + j + 4], 0x88);
			y[i + j + 4] = _mm512_shuffle_i32x4(x[i + j], x[i + j + 4], 0xdd);
		}
	for (int j = 0; j < 8; j++) {
		x[j] = _mm512_shuffle_i32x4(y[j], y[j + 8], 0x88);
		x[j + 8] = _mm512_shuffle_i32x4(y[j], y[j + 8], 0xdd);
	}
	for (int i = 0; i < 16; i++)
		_mm512_storeu_si512(dst + (size_t)i * ld, x[i]);
#else
	for (size_t i = 0; i < 16; i++)
		for (size_t p = 0; p < 16; p++)
			memcpy(dst + i * ld + 2 * p, &t[p][i], sizeof(t[p][i]));
#endif
}

/* A (m, kb), in any form, to rows of bf16, TLD apart, padded with zeros to whole
 * tiles of depth: 16 rows by 32 columns at a time. */
static void pack_rows(uint16_t *dst, size_t m, size_t kb, const struct operand *a)
{
	for (size_t i = 0; i < m; i += TR)
		for (size_t p = 0; p < kb; p += TK) {
			size_t rows = m - i < TR ? m - i : TR;
			uint32_t t[16][16] = {{0}};
			for (size_t q = 0; q < 16 && p + 2 * q < kb; q++) {
				size_t p0 = p + 2 * q;
				bool odd = p0 + 1 < kb;
				if (a->rs == 1 && rows == TR) {
					bf16_zip(TR, (uint16_t *)t[q], operand_at(a, i, p0),
					         odd ? operand_at(a, i, p0 + 1) : bf16_no_row, a->type);
					continue;
				}
				for (size_t r = 0; r < rows; r++)
					t[q][r] = operand_bf16(a, i + r, p0) |
					          (odd ? (uint32_t)operand_bf16(a, i + r, p0 + 1) << 16 : 0);
			}
			transpose(dst + i * TLD + p, TLD, t);
		}
}

static size_t tiles_round(size_t n, size_t grain)
{
	return (n + grain - 1) / grain * grain;
}

static size_t tiles_pack_bytes(size_t k, size_t n)
{
	return tiles_round(k, TK) * tiles_round(n, TNR) * sizeof(uint16_t);
}

static void tiles_pack(void *dst, size_t k, size_t n, struct operand b, size_t j0, size_t j1)
{
	bf16_pack(dst, k, n, b, j0, j1, TKC, TNR, TK);
}

/* Rows [0, m) of C by panels [j0, j1), one block of the reduction. Tiles are
 * shaped anew where the number of rows changes: for the last rows of a panel. */
static void group_mul(size_t m, size_t kb, const struct tile_rows *a, const uint16_t *b, size_t n,
                      size_t j0, size_t j1, real *c, size_t ldc, bool add)
{
	size_t shaped = 0, depth = tiles_round(kb, TK);
	for (size_t j = j0; j < j1 && j * TNR < n; j++)
		for (size_t i = 0; i < m; i += 2 * TR) {
			size_t rows = m - i < 2 * TR ? m - i : 2 * TR, cols = n - j * TNR;
			if (rows != shaped)
				tiles_for(rows < TR ? rows : TR, rows > TR ? rows - TR : 0);
			shaped = rows;
			struct tile_rows at = *a;
			at.whole = at.whole + i * at.ld;
			at.rest = at.rest ? at.rest + i * TK : NULL;
			block_mul(rows, &at, b + j * TNR * depth, c + i * ldc + j * TNR, ldc,
			          cols < TNR ? cols : TNR, add);
		}
}

static void tiles_gemm(size_t m, size_t k, size_t n, struct operand a, const void *b, size_t j0,
                       size_t j1, real *c, size_t ldc, bool add, void *scratch,
                       const struct packing *meanwhile, size_t count)
{
	(void)meanwhile, (void)count;
	uint16_t rest[TMC * TK];
	size_t npad = tiles_round(n, TNR), end = j1 * TNR < n ? j1 * TNR : n;
	if (m == 0 || j0 * TNR >= end)
		return;
	if (k == 0 && !add)
		for (size_t i = 0; i < m; i++)
			memset(c + i * ldc + j0 * TNR, 0, (end - j0 * TNR) * sizeof(real));
	bool packed = a.cs != 1 || a.type != PREC_BF16;
	for (size_t i = 0; i < m; i += TMC) {
		size_t mb = m - i < TMC ? m - i : TMC;
		for (size_t p = 0; p < k; p += TKC) {
			size_t kb = k - p < TKC ? k - p : TKC, tail = kb % TK;
			struct operand at = operand_from(a, i, p);
			struct tile_rows rows = {.whole = at.data, .ld = a.rs, .steps = kb / TK};
			if (packed) {
				if (!a.packed)
					pack_rows(scratch, mb, kb, &at);
				rows = (struct tile_rows){.whole = scratch, .ld = TLD, .steps = tiles_round(kb, TK) / TK};
			} else if (tail) {
				for (size_t r = 0; r < mb; r++) {
					memcpy(rest + r * TK, rows.whole + r * a.rs + kb - tail, tail * sizeof(*rest));
					memset(rest + r * TK + tail, 0, (TK - tail) * sizeof(*rest));
				}
				rows.rest = rest;
			}
			group_mul(mb, kb, &rows, (const uint16_t *)b + p * npad, n, j0, j1, c + i * ldc, ldc,
			          add || p > 0);
		}
	}
	if (k)
		tiles_release();
}

static size_t tiles_scratch_bytes(size_t m, size_t k, size_t n)
{
	(void)k, (void)n;
	return tiles_round(m < TMC ? m : TMC, TR) * TLD * sizeof(uint16_t);
}

static const struct gemm gemm_bf16 = {
	.prec = PREC_BF16,
	.mr = 2 * TR, .nr = TNR, .kc = TKC, .mc = TMC,
	.pack_bytes = tiles_pack_bytes,
	.pack = tiles_pack,
	.mul = tiles_gemm,
	.scratch_bytes = tiles_scratch_bytes,
};
