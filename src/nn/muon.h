/* Muon's update direction (Jordan et al. 2024): the matrix nearest to a given one whose
 * singular values are all about 1, by a few Newton-Schulz steps
 *
 *   X <- a X + (b A + c A^2) X,   A = X X'
 *
 * from X = U / |U|_F. Each step is an odd polynomial of the singular values that
 * leaves the singular vectors alone, and three multiplications of matrices. */
#ifndef RNNLM_NN_MUON_H
#define RNNLM_NN_MUON_H

#include <stddef.h>

#include "base/err.h"
#include "base/pool.h"
#include "mat/kern.h"

/* The number of steps, and a, b, c. Steep at zero, so that small singular values grow
 * fast; the large ones end between 0.7 and 1.2 instead of at 1, which costs nothing
 * (Jordan et al.). */
enum { MUON_STEPS = 3 };
extern const double muon_coefficients[3];

/* Scratch for matrices of up to (rows, cols). prec: of the products. */
struct muon;
struct muon *muon_new(enum precision prec, size_t rows, size_t cols, struct err *e);
void muon_free(struct muon *s);

/* x (rows, cols), rows tight: in a gradient, out the direction of the step, its singular
 * values about 1 where they were not far below the largest; the same bits at any number of
 * threads. Zero stays zero. */
void muon_direction(struct muon *s, struct pool *pool, size_t rows, size_t cols, real *x);

#endif
