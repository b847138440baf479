/* From logits to a symbol: temperature, then top-k, then top-p (nucleus,
 * Holtzman et al. 2020) and min-p (Nguyen et al. 2024) on what is left, then a
 * draw.
 *
 * Each rule keeps the likeliest symbols down to some last one, so nothing has to
 * be in order: it is enough to find that last one. Without rules this is one pass
 * over the vocabulary; top-k keeps a heap of k, top-p takes symbols from a heap
 * until p is reached, and before that min-p and a bound leave out most. */
#ifndef RNNLM_NN_SAMPLER_H
#define RNNLM_NN_SAMPLER_H

#include <stdint.h>

#include "base/err.h"
#include "nn/model.h"

struct sampler_config {
	double temp;   /* 0: the likeliest, lowest id on ties */
	uint32_t top_k; /* 0: all */
	double top_p;  /* 1: all; the smallest set of likeliest symbols that reaches p */
	double min_p;  /* 0: all; at least this share of the likeliest one's probability */
	uint32_t ban;  /* an id that is never drawn (the unknown), or NO_TARGET */
};

struct sampler {
	struct sampler_config cfg; /* may be changed between draws */
	const unsigned char *allow; /* (vocab) 0: this id may not be drawn, whatever the rules; at least
	                               one other than ban may. NULL: all may. For the next draw */
	uint32_t vocab;
	uint32_t *id;   /* (vocab) */
	double *prob;   /* (vocab) */
	uint32_t *heap; /* (vocab) */
};

int sampler_new(struct sampler *s, const struct sampler_config *cfg, uint32_t vocab, struct err *e);
void sampler_free(struct sampler *s);

/* The distribution the rules leave: prob[0..kept) of id[0..kept), by ascending
 * id, summing to 1. Of symbols that are as likely those with lower ids are kept
 * first. Returns kept >= 1. */
uint32_t sampler_filter(struct sampler *s, const real *logits);

/* Filter, then draw with u in [0, 1): the symbol on whose stretch of [0, 1) u falls,
 * stretches as long as probabilities and in the order of ids. */
uint32_t sampler_draw(struct sampler *s, const real *logits, double u);

/* The likeliest id but for ban, the lowest on ties. */
uint32_t sampler_best(const real *logits, uint32_t vocab, uint32_t ban);

#endif
