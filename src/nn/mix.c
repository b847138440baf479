/* Weights of a mixture of two, learned on line. */
#include "nn/mix.h"

/* Measured on texts like and unlike the training text; none of them is critical. */
static const double FIRST_WEIGHT = 0.2; /* b has to prove itself */
static const double FIRST_STEP = 0.1, LAST_STEP = 0.02;
static const double LEAST = 0.001; /* weight of either: it can always come back */

void mix_init(struct mix *m)
{
	for (int i = 0; i < MIX_CASES; i++) {
		m->weight[i] = FIRST_WEIGHT;
		m->step[i] = FIRST_STEP;
	}
}

double mix_prob(const struct mix *m, int which, double a, double b)
{
	return a + m->weight[which] * (b - a);
}

void mix_learn(struct mix *m, int which, double a, double b)
{
	double *w = &m->weight[which], *step = &m->step[which];
	*w += *step * (*w * b / mix_prob(m, which, a, b) - *w);
	*w = *w < LEAST ? LEAST : *w > 1 - LEAST ? 1 - LEAST : *w;
	*step = *step / (1 + *step);
	*step = *step > LAST_STEP ? *step : LAST_STEP;
}
