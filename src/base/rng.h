/* Random numbers as a function of where they are used: the same (seed, purpose,
 * step, layer, stream, unit) gives the same bits whatever the number of threads
 * and however often a run was stopped. Philox4x32-10 (Salmon et al., "Parallel
 * random numbers: as easy as 1, 2, 3", SC 2011). */
#ifndef RNNLM_BASE_RNG_H
#define RNNLM_BASE_RNG_H

#include <stdint.h>

enum rng_purpose { RNG_INIT = 1, RNG_DROPOUT = 2, RNG_SAMPLE = 3, RNG_RESTART = 4, RNG_SEED = 5, RNG_PREVIEW = 8, RNG_TEST = 99 };

/* The bare block function: 128-bit counter, 64-bit key. */
void rng_philox(const uint32_t ctr[4], const uint32_t key[2], uint32_t out[4]);

/* ctr = {unit, stream, layer | purpose << 16, step}, key = seed. layer < 65536. */
void rng_draw(uint64_t seed, enum rng_purpose purpose, uint32_t step, uint32_t layer,
              uint32_t stream, uint32_t unit, uint32_t out[4]);

/* Uniform in [0, 1), 32 bits; and 53 bits from two words. */
double rng_unit32(uint32_t x);
double rng_unit53(uint32_t a, uint32_t b);

/* Two independent standard normal numbers from two words (Box-Muller). Uses
 * no libm whose last bit differs between systems: see the body. */
void rng_normal2(uint32_t a, uint32_t b, double out[2]);

/* A seed from the system's entropy, for runs that name none. */
uint64_t rng_seed(void);

#endif
