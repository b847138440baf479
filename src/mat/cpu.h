/* What the CPU can do, and what the operating system lets us use: CPUID leaves
 * checked against XCR0. On other architectures all are false. */
#ifndef RNNLM_MAT_CPU_H
#define RNNLM_MAT_CPU_H

#include <stdbool.h>
#include <stddef.h>

struct cpu {
	bool avx2;       /* AVX2 and FMA3, ymm state enabled */
	bool avx512;     /* F, BW, DQ, VL, zmm and mask state enabled */
	bool avx512bf16; /* and VDPBF16PS */
	bool amx;        /* and AMX-TILE and AMX-BF16 present and tile state in XCR0
	                    (the kernel's permission is another matter) */
	char brand[64];  /* "AMD EPYC 9354 32-Core Processor", or the architecture */
	size_t l1d, l2, l3; /* bytes, 0 if not known */
};

/* Detected once; RNNLM_CPU is not looked at here. */
const struct cpu *cpu_get(void);

/* Asks the operating system, once, for this process's use of the tile registers:
 * Linux gives them only to those who ask (ARCH_REQ_XCOMP_PERM), and to threads
 * made afterwards. False if it says no; true where nobody has to ask. */
bool cpu_amx_permit(void);

#endif
