/* Mixing the probabilities of two models with weights learned on the way:
 *
 *   p = (1 - w) p_a + w p_b
 *
 * where w is the weight of the case at hand (say, how much of the text before b has
 * met). After each symbol it moves towards the probability that b, not a, had made
 * the symbol: expectation maximisation on line. Its steps fall as 1/n to a floor, so
 * that it can follow a text that changes. */
#ifndef RNNLM_NN_MIX_H
#define RNNLM_NN_MIX_H

#include "nn/ngram.h"

#define MIX_CASES NGRAM_CASES

struct mix {
	double weight[MIX_CASES]; /* of b */
	double step[MIX_CASES];
};

void mix_init(struct mix *m);

/* Probability, in a case, of a symbol to which a and b give theirs. */
double mix_prob(const struct mix *m, int which, double a, double b);
/* Learns that this symbol came. a and b are not both 0. */
void mix_learn(struct mix *m, int which, double a, double b);

#endif
