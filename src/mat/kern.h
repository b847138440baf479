/* Kernel sets: tables of functions, one set per instruction set. The scalar set
 * is complete and is the reference; each better set copies the one below it
 * and replaces what it improves. A set's source file is the only one compiled
 * with its flags and exports one symbol. The set is chosen once at start.
 *
 * `real` is float; the double build (-DREAL_DOUBLE, used by the gradient and
 * golden tests) has the scalar set only and takes exp, tanh and log from libm.
 *
 * What every kernel promises
 * - No alignment is required, none assumed; nothing outside the given ranges is
 *   read or written (tests run against guard pages). Zero sizes are fine.
 * - The result for one element does not depend on where in the array it stands,
 *   on the sizes of other dimensions or on how a call is cut in parts along
 *   rows or columns: products split over output tiles are the same bits.
 *   Reductions over n (sum, softmax) add in an order fixed by n alone.
 * - NaN and infinity propagate as in the plain C loop.
 */
#ifndef RNNLM_MAT_KERN_H
#define RNNLM_MAT_KERN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef REAL_DOUBLE
typedef double real;
#else
typedef float real;
#endif

/* Levels of vector instructions. Pointwise code that is written once in plain
 * C and compiled once per level (the cells of src/nn) is picked by isa. */
enum kern_isa { ISA_BASE, ISA_AVX2, ISA_AVX512, ISA_COUNT };

/* Of the numbers that are multiplied: `real`, or bfloat16, the upper half of a
 * float, as a uint16_t. Sums are float either way.
 *
 * Rounding to bfloat16 is to nearest, ties to even; NaN stays NaN (quiet),
 * and a denormal becomes zero of its sign, because the instructions that
 * multiply bfloat16 take denormals for zeros: so all sets multiply the same
 * numbers. Those instructions also put zero for a sum below FLT_MIN. */
enum precision { PREC_F32, PREC_BF16, PREC_COUNT };

/* A matrix where it stands: element (i, j) is number i*rs + j*cs of data. */
struct operand {
	const void *data; /* type PREC_F32: real; PREC_BF16: uint16_t */
	enum precision type;
	size_t rs, cs;
	/* Of a left-hand side that has to be packed. packed: scratch holds its slivers, of up
	 * to mc rows and kc deep. room: how many rows may be read (0: those that are multiplied). */
	bool packed;
	size_t room;
};

/* Something to be packed while a product is computed, by sets that can: panels [j0, j1) of a
 * right-hand side (k, n), or n rows of a transposed left-hand side, k deep, to slivers. Of the
 * product's precision and where it stands: rows of B and columns of A are contiguous. */
struct packing {
	bool slivers;
	struct operand x;
	size_t k, n; /* k <= kc, for slivers n <= mc */
	size_t j0, j1;
	void *to;   /* as pack's dst, or mul's scratch */
	real *sums; /* of slivers: the sums of A's rows are added to it (n), or NULL */
};

/* The product C (+)= A*B. The right-hand side is packed once and used many
 * times; the left-hand side is read where it stands, or packed in slivers when
 * it has to be transposed.
 *
 *   A  (m, k): row-major activations have cs = 1 and are of type prec: whoever
 *              makes them rounds them, once. A transposed block (gradient of
 *              weights) has rs = 1; a bf16 product takes it in either type. It is
 *              one or the other.
 *   B  packed from (k, n), which is real, or for a bf16 product of either type:
 *              k is cut in blocks of kc, and each block holds ceil(n/nr) panels
 *              of kb x nr numbers, rows contiguous, the last panel padded with
 *              zeros. Block p0 starts at p0 * npad elements (npad = n rounded
 *              up to nr), panel j of it at j * nr * kb.
 *              A bf16 set packs pairs of rows, (kb/2, nr, 2), an odd last row
 *              beside zeros; a tile set pads kb to whole tiles. Only the
 *              functions of the same struct know the layout, and sizes are in
 *              bytes for that reason.
 *   C  (m, n): real, row-major, row stride ldc.
 *
 * Each element of C is a chain of multiply-adds over k in ascending order,
 * within a block of kc from zero, and the blocks' sums are added to C in order.
 * Where an instruction multiplies bf16 it defines the order within a pair, and
 * a tile set's chain begins at what C holds. */
struct gemm {
	enum precision prec;
	int mr, nr, kc, mc; /* register tile; depth of a block, even; rows that are packed together */
	bool carries; /* mul packs meanwhile; count is 0 for other sets */

	/* Bytes of a packed (k, n) right-hand side. */
	size_t (*pack_bytes)(size_t k, size_t n);

	/* Packs panels [j0, j1) (panel = nr columns) of B. Threads pack disjoint
	 * panels of one matrix. */
	void (*pack)(void *dst, size_t k, size_t n, struct operand b, size_t j0, size_t j1);

	/* C[0..m, j0*nr .. min(n, j1*nr)) (+)= A*B for panels [j0, j1) of a packed
	 * (k, n) matrix; c points at column 0. add: keep what C holds. scratch: as
	 * many bytes as scratch_bytes says, 64-byte aligned; with cs = 1 nothing is
	 * needed and it may be NULL. meanwhile: so many packings, done when it returns. */
	void (*mul)(size_t m, size_t k, size_t n, struct operand a, const void *b, size_t j0, size_t j1,
	            real *c, size_t ldc, bool add, void *scratch, const struct packing *meanwhile, size_t count);
	size_t (*scratch_bytes)(size_t m, size_t k, size_t n);
};

struct adam_step {
	real lr;           /* already times the schedule */
	real beta1, beta2; /* decay of the moments */
	real eps;
	real bias1, bias2; /* 1/(1-beta1^t), 1/(1-beta2^t) */
	real decay;        /* AdamW: w -= lr*decay*w before the step */
	real scale;        /* of the gradient: the clipping factor */
};

struct kern {
	const char *name; /* "scalar", "avx2", "avx512", ... as in RNNLM_CPU */
	enum kern_isa isa;

	const struct gemm *gemm[PREC_COUNT]; /* PREC_BF16 is NULL in the double build only */
	bool native_bf16;                    /* has an instruction for it, so it is faster than float32 */

	/* Runs a loop of nothing but the set's multiply-add instruction for p, on
	 * independent registers, and returns the floating-point operations done:
	 * the peak to measure products against. One iteration is some 50 to 100
	 * cycles. 0 if there is no product of that precision. */
	uint64_t (*spin)(enum precision p, uint64_t iterations);

	/* The sum of n numbers, in no particular order: the fastest that the set's loads can
	 * read them, to measure against what reads weights. */
	real (*read)(size_t n, const real *x);

	/* Rounds to bfloat16, as above: the same bits in every set. */
	void (*round_bf16)(size_t n, uint16_t *y, const real *x);
	/* And back, exactly. */
	void (*widen_bf16)(size_t n, real *y, const uint16_t *x);

	/* Numbers of [-1, 1] as multiples of 1/32767, to nearest: two bytes that keep
	 * them to 1.6e-5, wherever in the interval they are. What lies outside comes
	 * back as some number of about that size. The same bits in every set. */
	void (*round_unit)(size_t n, int16_t *y, const real *x);
	void (*widen_unit)(size_t n, real *y, const int16_t *x);

	/* Elementwise over n numbers. y may equal x. Accuracy over all finite inputs: 2 ulp for
	 * exp, 3.2 for tanh and sigmoid, but 6 for sigmoid below -20 (see vmath.h, lane.h). */
	void (*exp)(size_t n, real *y, const real *x);
	void (*tanh)(size_t n, real *y, const real *x);
	void (*sigmoid)(size_t n, real *y, const real *x);
	void (*log)(size_t n, real *y, const real *x);

	void (*add)(size_t n, real *y, const real *x);                     /* y += x */
	void (*mul)(size_t n, real *y, const real *x, const real *z);      /* y = x*z */
	void (*mul_add)(size_t n, real *y, const real *x, const real *z);  /* y += x*z */
	void (*axpy)(size_t n, real *y, real a, const real *x);            /* y += a*x */
	void (*scale)(size_t n, real *y, real a);                          /* y *= a */

	/* Sum of squares, in double, order fixed by n. */
	double (*sumsq)(size_t n, const real *x);

	/* log(sum(exp(x))) without overflow; x is not changed. n >= 1. */
	real (*logsumexp)(size_t n, const real *x);
	/* The same of m rows with stride ld, into y (m). */
	void (*logsumexp_rows)(size_t m, size_t n, real *y, const real *x, size_t ld);
	/* The same, and y = exp(x - it): the softmax. y may equal x. */
	real (*softmax)(size_t n, real *y, const real *x);

	/* y[j] += sum over m rows of x[i*ld + j], which is of that type, rows in ascending
	 * order. */
	void (*colsum)(size_t m, size_t n, real *y, enum precision type, const void *x, size_t ld);

	/* Adam (Kingma and Ba 2015) with decoupled decay (Loshchilov and Hutter
	 * 2019), PyTorch's form: g' = scale*g; m = b1*m+(1-b1)*g'; v likewise with
	 * g'^2; w -= lr*decay*w; w -= lr * (m*bias1) / (sqrt(v*bias2) + eps). */
	void (*adam)(size_t n, real *w, const real *g, real *m, real *v, const struct adam_step *s);
};

/* The set in use: the best that CPU and operating system allow, capped by
 * RNNLM_CPU (scalar|avx2|avx512|avx512bf16|amx). The first call decides, and
 * asks Linux for the tile registers, so it comes before threads are made; an
 * unknown name, or one that this CPU lacks, makes kern_init return -1 with a
 * message that lists the names that would do. */
struct err;
int kern_init(struct err *e);
const struct kern *kern_get(void); /* kern_init's choice; scalar before it */

/* All sets that this CPU can run, ascending; for tests. Returns how many. */
size_t kern_list(const struct kern *out[], size_t max);

extern const struct kern kern_scalar;

#endif
