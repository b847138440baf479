/* Matrix products over the kernels: packed right-hand sides, threads over
 * output tiles. All matrices are row-major with a row stride (ld) in elements.
 * Every element's bits are independent of the number of threads. */
#ifndef RNNLM_MAT_MAT_H
#define RNNLM_MAT_MAT_H

#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"
#include "base/pool.h"
#include "mat/kern.h"

/* Row strides: n rounded up to 16 elements, and moved off multiples of 2 KB, where all
 * rows would fall into the same few cache sets; by a line of bf16. */
size_t mat_stride(size_t n);
/* n rounded up to 16 elements. */
size_t mat_round(size_t n);

/* A right-hand side (k, n), packed for the set and precision in use. */
struct mat_pack {
	const struct gemm *g;
	size_t k, n;
	size_t blocks; /* 1, or as many diagonal blocks, outside of which B is zero and left out */
	void *data;    /* owned by whoever gave it */
};

size_t mat_pack_bytes(const struct gemm *g, size_t k, size_t n);
/* Points p at memory of mat_pack_bytes; 64-byte aligned. blocks is 1. */
void mat_pack_init(struct mat_pack *p, const struct gemm *g, size_t k, size_t n, void *data);
/* Packs B, element (i, j) at b[i*rs + j*cs]: rs = ld, cs = 1 for B as it
 * stands, rs = 1, cs = ld for its transpose. mat_pack_part does the share of
 * one part of a running job. */
void mat_pack_fill(struct mat_pack *p, const real *b, size_t rs, size_t cs, struct pool *pool);
void mat_pack_part(struct mat_pack *p, const real *b, size_t rs, size_t cs, int part, int parts);

/* Whether a matrix (n, n), rows tight, is zero outside of so many blocks on its diagonal, and
 * a pack of it or its transpose can be of those alone: before mat_pack_part, set its blocks.
 * Such packs are for mat_mul_part only. */
bool mat_in_blocks(const struct gemm *g, const real *b, size_t n, size_t blocks);

/* C (m, n) = A (m, k) B, or += with add, by one thread: for use inside jobs.
 * A is of the pack's precision: real, or for a bf16 product uint16_t (see
 * kern's round_bf16); lda in its elements.
 * Columns [n0, n1) only; n0 a multiple of the set's nr, n1 too or n. */
void mat_mul_part(const struct mat_pack *b, size_t m, const void *a, size_t lda, size_t n0,
                  size_t n1, real *c, size_t ldc, bool add);
/* The whole product, threads over tiles of C. */
void mat_mul(struct pool *pool, const struct mat_pack *b, size_t m, const void *a, size_t lda,
             real *c, size_t ldc, bool add);

/* C (m, n) += A' B, A (k, m) and B (k, n) as they stand: the gradient of a
 * weight matrix, k being the block's steps times streams. Both are packed on
 * the way through scratch (mat_mul_tn_scratch bytes with count 1, 64-byte aligned), and
 * rounded if g is a bf16 product; threads over tiles of C, the reduction never
 * split. */
size_t mat_mul_tn_scratch(const struct gemm *g, int threads, size_t m, size_t n, size_t k, size_t count);
void mat_mul_tn(struct pool *pool, const struct gemm *g, size_t m, size_t n, size_t k,
                const real *a, size_t lda, const real *b, size_t ldb, real *c, size_t ldc,
                void *scratch);

/* The same for arrays of either type. Those that are rounded already need half
 * of the memory's time; the result is the same bits. A float32 product takes
 * real arrays only. */
struct mat_rows {
	const void *x; /* (k, m) or (k, n), of type */
	size_t ld;     /* in elements of type */
	enum precision type;
};
/* And for count (at most MAT_TN_MOST) right-hand sides with a C each, which share the work of
 * packing A. The sums
 * of A's columns (the gradient of a bias) are added to sums (m), if that is not NULL, while
 * they are at hand. */
enum { MAT_TN_MOST = 2 };
struct mat_tn {
	struct mat_rows b;
	real *c; /* row stride ldc */
};
void mat_mul_tn_of(struct pool *pool, const struct gemm *g, size_t m, size_t n, size_t k, struct mat_rows a,
                   const struct mat_tn *with, size_t count, size_t ldc, real *sums, void *scratch);

#endif
