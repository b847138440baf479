/* The sets beside the scalar one: what each set's file exports. NULL where the
 * build has no such set (another architecture, the double build, a compiler
 * that does not know it). */
#ifndef RNNLM_MAT_KERN_SETS_H
#define RNNLM_MAT_KERN_SETS_H

#include "mat/kern.h"

extern const struct kern *const kern_avx2;
extern const struct kern *const kern_avx512;
extern const struct kern *const kern_avx512bf16;
extern const struct kern *const kern_amx;

#endif
