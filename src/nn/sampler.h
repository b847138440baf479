/* From logits to a symbol: temperature, then top-k, then top-p (nucleus,
 * Holtzman et al. 2020) and min-p on what is left, then a draw. */
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
	struct sampler_config cfg;
	uint32_t vocab;
	uint32_t *order; /* (vocab) */
	double *prob;    /* (vocab) */
};

int sampler_new(struct sampler *s, const struct sampler_config *cfg, uint32_t vocab, struct err *e);
void sampler_free(struct sampler *s);

/* The distribution the rules leave: prob[0..kept) of ids order[0..kept), by
 * falling probability (ties: lower id first), summing to 1. Returns kept >= 1. */
uint32_t sampler_filter(struct sampler *s, const real *logits);

/* Filter, then draw with u in [0, 1). */
uint32_t sampler_draw(struct sampler *s, const real *logits, double u);

#endif
